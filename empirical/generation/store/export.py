"""Hand a store's images on: as a data set for torch, and as an ordinary folder of PNG files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from empirical.data.pixels import as_uint8
from empirical.generation.store.index import distinct_keys, keys_of, pairs_of
from empirical.generation.store.store import Store
from figures.records import (
    Advance,
    atomic_write,
    digest,
    no_progress,
    temporary_path,
    write_json,
)

CHUNK = 256  # images in memory at a time
COLUMNS = ("file", "source", "copy", "label", "class", "store")


class StoreDataset:
    """Images of a store with their labels, as a data set for ``torch.utils.data``.

    pairs: (m, 2), [source, copy], which images, in this order; all must be in the store.
    ``dataset[i]`` is (image as stored, label). ``images`` and ``labels`` take any index that an
    array takes.
    """

    def __init__(self, store: Store, pairs: ArrayLike) -> None:
        self.store = store
        self.pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
        self.labels = store.labels(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.images([index])[0], int(self.labels[index])

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[np.ndarray, int]]:
        """Return a batch as a list of items, read in one go."""
        return list(zip(self.images(indices), self.labels[indices].tolist(), strict=True))

    def images(self, index: slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """Return images (k, *shape), copied into memory."""
        return self.store.read(self.pairs[index])


def export_images(
    store: Store,
    folder: Path,
    classes: Sequence[str] | None = None,
    pairs: ArrayLike | None = None,
    advance: Advance = no_progress,
) -> int:
    """Write images as ``<folder>/<class>/<source>-<copy>.png``; return how many were written now.

    ``<folder>/manifest.csv`` is written last. Files that exist already stay. Float images become
    uint8 by ``as_uint8``.
    classes: names by label; None: the labels are the names. pairs: (m, 2), which images; None: all.
    advance: called with the number of images that were added.
    Raises ValueError for images that have no label or are neither grey nor RGB, for class names
    that are no folder names, and for a folder with images of another store.
    """
    pairs = store.pairs() if pairs is None else np.asarray(pairs, np.int64).reshape(-1, 2)
    pairs = pairs_of(distinct_keys(keys_of(pairs)))
    labels = store.labels(pairs)
    folder = Path(folder)
    names = _folder_names(labels, classes)
    channels = store.shape[2] if store.dtype == np.uint8 else store.shape[0]
    if channels not in (1, 3):
        raise ValueError(
            f"the images have {channels} channels; allowed: 1 or 3; read them from the store "
            "instead"
        )
    origin = digest([store.description, store.shape, str(store.dtype)])
    _claim_folder(folder, {"store": origin, "description": store.description})
    for name in set(names.values()):
        (folder / name).mkdir(exist_ok=True)
    files = [
        f"{names[label]}/{source:07d}-{copy:03d}.png"
        for (source, copy), label in zip(pairs.tolist(), labels.tolist(), strict=True)
    ]
    there = {f"{name}/{path}" for name in set(names.values()) for path in os.listdir(folder / name)}
    todo = [i for i, file in enumerate(files) if file not in there]
    advance(len(files) - len(todo))
    for start in range(0, len(todo), CHUNK):
        chunk = todo[start : start + CHUNK]
        images = store.read(pairs[chunk])
        images = images if images.dtype == np.uint8 else as_uint8(images)
        for i, image in zip(chunk, images, strict=True):
            _write_png(folder / files[i], image)
        advance(len(chunk))
    _write_table(folder / "manifest.csv", files, pairs, labels, classes, origin)
    return len(todo)


def _folder_names(labels: np.ndarray, classes: Sequence[str] | None) -> dict[int, str]:
    """Return the folder name of each label that occurs. Raises ValueError if names collide."""
    there = np.unique(labels).tolist()
    count = max([0, *there]) + 1 if classes is None else len(classes)
    if there and not 0 <= there[0] <= there[-1] < count:
        raise ValueError(
            f"labels run from {there[0]} to {there[-1]}; allowed: 0 to {count - 1}; give fill "
            "labels, and the classes of these"
        )
    if classes is None:
        return {label: str(label) for label in there}
    names = {label: re.sub(r"[^\w.-]+", "-", classes[label]) for label in there}
    collide = len({name.casefold() for name in names.values()}) < len(names)
    if collide or any(not name.strip(".") for name in names.values()):
        raise ValueError(
            f"classes are {list(classes)}; allowed: names that are different as folders; rename "
            "them"
        )
    return names


def _claim_folder(folder: Path, origin: dict) -> None:
    """Note in ``store.json`` which store a new or empty folder holds.

    Raises ValueError if the folder holds images of another store, or anything else.
    """
    note = folder / "store.json"
    if note.exists():
        try:
            theirs = json.loads(note.read_bytes())["store"]
        except (ValueError, KeyError, TypeError):
            theirs = "unknown"
        if theirs != origin["store"]:
            raise ValueError(
                f"{folder} holds images of another store ({theirs[:16]}); allowed: "
                f"{origin['store'][:16]}; use another folder"
            )
    elif folder.exists() and any(folder.iterdir()):
        raise ValueError(
            f"{folder} holds something else; allowed: an empty folder or one of an earlier export; "
            "use another folder"
        )
    else:
        write_json(note, origin)


def _write_png(path: Path, image: np.ndarray) -> None:
    """Write an image, (height, width, 1 or 3) uint8, as a PNG file."""
    from PIL import Image

    raw = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(raw, "png")
    _write(path, raw.getvalue())


def _write_table(
    path: Path,
    files: list[str],
    pairs: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str] | None,
    store: str,
) -> None:
    """Write a CSV file with a row for each image."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for file, (source, copy), label in zip(files, pairs.tolist(), labels.tolist(), strict=True):
        name = label if classes is None else classes[label]
        rows.writerow([file, source, copy, label, name, store])
    _write(path, text.getvalue().encode())


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step.

    The temporary file lies beside the class folders, where no reader of images looks.
    """
    temporary = temporary_path(path.parents[path.suffix == ".png"] / f"{path.name}.tmp")
    with atomic_write(path, temporary, sync=False):
        temporary.write_bytes(content)
