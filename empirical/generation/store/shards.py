"""Read and write the files of a store: its manifest, and shards of images.

``shard-<name>.npy`` holds images, which ``np.load`` can map. ``shard-<name>.json`` describes them:
their pairs, labels and how their seeds follow; size and SHA-256 of the ``.npy``; and the digest of
all this. The name is the digest of the pairs, which rise. Each file is written under a temporary
name, then renamed, the description last.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from empirical.generation.store.index import Shard, keys_of
from figures.records import atomic_write, digest

FORMAT = 1
SEEDS = (
    'torch_stream(seed, "variant", source, copy) of empirical/runtime/seeding.py, '
    "with the seed of manifest.json"
)


def shard_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the paths of a shard's description and of its images."""
    return folder / f"shard-{name}.json", folder / f"shard-{name}.npy"


def shard_name(keys: np.ndarray) -> str:
    """Return the name of the shard that holds exactly these images: the digest of their keys."""
    return hashlib.sha256(keys.astype("<i8").tobytes()).hexdigest()[:32]


def write_shard(
    folder: Path, pairs: np.ndarray, images: np.ndarray, labels: np.ndarray | None
) -> str:
    """Write a shard; return its name.

    pairs: (n, 2) in rising order. images: (n, ...). labels: (n,), None for none.
    """
    name = shard_name(keys_of(pairs))
    raw = io.BytesIO()
    np.save(raw, np.ascontiguousarray(images), allow_pickle=False)
    description_file, image_file = shard_files(folder, name)
    body = {
        "pairs": pairs.tolist(),
        "labels": None if labels is None else labels.tolist(),
        "seeds": SEEDS,
        "bytes": raw.getbuffer().nbytes,
        "sha256": hashlib.sha256(raw.getbuffer()).hexdigest(),
    }
    _write(image_file, raw.getbuffer())
    _write(description_file, _json_bytes({**body, "digest": digest(body)}))
    return name


def load_shard(folder: Path, name: str) -> Shard | None:
    """Return which images a shard holds; no image is read.

    None if its description is missing, damaged, or does not fit its name or the size of its images.
    """
    description_file, image_file = shard_files(folder, name)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, OverflowError):
        body = json.loads(description_file.read_bytes())
        keys = keys_of(body["pairs"])
        labels = np.full(len(keys), -1)
        if body["labels"] is not None:
            labels = np.array(body["labels"], np.int64)
        if (
            shard_name(keys) == name
            and labels.shape == keys.shape
            and image_file.stat().st_size == body["bytes"]
        ):
            return Shard(name, keys, labels)
    return None


def is_intact(folder: Path, name: str) -> bool:
    """Return whether every byte of a shard is as it was written."""
    description_file, image_file = shard_files(folder, name)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        body = json.loads(description_file.read_bytes())
        with image_file.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == body["sha256"]
        return same and body.pop("digest") == digest(body) and load_shard(folder, name) is not None
    return False


def write_manifest(folder: Path, body: dict[str, Any]) -> None:
    """Write ``manifest.json`` unless there is one; the first of several processes wins."""
    path = folder / "manifest.json"
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, overwrite=False) as temporary:
        temporary.write_bytes(_json_bytes({"format": FORMAT, **body}))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the content of ``manifest.json``. Raises ValueError if it is missing or unreadable."""
    path = folder / "manifest.json"
    try:
        body = json.loads(path.read_bytes())
        known = body["format"] == FORMAT and all(
            name in body for name in ("description", "shape", "dtype", "block")
        )
    except FileNotFoundError:
        raise ValueError(
            f"{folder} holds no images: there is no manifest.json; allowed: a folder that "
            "open_store made"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}); put it back, or remove the folder and make its "
            "images again"
        ) from None
    if not known:
        raise ValueError(
            f"{path} is of format {body['format']}; allowed: {FORMAT}; remove the folder and make "
            "its images again"
        )
    return body


def modified_time(path: Path) -> float:
    """Return when a file was last written, in seconds; infinity if it does not exist."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _json_bytes(body: dict[str, Any]) -> bytes:
    return (json.dumps(body, separators=(",", ":"), allow_nan=False) + "\n").encode()


def _write(path: Path, content: bytes | memoryview) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
