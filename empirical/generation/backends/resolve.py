"""Load the backend for a model's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_files import model_file, model_name
from empirical.generation.backends.protocol import Backend

if TYPE_CHECKING:
    import torch

LATENT_SIDE = 128  # of models that do not say it, such as FLUX

# Kinds by the class that a model_index.json names
BY_PIPELINE = {
    "DDPMPipeline": "unet",
    "DDIMPipeline": "unet",
    "DiTPipeline": "dit",
}


def load_backend(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str = "cpu",
) -> Backend:
    """Load the model that ``generator.model`` names, for images of this shape and these classes.

    shape: (channels, height, width). Raises ValueError if the model is not found, is of no known
    kind, needs a library that is not installed, or does not fit the images or classes.
    """
    model_name(generator)  # raises ValueError if there is none
    load = loaders()[model_kind(generator)]
    return load(generator, variants, classes, shape, device)


def loaders() -> dict[str, Callable[..., Backend]]:
    """Return the function that loads each kind of model; calling this imports torch."""
    from empirical.generation.backends.dit import load_dit
    from empirical.generation.backends.glide import load_glide
    from empirical.generation.backends.pixel_unet import load_unet
    from empirical.generation.backends.text_to_image import load_text_to_image

    return {
        "dit": load_dit,
        "glide": load_glide,
        "text": load_text_to_image,
        "unet": load_unet,
    }


def check_model(generator: Generator) -> None:
    """Raise ValueError if a named model is not found or is of no known kind.

    Called before hours of work that lead up to its use; the model is not loaded.
    """
    if generator.model is None:
        return
    if model_kind(generator) == "glide":
        from empirical.generation.backends.glide import glide_weights

        glide_weights(generator)
    else:
        model_file(generator, "model_index.json")


def model_side(generator: Generator) -> int:
    """Return the side of the images that a named model makes, in pixels, from its settings alone.

    Raises ValueError if the model is not found, or its settings do not say it.
    """
    if model_kind(generator) == "glide":
        from empirical.generation.backends.glide import SIDE

        return SIDE
    index = json.loads(model_file(generator, "model_index.json").read_text())
    part = "transformer" if "transformer" in index else "unet"
    try:
        found = model_file(generator, f"{part}/config.json")
    except ValueError:  # older models have their only part beside the index
        found = model_file(generator, "config.json")
    config = json.loads(found.read_text())
    size = config.get("sample_size") or LATENT_SIDE
    side = max(size) if isinstance(size, list) else int(size)
    if "vae" in index:
        vae = json.loads(model_file(generator, "vae/config.json").read_text())
        side *= 2 ** (len(vae["block_out_channels"]) - 1)
    elif "movq" in index:
        side *= 8
    return side


def compile_backend(backend: Backend) -> Backend:
    """Return the backend with its network set to be compiled when it is first evaluated."""
    backend.network.compile()
    return backend


def model_kind(generator: Generator) -> str:
    """Return ``generator.kind``, or for ``auto`` the kind by the model's ``model_index.json``.

    Raises ValueError if that names no known pipeline.
    """
    if generator.kind != "auto":
        return generator.kind
    index = json.loads(model_file(generator, "model_index.json").read_text())
    name = index.get("_class_name")
    kind = "text" if "text_encoder" in index else BY_PIPELINE.get(name, "")
    require(
        kind != "",
        f"the pipeline of {generator.model}",
        name,
        f"{', '.join(BY_PIPELINE)}, text to image, or say generator.kind",
    )
    return kind
