"""Diffusion models that make variants, behind one protocol: images, labels and a random generator for each, to images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from empirical.config import Generator, Variants, require

if TYPE_CHECKING:
    import torch
    from torch import Tensor

KINDS = {"DDPMPipeline": "unet"}  # by the class that a model's model_index.json names


class Backend(Protocol):
    """A model bound to settings. steps: denoising steps that every image takes."""

    kind: str
    steps: int

    def describe(self) -> dict[str, Any]:
        """Which model it is: kind, name or folder, revision, what it has seen; for a manifest."""

    def level(self) -> dict[str, float]:
        """timestep, alpha_bar and sigma that images are noised to before the first step."""

    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Variants of ``pixels``, (n, channels, height, width) float32 on the [-1, 1] scale, on the CPU as are the results."""


def backend(
    generator: Generator, variants: Variants, classes: tuple[str, ...], shape: tuple[int, int, int], device: torch.device | str = "cpu"
) -> Backend:
    """The model that ``generator.model`` names, for images of ``shape`` (channels, height, width) and these classes.

    Raises ValueError if it is not there, is of no known kind, or does not fit the images or classes.
    """
    kind = kind_of(generator)
    require(kind in KINDS.values(), f"generator.kind of {generator.model}", kind, ", ".join(sorted(set(KINDS.values()))))
    from empirical.generators import unet

    return unet.load(generator, variants, classes, shape, device)


def kind_of(generator: Generator) -> str:
    """The kind as set, or as the model's own ``model_index.json`` says."""
    if generator.kind != "auto":
        return generator.kind
    index = find(generator, "model_index.json")
    name = json.loads(index.read_text()).get("_class_name")
    require(name in KINDS, f"the pipeline of {generator.model}", name, f"{', '.join(KINDS)}, or say generator.kind")
    return KINDS[name]


def find(generator: Generator, name: str) -> Path:
    """A file of the model: in its folder, or from the hub. ValueError says what is missing."""
    folder = Path(generator.model)
    if folder.is_dir():
        require((folder / name).is_file(), "generator.model", generator.model, f"a folder in the format of diffusers, with {name}")
        return folder / name
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(generator.model, name, revision=generator.revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(
            f"generator.model is {generator.model!r}, which is no folder here, and the hub gave no {name} ({type(error).__name__}); "
            "allowed: a folder in the format of diffusers, or a name on the Hugging Face hub that can be reached"
        ) from None
