"""Follow the shards of a store's folder as they appear, change and disappear, and map their images.

Other processes write to the folder at any time. A shard that is replaced has another inode.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from empirical.generation.store.index import Index, Shard
from empirical.generation.store.shards import load_shard, shard_files

MAPS = 4096  # files that are mapped at a time; Linux allows a process 65,530


class OpenShards:
    """The shards of a folder that this process knows, as of the last ``refresh``.

    shape, dtype: of an image; see ``Store``.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.folder = folder
        self.shape = shape
        self.dtype = dtype
        self._shards: dict[str, Shard] = {}
        self._inodes: dict[str, int] = {}
        self._maps: dict[str, np.ndarray] = {}
        self._index: Index | None = None

    def names(self) -> set[str]:
        """Return the names of the shards."""
        return set(self._shards)

    def keys(self, name: str) -> np.ndarray:
        """Return the keys of a shard's images, (n,) rising."""
        return self._shards[name].keys

    def index(self) -> Index:
        """Return where the images are."""
        if self._index is None:
            self._index = Index.from_shards(list(self._shards.values()))
        return self._index

    def refresh(self) -> None:
        """Load shards that are new, and forget those that are gone or replaced."""
        with os.scandir(self.folder) as entries:
            found = {
                entry.name: entry.inode() for entry in entries if entry.name.startswith("shard-")
            }
        there = {
            name[6:-5]: inode
            for name, inode in found.items()
            if name.endswith(".json") and f"{name[:-5]}.npy" in found
        }
        for name in [name for name, inode in self._inodes.items() if there.get(name) != inode]:
            self.forget(name)
        for name in there.keys() - self._inodes.keys():
            if (shard := load_shard(self.folder, name)) is not None:
                self._add(shard, there[name])

    def reload(self, name: str) -> bool:
        """Load a shard that was just written; return False if it is not readable."""
        shard = load_shard(self.folder, name)
        if shard is None:
            return False
        self.forget(name)
        self._add(shard, shard_files(self.folder, name)[0].stat().st_ino)
        return True

    def forget(self, name: str) -> None:
        """Drop everything that is known of a shard."""
        self._shards.pop(name, None)
        self._inodes.pop(name, None)
        self._maps.pop(name, None)
        self._index = None

    def images(self, name: str) -> np.ndarray:
        """Return the images of a shard, (n, *shape), mapped from its file.

        Raises ValueError if the file cannot be read, or does not hold such images.
        """
        if name not in self._maps:
            images = self._map(name)
            if len(self._maps) >= MAPS:
                self._maps.clear()
            self._maps[name] = images
        return self._maps[name]

    def _add(self, shard: Shard, inode: int) -> None:
        self._shards[shard.name] = shard
        self._inodes[shard.name] = inode
        self._index = None

    def _map(self, name: str) -> np.ndarray:
        try:
            path = shard_files(self.folder, name)[1]
            images = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ValueError(
                f"shard {name} of {self.folder} cannot be read ({error}); call repair, then fill"
            ) from None
        count = len(self._shards[name].keys)
        if images.dtype != self.dtype or images.shape != (count, *self.shape):
            raise ValueError(
                f"shard {name} of {self.folder} holds {images.dtype} {images.shape}; call repair, "
                "then fill"
            )
        return np.asarray(images)
