"""Keep images named by (source index, copy number), such as variants: made once, read by many.

A store is a folder with ``manifest.json`` (what all its images share) and shards; see
``shards.py``. An image depends only on (seed, source, copy), so what is read depends neither on
batches nor on workers nor on the order of the work. Files are renamed into place: a worker killed
at any moment loses the task it was at and nothing else. A damaged shard counts as missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from empirical.generation.store.index import (
    Index,
    Task,
    distinct_keys,
    group_by_task,
    keys_of,
    pairs_of,
)
from empirical.generation.store.open_shards import OpenShards
from empirical.generation.store.shards import (
    is_intact,
    modified_time,
    read_manifest,
    shard_files,
    write_manifest,
    write_shard,
)
from empirical.runtime.leases import STALE, Leases
from figures.records import Advance, json_value, no_progress

BLOCK = 1024  # sources of one task, and so the most images of a shard
LEAST_BLOCK = 64  # images of a pass of most models
BLOCK_VALUES = 2**24  # values of the images of a task that are in memory at once, as floats
POLL = 0.5  # seconds between looks at what other workers do

# (sources, copies), (n,) int64 each -> images (n, *shape)
Make = Callable[[np.ndarray, np.ndarray], np.ndarray]


def block_of(shape: tuple[int, ...]) -> int:
    """Return how many sources a task of a new store may have, for images of this shape.

    1024 up to 74 x 74 pixels of three channels; of larger images fewer, but at least 64, as a task
    is in memory as a whole.
    """
    fits = BLOCK_VALUES // int(np.prod(shape))
    return max(LEAST_BLOCK, min(BLOCK, fits))


def open_store(
    folder: Path,
    description: Any,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    block: int = BLOCK,
    stale: float = STALE,
    poll: float = POLL,
) -> Store:
    """Open the store of images with this description in ``folder``; create it if it is missing.

    description: everything an image depends on beside source and copy, as a dict of JSON values.
    shape, dtype: uint8 (height, width, channels) or float32 (channels, height, width). block:
    sources of a task in a new store, at least 1; an existing store keeps its own, and no image
    depends on it. stale: seconds, above 0. poll: seconds. Raises ValueError if the folder holds
    images of another description.
    """
    kind = np.dtype(dtype)
    if kind not in (np.uint8, np.float32) or len(shape) != 3 or min(shape) < 1:
        raise ValueError(
            f"images are {kind} of shape {tuple(shape)}; allowed: uint8 (h, w, c) or float32 "
            "(c, h, w)"
        )
    if block < 1:
        raise ValueError(
            f"block is {block}; allowed: at least 1; give the most images that a killed worker may "
            "lose"
        )
    asked = {"description": json_value(description), "shape": list(shape), "dtype": str(kind)}
    write_manifest(Path(folder), {**asked, "block": block})
    store = Store(folder, stale, poll)
    _check_same(asked, store)
    return store


def _check_same(asked: dict[str, Any], store: Store) -> None:
    """Raise ValueError that names the first setting in which a store differs from ``asked``."""
    there = {
        "description": store.description,
        "shape": list(store.shape),
        "dtype": str(store.dtype),
    }
    if there == asked:
        return
    ours, theirs = (_flatten_description(body) for body in (asked, there))
    missing = object()
    name = min(
        key
        for key in ours.keys() | theirs.keys()
        if ours.get(key, missing) != theirs.get(key, missing)
    )
    raise ValueError(
        f"{name} is {ours.get(name)!r}, but the images in {store.folder} have "
        f"{theirs.get(name)!r}; allowed: the same; use another folder"
    )


def _flatten_description(body: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with those of the description as ``description.<name>``."""
    rest = {name: value for name, value in body.items() if name != "description"}
    return {**{f"description.{k}": v for k, v in body["description"].items()}, **rest}


