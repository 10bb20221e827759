"""Read folders of images: ``{train,test}/<class>/*``, or ``<class>/*`` with a drawn test set."""

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

TEST_FRACTION = 0.2  # share of every class drawn for testing if no test set is given
# Folders of these names are parts, not classes, unless images lie directly in them.
PART_NAMES = {"train", "training", "test", "testing", "val", "valid", "validation"}


def find_folder(name: str, root: Path, wanted: tuple[str, ...] | None) -> Source:
    """Return the folder ``name``, relative to the working folder or to ``root``.

    The centre square of each image is taken and resized. wanted: only these classes; None: all.
    Raises Missing if there is no such folder, ValueError for one with train or test but not both.
    """
    places = [Path(name).expanduser(), root / name]
    where = next((place for place in places if place.is_dir()), None)
    if where is None:
        raise Missing(
            f"no folder {name}, here or in {root}; allowed: a folder that holds "
            "train/<class>/* and test/<class>/*, or <class>/*, of images"
        )
    parts = [
        name
        for name in tree.folders_in(where)
        if name.lower() in PART_NAMES and not _holds_images(where / name)
    ]
    if parts and not {*PARTS} <= {*parts}:
        raise ValueError(
            f"{where} holds {', '.join(parts)}; "
            "allowed: the folders train and test, both, or neither and one for each class"
        )
    return class_folders(where, wanted, split=bool(parts))


def _holds_images(folder: Path) -> bool:
    """Return whether images lie directly in the folder: then it is a class, whatever its name."""
    with os.scandir(folder) as entries:
        return any(tree.file_kind(entry.name) == "image" for entry in entries if not entry.is_dir())


def class_folders(
    where: Path,
    wanted: tuple[str, ...] | None,
    split: bool = True,
    native: int | None = None,
    names: Sequence[str] | None = None,
) -> Source:
    """Return the source ``where``/{train,test}/<class>/* (``split``) or ``where``/<class>/*.

    native: side that all images must have; None: any. names: the only classes that may be there;
    None: any.
    """
    paths = tuple(tree.files_below(where))
    beside = []
    if split:
        beside = [name for name in tree.folders_in(where) if name not in PARTS]
        paths = tuple(path for path in paths if path.startswith(("train/", "test/")))
    if wanted is not None:
        placed = [(path, *_split_path(path, split)) for path in paths]
        paths = tuple(path for path, _, name, inside in placed if name in wanted or not inside)
    drawn = "" if split else f", {TEST_FRACTION:.0%} of each class drawn for testing"
    left_out = f"; left out: {', '.join(beside)}" if beside else ""
    return Source(
        about=f"folders of images in {where}{drawn}{left_out}",
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
    """Sort files into images of a class, problems (images in no class, other files) and ignored.

    Raises ValueError if there are no images, too few, or classes that are not in ``names``.
    """
    placed = []  # (part or "", class, path)
    problems = []
    ignored = 0
    for path in paths:
        part, folder, inside = _split_path(path, split)
        kind = tree.file_kind(path)
        if kind == "ignored":
            ignored += 1
        elif kind == "other":
            problems.append((path, "not an image file"))
        elif not inside:
            problems.append((path, "in no folder of a class"))
        else:
            placed.append((part, folder, path))
    if not placed and not problems and wanted is None:
        pattern = "{train,test}/<class>/*" if split else "<class>/*"
        raise ValueError(
            f"no images in {where}; allowed: {pattern} ending in {', '.join(sorted(tree.IMAGES))}"
        )
    there = _classes(where, split)
    if names is not None and (strangers := [name for name in there if name not in names]):
        raise ValueError(
            f"{where} holds classes that are not of this data set: {first_names(strangers)}; "
            f"allowed: {', '.join(names)}"
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
    """Return part, class and rest of a relative path.

    The part is empty without ``split``, the rest for a file that lies in no class.
    """
    part, _, rest = path.partition("/") if split else ("", "", path)
    name, _, inside = rest.partition("/")
    return part, name, inside


def _classes(where: Path, split: bool) -> list[str]:
    """Return all class folders, sorted; empty ones too, so that they are reported."""
    roots = [where / part for part in PARTS] if split else [where]
    return sorted({name for root in roots for name in tree.folders_in(root)} - {"__MACOSX"})


def _drawn_for_test(placed: Sequence[tuple[str, str, str]]) -> set[str]:
    """Return the paths of a fixed random fifth of every class.

    They are the images whose names have the smallest digests, so that a new image moves few others.
    """
    drawn: set[str] = set()
    for name in sorted({folder for _, folder, _ in placed}):
        members = sorted((path for _, folder, path in placed if folder == name), key=_draw_key)
        drawn.update(members[: max(1, round(TEST_FRACTION * len(members)))])
    return drawn


def _draw_key(path: str) -> bytes:
    """Return the digest that decides whether an image is drawn for testing."""
    return hashlib.sha256(b"test set\0" + os.fsencode(path)).digest()
