"""Find, load and identify the files of a diffusion model, in a folder or on the hub."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from empirical.config import Generator, require
from figures.records.paths import ROOT

if TYPE_CHECKING:
    import torch

REACHED_WITHIN = 3.0  # seconds in which the hub has to answer
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
    if Path(model).is_file():
        raise ValueError(
            f"generator.model is {model!r}, a single file; allowed: a folder in the format of "
            'diffusers; make one of it, for Stable Diffusion: python -c "from diffusers import '
            f"StableDiffusionPipeline as P; P.from_single_file({model!r}).save_pretrained('new')\""
        )
    is_path = model.startswith(("/", ".", "~")) or model.count("/") > 1
    require(
        not is_path,
        "generator.model",
        generator.model,
        "a folder that is there, or a name on the Hugging Face hub",
    )
    return _download(generator, name)


def _download(generator: Generator, name: str) -> Path:
    """Return a file of a model on the hub, downloaded once.

    Raises ValueError if that fails; within a few seconds if the hub cannot be reached.
    """
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # no message for each retry; the error below tells of a failure
    model = model_name(generator)
    try:
        kept = try_to_load_from_cache(model, name, revision=generator.revision)
        if isinstance(kept, str):
            return Path(kept)
        if not constants.HF_HUB_OFFLINE and not is_reachable(constants.ENDPOINT):
            raise ConnectionError(f"{constants.ENDPOINT} cannot be reached")
        return Path(hf_hub_download(model, name, revision=generator.revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(
            f"generator.model is {generator.model!r}, which is no folder here, and the hub gave no "
            f"{name} ({type(error).__name__}); allowed: a folder in the format of diffusers, or a "
            "name on the Hugging Face hub that can be reached; where it can, fetch it with: "
            f"hf download {model} --local-dir {model.rpartition('/')[2]}"
        ) from None


def is_reachable(address: str, seconds: float = REACHED_WITHIN) -> bool:
    """Return whether a server, or the proxy that the system asks for it, takes connections.

    address: such as https://huggingface.co. The name of the server is looked up in a thread, since
    a lookup cannot be interrupted.
    """
    url = urlsplit(address)
    proxy = getproxies().get(url.scheme)
    if proxy and not proxy_bypass(url.hostname or ""):
        url = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    place = (url.hostname or "", url.port or (80 if url.scheme == "http" else 443))
    reached: list[bool] = []

    def connect() -> None:
        with contextlib.suppress(OSError), socket.create_connection(place, seconds):
            reached.append(True)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(reached)


def weights_variant(folder: Path) -> str | None:
    """Return the variant, such as fp16, of the weights in a model's folder that has no others.

    None if every part has plain weights. A file NAME.fp16.safetensors is of the variant fp16.
    """
    for part in sorted({path.parent for path in folder.glob("*/*") if path.suffix in WEIGHTS}):
        names = [path.name for path in part.iterdir() if path.suffix in WEIGHTS]
        variants = {name.split(".")[1].split("-")[0] for name in names if name.count(".") > 1}
        if variants and all(name.count(".") > 1 for name in names):
            return "fp16" if "fp16" in variants else sorted(variants)[0]
    return None


def square_side(sample_size: int | Sequence[int]) -> int:
    """Return the side of a model's images or latents; the longer one of a pair."""
    return sample_size if isinstance(sample_size, int) else max(sample_size)


def load_pipeline(
    from_pretrained: Callable[..., Any], generator: Generator, dtype: torch.dtype, **options: Any
):
    """Return the model's pipeline, loaded by ``from_pretrained`` of a pipeline of diffusers.

    Raises ValueError with one line if parts or libraries are missing.
    """
    from diffusers.utils import logging

    model_file(generator, "model_index.json")
    logging.disable_progress_bar()
    folder = local_folder(model_name(generator))
    variant = None if folder is None else weights_variant(folder)
    if variant is not None:
        options["variant"] = variant
    try:
        return from_pretrained(
            folder or generator.model,
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
