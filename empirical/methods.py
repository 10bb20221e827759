"""Define what each method adds to the originals: copies or variants, as (source, copy) pairs.

Copy 0 is the original itself.
"""

from __future__ import annotations

import numpy as np

from empirical.config import Method
from empirical.runtime.seeding import stream


def additions(method: Method, slow: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the source index and the copy number 1, 2, ... of each added image, both (m,).

    slow: (n,) bool. USEFUL repeats the source image. For TADA, Syn-all and Syn-rand the pair
    (source, copy) names a variant: equal pairs are the same image in all three methods.
    """
    every = np.arange(len(slow))
    if method.name in ("original", "reweighted"):
        sources = every[:0]
        times = 0
    elif method.name == "syn-all":
        sources = every
        times = 1
    elif method.name == "syn-rand":
        rng = stream(seed, "syn-rand")
        sources = np.sort(rng.choice(len(slow), slow.sum(), replace=False))
        times = 1
    else:
        sources = np.flatnonzero(slow)
        times = method.k - 1
    return np.tile(sources, times), np.repeat(np.arange(1, times + 1), len(sources))


def loss_weights(method: Method, slow: np.ndarray) -> np.ndarray | None:
    """Return the weight of each original's loss, (n,) of mean 1, or None if all count alike.

    slow: (n,) bool. ``reweighted`` counts the loss of a slow example k times, as if it appeared k
    times in the same batches; dividing by the mean keeps the size of a gradient step.
    """
    if method.name != "reweighted":
        return None
    weights = np.where(slow, float(method.k), 1.0)
    return weights / weights.mean()


def training_set_size(method: Method, slow: np.ndarray) -> int:
    """Return the number of images that the method trains on. slow: (n,) bool."""
    sources, _ = additions(method, slow, 0)
    return len(slow) + len(sources)
