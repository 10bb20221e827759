"""Pixel-space UNets: those that this package trains, which know classes, and unconditional ones such as google/ddpm-cifar10-32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_files import folder_of, loaded, precision, provenance
from empirical.generation.backends.passes import Passes, Settable
from empirical.generation.denoising import noise_level, noise_then_denoise, sampler, timesteps
from empirical.generation.saved_model import load_about
from empirical.generation.unet import predict

if TYPE_CHECKING:
    from diffusers import UNet2DModel


class UNetBackend(Settable):
    """See ``Backend``. Images of another side than the model's are resized, with antialiasing, to it and back."""

    kind = "unet"

    def __init__(
        self,
        model: UNet2DModel,
        schedule,
        variants: Variants,
        classes: list[int] | None,
        device: torch.device | str,
        said: dict[str, Any],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """classes: the model's class of each of the data's; None of an unconditional model. dtype: of the passes through the network."""
        self.network, self.stored, self.said, self.device = (
            model.to(device).eval(),
            schedule,
            said,
            torch.device(device),
        )
        self.classes = None if classes is None else torch.tensor(classes, device=device)
        self.half = dtype == torch.bfloat16
        self.passes = Passes(model.config.sample_size, device, colour=False)
        self._set(variants)

    def _set(self, variants: Variants) -> None:
        self.variants, self.schedule = variants, sampler(variants, self.stored)
        self.steps = len(timesteps(self.schedule, variants))
        null = None if self.classes is None else self.network.config.num_class_embeds - 1
        self.guided = None if null is None else predict(self.network, variants.guidance, null)

    def describe(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.said}

    def level(self) -> dict[str, float | None]:
        return noise_level(self.schedule, self.variants)

    def denoise(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            made = self.network(x, t).sample if self.guided is None else self.guided(x, t, labels)
        return made.float()

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        return self.passes(self._make, pixels, labels, generators)

    def _make(self, x: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        theirs = labels if self.classes is None else self.classes[labels]
        return noise_then_denoise(self.denoise, self.schedule, x, theirs, self.variants, generators)


def load(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str,
) -> UNetBackend:
    """A UNet and its noise schedule from a folder or the hub. ValueError if channels, classes or guidance do not fit."""
    from diffusers import DDPMPipeline, DDPMScheduler

    pipe = loaded(DDPMPipeline.from_pretrained, generator, torch.float32)
    model, dtype = pipe.unet, precision(generator, device)
    schedule = DDPMScheduler.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    channels = (model.config.in_channels, model.config.out_channels)
    require(
        channels == (shape[0], shape[0]),
        f"the channels of {generator.model}",
        channels,
        f"{shape[0]} in and out, as the images have",
    )
    said = provenance(generator)
    if model.config.num_class_embeds is None:
        require(
            variants.guidance == 1,
            "variants.guidance of a model without classes",
            variants.guidance,
            "1",
        )
        return UNetBackend(model, schedule, variants, None, device, said, dtype)
    known = load_about(folder_of(generator.model) or Path(generator.model))
    theirs = known.get("classes", list(classes))
    unknown = [name for name in classes if name not in theirs]
    require(
        not unknown,
        f"classes that {generator.model} does not know",
        ", ".join(unknown),
        f"those it knows: {', '.join(theirs)}",
    )
    require(
        model.config.num_class_embeds > len(theirs),
        "num_class_embeds",
        model.config.num_class_embeds,
        f"above {len(theirs)}",
    )
    told = {
        name: known[name] for name in ("seen", "data_content", "indices_sha256") if name in known
    }
    return UNetBackend(
        model,
        schedule,
        variants,
        [theirs.index(name) for name in classes],
        device,
        {**said, **told},
        dtype,
    )


def from_unet(
    model: UNet2DModel,
    schedule,
    variants: Variants,
    classes: tuple[str, ...],
    device: torch.device | str = "cpu",
    seen: str = "own",
    dtype: torch.dtype = torch.float32,
) -> UNetBackend:
    """A model in memory, such as the one trained for the run, whose classes are the data's."""
    return UNetBackend(
        model,
        schedule,
        variants,
        list(range(len(classes))),
        device,
        {"model": None, "seen": seen},
        dtype,
    )
