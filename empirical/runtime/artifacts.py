"""Results of stages on disk: named by all they depend on, written whole or not at all, made again if missing or damaged."""

from __future__ import annotations

import contextlib
import fcntl
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figures.records import digest, whole

if TYPE_CHECKING:
    from torch import Tensor


def artifact(root: Path, stage: str, suffix: str, *depends: object) -> Path:
    """Where the result of a stage is kept: its name, and the digest of what it depends on, this code and its libraries included."""
    root.mkdir(parents=True, exist_ok=True)
    return root / f"{stage}-{digest([code(), *depends])[:16]}{suffix}"


@cache
def code() -> str:
    """Digest of the source of this package and of the versions of what it builds on."""
    sources = [path.read_text() for path in sorted(Path(__file__).parents[1].rglob("*.py"))]
    return digest(
        [
            sources,
            [
                version(name)
                for name in ("numpy", "scikit-learn", "torch", "torchvision", "diffusers")
            ],
        ]
    )


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Make a result while no other process of this machine makes it: who comes second waits, and then finds it made."""
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("w") as file:
        fcntl.flock(
            file, fcntl.LOCK_EX
        )  # the system lets go of it when the process ends, however it ends
        yield


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    with whole(path) as temporary:
        np.savez(temporary, **arrays)


def load_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """What ``save_arrays`` wrote, or None if there is none or it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)
    except (FileNotFoundError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def save_weights(path: Path, weights: dict[str, Tensor]) -> None:
    from safetensors.torch import save_file

    with whole(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, temporary)


def load_weights(path: Path) -> dict[str, Tensor] | None:
    """What ``save_weights`` wrote, or None if there is none or it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (FileNotFoundError, SafetensorError):
        return None
