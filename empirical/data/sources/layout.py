"""Find out how a folder says part and class of its images.

Known layouts: <class>/*; {train, test, val, ...}/<class>/*, in any spelling of these names, of
which only train is needed; Tiny ImageNet unpacked, with its val sorted into classes or not; and
images with a table of labels (``label_tables.py``). A folder that holds nothing but one folder of
its own name, or parts, is entered.
"""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from empirical.data.sources import tree
from empirical.data.sources.label_tables import read_tables

PART_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
}
GROUP = "images"  # a folder between a part and its classes, or between a class and its images
NOT_CLASSES = {"__MACOSX", "@eaDir"}


class Placed(NamedTuple):
    """Where a file lies: folder of the part (may be empty), class, and its name within the class.

    inside is empty for a file in no class.
    """

    folder: str
    label: str
    inside: str


@dataclasses.dataclass(frozen=True)
class Layout:
    """A folder and how paths in it say part and class.

    parts: folder -> train, test, or empty if a test set may be drawn from it; the key is empty for
    the folder itself. labels: path -> class, of files that a table names. grouped: parts whose
    classes lie in a folder images. left_out: folders that are passed over. notes: lines about them.
    """

    where: Path
    parts: Mapping[str, str]
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    grouped: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def draws_test(self) -> bool:
        """Whether there is no test set, so that one may be drawn."""
        return "" in self.parts.values()

    @property
    def pattern(self) -> str:
        """Where images belong, in words."""
        return "<class>/*" if "" in self.parts else "{train,test}/<class>/*"

    def describe(self) -> str:
        """Return what decides part and class of a path, as a key of what was decoded."""
        if not self.labels and not self.grouped:
            if self.parts == {"train": "train", "test": "test"}:
                return "split class folders"
            if self.parts == {"": ""}:
                return "flat class folders"
        parts = ", ".join(f"{folder}={part}" for folder, part in sorted(self.parts.items()))
        return f"class folders {parts}, grouped {sorted(self.grouped)}, labels {len(self.labels)}"

    def part_of(self, path: str) -> str | None:
        """Return the part folder of a path; None if it is passed over."""
        first = path.split("/")[0]
        if first in self.parts and "/" in path:
            return first
        return "" if "" in self.parts else None

    def place(self, path: str) -> Placed:
        """Return where a path lies; its class is in the composed form of Unicode."""
        folder = self.part_of(path) or ""
        rest = path[len(folder) + 1 :] if folder else path
        if self.labels and path in self._labels:
            return Placed(folder, self._labels[path], rest.replace("/", "-"))
        if self.labels and not self._by_folder(folder):
            return Placed(folder, "", "")
        if folder in self.grouped and rest.startswith(f"{GROUP}/"):
            rest = rest[len(GROUP) + 1 :]
        name, _, inside = rest.partition("/")
        return Placed(folder, compose(name), inside)

    def _by_folder(self, folder: str) -> bool:
        """Return whether the files of a part that no table names lie in folders of classes."""
        return folder not in self._labelled

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {path: compose(label) for path, label in self.labels.items()}

    @cached_property
    def _labelled(self) -> set[str]:
        return {self.part_of(path) or "" for path in self.labels}

    def classes(self, used: Iterable[str]) -> list[str]:
        """Return all classes, sorted: those used, and class folders that are empty."""
        found = set(used)
        for folder in self.parts:
            if self._by_folder(folder):
                root = self.where / folder
                if folder in self.grouped:
                    root = root / GROUP
                found |= {compose(name) for name in class_names(root)}
        return sorted(found)


def compose(name: str) -> str:
    """Return a name in the composed form of Unicode, which macOS takes apart."""
    return unicodedata.normalize("NFC", name)


def class_names(folder: Path) -> list[str]:
    """Return the names of the folders in ``folder`` that may be classes, sorted."""
    if not folder.is_dir():
        return []
    return [name for name in tree.folders_in(folder) if name not in NOT_CLASSES]


