"""The training set of each method: originals, then copies or variants, as (source, copy) pairs. Copy 0 is the original itself."""

from __future__ import annotations

import numpy as np

from empirical.config import Method
from empirical.runtime.seeding import stream


def additions(method: Method, slow: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What the method adds to the originals: source indices and copy numbers 1, 2, ..., both (m,). slow: (n,) bool.

    TADA, Syn-all and Syn-rand mean the same image by the same (source, copy); USEFUL repeats the source itself.
    """
    everyone = np.arange(len(slow))
    if method.name == "original":
        sources, times = everyone[:0], 0
    elif method.name == "syn-all":
        sources, times = everyone, 1
    elif method.name == "syn-rand":
        sources, times = (
            np.sort(stream(seed, "syn-rand").choice(len(slow), slow.sum(), replace=False)),
            1,
        )
    else:
        sources, times = np.flatnonzero(slow), method.k - 1
    return np.tile(sources, times), np.repeat(np.arange(1, times + 1), len(sources))


def size(method: Method, slow: np.ndarray) -> int:
    """How many examples the method trains on."""
    return len(slow) + len(additions(method, slow, 0)[0])
