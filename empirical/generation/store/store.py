"""An append-only store of images that are named by (source index, copy number): variants, made once and read by many.

A folder holds ``manifest.json`` (what all images share) and shards, see ``store_files``. An image is a function of (seed, source, copy)
alone, so what is read depends neither on batches nor on workers nor on the order. Files are renamed into place: a worker killed at any
moment loses what it was making and nothing else. A shard that is not whole counts as missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from empirical.generation.store.index import Index, Shard, distinct, keys_of, pairs_of
from empirical.generation.store.shards import (
    files,
    is_whole,
    load_shard,
    read_manifest,
    touched,
    write_manifest,
    write_shard,
)
from empirical.runtime.leases import STALE, Leases
from figures.records import json_value

BLOCK = 1024  # sources of one task, and so the most images of a shard
POLL = 0.5  # seconds between looks at what others do
MAPS = 4096  # files that are mapped at a time; Linux allows a process 65,530
Task = tuple[int, int]  # copy, source // block
Make = Callable[
    [np.ndarray, np.ndarray], np.ndarray
]  # (sources, copies), (n,) int64 each -> (n, *shape)


def ignore(progress: float) -> None:
    """Nobody watches."""


def open_store(
    folder: Path,
    description: Any,
    shape: tuple[int, ...],
    dtype: ArrayLike,
    block: int = BLOCK,
    stale: float = STALE,
    poll: float = POLL,
) -> Store:
    """The store in ``folder`` of images of this description, made if it is not there.

    description: all that an image depends on beside source and copy, as a dict that JSON can hold. shape, dtype: uint8 (height, width,
    channels) or float32 (channels, height, width). block: at least 1, of a new store; one that is there keeps its own, and no image
    depends on it. stale: seconds, above 0. poll: seconds. Raises ValueError if the folder holds images of another description.
    """
    if np.dtype(dtype) not in (np.uint8, np.float32) or len(shape) != 3 or min(shape) < 1:
        raise ValueError(
            f"images are {np.dtype(dtype)} of shape {tuple(shape)}; allowed: uint8 (h, w, c) or float32 (c, h, w)"
        )
    if block < 1:
        raise ValueError(
            f"block is {block}; allowed: at least 1; give the most images that a killed worker may lose"
        )
    asked = {"description": json_value(description), "shape": list(shape), "dtype": str(np.dtype(dtype))}
    write_manifest(Path(folder), {**asked, "block": block})
    store = Store(folder, stale, poll)
    there = {
        "description": store.description,
        "shape": list(store.shape),
        "dtype": str(store.dtype),
    }
    if there != asked:
        ours, theirs = (
            {**{f"description.{k}": v for k, v in body.pop("description").items()}, **body}
            for body in (asked, there)
        )
        name = next(
            k
            for k in sorted(ours.keys() | theirs.keys())
            if (k in ours, ours.get(k)) != (k in theirs, theirs.get(k))
        )
        raise ValueError(
            f"{name} is {ours.get(name)!r}, but the images in {folder} have {theirs.get(name)!r}; allowed: the same; use another folder"
        )
    return store


class Store:
    """The store in ``folder``, which is there; see ``open_store``. stale: seconds after which a silent worker's task is taken over.

    description: what the caller said of all images. shape: of an image; dtype: uint8 (height, width, channels) or float32 (channels,
    height, width). block: sources per task. Raises ValueError if there is no store, or its manifest cannot be read.
    """

    def __init__(self, folder: Path, stale: float = STALE, poll: float = POLL) -> None:
        self.folder, self.poll = Path(folder), poll
        manifest = read_manifest(self.folder)
        self.description: Mapping[str, Any] = manifest["description"]
        self.shape, self.dtype, self.block = (
            tuple(manifest["shape"]),
            np.dtype(manifest["dtype"]),
            int(manifest["block"]),
        )
        self.leases = Leases(self.folder / "leases", stale)
        self._shards: dict[str, Shard] = {}
        self._inodes: dict[str, int] = {}
        self._maps: dict[str, np.ndarray] = {}
        self._index: Index | None = None

    def __reduce__(self):  # a loader's worker opens it anew instead of being sent the images
        return Store, (self.folder, self.leases.stale, self.poll)

    def __len__(self) -> int:
        """Images that are there."""
        return len(self.index().keys)

    def pairs(self) -> np.ndarray:
        """(n, 2) int64, [source, copy] of all images that are there, by copy and then source."""
        return pairs_of(self.index().keys)

    def missing(self, pairs: ArrayLike) -> np.ndarray:
        """(k, 2) int64: the distinct pairs among these that are not there, by copy and then source."""
        keys = distinct(keys_of(pairs))
        return pairs_of(keys[~self.index().find(keys)[1]])

    def read(self, pairs: ArrayLike) -> np.ndarray:
        """(m, *shape) images in the order asked, repeated where asked twice. ValueError if any is missing."""
        index, at = self._find(pairs)
        images = np.empty((len(at), *self.shape), self.dtype)
        order = np.argsort(index.shards[at], kind="stable")
        shards = index.shards[at[order]]
        for places in np.split(order, np.flatnonzero(np.diff(shards)) + 1) if len(order) else ():
            images[places] = self._map(index.names[index.shards[at[places[0]]]])[
                index.rows[at[places]]
            ]
        return images

    def labels(self, pairs: ArrayLike) -> np.ndarray:
        """(m,) int64, -1 where none was given. ValueError if an image is missing."""
        index, at = self._find(pairs)
        return index.labels[at]

    def fill(
        self,
        pairs: ArrayLike,
        make: Make,
        labels: np.ndarray | None = None,
        advance: Callable[[float], None] = ignore,
    ) -> int:
        """Make what is missing of these pairs, together with all who fill this store; returns how many images were made here.

        make: images of (sources, copies), at most ``block`` at a time. labels: (sources,), the class of each source. advance(n): n
        more of the missing images are there, whoever made them. Returns once all are there.
        """
        tasks, made, seen = self._tasks(pairs), 0, set(self._shards)
        last = max((int(keys[-1]) & (2**32 - 1) for keys in tasks.values()), default=-1)
        if labels is not None and len(labels) <= last:
            raise ValueError(
                f"labels are of {len(labels)} sources; allowed: more than {last}, the last source asked for; give all"
            )
        while tasks:
            before = made
            for task in list(tasks):
                with self.leases.held("{}-{}".format(*task)) as ours:
                    if ours:
                        self._strike(tasks, seen, advance)  # who held it before may have made it
                    if ours and task in tasks:
                        made += self._make(pairs_of(tasks[task]), make, labels)
                        self._strike(tasks, seen, advance)
            self._strike(tasks, seen, advance)
            if tasks and made == before:  # all that is left is being made by others
                time.sleep(self.poll)
        return made

    def verify(self) -> list[str]:
        """Names of the shards that are not whole: every byte is compared with its digest."""
        names = {path.stem.removeprefix("shard-") for path in self.folder.glob("shard-*.*")}
        return sorted(name for name in names if not is_whole(self.folder, name))

    def repair(self) -> list[str]:
        """Remove the shards that are not whole, and what killed workers left; their pairs are missing then. Returns their names.

        Files younger than ``stale`` that have no ``.json`` stay: somebody may be about to write it.
        """
        bad, now = self.verify(), self.leases.now()
        for name in bad:
            described, images = files(self.folder, name)
            if described.exists() or now - touched(images) > self.leases.stale:
                described.unlink(missing_ok=True)  # first, so that no one reads half a shard
                images.unlink(missing_ok=True)
            self._forget(name)
        for path in filter(Path.is_file, self.folder.glob(".*.*")):
            if now - touched(path) > self.leases.stale:
                path.unlink(missing_ok=True)
        self.leases.sweep()
        return bad

    def index(self) -> Index:
        """Where the images are, after a look at what is new in the folder."""
        self._look()
        if self._index is None:
            self._index = Index.of(list(self._shards.values()))
        return self._index

    def _tasks(self, pairs: ArrayLike) -> dict[Task, np.ndarray]:
        """The keys of what is missing, by fixed blocks, whatever was asked for."""
        return dict(self._by_task(keys_of(self.missing(pairs))))

    def _by_task(self, keys: np.ndarray) -> list[tuple[Task, np.ndarray]]:
        """keys: ascending, so that a task's keys stand together."""
        if not len(keys):
            return []
        copies, blocks = keys >> 32, (keys & (2**32 - 1)) // self.block
        starts = np.flatnonzero(np.append(True, (np.diff(copies) != 0) | (np.diff(blocks) != 0)))
        return [
            ((int(copies[s]), int(blocks[s])), part)
            for s, part in zip(starts, np.split(keys, starts[1:]), strict=True)
        ]

    def _strike(
        self, tasks: dict[Task, np.ndarray], seen: set[str], advance: Callable[[float], None]
    ) -> None:
        """Strike out of ``tasks`` what shards hold that were not ``seen``."""
        self._look()
        for name in self._shards.keys() - seen:
            seen.add(name)
            for task, keys in self._by_task(self._shards[name].keys):
                if task in tasks:
                    left = np.setdiff1d(tasks[task], keys, assume_unique=True)
                    if len(left) < len(tasks[task]):
                        advance(len(tasks[task]) - len(left))
                    tasks[task] = left
                    if not len(left):
                        del tasks[task]

    def _make(self, pairs: np.ndarray, make: Make, labels: np.ndarray | None) -> int:
        """Make these images and write them as one shard."""
        images = np.asarray(make(*pairs.T.copy()))
        if images.shape != (len(pairs), *self.shape) or images.dtype != self.dtype:
            allowed = f"{self.dtype} {(len(pairs), *self.shape)}"
            raise ValueError(
                f"the images made are {images.dtype} {images.shape}; allowed: {allowed}; mend what makes them"
            )
        if images.dtype != np.uint8 and not np.isfinite(images).all():
            raise ValueError(
                "the images made are not finite; allowed: numbers; mend what makes them"
            )
        name = write_shard(
            self.folder, pairs, images, None if labels is None else np.asarray(labels)[pairs[:, 0]]
        )
        if (shard := load_shard(self.folder, name)) is None:
            raise OSError(
                f"shard {name} was written to {self.folder}, but does not read as it was written; see to the disk"
            )
        self._forget(name)
        self._shards[name], self._inodes[name] = shard, files(self.folder, name)[0].stat().st_ino
        return len(pairs)

    def _find(self, pairs: ArrayLike) -> tuple[Index, np.ndarray]:
        keys, index = keys_of(pairs), self.index()
        at, there = index.find(keys)
        if not there.all():
            source, copy = pairs_of(keys[~there][:1])[0]
            raise ValueError(
                f"{np.count_nonzero(~there)} of {len(keys)} variants are not in {self.folder}, the first is source {source}, copy {copy}; "
                "allowed: those that were made; make them with fill"
            )
        return index, at

    def _look(self) -> None:
        """Take up shards that are new, and drop those that have gone. A file that is replaced has another inode."""
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
            self._forget(name)
        for name in there.keys() - self._inodes.keys():
            if (shard := load_shard(self.folder, name)) is not None:
                self._shards[name], self._inodes[name], self._index = shard, there[name], None

    def _forget(self, name: str) -> None:
        for kept in (self._shards, self._inodes, self._maps):
            kept.pop(name, None)
        self._index = None

    def _map(self, name: str) -> np.ndarray:
        if name not in self._maps:
            try:
                images = np.load(files(self.folder, name)[1], mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                raise ValueError(
                    f"shard {name} of {self.folder} cannot be read ({error}); call repair, then fill"
                ) from None
            if images.dtype != self.dtype or images.shape != (
                len(self._shards[name].keys),
                *self.shape,
            ):
                raise ValueError(
                    f"shard {name} of {self.folder} holds {images.dtype} {images.shape}; call repair, then fill"
                )
            if len(self._maps) >= MAPS:
                self._maps.clear()
            self._maps[name] = np.asarray(images)
        return self._maps[name]
