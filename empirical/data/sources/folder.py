"""Folders with one folder of images for each class: ``{train,test}/<class>/*``, or ``<class>/*``, of which a test set is drawn."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from empirical.data.sources import tree
from empirical.data.sources.source import (
    PARTS,
    Contents,
    Item,
    Missing,
    Source,
    check_counts,
    class_positions,
    first_names,
)

TEST_FRACTION = 0.2  # of every class, where no test set is given
PART_NAMES = {
    "train",
    "training",
    "test",
    "testing",
    "val",
    "valid",
    "validation",
}  # that are no classes, unless they hold images


def find_folder(name: str, root: Path, wanted: tuple[str, ...] | None) -> Source:
    """Anybody's images in the folder ``name``, seen from here or from ``root``; the centre square of each is taken and resized."""
    places = [Path(name).expanduser(), root / name]
    where = next((place for place in places if place.is_dir()), None)
    if where is None:
        raise Missing(
            f"no folder {name}, here or in {root}; allowed: a folder that holds train/<class>/* and test/<class>/*, or <class>/*, of images"
        )
    parts = [
        name
        for name in tree.folders_in(where)
        if name.lower() in PART_NAMES and not _holds_images(where / name)
    ]
    if parts and not {*PARTS} <= {*parts}:
        raise ValueError(
            f"{where} holds {', '.join(parts)}; allowed: the folders train and test, both, or neither and one for each class"
        )
    return class_folders(where, wanted, split=bool(parts))


def _holds_images(folder: Path) -> bool:
    """Whether images lie in the folder itself: then it is a class, whatever its name."""
    with os.scandir(folder) as entries:
        return any(tree.file_kind(entry.name) == "image" for entry in entries if not entry.is_dir())


def class_folders(
    where: Path,
    wanted: tuple[str, ...] | None,
    split: bool = True,
    native: int | None = None,
    names: Sequence[str] | None = None,
) -> Source:
    """The source ``where``/{train,test}/<class>/* (``split``) or ``where``/<class>/*.

    native: the side that all images must have. names: the only classes that may be there.
    """
    paths, beside = tuple(tree.files_below(where)), []
    if split:
        beside = [name for name in tree.folders_in(where) if name not in PARTS]
        paths = tuple(path for path in paths if path.startswith(("train/", "test/")))
    if wanted is not None:
        paths = tuple(
            path
            for path in paths
            if _split_path(path, split)[1] in wanted or not _split_path(path, split)[2]
        )
    drawn = "" if split else f", {TEST_FRACTION:.0%} of each class drawn for testing"
    return Source(
        about=f"folders of images in {where}{drawn}"
        + (f"; left out: {', '.join(beside)}" if beside else ""),
        where=where,
        layout=f"{'split' if split else 'flat'} class folders",
        files=tuple(path for path in paths if tree.file_kind(path) != "ignored"),
        open=functools.partial(open_class_folders, where, paths, wanted, split, names),
        native=native,
        by_pixels=native is not None,
    )


def open_class_folders(
    where: Path,
    paths: Sequence[str],
    wanted: tuple[str, ...] | None,
    split: bool,
    names: Sequence[str] | None,
) -> Contents:
    """Sort the files below ``where`` into images of a class, files without a place (problems), and ignored ones (counted)."""
    placed, problems, ignored = [], [], 0  # placed: (part or "", class, path)
    for path in paths:
        part, folder, inside = _split_path(path, split)
        what = tree.file_kind(path)
        if what == "ignored":
            ignored += 1
        elif what == "other" or not inside:
            problems.append(
                (path, "not an image file" if what == "other" else "in no folder of a class")
            )
        else:
            placed.append((part, folder, path))
    if not placed and not problems and wanted is None:
        pattern = "{train,test}/<class>/*" if split else "<class>/*"
        raise ValueError(
            f"no images in {where}; allowed: {pattern} ending in {', '.join(sorted(tree.IMAGES))}"
        )
    there = _classes(where, split)
    if strangers := [name for name in there if names is not None and name not in names]:
        raise ValueError(
            f"{where} holds classes that are not of this data set: {first_names(strangers)}; allowed: {', '.join(names)}"
        )
    classes = [there[i] for i in class_positions(wanted, there)]
    label = {name: i for i, name in enumerate(classes)}
    test = set() if split else _drawn_for_test(placed)
    items = [
        Item(part or ("test" if path in test else "train"), label[name], path)
        for part, name, path in placed
    ]
    items.sort(key=lambda item: (PARTS.index(item.part), item.label, item.path))
    check_counts(classes, items, where)
    return Contents(
        tuple(classes),
        tuple(items),
        lambda item: (where / item.path).read_bytes(),
        tuple(problems),
        ignored,
    )


def _split_path(path: str, split: bool) -> tuple[str, str, str]:
    """Part (empty where there are no parts), class and the rest of a relative path; the rest is empty for a file in no class."""
    part, _, rest = path.partition("/") if split else ("", "", path)
    name, _, inside = rest.partition("/")
    return part, name, inside


def _classes(where: Path, split: bool) -> list[str]:
    """All class folders, sorted: empty ones too, so that they are told."""
    roots = [where / part for part in PARTS] if split else [where]
    return sorted({name for root in roots for name in tree.folders_in(root)} - {"__MACOSX"})


def _drawn_for_test(placed: Sequence[tuple[str, str, str]]) -> set[str]:
    """A fixed random fifth of every class: the images whose names have the smallest digests, so that a new image moves few others."""
    drawn: set[str] = set()
    for name in sorted({folder for _, folder, _ in placed}):
        members = sorted((path for _, folder, path in placed if folder == name), key=_draw_key)
        drawn.update(members[: max(1, round(TEST_FRACTION * len(members)))])
    return drawn


def _draw_key(path: str) -> bytes:
    return hashlib.sha256(b"test set\0" + os.fsencode(path)).digest()
