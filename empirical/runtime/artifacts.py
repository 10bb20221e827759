"""Keep the results of stages on disk under names that say what they depend on.

Files are written completely or not at all, and hold the digest of their content. A file that is
missing is computed; one that is damaged is computed again, with a line that says so.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from empirical.runtime.stage_code import code
from figures.records import atomic_write, digest

if TYPE_CHECKING:
    from torch import Tensor

SEAL = "sha256"  # name under which a file holds the digest of its content


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


def seal(parts: Iterable[tuple[str, np.ndarray]]) -> str:
    """Return the digest of arrays by name: of names, types, shapes and content."""
    found = hashlib.sha256()
    for name, array in sorted(parts):
        found.update(f"{name} {array.dtype.str} {array.shape};".encode())
        found.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return found.hexdigest()


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays by name to an ``.npz`` file."""
    values = {name: np.asarray(array) for name, array in arrays.items()}
    sealed = {**values, SEAL: np.array(seal(values.items()))}
    with atomic_write(path) as temporary:
        np.savez(temporary, **sealed)  # type: ignore[arg-type]


def load_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays that ``save_arrays`` wrote. None if the file is missing or damaged."""
    try:
        content = path.read_bytes()  # what is raised after this line is damage, not the disk
    except FileNotFoundError:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            values = dict(kept)
        if str(values.pop(SEAL)) == seal(values.items()):
            return values
    except Exception:  # readers of damaged files raise whatever they stumble over
        pass
    _tell(path)
    return None


def save_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Write tensors by name to a ``.safetensors`` file."""
    from safetensors.torch import save_file

    whole = {name: tensor.contiguous() for name, tensor in weights.items()}
    with atomic_write(path) as temporary:
        save_file(whole, temporary, {SEAL: seal_of_tensors(whole)})


def load_weights(path: Path) -> dict[str, Tensor] | None:
    """Return the tensors that ``save_weights`` wrote. None if the file is missing or damaged."""
    from safetensors import safe_open

    try:
        with safe_open(path, "pt") as file:
            kept = (file.metadata() or {}).get(SEAL)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if kept == seal_of_tensors(weights):
            return weights
    except FileNotFoundError:
        return None
    except OSError:  # the disk
        raise
    except Exception:
        pass
    _tell(path)
    return None


def seal_of_tensors(weights: dict[str, Tensor]) -> str:
    """Return the digest of tensors by name, on whatever device they lie."""
    import torch

    def as_bytes(tensor: Tensor) -> np.ndarray:
        return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()

    parts = [(f"{name} {t.dtype} {tuple(t.shape)}", as_bytes(t)) for name, t in weights.items()]
    return seal(parts)


def _tell(path: Path) -> None:
    """Say that a file is damaged and is made again."""
    print(f"{path} is damaged: made again", file=sys.stderr, flush=True)