def holds_images(folder: Path) -> bool:
    """Return whether images lie directly in the folder."""
    with os.scandir(folder) as entries:
        return any(tree.file_kind(entry.name) == "image" for entry in entries if not entry.is_dir())


def find_layout(where: Path) -> Layout:
    """Return the layout of a folder. Raises ValueError for test images without training images."""
    where = _entered(where)
    folders = class_names(where)
    named = {name: PART_NAMES[name.lower()] for name in folders if name.lower() in PART_NAMES}
    tables = read_tables(where, named)
    train = [
        name
        for name, part in named.items()
        if part == "train" and (not holds_images(where / name) or _names_files(tables, name))
    ]
    if not train:
        parts = [name for name in named if not holds_images(where / name)]
        if parts:
            raise ValueError(
                f"{where} holds {', '.join(parts)}; "
                "allowed: a folder train as well, or none of these and a folder for each class"
            )
        if tables and (holds_images(where) or len(folders) < 2):
            return Layout(where, {"": ""}, tables)
        return Layout(where, {"": ""})
    return _with_parts(where, train[0], named, tables)


def _names_files(tables: Mapping[str, str], folder: str) -> bool:
    """Return whether a table names files directly in a folder."""
    return any(path.rpartition("/")[0] == folder for path in tables)


def _entered(where: Path) -> Path:
    """Return the only folder in ``where`` if it has its name or holds parts, else ``where``."""
    folders = class_names(where)
    if len(folders) != 1 or holds_images(where) or folders[0].lower() in PART_NAMES:
        return where
    inner = where / folders[0]
    parts = {PART_NAMES.get(name.lower()) for name in class_names(inner)}
    return inner if folders[0].lower() == where.name.lower() or "train" in parts else where


def _with_parts(
    where: Path, train: str, named: Mapping[str, str], tables: Mapping[str, str]
) -> Layout:
    """Return the layout of a folder with a part for training."""
    parts = {train: "train"}
    labels: dict[str, str] = {}
    grouped = set()
    notes = []
    left_out = [name for name in class_names(where) if name not in named]
    if holds_images(where / train):
        labels |= {p: label for p, label in tables.items() if p.startswith(f"{train}/")}
        known = {compose(label) for label in labels.values()}
    else:
        known = {compose(name) for name in class_names(where / train)}
    others = sorted((name for name in named if name != train), key=lambda n: named[n] != "test")
    for name in others:
        root = where / name
        table = {p: label for p, label in tables.items() if p.startswith(f"{name}/")}
        if named[name] == "train":
            left_out.append(name)
        elif known & {compose(each) for each in class_names(root)}:
            parts[name] = "test"
        elif known & {compose(each) for each in class_names(root / GROUP)}:
            parts[name] = "test"
            grouped.add(name)
        elif known & {compose(label) for label in table.values()}:
            parts[name] = "test"
            labels |= table
        else:
            left_out.append(name)
            notes.append(f"left out: {name}, whose images have no class")
    if len(parts) == 1:
        parts = {train: ""}
    return Layout(where, parts, labels, frozenset(grouped), tuple(sorted(left_out)), tuple(notes))


def single_test(layout: Layout) -> Layout:
    """Return the layout with one test set, as a benchmark needs: test if there is one, else val."""
    tests = [folder for folder, part in layout.parts.items() if part == "test"]
    if len(tests) < 2:
        return layout
    kept = next((name for name in tests if PART_NAMES[name.lower()] == "test"), tests[0])
    dropped = [name for name in tests if name != kept]
    parts = {name: part for name, part in layout.parts.items() if name not in dropped}
    labels = {p: label for p, label in layout.labels.items() if p.split("/")[0] not in dropped}
    left_out = tuple(sorted((*layout.left_out, *dropped)))
    return dataclasses.replace(layout, parts=parts, labels=labels, left_out=left_out)
