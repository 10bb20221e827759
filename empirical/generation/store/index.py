"""Look up images named by (source, copy): a pair is one number, found by bisection.

A million look-ups take about a second.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

Task = tuple[int, int]  # (copy, source // block)


def keys_of(pairs: ArrayLike) -> np.ndarray:
    """Return the key copy * 2^32 + source of each pair, (m,) int64.

    pairs: (m, 2) integers, [source, copy]. Raises ValueError for anything else, for sources
    outside [0, 2^32) and for copies outside [0, 2^31).
    """
    pairs = np.asarray(pairs)
    pairs = pairs.reshape(-1, 2) if pairs.size == 0 else pairs
    if pairs.ndim != 2 or pairs.shape[1] != 2 or (pairs.size and pairs.dtype.kind not in "iu"):
        raise ValueError(
            f"pairs are {pairs.dtype} of shape {pairs.shape}; allowed: whole numbers of shape "
            "(m, 2); give [source, copy] rows"
        )
    sources, copies = pairs.astype(np.int64).T
    if pairs.size and not (
        0 <= sources.min() <= sources.max() < 2**32 and 0 <= copies.min() <= copies.max() < 2**31
    ):
        raise ValueError(
            f"pairs run from {pairs.min(0).tolist()} to {pairs.max(0).tolist()}; allowed: sources "
            "below 2^32, copies below 2^31, from 0"
        )
    return (copies << 32) | sources


def pairs_of(keys: np.ndarray) -> np.ndarray:
    """Return the pairs [source, copy] of keys, (m, 2) int64: the inverse of ``keys_of``."""
    return np.stack([keys & (2**32 - 1), keys >> 32], axis=1)


def distinct_keys(keys: np.ndarray) -> np.ndarray:
    """Return the distinct keys in rising order.

    np.unique would hash them, which takes ten times as long.
    """
    keys = np.sort(keys)
    return keys[np.append(True, np.diff(keys) != 0)] if len(keys) else keys


@dataclasses.dataclass(frozen=True)
class Shard:
    """Which images a shard holds.

    keys: (n,) rising, one for each row of its images. labels: (n,), -1 where none was given.
    """

    name: str
    keys: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Index:
    """Where the images of a store are.

    names: of the shards. keys: (n,) distinct, rising. shards, rows: (n,), where the image of each
    key is; shards are positions in ``names``. labels: (n,).
    """

    names: tuple[str, ...]
    keys: np.ndarray
    shards: np.ndarray
    rows: np.ndarray
    labels: np.ndarray

    @classmethod
    def from_shards(cls, shards: Sequence[Shard]) -> Index:
        """Return the index of the shards.

        An image in several shards is taken from the first by name, so that all readers agree.
        """
        shards = sorted(shards, key=lambda shard: shard.name)
        sizes = [len(shard.keys) for shard in shards]
        none = np.empty(0, np.int64)
        keys = np.concatenate([none, *(shard.keys for shard in shards)])
        keys, first = np.unique(keys, return_index=True)
        which = np.repeat(np.arange(len(shards), dtype=np.int32), sizes)[first]
        rows = np.concatenate([none, *map(np.arange, sizes)])[first]
        labels = np.concatenate([none, *(shard.labels for shard in shards)])[first]
        return cls(tuple(shard.name for shard in shards), keys, which, rows, labels)

    def locate(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the position of each key in the index (m,), and whether it is in it (m,) bool."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
        positions = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return positions, self.keys[positions] == keys


def group_by_task(keys: np.ndarray, block: int) -> list[tuple[Task, np.ndarray]]:
    """Return the keys of each task, where a task is a block of sources and one copy number.

    keys: rising, so that the keys of a task are adjacent. block: sources of a task.
    """
    if not len(keys):
        return []
    copies = keys >> 32
    blocks = (keys & (2**32 - 1)) // block
    starts = np.flatnonzero(np.append(True, (np.diff(copies) != 0) | (np.diff(blocks) != 0)))
    parts = np.split(keys, starts[1:])
    tasks = zip(copies[starts].tolist(), blocks[starts].tolist(), strict=True)
    return list(zip(tasks, parts, strict=True))
