"""Diffusion transformers on latents that know classes (DiT): our own loop, begun midway."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_files import loaded, precision, provenance
from empirical.generation.backends.passes import Passes, Settable
from empirical.generation.denoising import noise_level, noise_then_denoise, timesteps
from empirical.generation.noise_levels import alpha_bars, latent_sampler, steps_to_run


class DiTBackend(Settable):
    """See ``Backend``. Latents are the mean of the VAE's encoding; of a prediction with a learned variance the mean's half is used."""

    kind = "dit"

    def __init__(
        self,
        pipe,
        classes: list[int],
        variants: Variants,
        device: torch.device | str,
        said: dict[str, Any],
    ) -> None:
        """classes: the model's class of each of the data's."""
        self.network, self.vae = pipe.transformer.to(device).eval(), pipe.vae.to(device).eval()
        self.classes = torch.tensor(classes, device=device)
        self.stored, self.said = pipe.scheduler, said
        self.null = self.network.config.num_embeds_ada_norm
        self.scale = self.vae.config.scaling_factor
        self.passes = Passes(
            self.network.config.sample_size * 2 ** (len(self.vae.config.block_out_channels) - 1),
            device,
        )
        self._set(variants)

    def _set(self, variants: Variants) -> None:
        self.variants, self.schedule = variants, latent_sampler(variants, self.stored)
        self.schedule.set_timesteps(variants.num_inference_steps)
        steps_to_run(variants, alpha_bars(self.schedule))  # pure noise can be asked for
        self.steps = len(timesteps(self.schedule, variants))

    def describe(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.said}

    def level(self) -> dict[str, float | None]:
        return noise_level(self.schedule, self.variants)

    def denoise(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """The noise in latents x (n, channels, side, side), guided: null + guidance (label - null)."""
        n, guidance = len(x), self.variants.guidance
        if guidance != 1:
            x, labels = torch.cat([x, x]), torch.cat([labels, torch.full_like(labels, self.null)])
        time = t.to(x.device).expand(len(x))
        made = (
            self.network(x.to(self.network.dtype), timestep=time, class_labels=labels)
            .sample[:, : x.shape[1]]
            .float()
        )
        return made if guidance == 1 else made[n:] + guidance * (made[:n] - made[n:])

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        return self.passes(self._make, pixels, labels, generators)

    def _make(self, x: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        latents = self.vae.encode(x.to(self.vae.dtype)).latent_dist.mode().float() * self.scale
        made = noise_then_denoise(
            self.denoise, self.schedule, latents, self.classes[labels], self.variants, generators
        )
        return self.vae.decode((made / self.scale).to(self.vae.dtype)).sample.float().clamp(-1, 1)


def plain(name: str) -> str:
    """A class's name as it is compared."""
    return " ".join(name.casefold().replace("_", " ").split())


def classes_of(pipe, classes: tuple[str, ...]) -> list[int]:
    """The model's class of each of the data's: by name, of which "goldfish, Carassius auratus" gives two; or, if no name is known and there
    are as many, by number. Raises ValueError for classes that the model does not know.
    """
    known = {plain(name): index for name, index in pipe.labels.items()}
    found = [
        next(
            (known[plain(part)] for part in (name, *name.split(",")) if plain(part) in known), None
        )
        for name in classes
    ]
    count = pipe.transformer.config.num_embeds_ada_norm
    if not known and len(classes) == count:
        return list(range(count))
    unknown = ", ".join(name for name, index in zip(classes, found, strict=True) if index is None)
    some = ", ".join(list(pipe.labels)[:5])
    require(
        not unknown,
        "classes that the model does not know",
        unknown,
        f"its own: {some}, ..." if some else f"exactly {count} classes",
    )
    return found


def load(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str,
) -> DiTBackend:
    """A DiT of a folder or the hub. ValueError if it is not there, or does not know the classes."""
    require(shape[0] in (1, 3), "channels of the images, for a DiT,", shape[0], "1, 3")
    from diffusers import DiTPipeline

    pipe = loaded(DiTPipeline.from_pretrained, generator, precision(generator, device))
    return DiTBackend(pipe, classes_of(pipe, classes), variants, device, provenance(generator))
