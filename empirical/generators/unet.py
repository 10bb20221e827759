"""Pixel-space UNets: those that this package trains, which know classes, and unconditional ones such as google/ddpm-cifar10-32."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from empirical.config import Generator, Variants, require
from empirical.diffusion import predict
from empirical.variants import noise_level, noise_then_denoise, sampler, timesteps

if TYPE_CHECKING:
    from diffusers import UNet2DModel

ABOUT = "training.json"  # what a generator of this package says of itself


class UNetBackend:
    """See ``Backend``. Images of another side than the model's are resized, with antialiasing, to it and back."""

    kind = "unet"

    def __init__(
        self, model: UNet2DModel, schedule, variants: Variants, classes: list[int] | None, device: torch.device | str, said: dict[str, Any]
    ) -> None:
        """classes: the model's class of each of the data's; None of an unconditional model."""
        self.model, self.variants, self.said, self.device = model.to(device).eval(), variants, said, device
        self.schedule = sampler(variants, schedule)
        self.classes = None if classes is None else torch.tensor(classes, device=device)
        self.steps = len(timesteps(self.schedule, variants))
        self.guided = predict(model, variants.guidance, null=model.config.num_class_embeds - 1) if classes is not None else None

    def describe(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.said}

    def level(self) -> dict[str, float]:
        return noise_level(self.schedule, self.variants)

    def denoise(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        return self.model(x, t).sample if self.guided is None else self.guided(x, t, labels)

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        side, own = pixels.shape[-1], self.model.config.sample_size
        x, labels = pixels.to(self.device), labels.to(self.device)
        x = x if side == own else resized(x, own)
        made = noise_then_denoise(
            self.denoise, self.schedule, x, labels if self.classes is None else self.classes[labels], self.variants, generators
        )
        return (made if side == own else resized(made, side)).cpu()


def resized(x: Tensor, side: int) -> Tensor:
    return F.interpolate(x, (side, side), mode="bicubic", antialias=True, align_corners=False)


def load(
    generator: Generator, variants: Variants, classes: tuple[str, ...], shape: tuple[int, int, int], device: torch.device | str
) -> UNetBackend:
    """A UNet and its noise schedule from a folder or the hub. ValueError if channels, classes or guidance do not fit."""
    from diffusers import DDPMScheduler, UNet2DModel

    where = {"pretrained_model_name_or_path": generator.model, "revision": generator.revision}
    model = UNet2DModel.from_pretrained(**where, subfolder="unet", torch_dtype=torch.float32)
    schedule = DDPMScheduler.from_pretrained(**where, subfolder="scheduler", timestep_spacing="trailing")
    channels = (model.config.in_channels, model.config.out_channels)
    require(channels == (shape[0], shape[0]), f"the channels of {generator.model}", channels, f"{shape[0]} in and out, as the images have")
    said = {"model": generator.model, "revision": generator.revision, "seen": generator.seen}
    if model.config.num_class_embeds is None:
        require(variants.guidance == 1, "variants.guidance of a model without classes", variants.guidance, "1")
        return UNetBackend(model, schedule, variants, None, device, said)
    about = Path(generator.model) / ABOUT
    known = json.loads(about.read_text()) if about.is_file() else {}
    theirs = known.get("classes", list(classes))
    unknown = [name for name in classes if name not in theirs]
    require(not unknown, f"classes that {generator.model} does not know", ", ".join(unknown), f"those it knows: {', '.join(theirs)}")
    require(model.config.num_class_embeds > len(theirs), "num_class_embeds", model.config.num_class_embeds, f"above {len(theirs)}")
    told = {name: known[name] for name in ("seen", "data_content", "indices_sha256") if name in known}
    return UNetBackend(model, schedule, variants, [theirs.index(name) for name in classes], device, {**said, **told})


def from_unet(
    model: UNet2DModel, schedule, variants: Variants, classes: tuple[str, ...], device: torch.device | str = "cpu", seen: str = "own"
) -> UNetBackend:
    """A model in memory, whose classes are the data's."""
    return UNetBackend(model, schedule, variants, list(range(len(classes))), device, {"model": None, "seen": seen})
