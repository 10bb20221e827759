"""Decoded data sets on disk: found again by the content of their files, checked, and made anew if damaged.

A data set lies in ``<folder>/<name>-<key>``; the key is the digest of the content of its files and of the settings. So that a second
start need not read all files, a small file ``stamps/<digest>.json`` remembers the key by paths, sizes and times of the files: where
any of these has changed, the content is read again. Folders are made under another name by one process at a time and then renamed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from empirical.config import Data
from empirical.data.sources.build import (
    DEFAULT_SIDE,
    array_digest,
    content_digest,
    decode_source,
    decoded_side,
    unreadable_message,
)
from empirical.data.sources.fingerprint import content_fingerprint, stat_fingerprint
from empirical.data.sources.locate import FOLDER_PREFIX, NATIVE_SIDES, find_source
from empirical.data.sources.source import Missing, Source
from figures.records import digest, write_json

DTYPES = {True: np.uint8, False: np.int64}  # of pixels, of labels
FORMAT_VERSION = 1  # raised when the same files give other arrays


@dataclasses.dataclass(frozen=True)
class Request:
    """What of a data set is wanted. skip: leave out images that cannot be read; verify: compare the arrays with their digests."""

    name: str
    classes: tuple[str, ...] | None = None
    side: int | None = None
    skip: bool = False
    verify: bool = False

    @property
    def label(self) -> str:
        """The name without the path to the folder of a reader's own images."""
        return (
            re.sub(
                r"[^\w.-]+", "-", self.name.rstrip("/").rsplit("/", 1)[-1].removeprefix("folder:")
            )
            or "folder"
        )

    def settings(self, side: int | None) -> list:
        """What else the arrays depend on, beside the files."""
        return [FORMAT_VERSION, sorted(self.classes) if self.classes else None, side]


@dataclasses.dataclass(frozen=True)
class DecodedDataset:
    """A decoded data set; fresh: it was decoded just now."""

    folder: Path
    manifest: Mapping[str, Any]
    fresh: bool = False


def decode_once(
    request: Request, root: Path, find: Callable[[bool], Source], fetch: bool = False
) -> DecodedDataset:
    """The decoded data set, from below ``root`` if it is there and whole, else decoded now.

    find: the source, given whether to download it; this is done by one process at a time, and only if ``fetch``.
    Where the images themselves are gone, what was decoded from them still serves. Raises Missing without either, ValueError for
    images that cannot be read.
    """
    try:
        source = find(False)
    except Missing:
        if (found := _find_without_source(request, root)) is not None:
            return _require_readable(request, found)
        if not fetch:
            raise
        with decoding_lock(root):
            source = find(True)
    stamp = _stamp(request, root, source)
    found = _find_by_stamp(request, root, stamp)
    if found is None:
        with decoding_lock(root):
            found = _find_by_stamp(request, root, stamp) or _find_by_content_or_decode(
                request, root, source, stamp
            )
    return _require_readable(request, found)


def find_or_decode(
    config: Data, artifacts: Path, fetch: bool = False, verify: bool = False
) -> DecodedDataset:
    """The data set of these settings, below ``artifacts``/data. fetch: download what is not there; verify: compare every byte.

    Raises ValueError as ``stored`` does, and if ``config.content`` is given and the images have another.
    """
    root = artifacts / "data"
    request = Request(config.name, config.classes, config.side, config.skip_unreadable, verify)
    found = (
        find_by_content(request, config.content, root) if config.content and not verify else None
    )
    if found is None:
        found = decode_once(
            request,
            root,
            lambda download: find_source(config.name, config.classes, download),
            fetch,
        )
    content = found.manifest["content"]
    if config.content and not content.startswith(config.content):
        raise ValueError(
            f"data.content is {config.content!r}, but the images of {config.name} have {content[:16]}; allowed: that, or none"
        )
    return found


def _require_readable(request: Request, found: DecodedDataset) -> DecodedDataset:
    """What was decoded without some images serves those who leave them out."""
    if (left_out := found.manifest["unreadable"]) and not request.skip:
        total = sum(part["shape"][0] for part in found.manifest["parts"].values())
        raise ValueError(unreadable_message(request.name, left_out, total + len(left_out)))
    return found


def find_by_content(request: Request, wanted: str, root: Path) -> DecodedDataset | None:
    """What was decoded for this name and these settings, and has this digest, or one that begins so, wherever the images are now.

    Of a reader's own folder the last part of its path is the name. Raises ValueError for images left out unasked.
    """
    for folder in _folders(root):
        manifest = _manifest(folder)
        if (
            manifest is not None
            and manifest["content"].startswith(wanted)
            and _matches(request, folder, manifest)
            and not describe_damage(folder, manifest)
        ):
            return _require_readable(request, DecodedDataset(folder, manifest))
    return None


