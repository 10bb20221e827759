"""Make variants with class-conditional diffusion transformers on latents (DiT).

The denoising loop is ours, because diffusers' pipeline starts from pure noise only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_classes import match_classes
from empirical.generation.backends.model_files import (
    describe_model,
    load_pipeline,
    network_dtype,
    square_side,
)
from empirical.generation.backends.passes import Passes, PassesBackend
from empirical.generation.checks import mark_infinite
from empirical.generation.denoising import (
    noise_then_denoise,
    starting_noise_level,
    timesteps_to_run,
)
from empirical.generation.samplers import latent_sampler


class DiTBackend(PassesBackend):
    """A DiT as a ``Backend``.

    Latents are the mean of the VAE's encoding. Of a prediction with a learned variance only the
    half with the mean is used.
    """

    kind = "dit"

    def __init__(
        self,
        pipe,
        classes: list[int],
        variants: Variants,
        device: torch.device | str,
        description: dict[str, Any],
    ) -> None:
        """Move the parts of a DiTPipeline to ``device``.

        classes: the model's class for each class of the data. description: what ``describe``
        returns beside the kind.
        """
        self.network = pipe.transformer.to(device).eval()
        self.vae = pipe.vae.to(device).eval()
        mark_infinite(self.vae.decoder)
        self.classes = torch.tensor(classes, device=device)
        self.stored_schedule = pipe.scheduler
        self.description = description
        self.null = self.network.config.num_embeds_ada_norm
        self.scale = self.vae.config.scaling_factor
        vae_factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        self.passes = Passes(square_side(self.network.config.sample_size) * vae_factor, device)
        self._configure(variants)

    def _configure(self, variants: Variants) -> None:
        self.variants = variants
        self.schedule = latent_sampler(variants, self.stored_schedule)
        self.steps = len(timesteps_to_run(self.schedule, variants))

    def describe(self) -> dict[str, Any]:
        """Return which model this is; see ``Backend``."""
        return {"kind": self.kind, **self.description}

    def level(self) -> dict[str, float | None]:
        """Return the noise level before the first step; see ``Backend``."""
        return starting_noise_level(self.schedule, self.variants)

    def denoise(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """Return the predicted noise in latents x (n, channels, side, side), in float32.

        Guided: null + guidance (label - null).
        """
        n = len(x)
        guidance = self.variants.guidance
        if guidance != 1:
            x = torch.cat([x, x])
            labels = torch.cat([labels, torch.full_like(labels, self.null)])
        time = t.to(x.device).expand(len(x))
        made = self.network(x.to(self.network.dtype), timestep=time, class_labels=labels).sample
        made = made[:, : x.shape[1]].float()
        return made if guidance == 1 else made[n:] + guidance * (made[:n] - made[n:])

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return variants of images; see ``Backend``."""
        return self.passes(self._make, pixels, labels, generators)

    def _make(self, x: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return variants of one pass of images of the model's side."""
        latents = self.vae.encode(x.to(self.vae.dtype)).latent_dist.mode().float() * self.scale
        made = noise_then_denoise(
            self.denoise, self.schedule, latents, self.classes[labels], self.variants, generators
        )
        return self.vae.decode((made / self.scale).to(self.vae.dtype)).sample.float().clamp(-1, 1)


def load_dit(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str,
) -> DiTBackend:
    """Load a DiT from a folder or the hub.

    shape: (channels, height, width) of the images. Raises ValueError if the model is not found, or
    does not know the classes.
    """
    require(shape[0] in (1, 3), "channels of the images, for a DiT,", shape[0], "1, 3")
    from diffusers import DiTPipeline

    dtype = network_dtype(generator, device)
    pipe = load_pipeline(DiTPipeline.from_pretrained, generator, dtype)
    count = pipe.transformer.config.num_embeds_ada_norm
    mapping = generator.classes_of_model
    numbers = match_classes(classes, pipe.labels, count, mapping, str(generator.model))
    return DiTBackend(pipe, numbers, variants, device, describe_model(generator))
