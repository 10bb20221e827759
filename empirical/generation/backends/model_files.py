"""Find, load and identify the files of a diffusion model, in a folder or on the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirical.config import Generator, require
from figures.records.paths import ROOT

if TYPE_CHECKING:
    import torch


WEIGHTS = (".safetensors", ".bin", ".pt")


LIBRARIES = ("torch", "diffusers", "transformers")


UNREAD = (".md", ".png", ".jpg")  # files that a model may have and no program reads


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
        "seen": generator.trained_on,
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
