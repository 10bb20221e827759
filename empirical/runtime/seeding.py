"""Randomness: one stream per purpose, named, so that adding a stream moves no other."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def entropy(seed: int, *purpose: str | int) -> np.random.SeedSequence:
    """The seed sequence of a purpose, such as ``entropy(seed, "variants", example, copy)``."""
    return np.random.SeedSequence(
        [seed, *(zlib.crc32(p.encode()) if isinstance(p, str) else p for p in purpose)]
    )


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A numpy generator of its own for this purpose."""
    return np.random.default_rng(entropy(seed, *purpose))


def torch_stream(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU torch generator of its own for this purpose."""
    import torch

    return torch.Generator().manual_seed(
        int(entropy(seed, *purpose).generate_state(1, np.uint64)[0] >> 1)
    )


@contextlib.contextmanager
def construction(seed: int, *purpose: str | int) -> Iterator[None]:
    """Make a library's constructor reproducible: torch's layers draw their first weights from the global state, which is put back after."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_stream(seed, *purpose).initial_seed())  # noqa: TID251
        yield
