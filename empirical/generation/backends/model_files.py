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
NOT_LOADED = (".md", ".png", ".jpg")  # files beside a model that no program reads


def model_name(generator: Generator) -> str:
    """Return the name of an existing model: a folder or a name on the hub.

    Raises ValueError if the generator names none.
    """
    if generator.model is None:
        raise ValueError(
            "generator.model is None; allowed: a folder or a name on the Hugging Face hub"
        )
    return generator.model


def model_file(generator: Generator, name: str) -> Path:
    """Return the path of one file of a model, in its folder or downloaded from the hub.

    Raises ValueError that says what is missing.
    """
    model = model_name(generator)
    folder = local_folder(model)
    if folder is not None:
        require(
            (folder / name).is_file(),
            "generator.model",
            generator.model,
            f"a folder of a model, with {name}",
        )
        return folder / name
    is_path = model.startswith(("/", ".", "~")) or model.count("/") > 1
    require(
        not is_path,
        "generator.model",
        generator.model,
        "a folder that is there, or a name on the Hugging Face hub",
    )
    return _download(generator, name)


def _download(generator: Generator, name: str) -> Path:
    """Return a file of a model on the hub, downloaded once. Raises ValueError if that fails."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # no message for each retry; the error below tells of a failure
    try:
        return Path(hf_hub_download(model_name(generator), name, revision=generator.revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(
            f"generator.model is {generator.model!r}, which is no folder here, and the hub gave no "
            f"{name} ({type(error).__name__}); allowed: a folder in the format of diffusers, or a "
            "name on the Hugging Face hub that can be reached"
        ) from None


def load_pipeline(
    from_pretrained: Callable[..., Any], generator: Generator, dtype: torch.dtype, **options: Any
):
    """Return the model's pipeline, loaded by ``from_pretrained`` of a pipeline of diffusers.

    Raises ValueError with one line if parts or libraries are missing.
    """
    from diffusers.utils import logging

    model_file(generator, "model_index.json")
    logging.disable_progress_bar()
    try:
        return from_pretrained(
            local_folder(model_name(generator)) or generator.model,
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
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        raise ValueError(
            f"generator.model is {generator.model!r}, which cannot be loaded ({reason}); allowed: "
            "a whole model of generator.kind, with the libraries that it needs"
        ) from error


def network_dtype(generator: Generator, device: torch.device | str) -> torch.dtype:
    """Return the number type of the network: bfloat16 if asked for and on CUDA, else float32."""
    import torch

    half = generator.precision == "bfloat16" and torch.device(device).type == "cuda"
    return torch.bfloat16 if half else torch.float32


def describe_model(generator: Generator) -> dict[str, Any]:
    """Return name, revision, images seen, digest of the weights and versions of the libraries.

    revision: the commit for a name on the hub. weights: SHA-256, only for a folder.
    """
    folder = local_folder(model_name(generator))
    description = {
        "model": generator.model,
        "revision": generator.revision,
        "seen": generator.trained_on,
        "versions": library_versions(),
    }
    if folder is not None:
        return {**description, "weights": digest_model_files(folder, weights_only=True)}
    parts = model_file(generator, "model_index.json").parts
    if "snapshots" in parts:
        description["revision"] = parts[parts.index("snapshots") + 1]
    return description


def local_folder(model: str) -> Path | None:
    """Return the folder of a model; None for a name on the hub.

    A relative path is looked up from the current folder, then from the root of this repository.
    """
    return next((folder for folder in (Path(model), ROOT / model) if folder.is_dir()), None)


def digest_model_files(folder: Path, weights_only: bool = False) -> str:
    """Return the SHA-256 of the names and contents of a model's files.

    Names are relative to the folder. Hidden files, images and texts for readers do not count.
    weights_only: only the files of weights.
    """
    digests = hashlib.sha256()
    for name, path in _model_files(folder, weights_only):
        status = path.stat()
        digests.update(
            name.encode() + file_digest(path.resolve(), status.st_size, status.st_mtime_ns)
        )
    return digests.hexdigest()


def _model_files(folder: Path, weights_only: bool) -> list[tuple[str, Path]]:
    """Return names within the folder and paths of the files that count, sorted by name."""
    found = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        counts = path.suffix in WEIGHTS if weights_only else path.suffix not in NOT_LOADED
        hidden = any(part.startswith(".") for part in name.parts)
        if counts and not hidden and path.is_file():
            found.append((name.as_posix(), path))
    return sorted(found)


@cache
def file_digest(path: Path, size: int, mtime: int) -> bytes:
    """Return the SHA-256 of a file, read again only if its size or time has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of the libraries behind a model, of those that are installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
