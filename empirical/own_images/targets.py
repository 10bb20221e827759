"""Decide where each image of a folder goes in the folder that is written, and in which form.

A file keeps its bytes and its path where a common loader reads it as this package does. Others are
written decoded, as PNG: upright, 8-bit RGB, transparent pixels on white.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import hashlib
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from empirical.data.decoded import DecodedDataset
from empirical.data.sources.decode import reread_reason
from empirical.data.sources.source import Source, first_names
from empirical.runtime.locks import locked
from figures.records import default_workers

LONGEST = 255  # bytes of a file's name, on all common file systems
JPEG = b"\xff\xd8\xff"  # its first bytes
CLONE = 0x40049409  # Linux's ioctl FICLONE: the copy shares its blocks until one is changed
SAMPLED = 50  # images whose size is read to tell how much room variants need
SPARE = 1.1  # room that is asked for, in units of what is expected


def fit_name(stem: str, ending: str) -> str:
    """Return ``stem + ending``, the stem cut where the name is longer than 255 bytes.

    A digest of the whole stem takes the place of what is cut off.
    """
    if len(os.fsencode(stem + ending)) <= LONGEST:
        return stem + ending
    mark = "-" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    kept = stem
    while len(os.fsencode(kept + mark + ending)) > LONGEST:
        kept = kept[:-1]
    return kept + mark + ending


def reread_reasons(where: Path, paths: Sequence[str]) -> dict[str, str]:
    """Return why files cannot stay as they are, by path; see ``reread_reason``."""

    def reason(path: str) -> str:
        data = (where / path).read_bytes()
        why = reread_reason(path, data)
        return "suffix of a JPEG" if why == "suffix" and data.startswith(JPEG) else why

    with ThreadPoolExecutor(default_workers()) as pool:
        found = zip(paths, pool.map(reason, paths), strict=True)
        return {path: why for path, why in found if why}


def target_paths(
    source: Source, paths: Sequence[str], prefix: str | None, reasons: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the path of each file in the folder that is written: [part/]class/name.

    prefix: folder of the part; None: the source's own. reasons: of files that are written anew.
    """
    assert source.place is not None  # folders have it
    taken: set[str] = set()
    targets = []
    plain = {path for path in paths if path not in reasons}
    for path in sorted(paths, key=lambda path: path not in plain):  # these keep their names
        folder, label, inside = source.place(path)
        part = folder if prefix is None else prefix
        name = PurePosixPath(inside)
        stem, ending = name.name, ""
        if path in reasons:
            stem, ending = name.stem, ".jpg" if reasons[path] == "suffix of a JPEG" else ".png"
        top = PurePosixPath(part) / label / name.parent
        target = str(top / fit_name(stem, ending))
        if target.casefold() in taken:
            target = str(top / fit_name(name.name, ending))
        while target.casefold() in taken:
            stem += "-new"
            target = str(top / fit_name(stem, ending))
        taken.add(target.casefold())
        targets.append((path, target))
    found = dict(targets)
    return tuple(found[path] for path in paths)


def copy_file(path: Path, target: Path, link: bool) -> None:
    """Give ``target`` the same bytes as ``path``: a copy, or a hard link if ``link``.

    A copy shares its blocks with the original where the file system can, so that it takes no room
    until one of them is changed. Where links are refused, the file is copied.
    """
    if link:
        with contextlib.suppress(OSError):  # other errors, such as a full disk, the copy raises
            os.link(os.path.realpath(path), target)
            return
    with contextlib.suppress(OSError), path.open("rb") as old, target.open("wb") as new:
        fcntl.ioctl(new.fileno(), CLONE, old.fileno())
        shutil.copystat(path, target)
        return
    shutil.copy2(path, target)


@contextlib.contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Keep other processes from making ``out`` while the block runs.

    Raises ValueError at once if one is at it, OSError if nothing can be written beside ``out``.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            claim = out.with_name(f"{out.name}.claim")
            stack.enter_context(locked(claim, wait=False, keep=False))
        except BlockingIOError:
            raise ValueError(
                f"out is {out}, which another process is making; "
                "allowed: to wait for it, or another folder"
            ) from None
        yield


