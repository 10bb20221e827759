"""Read Tiny ImageNet: the official archive, packed or unpacked, or folders of images.

Unpacked, the validation images may have been sorted into a folder for each class, as many scripts
do: val/CLASS/, val/CLASS/images/ or val/images/CLASS/.

The official validation images are the test set.
Source: Le and Yang, Tiny ImageNet visual recognition challenge, 2015.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from empirical.data.sources import tree
from empirical.data.sources.folder import class_folders
from empirical.data.sources.source import (
    PARTS,
    Contents,
    Item,
    Missing,
    Source,
    Unreadable,
    check_counts,
    class_positions,
    downloading,
)

SIDE = 64
PUBLISHED = (100_000, 10_000)  # training and test images
FOLDER = "tiny-imagenet-200"
ARCHIVE = f"{FOLDER}.zip"
URL = f"http://cs231n.stanford.edu/{ARCHIVE}"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
NOTES = ("wnids.txt", "words.txt", "val/val_annotations.txt")


def find_tiny_imagenet(
    name: str, root: Path, wanted: tuple[str, ...] | None, fetch: bool
) -> Source:
    """Return the unpacked archive, the archive, or ``{train,test}/<class>/*``, below ``root``.

    wanted: only these classes, by name or wnid; None: all. fetch: download the official archive if
    nothing is there; without it raises Missing.
    """
    places = (root / FOLDER, root / name, root)
    for place in (*places, *(place / FOLDER for place in places)):  # unzipped into its own name
        if (place / "wnids.txt").is_file():
            return unpacked_source(place, wanted)
    for place in places:
        if (place / ARCHIVE).is_file():
            return archive_source(place / ARCHIVE, wanted)
    for place in places:
        if (place / "train").is_dir() and (place / "test").is_dir():
            return dataclasses.replace(
                class_folders(place, wanted, native=SIDE), published=PUBLISHED
            )
    sought = (
        f"no {name} in {root} or {root / name}: looked for {FOLDER}/ "
        f"(wnids.txt, words.txt, train, val), {ARCHIVE} (official, {URL}) "
        "and {train,test}/<class>/*.png"
    )
    if not fetch:
        raise Missing(f"{sought}; fetch it with: python -m empirical data {name}")
    with downloading(sought, root):
        download(root)
    return archive_source(root / ARCHIVE, wanted)


def download(root: Path) -> None:
    """Fetch the archive by torchvision, under another name until it is complete and checked."""
    from torchvision.datasets.utils import download_url

    download_url(URL, str(root), f"{ARCHIVE}.part", MD5)
    (root / f"{ARCHIVE}.part").replace(root / ARCHIVE)


def unpacked_source(place: Path, wanted: tuple[str, ...] | None) -> Source:
    """Return the official layout in ``place``, with all or only some of its classes."""
    paths = tuple(
        path
        for path in tree.files_below(place)
        if path in NOTES or path.startswith(("train/", "val/"))
    )
    files = tuple(path for path in paths if path in NOTES or tree.file_kind(path) != "ignored")
    return _source(
        f"official layout in {place}",
        place,
        files,
        functools.partial(_from_folder, place, paths, wanted),
    )


def archive_source(archive: Path, wanted: tuple[str, ...] | None) -> Source:
    """Return the official archive, which is read without being unpacked."""
    return _source(
        f"official archive {archive}",
        archive.parent,
        (archive.name,),
        functools.partial(_from_archive, archive, wanted),
    )


def _source(
    about: str, where: Path, files: tuple[str, ...], opener: Callable[[], Contents]
) -> Source:
    return Source(about, where, "official", files, opener, native=SIDE, published=PUBLISHED)


def _from_folder(place: Path, paths: Sequence[str], wanted: tuple[str, ...] | None) -> Contents:
    return open_official(place, paths, lambda path: (place / path).read_bytes(), wanted)


def _from_archive(path: Path, wanted: tuple[str, ...] | None) -> Contents:
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    if md5 != MD5:
        raise ValueError(
            f"{path} is damaged: its md5 is {md5}, the published one {MD5}; "
            f"delete it and fetch it again from {URL}"
        )
    archive = zipfile.ZipFile(path)
    names = [
        name.removeprefix(f"{FOLDER}/") for name in archive.namelist() if not name.endswith("/")
    ]
    paths = sorted(name for name in names if name in NOTES or name.startswith(("train/", "val/")))
    return open_official(path, paths, lambda name: archive.read(f"{FOLDER}/{name}"), wanted)


def open_official(
    where: Path, paths: Sequence[str], read: Callable[[str], bytes], wanted: tuple[str, ...] | None
) -> Contents:
    """Open the official layout: images, labels, and classes in the order of their wnids.

    read: returns the bytes of one of ``paths``. wanted: classes by wnid or by name; None: all.
    A class of wnids.txt without a folder below train is passed over.
    """
    wnids, names = _classes(where, paths, read)
    kept = class_positions(wanted, names, wnids)
    label = {wnids[i]: position for position, i in enumerate(kept)}
    annotations = _annotations(where, paths, read)
    known = set(wnids)
    items = []
    problems = []
    ignored = 0
    for path in paths:
        is_train = path.startswith("train/")
        if is_train:
            wnid: str | None = path.split("/")[1]
        else:
            sorted_into = [part for part in path.split("/")[1:-1] if part in known]
            name = path.rsplit("/", 1)[-1]
            wnid = sorted_into[0] if sorted_into else annotations.get(name)
        kind = tree.file_kind(path)
        if path in NOTES:
            continue
        if kind == "ignored":  # the boxes, in text files
            ignored += 1
        elif kind == "other":
            problems.append((path, "not an image file"))
        elif wnid is None:
            problems.append((path, "without a label in val_annotations.txt"))
        elif wnid in label:
            items.append(Item("train" if is_train else "test", label[wnid], path))
    there = {os.path.basename(item.path) for item in items if item.part == "test"}
    lacking = [
        (f"val/images/{name}", "not there")
        for name, wnid in annotations.items()
        if wnid in label and name not in there
    ]
    items.sort(key=lambda item: (PARTS.index(item.part), item.label, item.path))
    classes = tuple(names[i] for i in kept)
    check_counts(classes, items, where)
    return Contents(
        classes, tuple(items), lambda item: _read(read, item), (*problems, *lacking), ignored
    )


def _read(read: Callable[[str], bytes], item: Item) -> bytes:
    """Return the bytes of an image; raise Unreadable if its part of the archive is damaged."""
    try:
        return read(item.path)
    except zipfile.BadZipFile as error:
        raise Unreadable(str(error)) from None


def _lines(where: Path, read: Callable[[str], bytes], name: str) -> list[str]:
    """Return the lines of a text file of the layout; raise ValueError if it cannot be read."""
    try:
        return io.TextIOWrapper(io.BytesIO(read(name)), "utf-8").read().splitlines()
    except (OSError, KeyError, UnicodeDecodeError):
        raise ValueError(
            f"{name} of {where} is missing or unreadable; "
            f"allowed: the layout of {ARCHIVE}, from {URL}"
        ) from None


def _classes(
    where: Path, paths: Sequence[str], read: Callable[[str], bytes]
) -> tuple[list[str], list[str]]:
    """Return the wnids that have training images, sorted, and a readable name of each.

    The name is the first of the words, or all of them with the wnid if two share the first.
    """
    trained = {
        path.split("/")[1] for path in paths if path.startswith("train/") and path.count("/") > 1
    }
    listed = {line.strip() for line in _lines(where, read, "wnids.txt")}
    wnids = sorted(listed & trained)
    words = dict(line.split("\t", 1) for line in _lines(where, read, "words.txt") if "\t" in line)
    first = {wnid: words.get(wnid, wnid).split(",")[0].strip() for wnid in wnids}
    count = Counter(first.values())
    names = [
        first[wnid] if count[first[wnid]] == 1 else f"{words[wnid].strip()} ({wnid})"
        for wnid in wnids
    ]
    return wnids, names


def _annotations(where: Path, paths: Sequence[str], read: Callable[[str], bytes]) -> dict[str, str]:
    """Return the wnid of each validation image, by file name.

    Empty without the file of annotations, if images are sorted into folders.
    """
    sorted_into = any(path.startswith("val/") and path.count("/") > 2 for path in paths)
    if NOTES[2] not in paths and (
        sorted_into or not any(p.startswith("val/images") for p in paths)
    ):
        return {}
    rows = [
        line.split("\t") for line in _lines(where, read, "val/val_annotations.txt") if line.strip()
    ]
    if any(len(row) < 2 for row in rows):
        raise ValueError(
            f"val/val_annotations.txt of {where} has lines without a label; "
            "allowed: file name, tab, wnid, on every line"
        )
    return {row[0]: row[1].strip() for row in rows}
