"""Read folders of images: a folder for each class, in parts or not, or a table of labels.

``layout.py`` finds out which layout a folder has; this module lists its images.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from empirical.data.sources import tree
from empirical.data.sources.layout import Layout, Placed, find_layout, single_test
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
# endings of names beside which masks and thumbnails lie
DERIVED = ("_mask", "-mask", ".mask", "_seg", "_segmentation", "_trimap", "_thumb", "-thumb")
DERIVED_FOLDERS = {"masks", "mask", "segmentation", "trimaps", "thumbs", "thumbnails"}


def find_folder(
    name: str, root: Path, wanted: tuple[str, ...] | None, train_only: bool = False
) -> Source:
    """Return the folder ``name``, relative to the working folder or to ``root``.

    The centre square of each image is taken and resized. wanted: only these classes; None: all.
    train_only: no test image is needed, and none is drawn; classes without images are left out.
    Raises Missing if there is no such folder, ValueError for one without a known layout.
    """
    places = [Path(name).expanduser(), root / name]
    where = next((place for place in places if place.is_dir()), None)
    if where is None:
        raise Missing(
            f"no folder {name}, here or in {root}; allowed: a folder that holds "
            "train/<class>/* and test/<class>/*, or <class>/*, of images"
        )
    layout = find_layout(where)
    return layout_source(
        layout if train_only else single_test(layout), wanted, train_only=train_only
    )


def class_folders(
    where: Path,
    wanted: tuple[str, ...] | None,
    native: int | None = None,
    names: Sequence[str] | None = None,
) -> Source:
    """Return the source ``where``/{train,test}/<class>/*.

    native: side that all images must have; None: any. names: the only classes that may be there;
    None: any.
    """
    return layout_source(Layout(where, {"train": "train", "test": "test"}), wanted, native, names)


def layout_source(
    layout: Layout,
    wanted: tuple[str, ...] | None,
    native: int | None = None,
    names: Sequence[str] | None = None,
    train_only: bool = False,
) -> Source:
    """Return the images of a folder of known layout; see ``find_folder`` and ``class_folders``."""
    where = layout.where
    paths = tuple(path for path in tree.files_below(where) if layout.part_of(path) is not None)
    if wanted is not None:
        placed = [(path, layout.place(path)) for path in paths]
        paths = tuple(path for path, at in placed if at.label in wanted or not at.inside)
    drawn = layout.draws_test and not train_only
    told = f", {TEST_FRACTION:.0%} of each class drawn for testing" if drawn else ""
    if train_only and layout.draws_test:
        told = ", all for training"
    left_out = f"; left out: {', '.join(layout.left_out)}" if layout.left_out else ""
    return Source(
        about=f"folders of images in {where}{told}{left_out}",
        where=where,
        layout=layout.describe() + (", all for training" if train_only else ""),
        files=tuple(path for path in paths if tree.file_kind(path) != "ignored"),
        open=functools.partial(open_layout, layout, paths, wanted, names, train_only),
        native=native,
        by_pixels=native is not None,
        least=(1, 0) if train_only else (2, 1),
        place=layout.place,
    )


def open_layout(
    layout: Layout,
    paths: Sequence[str],
    wanted: tuple[str, ...] | None,
    names: Sequence[str] | None,
    train_only: bool,
) -> Contents:
    """Sort files into images of a class, problems (images in no class, other files) and ignored.

    Raises ValueError if there are no images, too few, or classes that are not in ``names``.
    """
    where = layout.where
    placed: list[tuple[Placed, str]] = []
    problems = []
    ignored = 0
    for path in paths:
        at = layout.place(path)
        kind = tree.file_kind(path)
        if kind == "ignored":
            ignored += 1
            continue
        reason = _problem(where / path, kind)
        if reason:
            problems.append((path, reason))
        elif not at.inside:
            problems.append((path, "in no folder of a class"))
        else:
            placed.append((at, path))
    if not placed and not problems and wanted is None:
        raise ValueError(
            f"no images in {where}; allowed: {layout.pattern} ending in "
            f"{', '.join(sorted(tree.IMAGES))}"
        )
    there = layout.classes(at.label for at, _ in placed)
    notes = list(layout.notes)
    if train_only:
        full = {at.label for at, _ in placed if layout.parts[at.folder] != "test"}
        empty = [name for name in there if name not in full]
        there = [name for name in there if name in full]
        placed = [(at, path) for at, path in placed if at.label in full]
        if empty:
            notes.append(f"left out, without training images: {first_names(empty)}")
    if names is not None and (strangers := [name for name in there if name not in names]):
        raise ValueError(
            f"{where} holds classes that are not of this data set: {first_names(strangers)}; "
            f"allowed: {', '.join(names)}"
        )
    classes = [there[i] for i in class_positions(wanted, there)]
    _check_capitals(classes, where)
    label = {name: i for i, name in enumerate(classes)}
    test = set()
    if layout.draws_test and not train_only:
        test = _drawn_for_test([(at.label, path) for at, path in placed])
    items = [Item(_part(layout, at, path in test), label[at.label], path) for at, path in placed]
    items.sort(key=lambda item: (PARTS.index(item.part), item.label, item.path))
    least = (1, 0) if train_only else (2, 1)
    check_counts(classes, items, where, least)
    notes += derived_notes([path for _, path in placed])
    return Contents(
        tuple(classes),
        tuple(items),
        lambda item: (where / item.path).read_bytes(),
        tuple(problems),
        ignored,
        tuple(notes),
    )


def _problem(path: Path, kind: str) -> str:
    """Return why a file cannot be an image; empty if it may be one. kind: by its name."""
    if kind == "other":
        return tree.refusal(path)
    try:
        return "" if tree.is_regular(path) else "not a regular file"
    except OSError:
        return ""  # reading it tells


def _part(layout: Layout, at: Placed, drawn: bool) -> str:
    """Return the part of an image: as its folder says, else test if it was drawn for it."""
    part = layout.parts[at.folder]
    return part if part in PARTS else ("test" if drawn else "train")


def _check_capitals(classes: Sequence[str], where: Path) -> None:
    """Raise ValueError for classes whose names differ in capitals only."""
    count = Counter(name.casefold() for name in classes)
    alike = [name for name in classes if count[name.casefold()] > 1]
    if alike:
        raise ValueError(
            f"{where} holds classes that differ in capitals only: {first_names(alike)}; "
            "allowed: one spelling for each; rename the folders"
        )


def derived_notes(paths: Sequence[str]) -> list[str]:
    """Return a line that names images which look like masks or thumbnails of others."""
    looks = [
        path
        for path in paths
        if os.path.splitext(path.lower())[0].endswith(DERIVED)
        or any(part.lower() in DERIVED_FOLDERS for part in path.split("/")[:-1])
    ]
    if not looks:
        return []
    return [
        f"{len(looks):,} images look like masks or thumbnails and are used as images: "
        f"{first_names(looks)}; if they are, move them away"
    ]


def _drawn_for_test(placed: Sequence[tuple[str, str]]) -> set[str]:
    """Return the paths of a fixed random fifth of every class. placed: class and path.

    They are the images whose names have the smallest digests, so that a new image moves few others.
    """
    drawn: set[str] = set()
    for name in sorted({folder for folder, _ in placed}):
        members = sorted((path for folder, path in placed if folder == name), key=_draw_key)
        drawn.update(members[: max(1, round(TEST_FRACTION * len(members)))])
    return drawn


def _draw_key(path: str) -> bytes:
    """Return the digest that decides whether an image is drawn for testing."""
    return hashlib.sha256(b"test set\0" + os.fsencode(path)).digest()