def require_room(
    out: Path, cache: Path, where: Path, paths: Sequence[str], variants: int, side: int
) -> None:
    """Raise ValueError unless ``out`` and the store in ``cache`` have room for the result.

    paths: of the originals in ``where``. side: of the variants in the store, in pixels. The bytes
    of a written variant are taken to be those of its pixels, at most.
    """
    originals = sum((where / path).stat().st_size for path in paths)
    some = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, SAMPLED).astype(int))]
    sizes = []
    for path in some:
        with contextlib.suppress(Exception), Image.open(where / path) as image:
            sizes.append(3 * image.width * image.height)
    each = float(np.mean(sizes)) if sizes else 3 * side**2
    need = {_existing(out): SPARE * (originals + variants * each)}
    store = SPARE * 3 * variants * side**2
    need[_existing(cache)] = need.get(_existing(cache), 0) + store
    for place, size in need.items():
        free = shutil.disk_usage(place).free
        if free < size:
            raise ValueError(
                f"{place} has room for {free / 1e9:.2f} GB; allowed: at least {size / 1e9:.2f} GB, "
                f"for {len(paths):,} originals and {variants:,} variants; free some, or give "
                "another --out or --cache"
            )


def _existing(path: Path) -> Path:
    """Return a path, or the first folder above it that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def write_metadata(
    folder: Path, targets: Sequence[str], variants: Sequence[str], parts: Sequence[str]
) -> None:
    """Write ``metadata.csv`` with file_name and label, as Hugging Face's ``imagefolder`` reads it.

    There is one in the folder of each part, of all images in it. targets, variants: paths
    [part/]class/name. parts: folders of the parts; empty without parts.
    """
    rows = defaultdict(list)
    for kind, names in (("original", targets), ("variant", variants)):
        for name in names:
            first, _, rest = name.partition("/")
            part, inner = (first, rest) if first in parts else ("", name)
            rows[part].append((inner, inner.partition("/")[0], kind))
    for part, lines in rows.items():
        with (folder / part / "metadata.csv").open(
            "w", newline="", encoding="utf-8", errors="surrogateescape"
        ) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("file_name", "label", "kind"))
            writer.writerows(sorted(lines))


def duplicate_lines(found: DecodedDataset, train: Sequence[str], test: Sequence[str]) -> list[str]:
    """Return lines that count equal images: in training and test, and under two classes.

    train, test: paths of the decoded images, in their order; those of ``test`` that are in
    ``train`` as well stand in for a test set and do not count.
    """
    trained = set(train)
    seen: dict[bytes, tuple[str, int]] = {}
    shared, apart = [], []
    for part, paths in (("train", train), ("test", test)):
        if not paths:  # the images decoded for this part stand in for a test set
            continue
        pixels = np.load(found.folder / f"{part}.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(found.folder / f"{part}-labels.npy", allow_pickle=False)
        known = trained if part == "test" else set()
        for path, image, label in zip(paths, pixels, labels.tolist(), strict=True):
            if path in known:
                continue
            key = hashlib.sha256(np.ascontiguousarray(image).data).digest()
            other, theirs = seen.setdefault(key, (path, label))
            if other == path:
                continue
            if theirs != label:
                apart.append(f"{path} = {other}")
            elif part == "test" and other in trained:
                shared.append(f"{path} = {other}")
    lines = []
    if shared:
        lines.append(
            f"warning: {len(shared):,} test images are training images as well: "
            f"{first_names(shared)}"
        )
    if apart:
        lines.append(
            f"warning: {len(apart):,} images are there under two classes: {first_names(apart)}"
        )
    return lines


def count_reasons(reasons: Mapping[str, str]) -> str:
    """Return how many images are written decoded, by reason; empty for none."""
    count = Counter(reasons.values())
    if not count:
        return ""
    listed = ", ".join(f"{number:,} {why}" for why, number in count.most_common())
    return f"{len(reasons):,} originals are written decoded, so that all loaders agree: {listed}"
