"""Where images named by (source, copy) are: pairs as one number each, looked up by bisection, a million in a second."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def keys_of(pairs: ArrayLike) -> np.ndarray:
    """(m,) int64, copy * 2^32 + source, of (m, 2) pairs. ValueError for what is no such pair."""
    pairs = np.asarray(pairs)
    pairs = pairs.reshape(-1, 2) if pairs.size == 0 else pairs
    if pairs.ndim != 2 or pairs.shape[1] != 2 or (pairs.size and pairs.dtype.kind not in "iu"):
        raise ValueError(
            f"pairs are {pairs.dtype} of shape {pairs.shape}; allowed: whole numbers of shape (m, 2); give [source, copy] rows"
        )
    sources, copies = pairs.astype(np.int64).T
    if pairs.size and not (
        0 <= sources.min() <= sources.max() < 2**32 and 0 <= copies.min() <= copies.max() < 2**31
    ):
        raise ValueError(
            f"pairs run from {pairs.min(0).tolist()} to {pairs.max(0).tolist()}; allowed: sources below 2^32, copies below 2^31, from 0"
        )
    return (copies << 32) | sources


def pairs_of(keys: np.ndarray) -> np.ndarray:
    """(m, 2) int64, [source, copy]: the inverse of ``keys_of``."""
    return np.stack([keys & (2**32 - 1), keys >> 32], axis=1)


def distinct(keys: np.ndarray) -> np.ndarray:
    """The different keys, ascending. np.unique hashes, which takes ten times as long."""
    keys = np.sort(keys)
    return keys[np.append(True, np.diff(keys) != 0)] if len(keys) else keys


@dataclasses.dataclass(frozen=True)
class Shard:
    """keys: (n,) ascending, of the rows of the images. labels: (n,), -1 where none was given."""

    name: str
    keys: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Index:
    """Where the images are: keys (n,) ascending and distinct; shard and row of each, and its label."""

    names: tuple[str, ...]
    keys: np.ndarray
    shards: np.ndarray
    rows: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, shards: Sequence[Shard]) -> Index:
        """An image that is in several shards is taken from the first by name, whoever reads."""
        shards = sorted(shards, key=lambda shard: shard.name)
        sizes = [len(shard.keys) for shard in shards]
        keys = np.concatenate([np.empty(0, np.int64), *(shard.keys for shard in shards)])
        keys, first = np.unique(keys, return_index=True)
        which = np.repeat(np.arange(len(shards), dtype=np.int32), sizes)[first]
        rows = np.concatenate([np.empty(0, np.int64), *map(np.arange, sizes)])[first]
        labels = np.concatenate([np.empty(0, np.int64), *(shard.labels for shard in shards)])[first]
        return cls(tuple(shard.name for shard in shards), keys, which, rows, labels)

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m,) positions in the index, and (m,) bool, whether the key is there."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return at, self.keys[at] == keys
