"""Make variants with pixel-space UNets.

They are either those that this package trains, which know classes, or unconditional ones such as
google/ddpm-cifar10-32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_classes import match_classes
from empirical.generation.backends.model_files import (
    describe_model,
    load_pipeline,
    local_folder,
    model_file,
    model_name,
    network_dtype,
    square_side,
)
from empirical.generation.backends.passes import Passes, PassesBackend
from empirical.generation.denoising import (
    noise_then_denoise,
    pixel_sampler,
    starting_noise_level,
    timesteps_to_run,
)
from empirical.generation.saved_model import read_training_info
from empirical.generation.unet import guided_denoiser

if TYPE_CHECKING:
    from diffusers import UNet2DModel


class UNetBackend(PassesBackend):
    """A pixel-space UNet as a ``Backend``.

    Images of another side than the model's are resized to it and back, with antialiasing.
    """

    kind = "unet"

    def __init__(
        self,
        model: UNet2DModel,
        schedule,
        variants: Variants,
        classes: list[int] | None,
        device: torch.device | str,
        description: dict[str, Any],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Move the model to ``device``.

        classes: the model's class for each class of the data; None for an unconditional model.
        description: what ``describe`` returns beside the kind. dtype: number type of the network.
        """
        self.network = model.to(device).eval()
        self.stored_schedule = schedule
        self.description = description
        self.device = torch.device(device)
        self.classes = None if classes is None else torch.tensor(classes, device=device)
        self.half = dtype == torch.bfloat16
        self.passes = Passes(square_side(model.config.sample_size), device, colour=False)
        self._configure(variants)

    def _configure(self, variants: Variants) -> None:
        self.variants = variants
        self.schedule = pixel_sampler(variants, self.stored_schedule)
        self.steps = len(timesteps_to_run(self.schedule, variants))
        self.guided = None
        if self.classes is not None:
            null = self.network.config.num_class_embeds - 1
            self.guided = guided_denoiser(self.network, variants.guidance, null)

    def describe(self) -> dict[str, Any]:
        """Return which model this is; see ``Backend``."""
        return {"kind": self.kind, **self.description}

    def level(self) -> dict[str, float | None]:
        """Return the noise level before the first step; see ``Backend``."""
        return starting_noise_level(self.schedule, self.variants)

    def denoise(self, x: Tensor, t: Tensor, labels: Tensor | None) -> Tensor:
        """Return the network's prediction in float32; labels are ignored without classes."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            if self.guided is None or labels is None:
                made = self.network(x, t).sample
            else:
                made = self.guided(x, t, labels)
        return made.float()

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return variants of images; see ``Backend``."""
        return self.passes(self._make, pixels, labels, generators)

    def _make(self, x: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return variants of one pass of images of the model's side."""
        own = labels if self.classes is None else self.classes[labels]
        return noise_then_denoise(self.denoise, self.schedule, x, own, self.variants, generators)


def load_unet(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str,
) -> UNetBackend:
    """Load a UNet and its noise schedule from a folder or the hub.

    shape: (channels, height, width) of the images. Raises ValueError if the channels, the classes
    or the guidance do not fit the model.
    """
    from diffusers import DDPMPipeline, DDPMScheduler

    pipe = load_pipeline(DDPMPipeline.from_pretrained, generator, torch.float32)
    model = pipe.unet
    dtype = network_dtype(generator, device)
    schedule = DDPMScheduler.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    channels = (model.config.in_channels, model.config.out_channels)
    require(
        channels == (shape[0], shape[0]),
        f"the channels of {generator.model}",
        channels,
        f"{shape[0]} in and out, as the images have",
    )
    description = describe_model(generator)
    if model.config.num_class_embeds is None:
        require(
            variants.guidance == 1,
            "variants.guidance of a model without classes",
            variants.guidance,
            "1",
        )
        return UNetBackend(model, schedule, variants, None, device, description, dtype)
    info = training_info(generator)
    numbers, has_null = unet_classes(generator, model.config, info, classes)
    require(
        has_null or variants.guidance == 1,
        f"variants.guidance of {generator.model}, which has no class for guidance,",
        variants.guidance,
        "1",
    )
    for key in ("seen", "data_content", "indices_sha256"):
        if key in info:
            description[key] = info[key]
    return UNetBackend(model, schedule, variants, numbers, device, description, dtype)


def training_info(generator: Generator) -> dict[str, Any]:
    """Return what this package wrote about a model that it trained; empty for any other."""
    name = model_name(generator)
    return read_training_info(local_folder(name) or Path(name))


def unet_classes(
    generator: Generator, config: Any, info: Mapping[str, Any], classes: tuple[str, ...]
) -> tuple[list[int], bool]:
    """Return the model's class for each class of the data, and whether a null class is known.

    config: of a UNet with class embeddings. info: from ``training_info``. The null class is the
    last. Of a model that says no names, as many embeddings as classes, or one more, are matched in
    order. Raises ValueError as ``match_classes`` does.
    """
    embeddings = config.num_class_embeds
    names = info.get("classes") or _id2label(generator, config)
    if names:
        require(
            embeddings >= len(names),
            "num_class_embeds",
            embeddings,
            f"at least {len(names)}, the number of names",
        )
        has_null = embeddings == len(names) + 1
    else:
        has_null = embeddings == len(classes) + 1
    count = embeddings - has_null
    mapping = generator.classes_of_model
    if mapping and not names:
        has_null, count = False, embeddings  # which is the null class is not known
    return match_classes(classes, names, count, mapping, str(generator.model)), has_null


def _id2label(generator: Generator, config: Any) -> dict[str, int]:
    """Return the numbers of the classes by name, if the model's files say them."""
    labels = config.get("id2label")
    if not labels:
        index = json.loads(model_file(generator, "model_index.json").read_text())
        labels = index.get("id2label")
    return {str(name): int(number) for number, name in (labels or {}).items()}


def wrap_unet(
    model: UNet2DModel,
    schedule,
    variants: Variants,
    classes: tuple[str, ...],
    device: torch.device | str = "cpu",
    seen: str = "own",
    dtype: torch.dtype = torch.float32,
) -> UNetBackend:
    """Return the backend of a model in memory whose classes are the data's.

    seen: ``own`` or ``external``, what it was trained on. dtype: number type of the network.
    """
    numbers = list(range(len(classes)))
    description = {"model": None, "seen": seen}
    return UNetBackend(model, schedule, variants, numbers, device, description, dtype)
