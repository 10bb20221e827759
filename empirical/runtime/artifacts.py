"""Keep the results of stages on disk under names that say what they depend on.

Files are written completely or not at all. A file that is missing or damaged is computed again.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from empirical.runtime.stage_code import code
from figures.records import atomic_write, digest

if TYPE_CHECKING:
    from torch import Tensor


def artifact(
    root: Path, stage: str, suffix: str, *depends: object, name: str | None = None
) -> Path:
    """Return the path of a stage's result below ``root``, a folder that is made if missing.

    stage: a key of ``STAGES``, whose code and libraries enter the digest in the file's name, as
    do all of ``depends``. suffix: of the file, such as ``.npz``. name: first part of the file's
    name; None: the stage's.
    """
    root.mkdir(parents=True, exist_ok=True)
    return root / f"{name or stage}-{digest([code(stage), *depends])[:16]}{suffix}"


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays by name to an ``.npz`` file."""
    with atomic_write(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def load_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays that ``save_arrays`` wrote. None if the file is missing or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return dict(kept)
    except (FileNotFoundError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def save_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Write tensors by name to a ``.safetensors`` file."""
    from safetensors.torch import save_file

    with atomic_write(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, temporary)


def load_weights(path: Path) -> dict[str, Tensor] | None:
    """Return the tensors that ``save_weights`` wrote. None if the file is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (FileNotFoundError, SafetensorError):
        return None
