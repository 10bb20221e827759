"""Read tables of file and label: metadata.csv, metadata.jsonl, and Tiny ImageNet's annotations.

The first two are as Hugging Face's ``imagefolder`` has them: a column file_name, relative to the
folder of the table, and one with the label.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

NAMES = ("metadata.csv", "metadata.jsonl", "labels.csv")
ANNOTATIONS = "val_annotations.txt"
FILE_COLUMNS = ("file_name", "filename", "file", "path", "image")
LABEL_COLUMNS = ("label", "class", "class_name", "category", "target")


def read_tables(where: Path, folders: Iterable[str]) -> dict[str, str]:
    """Return the label of each file that tables in ``where`` and in ``folders`` of it name.

    Paths are relative to ``where``. Empty if there is no table. Raises ValueError for a table
    without the two columns, a line without a label, or a file outside ``where``.
    """
    found: dict[str, str] = {}
    for folder in ("", *folders):
        for name in NAMES:
            path = where / folder / name
            if path.is_file():
                for file, label in read_table(path).items():
                    found[_inside(path, folder, file)] = label
        path = where / folder / ANNOTATIONS
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                file, _, rest = line.partition("\t")
                label = rest.split("\t")[0].strip()
                if file.strip() and label:
                    found[_inside(path, folder, f"images/{file.strip()}")] = label
    return found


def _inside(table: Path, folder: str, file: str) -> str:
    """Return a file's path relative to the images' folder."""
    path = posixpath.normpath(posixpath.join(folder, file.replace("\\", "/")))
    if path.startswith(("../", "/")):
        raise ValueError(f"{table} names {file!r}; allowed: files in the folder of the images")
    return path


def read_table(path: Path) -> dict[str, str]:
    """Return the label of each file that a table names, by its path as it stands there.

    Raises ValueError for a table without the two columns, or a line without a label.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".jsonl":
            rows: list[Mapping[str, Any]] = [
                json.loads(line) for line in text.splitlines() if line.strip()
            ]
        else:
            rows = list(csv.DictReader(io.StringIO(text)))
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read ({error}); allowed: CSV or JSON lines") from None
    if not rows:
        return {}
    file = _column(path, rows[0], FILE_COLUMNS)
    label = _column(path, rows[0], LABEL_COLUMNS)
    found = {}
    for number, row in enumerate(rows, 1):
        if row.get(file) in (None, "") or row.get(label) in (None, ""):
            raise ValueError(
                f"row {number} of {path} has no {file} or no {label}; allowed: both in every row"
            )
        found[str(row[file])] = str(row[label])
    return found


def _column(path: Path, row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of the names that is a column. Raises ValueError if none is."""
    there = {str(key).strip().lower(): str(key) for key in row}
    for name in names:
        if name in there:
            return there[name]
    raise ValueError(
        f"{path} has the columns {', '.join(there)}; allowed: one of {', '.join(names)}"
    )
