"""Make random generators: one stream for each named purpose, so that adding one moves no other."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def entropy(seed: int, *purpose: str | int) -> np.random.SeedSequence:
    """Return the seed sequence of a purpose, such as ``entropy(seed, "variants", source, copy)``.

    seed: at least 0. purpose: texts, which count by their CRC-32, and integers of at least 0.
    """
    return np.random.SeedSequence(
        [seed, *(zlib.crc32(p.encode()) if isinstance(p, str) else p for p in purpose)]
    )


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the numpy generator of a purpose; see ``entropy``."""
    return np.random.default_rng(entropy(seed, *purpose))


def torch_stream(seed: int, *purpose: str | int) -> torch.Generator:
    """Return the torch generator of a purpose, on the CPU; see ``entropy``."""
    import torch

    return torch.Generator().manual_seed(
        int(entropy(seed, *purpose).generate_state(1, np.uint64)[0] >> 1)
    )


@contextlib.contextmanager
def construction(seed: int, *purpose: str | int) -> Iterator[None]:
    """Seed torch's global CPU generator while the block runs, and restore its state afterwards.

    For constructors of a library, whose layers draw their first weights from the global generator.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_stream(seed, *purpose).initial_seed())  # noqa: TID251
        yield