class Store:
    """The store in an existing folder; ``open_store`` creates one.

    stale: seconds after which the task of a silent worker is taken over. poll: seconds between
    looks at what other workers do.
    description: what the creator said of all images. shape, dtype: of an image, uint8 (height,
    width, channels) or float32 (channels, height, width). block: sources of a task.
    Raises ValueError if there is no store, or its manifest cannot be read.
    """

    def __init__(self, folder: Path, stale: float = STALE, poll: float = POLL) -> None:
        self.folder = Path(folder)
        self.poll = poll
        manifest = read_manifest(self.folder)
        self.description: Mapping[str, Any] = manifest["description"]
        self.shape: tuple[int, ...] = tuple(manifest["shape"])
        self.dtype = np.dtype(manifest["dtype"])
        self.block = int(manifest["block"])
        self.leases = Leases(self.folder / "leases", stale)
        self._shards = OpenShards(self.folder, self.shape, self.dtype)

    def __reduce__(self):  # a worker of a DataLoader opens the store anew; no image is sent
        return Store, (self.folder, self.leases.stale, self.poll)

    def __len__(self) -> int:
        """Return the number of images in the store."""
        return len(self.index().keys)

    def pairs(self) -> np.ndarray:
        """Return [source, copy] of all images, (n, 2) int64, sorted by copy, then source."""
        return pairs_of(self.index().keys)

    def missing(self, pairs: ArrayLike) -> np.ndarray:
        """Return the distinct pairs that are not in the store, (k, 2) int64.

        pairs: (m, 2), [source, copy]. Sorted by copy, then source.
        """
        keys = distinct_keys(keys_of(pairs))
        _, found = self.index().locate(keys)
        return pairs_of(keys[~found])

    def read(self, pairs: ArrayLike) -> np.ndarray:
        """Return images (m, *shape) in the order of ``pairs`` (m, 2), which may repeat.

        Raises ValueError if any is missing.
        """
        index, positions = self._locate(pairs)
        images = np.empty((len(positions), *self.shape), self.dtype)
        order = np.argsort(index.shards[positions], kind="stable")
        shards = index.shards[positions[order]]
        for places in np.split(order, np.flatnonzero(np.diff(shards)) + 1) if len(order) else ():
            name = index.names[index.shards[positions[places[0]]]]
            images[places] = self._shards.images(name)[index.rows[positions[places]]]
        return images

    def labels(self, pairs: ArrayLike) -> np.ndarray:
        """Return the labels of images, (m,) int64, -1 where none was given.

        Raises ValueError if an image is missing.
        """
        index, positions = self._locate(pairs)
        return index.labels[positions]

    def fill(
        self,
        pairs: ArrayLike,
        make: Make,
        labels: np.ndarray | None = None,
        advance: Advance = no_progress,
    ) -> int:
        """Make the images that are missing; return how many were made by this call.

        Several processes may fill a store at once: they share the work, and each returns once all
        images are there.
        pairs: (m, 2), [source, copy]. make: function that returns the images of (sources, copies),
        called with at most ``block`` at a time. labels: (sources,), the class of each source.
        advance: called with the number of missing images that were made, by any process.
        """
        tasks = self._missing_by_task(pairs)
        made = 0
        seen = self._shards.names()
        last = max((int(keys[-1]) & (2**32 - 1) for keys in tasks.values()), default=-1)
        if labels is not None and len(labels) <= last:
            raise ValueError(
                f"labels are of {len(labels)} sources; allowed: more than {last}, the last source "
                "asked for; give all"
            )
        while tasks:
            before = made
            for task in list(tasks):
                with self.leases.held("{}-{}".format(*task)) as ours:
                    if ours:  # the last holder of the lease may have made the images
                        self._remove_done(tasks, seen, advance)
                    if ours and task in tasks:
                        made += self._make(pairs_of(tasks[task]), make, labels)
                        self._remove_done(tasks, seen, advance)
            self._remove_done(tasks, seen, advance)
            if tasks and made == before:  # others are at all tasks that are left
                time.sleep(self.poll)
        return made

    def verify(self) -> list[str]:
        """Return the names of damaged shards; every byte is compared with its digest."""
        names = {path.stem.removeprefix("shard-") for path in self.folder.glob("shard-*.*")}
        return sorted(name for name in names if not is_intact(self.folder, name))

    def repair(self) -> list[str]:
        """Remove damaged shards and the leftovers of killed workers; return the shards' names.

        The images of a removed shard count as missing. Images without a description stay if they
        are younger than ``stale``: another worker may be about to write it.
        """
        damaged = self.verify()
        now = self.leases.now()
        stale = self.leases.stale
        for name in damaged:
            description_file, image_file = shard_files(self.folder, name)
            if description_file.exists() or now - modified_time(image_file) > stale:
                description_file.unlink(missing_ok=True)  # first, so that readers skip the shard
                image_file.unlink(missing_ok=True)
            self._shards.forget(name)
        for path in filter(Path.is_file, self.folder.glob(".*.*")):
            if now - modified_time(path) > stale:
                path.unlink(missing_ok=True)
        self.leases.sweep()
        return damaged

    def index(self) -> Index:
        """Return where the images are, new files in the folder included."""
        self._shards.refresh()
        return self._shards.index()

    def _missing_by_task(self, pairs: ArrayLike) -> dict[Task, np.ndarray]:
        """Return the keys of the missing images of each task."""
        return dict(group_by_task(keys_of(self.missing(pairs)), self.block))

    def _remove_done(self, tasks: dict[Task, np.ndarray], seen: set[str], advance: Advance) -> None:
        """Remove from ``tasks`` the images of shards that are not in ``seen``, and add these."""
        self._shards.refresh()
        for name in self._shards.names() - seen:
            seen.add(name)
            for task, keys in group_by_task(self._shards.keys(name), self.block):
                if task in tasks:
                    left = np.setdiff1d(tasks[task], keys, assume_unique=True)
                    if len(left) < len(tasks[task]):
                        advance(len(tasks[task]) - len(left))
                    tasks[task] = left
                    if not len(left):
                        del tasks[task]

    def _make(self, pairs: np.ndarray, make: Make, labels: np.ndarray | None) -> int:
        """Make the images of ``pairs`` and write them as one shard; return their number."""
        images = np.asarray(make(*pairs.T.copy()))
        if images.shape != (len(pairs), *self.shape) or images.dtype != self.dtype:
            raise ValueError(
                f"the images made are {images.dtype} {images.shape}; allowed: {self.dtype} "
                f"{(len(pairs), *self.shape)}; mend what makes them"
            )
        if images.dtype != np.uint8 and not np.isfinite(images).all():
            raise ValueError(
                "the images made are not finite; allowed: numbers; mend what makes them"
            )
        own = None if labels is None else np.asarray(labels)[pairs[:, 0]]
        name = write_shard(self.folder, pairs, images, own)
        if not self._shards.reload(name):
            raise OSError(
                f"shard {name} was written to {self.folder}, but does not read as it was written; "
                "see to the disk"
            )
        return len(pairs)

    def _locate(self, pairs: ArrayLike) -> tuple[Index, np.ndarray]:
        """Return the index and the positions of ``pairs`` in it; ValueError if one is missing."""
        keys = keys_of(pairs)
        index = self.index()
        positions, found = index.locate(keys)
        if not found.all():
            source, copy = pairs_of(keys[~found][:1])[0]
            raise ValueError(
                f"{np.count_nonzero(~found)} of {len(keys)} variants are not in {self.folder}, the "
                f"first is source {source}, copy {copy}; allowed: those that were made; make them "
                "with fill"
            )
        return index, positions
