"""What leaves a store: pixels for training, images and labels one by one, and an ordinary folder of PNG files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from empirical.data.pixels import as_uint8
from empirical.generation.store.index import distinct, keys_of, pairs_of
from empirical.generation.store.store import Store, ignore
from figures.records import atomic_write, digest, temporary_path, write_json

CHUNK = 256  # images in memory at a time
COLUMNS = ("file", "source", "copy", "label", "class", "store")


class Examples:
    """Images of a store and their labels, as ``torch.utils.data`` wants a data set: indexed by number, or by several at once.

    pairs: (m, 2), which images, in this order; they must be there. ``examples[i]`` is (image as stored, label); ``images`` and ``labels``
    take any index that an array takes.
    """

    def __init__(self, store: Store, pairs: ArrayLike) -> None:
        self.store, self.pairs = store, np.asarray(pairs, np.int64).reshape(-1, 2)
        self.labels = store.labels(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.images([index])[0], int(self.labels[index])

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[np.ndarray, int]]:
        """A batch, read in one go."""
        return list(zip(self.images(indices), self.labels[indices].tolist(), strict=True))

    def images(self, index: slice | ArrayLike) -> np.ndarray:
        """(k, *shape), in memory."""
        return self.store.read(self.pairs[index])


def export(
    store: Store,
    folder: Path,
    classes: Sequence[str] | None = None,
    pairs: ArrayLike | None = None,
    advance: Callable[[float], None] = ignore,
) -> int:
    """Write images as ``<folder>/<class>/<source>-<copy>.png`` and, last, ``<folder>/manifest.csv``; returns how many were written now.

    classes: names, by label; None: the labels themselves. pairs: which; None: all that are there. advance(n): n more are there.
    Float images become uint8 by ``as_uint8``. What is there already stays. Raises ValueError for images that have no label or are
    neither grey nor RGB, for names that are not folders, and for a folder with images of another store.
    """
    pairs = store.pairs() if pairs is None else np.asarray(pairs, np.int64).reshape(-1, 2)
    pairs = pairs_of(distinct(keys_of(pairs)))
    labels, folder = store.labels(pairs), Path(folder)
    names = _folders(labels, classes)
    channels = store.shape[2] if store.dtype == np.uint8 else store.shape[0]
    if channels not in (1, 3):
        raise ValueError(
            f"the images have {channels} channels; allowed: 1 or 3; read them from the store instead"
        )
    origin = {
        "store": digest([store.description, store.shape, str(store.dtype)]),
        "description": store.description,
    }
    _claim(folder, origin)
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
        for i, image in zip(
            chunk, images if images.dtype == np.uint8 else as_uint8(images), strict=True
        ):
            _write_png(folder / files[i], image)
        advance(len(chunk))
    _write_table(folder / "manifest.csv", files, pairs, labels, classes, origin["store"])
    return len(todo)


def _folders(labels: np.ndarray, classes: Sequence[str] | None) -> dict[int, str]:
    """The folder of each label that occurs."""
    there = np.unique(labels).tolist()
    count = max([0, *there]) + 1 if classes is None else len(classes)
    if there and not 0 <= there[0] <= there[-1] < count:
        raise ValueError(
            f"labels run from {there[0]} to {there[-1]}; allowed: 0 to {count - 1}; give fill labels, and the classes of these"
        )
    names = {
        label: str(label) if classes is None else re.sub(r"[^\w.-]+", "-", classes[label])
        for label in there
    }
    if len({name.casefold() for name in names.values()}) < len(names) or any(
        not name.strip(".") for name in names.values()
    ):
        raise ValueError(
            f"classes are {list(classes)}; allowed: names that are different as folders; rename them"
        )
    return names


def _claim(folder: Path, origin: dict) -> None:
    """Say what the folder holds, and make sure that it holds nothing else."""
    said = folder / "store.json"
    if said.exists():
        try:
            theirs = json.loads(said.read_bytes())["store"]
        except (ValueError, KeyError, TypeError):
            theirs = "nobody knows what"
        if theirs != origin["store"]:
            raise ValueError(
                f"{folder} holds images of another store ({theirs[:16]}); allowed: {origin['store'][:16]}; use another folder"
            )
    elif folder.exists() and any(folder.iterdir()):
        raise ValueError(
            f"{folder} holds something else; allowed: an empty folder or one of an earlier export; use another folder"
        )
    else:
        write_json(said, origin)


def _write_png(path: Path, image: np.ndarray) -> None:
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
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for file, (source, copy), label in zip(files, pairs.tolist(), labels.tolist(), strict=True):
        rows.writerow(
            [file, source, copy, label, label if classes is None else classes[label], store]
        )
    _write(path, text.getvalue().encode())


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step.

    The temporary file lies beside the class folders, where no reader of images looks.
    """
    temporary = temporary_path(path.parents[path.suffix == ".png"] / f"{path.name}.tmp")
    with atomic_write(path, temporary, sync=False):
        temporary.write_bytes(content)
