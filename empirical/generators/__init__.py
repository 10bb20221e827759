"""Diffusion models that make variants, behind one protocol: images, labels and a random generator for each, to images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from empirical.config import Generator, Variants, require

if TYPE_CHECKING:
    import torch
    from diffusers import UNet2DModel
    from torch import Tensor

KINDS = ("dit", "glide", "text", "unet")
BY_PIPELINE = {"DDPMPipeline": "unet", "DDIMPipeline": "unet", "DiTPipeline": "dit"}  # by the class that a model_index.json names
WEIGHTS = (".safetensors", ".bin", ".pt")
LIBRARIES = ("torch", "diffusers", "transformers")
ROOM = 64 * 256 * 256  # pixels of a model's side in one pass: 64 images at 256, 16 at 512


class Backend(Protocol):
    """A model bound to settings. steps: denoising steps that every image takes."""

    kind: str
    steps: int

    def describe(self) -> dict[str, Any]:
        """Which model it is: kind, name or folder, revision, digest of local weights, what it has seen, versions; for a manifest."""

    def level(self) -> dict[str, float | None]:
        """timestep, alpha_bar and sigma that images are noised to before the first step; sigma is None where alpha_bar is 0."""

    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Variants of ``pixels``, (n, channels, height, width) float32 on the [-1, 1] scale, on the CPU as are the results."""


def backend(
    generator: Generator, variants: Variants, classes: tuple[str, ...], shape: tuple[int, int, int], device: torch.device | str = "cpu"
) -> Backend:
    """The model that ``generator.model`` names, for images of ``shape`` (channels, height, width) and these classes.

    Raises ValueError if it is not there, is of no known kind, needs a library that is not installed, or does not fit the images or classes.
    """
    require(generator.model is not None, "generator.model", None, "a folder or a name on the Hugging Face hub")
    kind = kind_of(generator)
    from empirical.generators import dit, glide, text, unet

    load = {"dit": dit.load, "glide": glide.load, "text": text.load, "unet": unet.load}[kind]
    return load(generator, variants, classes, shape, device)


def from_unet(
    model: UNet2DModel, schedule, variants: Variants, classes: tuple[str, ...], device: torch.device | str = "cpu", seen: str = "own"
) -> Backend:
    """A model in memory, such as the one trained for the run, whose classes are the data's."""
    from empirical.generators import unet

    return unet.from_unet(model, schedule, variants, classes, device, seen)


def kind_of(generator: Generator) -> str:
    """The kind as set, or as the model's own ``model_index.json`` says. ValueError if that says nothing known."""
    if generator.kind != "auto":
        return generator.kind
    index = json.loads(find(generator, "model_index.json").read_text())
    name = index.get("_class_name")
    kind = "text" if "text_encoder" in index else BY_PIPELINE.get(name)
    require(kind is not None, f"the pipeline of {generator.model}", name, f"{', '.join(BY_PIPELINE)}, text to image, or say generator.kind")
    return kind


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


def loaded(pipeline: Callable[..., Any], generator: Generator, dtype: torch.dtype, **options: Any):
    """``pipeline``, a ``from_pretrained`` of diffusers, of the model. ValueError of one line if parts or libraries are missing."""
    from diffusers.utils import logging

    find(generator, "model_index.json")
    logging.disable_progress_bar()
    try:
        return pipeline(generator.model, revision=generator.revision, dtype=dtype, **options)
    except (OSError, ValueError, ImportError, AttributeError, KeyError, TypeError, RuntimeError) as error:
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ValueError(
            f"generator.model is {generator.model!r}, which cannot be loaded ({said}); "
            "allowed: a whole model of generator.kind, with the libraries that it needs"
        ) from error


def precision(generator: Generator, device: torch.device | str) -> torch.dtype:
    """bfloat16 where asked for, on a CUDA device alone."""
    import torch

    return torch.bfloat16 if generator.precision == "bfloat16" and torch.device(device).type == "cuda" else torch.float32


def provenance(generator: Generator) -> dict[str, Any]:
    """model, revision (of a hub name the commit), seen, weights (SHA-256, of a folder alone) and versions of the libraries."""
    folder, revision = Path(generator.model), generator.revision
    said = {"model": generator.model, "revision": revision, "seen": generator.seen, "versions": versions()}
    if folder.is_dir():
        files = sorted(path for path in folder.rglob("*") if path.suffix in WEIGHTS)
        named = tuple((path.relative_to(folder).as_posix(), path, path.stat().st_mtime_ns) for path in files)
        return {**said, "weights": weights_digest(named)}
    parts = find(generator, "model_index.json").parts
    return {**said, "revision": parts[parts.index("snapshots") + 1] if "snapshots" in parts else revision}


@cache
def weights_digest(files: tuple[tuple[str, Path, int], ...]) -> str:
    """SHA-256 over (name in the folder, path, time of change): of the names and contents."""
    whole = hashlib.sha256()
    for name, path, _ in files:
        with path.open("rb") as file:
            whole.update(name.encode() + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


@cache
def versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def resized(x: Tensor, height: int, width: int) -> Tensor:
    """(n, channels, height, width), bicubic with antialiasing; as it is where the sides agree."""
    from torch.nn import functional as F

    if x.shape[2:] == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="bicubic", antialias=True, align_corners=False)


def in_passes(
    make: Callable[[Tensor, Tensor, list[torch.Generator]], Tensor],
    side: int,
    device: torch.device | str,
    pixels: Tensor,
    labels: Tensor,
    generators: list[torch.Generator],
    colour: bool = True,
) -> Tensor:
    """``make`` on images of the model's side on its device, ``ROOM`` at once; the results in the shape of ``pixels`` on the CPU.

    colour: the model wants three channels; grey images are given as three equal ones, and the mean of what comes back is kept.
    """
    import torch

    channels, height, width = pixels.shape[1:]
    at_once, made = max(1, ROOM // side**2), []
    for start in range(0, len(pixels), at_once):
        rows = slice(start, start + at_once)
        x = resized(pixels[rows].to(device), side, side)
        x = x.expand(-1, 3, -1, -1) if colour and channels == 1 else x
        out = make(x, labels[rows].to(device), generators[rows])
        out = out.mean(1, keepdim=True) if colour and channels == 1 else out
        made.append(resized(out, height, width).cpu())
    return torch.cat(made)
