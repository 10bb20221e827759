"""Image folders that are augmented: what is read from one, and the folder of originals and variants that is written beside it."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from empirical.config import Data, require
from empirical.data.decoded import DecodedDataset, Request, decode_once
from empirical.data.sources import folder as folders
from empirical.data.sources.decode import decode_rgb
from empirical.data.sources.locate import FOLDER_PREFIX, data_root
from empirical.data.sources.source import PARTS, Contents, Source, Unreadable
from empirical.runtime.locks import locked
from figures.records import atomic_folder, digest, write_json

MEASURED = 200  # images whose size is looked at


@dataclasses.dataclass(frozen=True)
class Files:
    """Files of an image folder by part, in the order of the decoded images. targets: where each goes in the folder that is written."""

    where: Path
    train: tuple[str, ...]
    test: tuple[str, ...]
    train_targets: tuple[str, ...]
    test_targets: tuple[str, ...]


def source_of(folder: Path, hold_out: bool = False) -> Source:
    """The images of a folder ``{train,test}/<class>/*`` or ``<class>/*``; of the latter all are for training, or a fifth is held out.

    Raises ValueError if the folder is not there or has another layout.
    """
    found = folders.find_folder(str(folder), data_root(), None)
    split = found.layout.startswith("split")
    require(
        not (split and hold_out),
        f"hold_out of {found.where}, which has a test set",
        hold_out,
        "False",
    )
    if split or hold_out:
        return found
    return dataclasses.replace(
        found,
        about=f"folders of images in {found.where}, all for training",
        layout="flat class folders, all for training",
        open=functools.partial(all_for_training, found.open),
    )


def all_for_training(open_: Callable[[], Contents]) -> Contents:
    """All images are training images; one of each class also stands for a test set, as every data set has one; nothing uses it."""
    contents = open_()
    items = sorted(
        (item._replace(part="train") for item in contents.items),
        key=lambda item: (item.label, item.path),
    )
    stand_ins = []
    for label in range(len(contents.classes)):
        members = [item for item in items if item.label == label]
        stand_ins.append(
            next((item for item in members if _readable(contents, item)), members[0])._replace(
                part="test"
            )
        )
    return dataclasses.replace(contents, items=(*items, *stand_ins))


def _readable(contents: Contents, item) -> bool:
    try:
        return bool(decode_rgb(contents.read(item)))
    except (Unreadable, OSError):
        return False


def usual_side(source: Source, contents: Contents, most: int) -> int:
    """The median of the shorter sides of some of the images, rounded down to a multiple of 8, from 8 to ``most``."""
    shorter = []
    for i in np.unique(np.linspace(0, len(contents.items) - 1, MEASURED).astype(int)):
        with (
            contextlib.suppress(Exception),
            Image.open(source.where / contents.items[i].path) as image,
        ):  # told when it is decoded
            shorter.append(min(image.size))
    return max(8, min(most, int(np.median(shorter or [most])) // 8 * 8))


def decoded(source: Source, side: int, skip: bool, root: Path) -> tuple[Data, DecodedDataset]:
    """The images at this side, from ``root``/data or decoded now, and the settings by which everything else finds them.

    Raises ValueError that names files which cannot be read, unless they are to be skipped.
    """
    name = f"{FOLDER_PREFIX}{source.where.resolve()}"
    found = decode_once(Request(name, None, side, skip), root / "data", lambda fetch: source)
    about = found.manifest
    return Data(
        FOLDER_PREFIX + about["name"],
        None,
        0,
        side,
        skip_unreadable=skip,
        content=about["content"][:16],
    ), found


def files_of(source: Source, found: DecodedDataset) -> Files:
    """Which file each decoded image comes from, and where it goes: to its own path, or below its part if a test set was drawn."""
    train, test = (
        tuple(json.loads((found.folder / "sources.json").read_text())[part]) for part in PARTS
    )
    if source.layout.endswith("all for training"):
        return Files(source.where, train, (), train, ())
    if source.layout.startswith("split"):
        return Files(source.where, train, test, train, test)
    return Files(
        source.where,
        train,
        test,
        tuple(f"train/{path}" for path in train),
        tuple(f"test/{path}" for path in test),
    )


def fingerprint(source: Source) -> str:
    """Digest of the paths, sizes and times of the files: for a quick look, which reads none of them."""
    status = [(source.where / path).stat() for path in source.files]
    return digest(
        [
            source.layout,
            [
                [path, s.st_size, s.st_mtime_ns]
                for path, s in zip(source.files, status, strict=True)
            ],
        ]
    )


def variant_names(
    targets: Sequence[str], sources: Sequence[int], copies: Sequence[int]
) -> list[str]:
    """``<stem>-variant-<copy>.png`` beside each source; the whole file name for the stem where two sources have the same.

    No name is that of an original, nor given twice, even where capitals do not count.
    """
    shared = Counter(str(PurePosixPath(path).with_suffix("")).lower() for path in targets)
    taken, names = {path.lower() for path in targets}, []
    for source, copy in zip(sources, copies, strict=True):
        path = PurePosixPath(targets[source])
        stem = path.stem if shared[str(path.with_suffix("")).lower()] == 1 else path.name
        while (name := str(path.with_name(f"{stem}-variant-{copy}.png"))).lower() in taken:
            stem += "-new"
        taken.add(name.lower())
        names.append(name)
    return names


def write_folder(
    out: Path,
    files: Files,
    names: Sequence[str],
    images: np.ndarray,
    tables: dict[str, list[tuple]],
    manifest: dict[str, Any],
    link: bool,
) -> None:
    """Originals, variants, tables and manifest, all or nothing.

    names: of the variants; images: (m, side, side, 3) uint8; tables: file name to rows, the first of which names the columns;
    link: hard links to the originals where the file system allows it, else copies.
    """
    with new_folder(out) as folder:
        for path, target in zip(
            files.train + files.test, files.train_targets + files.test_targets, strict=True
        ):
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(files.where / path, folder / target, link)
        for name, image in zip(names, images, strict=True):
            Image.fromarray(image).save(folder / name)
        for name, rows in tables.items():
            with (folder / name).open(
                "w", newline="", encoding="utf-8", errors="surrogateescape"
            ) as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
        write_json(folder / "manifest.json", manifest)


def link_or_copy(path: Path, target: Path, link: bool) -> None:
    """The same bytes at ``target``; a link on another file system, or where links are refused, becomes a copy."""
    if link:
        with contextlib.suppress(
            OSError
        ):  # what is really wrong, such as a full disk, is told by the copy
            os.link(os.path.realpath(path), target)
            return
    shutil.copy2(path, target)


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder to write into, which becomes ``out`` at the end; a failure removes it.

    ``out`` may exist if it is empty. Raises ValueError while another process writes it.
    """
    partial = out.with_name(f".{out.name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(out, wait=False, keep=False))
        except BlockingIOError:
            raise ValueError(
                f"out is {out}, which another process is writing; "
                "allowed: to wait for it, or another folder"
            ) from None
        # what a killed process has left in ``partial`` is removed
        yield stack.enter_context(atomic_folder(out, partial))


def earlier(out: Path) -> dict[str, Any] | None:
    """The manifest of what is in ``out``; None if there is nothing. ValueError if it is something else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    try:
        manifest = json.loads((out / "manifest.json").read_text())
        manifest["settings"], manifest["data"]["content"]
        return manifest
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"out is {out}, which holds other files; allowed: a new or an empty folder"
        ) from None
