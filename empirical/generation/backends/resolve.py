"""From the name of a model to a backend that makes variants with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_files import find
from empirical.generation.backends.protocol import Backend

if TYPE_CHECKING:
    import torch

KINDS = ("dit", "glide", "text", "unet")
BY_PIPELINE = {
    "DDPMPipeline": "unet",
    "DDIMPipeline": "unet",
    "DiTPipeline": "dit",
}  # by the class that a model_index.json names


def backend(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str = "cpu",
) -> Backend:
    """The model that ``generator.model`` names, for images of ``shape`` (channels, height, width) and these classes.

    Raises ValueError if it is not there, is of no known kind, needs a library that is not installed, or does not fit the images or classes.
    """
    require(
        generator.model is not None,
        "generator.model",
        None,
        "a folder or a name on the Hugging Face hub",
    )
    kind = kind_of(generator)
    from empirical.generation.backends import dit, glide, pixel_unet, text_to_image

    load = {
        "dit": dit.load,
        "glide": glide.load,
        "text": text_to_image.load,
        "unet": pixel_unet.load,
    }[kind]
    return load(generator, variants, classes, shape, device)


def check(generator: Generator) -> None:
    """Raise ValueError if a model is named that is not there, or is of no known kind: before hours of work that lead up to it."""
    if generator.model is not None:
        if kind_of(generator) == "glide":
            from empirical.generation.backends.glide import weights_of

            weights_of(generator)
        else:
            find(generator, "model_index.json")


def compiled(way: Backend) -> Backend:
    """The backend with its network compiled, when it is first passed through."""
    way.network.compile()
    return way


def kind_of(generator: Generator) -> str:
    """The kind as set, or as the model's own ``model_index.json`` says. ValueError if that says nothing known."""
    if generator.kind != "auto":
        return generator.kind
    index = json.loads(find(generator, "model_index.json").read_text())
    name = index.get("_class_name")
    kind = "text" if "text_encoder" in index else BY_PIPELINE.get(name)
    require(
        kind is not None,
        f"the pipeline of {generator.model}",
        name,
        f"{', '.join(BY_PIPELINE)}, text to image, or say generator.kind",
    )
    return kind
