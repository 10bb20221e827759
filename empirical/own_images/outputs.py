"""Read the outputs of anybody's model on the images of a folder, and match them to its files."""

from __future__ import annotations

import csv
import dataclasses
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from empirical.config import require
from empirical.data.sources.source import first_names

FORMATS = (
    "a .npz file with outputs (n, classes) and files (n,), or a .csv file with a column file and "
    "either a column for each class, or a column slow"
)


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What a file says of n training images, in the order of the folder.

    values: (n, classes), logits or probabilities; None if the file says which images are slow.
    slow: (n,) bool; None if it has outputs. losses, probabilities: (n,), of the label, if the file
    has them. unused: number of rows that are of no training image.
    """

    values: np.ndarray | None
    slow: np.ndarray | None
    losses: np.ndarray | None
    probabilities: np.ndarray | None
    unused: int


def read_outputs(
    path: Path, files: Sequence[str], classes: Sequence[str], labels: np.ndarray
) -> Outputs:
    """Read outputs of training images.

    files: paths in the folder, (n,). classes: names, in the order of the labels (n,). Raises
    ValueError for a file of another form, for images without a row, and for other labels.
    """
    try:
        if path.suffix == ".npz":
            return _read_arrays(path, files, classes, labels)
        return _read_table(path, files, classes)
    except (OSError, zipfile.BadZipFile, csv.Error, UnicodeDecodeError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(
            f"outputs is {path}, which cannot be read ({reason}); allowed: {FORMATS}"
        ) from None


def _read_arrays(
    path: Path, files: Sequence[str], classes: Sequence[str], labels: np.ndarray
) -> Outputs:
    """Read an ``.npz`` file: outputs, and optionally files, classes and labels."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
    except (ValueError, AttributeError):  # another kind of file, or of arrays
        raise zipfile.BadZipFile("no archive of arrays of numbers and texts") from None
    names = [name for name in ("outputs", "logits", "probabilities") if name in arrays]
    require(bool(names), f"arrays in {path}", ", ".join(arrays), FORMATS)
    values = np.asarray(arrays[names[0]], np.float32)
    fits = values.ndim == 2 and values.shape[1] == len(classes)
    require(fits, f"shape of {names[0]} in {path}", values.shape, f"(n, {len(classes)})")
    if "classes" in arrays:
        values = values[:, _columns(path, arrays["classes"].astype(str).tolist(), classes)]
    if "files" in arrays:
        rows, unused = _match(path, arrays["files"].astype(str).tolist(), files)
    else:
        require(
            len(values) == len(files),
            f"number of rows in {path}, which has no array files,",
            len(values),
            f"{len(files)}, all training images, by class and then by path, as ImageFolder "
            "lists them",
        )
        rows, unused = np.arange(len(files)), 0
    if "labels" in arrays:
        same = np.array_equal(arrays["labels"][rows], labels)
        require(same, f"labels in {path}", "others", "those of the folder: another order of files?")
    return Outputs(values[rows], None, None, None, unused)


def _read_table(path: Path, files: Sequence[str], classes: Sequence[str]) -> Outputs:
    """Read a ``.csv`` file."""
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.DictReader(file)
        table = list(reader)
        columns = list(reader.fieldnames or ())
    require("file" in columns, f"columns of {path}", ", ".join(columns), FORMATS)
    rows, unused = _match(path, [row["file"] for row in table], files)
    table = [table[i] for i in rows]
    if all(name in columns for name in classes):
        values = np.stack([_numbers(path, table, name) for name in classes], axis=1)
        return Outputs(values.astype(np.float32), None, None, None, unused)
    require("slow" in columns, f"columns of {path}", ", ".join(columns), FORMATS)
    slow = _numbers(path, table, "slow")
    require(bool(np.isin(slow, (0, 1)).all()), f"column slow of {path}", "other", "0 and 1")
    losses = _numbers(path, table, "loss") if "loss" in columns else None
    own = _numbers(path, table, "probability") if "probability" in columns else None
    return Outputs(None, slow == 1, losses, own, unused)


def _numbers(path: Path, table: Sequence[Mapping[str, str]], name: str) -> np.ndarray:
    """Return a column as numbers, (n,) float64."""
    try:
        found = np.array([float(row[name]) for row in table])
    except (TypeError, ValueError):
        found = np.array([np.nan])
    require(bool(np.isfinite(found).all()), f"column {name} of {path}", "no number", "numbers")
    return found


def _columns(path: Path, there: Sequence[str], classes: Sequence[str]) -> list[int]:
    """Return the column of each class."""
    same = sorted(there) == sorted(classes)
    require(same, f"classes in {path}", first_names(there), f"{first_names(classes)}, in any order")
    return [there.index(name) for name in classes]


def _match(path: Path, there: Sequence[str], files: Sequence[str]) -> tuple[np.ndarray, int]:
    """Return the row of each file, and the number of rows that are of no file.

    there: paths in the folder, or longer ones that end in these.
    """
    wanted = set(files)
    places: dict[str, int] = {}
    unused = 0
    for i, name in enumerate(there):
        known = _tail(name.replace("\\", "/"), wanted)
        if known is None:
            unused += 1
            continue
        require(known not in places, f"rows of {known} in {path}", "two", "one for each image")
        places[known] = i
    missing = [name for name in files if name not in places]
    require(
        not missing,
        f"images without a row in {path}",
        first_names(missing),
        "a row for each training image, by its path in the folder",
    )
    return np.array([places[name] for name in files]), unused


def _tail(name: str, wanted: set[str]) -> str | None:
    """Return the longest end of a path that is wanted; None if there is none."""
    while name not in wanted:
        _, found, name = name.partition("/")
        if not found:
            return None
    return name