def _matches(request: Request, folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether ``folder`` holds what would be decoded for ``request``. A side not given and the one that is then taken are the same."""
    try:
        name, *settings = json.loads((folder / "request.json").read_text())
    except (OSError, ValueError, TypeError):
        return False
    side = request.side or NATIVE_SIDES.get(request.name, DEFAULT_SIDE)
    wanted = [
        request.label,
        request.name.startswith(FOLDER_PREFIX),
        *request.settings(None)[:-1],
        side,
    ]
    return [
        manifest["name"],
        str(name).startswith(FOLDER_PREFIX),
        *settings[:-1],
        manifest["side"],
    ] == wanted


def _folders(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.glob("[!.]*/manifest.json"))


def _find_without_source(request: Request, root: Path) -> DecodedDataset | None:
    """What was decoded when the images were there, the latest; never for a reader's own folder, whose name alone says little."""
    if request.name.startswith(FOLDER_PREFIX):
        return None
    for folder in sorted(_folders(root), key=lambda folder: folder.stat().st_mtime, reverse=True):
        with contextlib.suppress(OSError, ValueError):
            if json.loads((folder / "request.json").read_text()) == [
                request.name,
                *request.settings(request.side),
            ]:
                return _intact(request, folder)
    return None


def describe_damage(folder: Path, manifest: Mapping[str, Any], verify: bool = False) -> str:
    """What is wrong with the arrays in ``folder``: their size and shape, and with ``verify`` every byte. Empty if nothing."""
    for part, entry in manifest["parts"].items():
        for name, expected in entry["sha256"].items():
            path, shape = (
                folder / name,
                entry["shape"] if name == f"{part}.npy" else entry["shape"][:1],
            )
            try:
                array = np.load(path, mmap_mode="r", allow_pickle=False)  # checks the size too
            except (OSError, ValueError, EOFError):
                return f"{name} is missing or cut short"
            if (
                list(array.shape) != shape
                or array.dtype != DTYPES[name == f"{part}.npy"]
                or path.stat().st_size != array.offset + array.nbytes
            ):
                return f"{name} has another size than it should"
            if verify and array_digest(path) != expected:
                return f"{name} has other bytes than it should"
    return ""


def _manifest(folder: Path) -> dict | None:
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        return (
            manifest
            if manifest["content"]
            == content_digest(*(manifest[k] for k in ("classes", "side", "parts")))
            else None
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _intact(request: Request, folder: Path) -> DecodedDataset | None:
    """What stands in ``folder`` if it is unharmed; if it is not, a line says so, and it will be made again."""
    manifest = _manifest(folder)
    wrong = (
        "it has no manifest"
        if manifest is None
        else describe_damage(folder, manifest, request.verify)
    )
    if not wrong:
        return DecodedDataset(folder, manifest)
    if folder.exists():
        print(f"{folder} is damaged ({wrong}): decoding again", file=sys.stderr, flush=True)
    return None


def _stamp(request: Request, root: Path, source: Source) -> Path:
    """The file that remembers where the images of these files, as they are seen now, were decoded to."""
    return (
        root
        / "stamps"
        / f"{digest([request.settings(decoded_side(source, request.side)), stat_fingerprint(source)])[:16]}.json"
    )


def _find_by_stamp(request: Request, root: Path, stamp: Path) -> DecodedDataset | None:
    """Found by paths, sizes and times alone."""
    try:
        folder = root / json.loads(stamp.read_text())["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    manifest = _manifest(folder)
    return (
        DecodedDataset(folder, manifest)
        if manifest is not None and not describe_damage(folder, manifest, request.verify)
        else None
    )


def _find_by_content_or_decode(
    request: Request, root: Path, source: Source, stamp: Path
) -> DecodedDataset:
    """Found by the content of the files, or decoded; then remembered by ``stamp``. Called by one process at a time."""
    key = digest(
        [
            request.settings(decoded_side(source, request.side)),
            source.layout,
            source.native,
            content_fingerprint(source),
        ]
    )[:16]
    folder = root / f"{request.label}-{key}"
    found = _intact(request, folder)
    if found is None:
        found = _decode(request, root, source, folder)
    if _stamp(request, root, source) != stamp:
        if found.fresh:
            shutil.rmtree(folder)
        raise ValueError(
            f"{source.where} was changed while it was read; call again once it is at rest"
        )
    write_json(stamp, {"folder": folder.name})
    return found


def _decode(request: Request, root: Path, source: Source, folder: Path) -> DecodedDataset:
    partial = root / f".partial-{os.getpid()}-{folder.name}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        manifest = decode_source(request.label, source, request.side, request.skip, partial)
        write_json(partial / "request.json", [request.name, *request.settings(request.side)])
        if folder.exists():
            shutil.rmtree(folder)  # damaged
        partial.rename(folder)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise OSError(errno.ENOSPC, "no space left for the decoded images", str(root)) from None
        raise
    return DecodedDataset(folder, json.loads(json.dumps(manifest)), fresh=True)


@contextlib.contextmanager
def decoding_lock(root: Path) -> Iterator[None]:
    """One process at a time decodes; the system frees the lock of one that was killed, and what it left half-done is removed."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another process is decoding images: waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        for partial in root.glob(".partial-*"):
            shutil.rmtree(partial, ignore_errors=True)
        yield
