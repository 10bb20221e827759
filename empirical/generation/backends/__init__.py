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
from figures.records.record import ROOT

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

KINDS = ("dit", "glide", "text", "unet")
BY_PIPELINE = {
    "DDPMPipeline": "unet",
    "DDIMPipeline": "unet",
    "DiTPipeline": "dit",
}  # by the class that a model_index.json names
WEIGHTS = (".safetensors", ".bin", ".pt")
LIBRARIES = ("torch", "diffusers", "transformers")
UNREAD = (".md", ".png", ".jpg")  # files that a model may have and no program reads


class Backend(Protocol):
    """A model bound to settings. steps: denoising steps that every image takes. network: what every step is a pass of. batch: images of a
    pass, which is what it is best given at once.
    """

    kind: str
    steps: int
    batch: int
    network: nn.Module

    def at(self, variants: Variants) -> Backend:
        """The same model, not loaded again, at other settings."""

    def describe(self) -> dict[str, Any]:
        """Which model it is: kind, name or folder, revision, digest of local weights, what it has seen, versions; for a manifest."""

    def level(self) -> dict[str, float | None]:
        """timestep, alpha_bar and sigma that images are noised to before the first step; sigma is None where alpha_bar is 0."""

    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Variants of ``pixels``, (n, channels, height, width) float32 on the [-1, 1] scale, on the CPU as are the results."""


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
    from empirical.generation.backends import dit, glide
    from empirical.generation.backends import pixel_unet as unet
    from empirical.generation.backends import text_to_image as text

    load = {"dit": dit.load, "glide": glide.load, "text": text.load, "unet": unet.load}[kind]
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


def find(generator: Generator, name: str) -> Path:
    """A file of the model: in its folder, or from the hub. ValueError says what is missing."""
    folder = folder_of(generator.model)
    if folder is not None:
        require(
            (folder / name).is_file(),
            "generator.model",
            generator.model,
            f"a folder of a model, with {name}",
        )
        return folder / name
    place = generator.model.startswith(("/", ".", "~")) or generator.model.count("/") > 1
    require(
        not place,
        "generator.model",
        generator.model,
        "a folder that is there, or a name on the Hugging Face hub",
    )
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # what is tried again is no news; that nothing helped is said below
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
        return pipeline(
            folder_of(generator.model) or generator.model,
            revision=generator.revision,
            dtype=dtype,
            **options,
        )
    except (
        OSError,
        ValueError,
        ImportError,
        AttributeError,
        KeyError,
        TypeError,
        RuntimeError,
    ) as error:
        said = next(
            (line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__
        )
        raise ValueError(
            f"generator.model is {generator.model!r}, which cannot be loaded ({said}); "
            "allowed: a whole model of generator.kind, with the libraries that it needs"
        ) from error


def precision(generator: Generator, device: torch.device | str) -> torch.dtype:
    """bfloat16 where asked for, on a CUDA device alone."""
    import torch

    return (
        torch.bfloat16
        if generator.precision == "bfloat16" and torch.device(device).type == "cuda"
        else torch.float32
    )


def provenance(generator: Generator) -> dict[str, Any]:
    """model, revision (of a hub name the commit), seen, weights (SHA-256, of a folder alone) and versions of the libraries."""
    folder, revision = folder_of(generator.model), generator.revision
    said = {
        "model": generator.model,
        "revision": revision,
        "seen": generator.seen,
        "versions": versions(),
    }
    if folder is not None:
        return {**said, "weights": contents(folder, weights=True)}
    parts = find(generator, "model_index.json").parts
    return {
        **said,
        "revision": parts[parts.index("snapshots") + 1] if "snapshots" in parts else revision,
    }


def folder_of(model: str) -> Path | None:
    """The folder that is meant, from where the command is given or else from the root of this repository; None of a name on the hub."""
    return next((folder for folder in (Path(model), ROOT / model) if folder.is_dir()), None)


def contents(folder: Path, weights: bool = False) -> str:
    """SHA-256 of the names, within the folder, and contents of a model's files, or of its weights alone; hidden files do not count."""
    named = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    read = [
        name
        for name, path in named.items()
        if (path.suffix in WEIGHTS if weights else path.suffix not in UNREAD)
    ]
    visible = sorted(
        name for name in read if not any(part.startswith(".") for part in name.split("/"))
    )
    whole = hashlib.sha256()
    for name in visible:
        status = named[name].stat()
        whole.update(
            name.encode() + file_digest(named[name].resolve(), status.st_size, status.st_mtime_ns)
        )
    return whole.hexdigest()


@cache
def file_digest(path: Path, size: int, mtime: int) -> bytes:
    """SHA-256 of a file, read again where its size or time has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@cache
def versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
