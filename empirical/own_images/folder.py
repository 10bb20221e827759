"""Read image folders that are augmented, and write the folder of originals and variants."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from empirical.config import Data, require
from empirical.data.decoded import DecodedDataset, Request, decode_once
from empirical.data.sources import folder as folders
from empirical.data.sources.decode import decode_rgb, resize_square
from empirical.data.sources.locate import FOLDER_PREFIX, data_root
from empirical.data.sources.source import Contents, Item, Source, Unreadable
from empirical.own_images.suspects import matching_exclusions
from empirical.own_images.targets import (
    copy_file,
    fit_name,
    reread_reasons,
    target_paths,
    write_metadata,
)
from empirical.runtime.locks import locked
from figures.records import atomic_folder, digest, write_json

MEASURED = 200  # images whose size is read


@dataclasses.dataclass(frozen=True)
class FolderFiles:
    """The files of an image folder by part, in the order of the decoded images.

    where: the folder. train, test: paths within it. train_targets, test_targets: the path of each
    in the folder that is written.
    """

    where: Path
    train: tuple[str, ...]
    test: tuple[str, ...]
    train_targets: tuple[str, ...]
    test_targets: tuple[str, ...]
    rewritten: Mapping[str, str] = dataclasses.field(default_factory=dict)
    parts: tuple[str, ...] = ()


def folder_source(
    folder: Path, hold_out: bool = False, excluded: frozenset[str] = frozenset()
) -> Source:
    """Return the images of a folder ``{train,test}/<class>/*`` or ``<class>/*``.

    Of ``<class>/*`` all images are for training; with ``hold_out`` a fifth becomes the test set.
    excluded: paths in the folder that are left out. Raises ValueError if the folder does not exist
    or has another layout, or if a path to leave out is none of its images.
    """
    found = folders.find_folder(str(folder), data_root(), None, train_only=not hold_out)
    if excluded:
        found = leave_out(found, matching_exclusions(excluded, found.files))
    if hold_out:
        has_test = any(item.part == "test" for item in found.open().items)
        drawn = f"{folders.TEST_FRACTION:.0%} of each class drawn"
        require(
            not (has_test and drawn not in found.about),
            f"hold_out of {found.where}, which has a test set",
            hold_out,
            "False",
        )
        return found
    return dataclasses.replace(found, open=functools.partial(with_stand_ins, found.open))


def leave_out(source: Source, excluded: frozenset[str]) -> Source:
    """Return the source without some files, as if they were not there."""

    def open_source() -> Contents:
        contents = source.open()
        items = tuple(item for item in contents.items if item.path not in excluded)
        problems = tuple(each for each in contents.problems if each[0] not in excluded)
        return dataclasses.replace(contents, items=items, problems=problems)

    files = tuple(path for path in source.files if path not in excluded)
    return dataclasses.replace(source, files=files, open=open_source)


def with_stand_ins(open_source: Callable[[], Contents]) -> Contents:
    """Return the contents of a source with a test part, if it has none.

    It holds one readable image of each class again, because every data set has a test part. Nothing
    uses it.
    """
    contents = open_source()
    if any(item.part == "test" for item in contents.items):
        return contents
    stand_ins = []
    for label in range(len(contents.classes)):
        members = [item for item in contents.items if item.label == label]
        stand_in = next((item for item in members if _is_readable(contents, item)), members[0])
        stand_ins.append(stand_in._replace(part="test"))
    return dataclasses.replace(contents, items=(*contents.items, *stand_ins))


def _is_readable(contents: Contents, item: Item) -> bool:
    """Return whether a file can be decoded as an image."""
    try:
        raw = contents.read(item)
        return not isinstance(raw, bytes) or bool(decode_rgb(raw))
    except (Unreadable, OSError):
        return False


def default_side(source: Source, contents: Contents, most: int, largest: bool = False) -> int:
    """Return the median of the shorter sides of up to 200 images, in pixels.

    It is rounded down to a multiple of 8, from 8 to ``most``. largest: return the longest side of
    all of them, rounded up.
    """
    shorter = []
    longest = [8]
    for i in np.unique(np.linspace(0, len(contents.items) - 1, MEASURED).astype(int)):
        path = source.where / contents.items[i].path
        # an unreadable image is reported when it is decoded
        with contextlib.suppress(Exception), Image.open(path) as image:
            shorter.append(min(image.size))
            longest.append(max(image.size))
    if largest:
        return min(most, -(-max(longest) // 8) * 8)
    return max(8, min(most, int(np.median(shorter or [most])) // 8 * 8))


def decode_folder(
    source: Source, side: int | None, skip: bool, root: Path, whole: bool = False
) -> tuple[Data, DecodedDataset]:
    """Return settings that name the decoded images, and the decoded images.

    They are read from ``root``/data if they were decoded to this side before. side: pixels. skip:
    leave out unreadable files. whole: pad each image to a square instead of taking its centre.
    Raises ValueError that names unreadable files, unless they are skipped.
    """
    name = f"{FOLDER_PREFIX}{source.where.resolve()}"
    if whole:  # the layout is part of the key of decoded images
        source = dataclasses.replace(source, layout=f"{source.layout}, padded", whole=True)
    found = decode_once(Request(name, None, side, skip), root / "data", lambda fetch: source)
    data = Data(
        FOLDER_PREFIX + found.manifest["name"],
        None,
        0,
        side,
        skip_unreadable=skip,
        content=found.manifest["content"][:16],
    )
    return data, found


def list_files(source: Source, found: DecodedDataset, hold_out: bool | None = None) -> FolderFiles:
    """Return the file of each decoded image, where each file goes, and which are written decoded.

    A file keeps its path; if a test set was drawn, the path goes below ``train`` or ``test``.
    hold_out: whether one was drawn; None: as the source's layout says.
    """
    paths = json.loads((found.folder / "sources.json").read_text())
    train = tuple(paths["train"])
    trained = set(train)
    test = tuple(path for path in paths["test"] if path not in trained)  # others are stand-ins
    reasons = reread_reasons(source.where, train + test)
    drawn = not source.layout.endswith("for training") if hold_out is None else hold_out
    prefixes = ("train", "test") if drawn else (None, None)
    train_targets = target_paths(source, train, prefixes[0], reasons)
    test_targets = target_paths(source, test, prefixes[1], reasons)
    assert source.place is not None  # folders have it
    parts = {source.place(path)[0] for path in train + test}
    return FolderFiles(
        source.where,
        train,
        test,
        train_targets,
        test_targets,
        rewritten=reasons,
        parts=("train", "test") if drawn else tuple(sorted(parts - {""})),
    )


def as_png(files: FolderFiles) -> FolderFiles:
    """Return the files with targets of images that are written anew: all end in ``.png``."""

    def renamed(targets: Sequence[str]) -> tuple[str, ...]:
        return tuple(t if t.lower().endswith(".png") else f"{t}.png" for t in targets)

    return dataclasses.replace(
        files,
        train_targets=renamed(files.train_targets),
        test_targets=renamed(files.test_targets),
    )


def file_fingerprint(source: Source) -> str:
    """Return a digest of the paths, sizes and times of the files; no file is read."""
    files = []
    for path in source.files:
        status = (source.where / path).stat()
        files.append([path, status.st_size, status.st_mtime_ns])
    return digest([source.layout, files])


def variant_names(
    targets: Sequence[str], sources: Sequence[int], copies: Sequence[int]
) -> list[str]:
    """Return a path ``<stem>-variant-<copy>.png`` beside the source of each variant.

    targets: paths of the originals. sources: index into ``targets`` of each variant's source. Where
    two originals have the same stem, the whole file name is used in its place. No path is that of
    an original, nor returned twice, even if upper and lower case are not distinguished.
    """
    shared = Counter(str(PurePosixPath(path).with_suffix("")).lower() for path in targets)
    taken = {path.lower() for path in targets}
    names = []
    for source, copy in zip(sources, copies, strict=True):
        path = PurePosixPath(targets[source])
        stem = path.stem if shared[str(path.with_suffix("")).lower()] == 1 else path.name
        ending = f"-variant-{copy}.png"
        while (name := str(path.with_name(fit_name(stem, ending)))).lower() in taken:
            stem += "-new"
        taken.add(name.lower())
        names.append(name)
    return names


def write_folder(
    out: Path,
    files: FolderFiles,
    names: Sequence[str],
    images: Iterable[np.ndarray],
    tables: dict[str, list[tuple]],
    manifest: dict[str, Any],
    link: bool,
    extra: Mapping[str, bytes] | None = None,
    side: int | None = None,
) -> None:
    """Write originals, variants, tables and manifest to ``out``, all of them or nothing.

    names: paths of the variants. images: of each, (height, width, 3) uint8. tables: file name ->
    rows, the first of which names the columns. link: make hard links to the originals where the
    file system allows it, otherwise copies. extra: content of further files. side: write the
    originals as squares of this side instead.
    """
    paths = files.train + files.test
    targets = files.train_targets + files.test_targets
    with new_folder(out) as folder:
        for path, target in zip(paths, targets, strict=True):
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            reason = "" if target.endswith(".jpg") else files.rewritten.get(path, "")
            if side is None and not reason:
                copy_file(files.where / path, folder / target, link)
                continue
            picture = decode_rgb((files.where / path).read_bytes())
            if side is not None:
                picture = Image.fromarray(resize_square(picture, side))
            picture.save(folder / target)
        for name, image in zip(names, images, strict=True):
            Image.fromarray(image).save(folder / name)
        for name, rows in tables.items():
            with (folder / name).open(
                "w", newline="", encoding="utf-8", errors="surrogateescape"
            ) as file:  # names of files may contain bytes that are not UTF-8
                csv.writer(file, lineterminator="\n").writerows(rows)
        for name, content in (extra or {}).items():
            (folder / name).write_bytes(content)
        write_metadata(folder, targets, names, files.parts)
        write_json(folder / "manifest.json", manifest)


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


def read_result(out: Path) -> dict[str, Any] | None:
    """Return the manifest of an earlier result in ``out``; None if ``out`` is missing or empty.

    Raises ValueError if ``out`` holds anything else.
    """
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
