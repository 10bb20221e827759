"""Keep decoded data sets on disk: find them again, check them, decode again if damaged.

A data set lies in ``<folder>/<name>-<key>``; the key digests the content of its image files, the
settings, and the code that decodes (see ``empirical/runtime/stage_code.py``). A small file
``stamps/<digest>.json`` remembers the key by paths, sizes and times of the files, so that a second
start need not read all of them; where any of these has changed, the content is read again. A folder
is written by one process at a time under a temporary name, and then renamed.

Read ``find_or_decode`` first.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
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
from empirical.runtime.locks import locked
from empirical.runtime.stage_code import code
from figures.records import atomic_folder, digest, write_json

FORMAT_VERSION = 1  # of the files in a decoded folder
PIXEL_TYPE = np.uint8
LABEL_TYPE = np.int64


@dataclasses.dataclass(frozen=True)
class Request:
    """A data set that is asked for.

    name: as in ``data.name``. classes: only these; None: all. side: in pixels; None: the images'
    own. skip: leave out images that cannot be read. verify: compare the arrays with their digests.
    """

    name: str
    classes: tuple[str, ...] | None = None
    side: int | None = None
    skip: bool = False
    verify: bool = False

    @property
    def label(self) -> str:
        """The name, without the path if it is a folder of one's own images."""
        last = self.name.rstrip("/").rsplit("/", 1)[-1].removeprefix(FOLDER_PREFIX)
        return re.sub(r"[^\w.-]+", "-", last) or "folder"

    def settings(self, side: int | None) -> list:
        """Return the settings that the arrays depend on, besides the files."""
        return [FORMAT_VERSION, sorted(self.classes) if self.classes else None, side]


@dataclasses.dataclass(frozen=True)
class DecodedDataset:
    """A decoded data set on disk. fresh: True if it was decoded by this call."""

    folder: Path
    manifest: Mapping[str, Any]
    fresh: bool = False


def find_or_decode(
    config: Data, artifacts: Path, fetch: bool = False, verify: bool = False
) -> DecodedDataset:
    """Return the decoded data set of these settings, kept below ``artifacts``/data.

    fetch: download images that are missing. verify: compare every byte with its digest.
    Raises ValueError as ``decode_once`` does, and if ``config.content`` is given and the images
    have another digest.
    """
    root = artifacts / "data"
    request = Request(config.name, config.classes, config.side, config.skip_unreadable, verify)
    found = None
    if config.content and not verify:
        found = find_by_content(request, config.content, root)
    if found is None:

        def find(download: bool) -> Source:
            return find_source(config.name, config.classes, download)

        found = decode_once(request, root, find, fetch)
    content = found.manifest["content"]
    if config.content and not content.startswith(config.content):
        raise ValueError(
            f"data.content is {config.content!r}, but the images of {config.name} have "
            f"{content[:16]}; allowed: that, or none"
        )
    return found


def decode_once(
    request: Request, root: Path, find: Callable[[bool], Source], fetch: bool = False
) -> DecodedDataset:
    """Return the decoded data set below ``root``; decode it if it is missing or damaged.

    find: returns the source, given whether to download it. It is called with True only if ``fetch``
    is set, and by one process at a time. If the source is gone, arrays decoded earlier are used,
    whatever code decoded them.
    Raises Missing if there is neither, ValueError if images cannot be read.
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
            found = _find_by_stamp(request, root, stamp)
            found = found or _find_by_key_or_decode(request, root, source, stamp)
    return _require_readable(request, found)


def _require_readable(request: Request, found: DecodedDataset) -> DecodedDataset:
    """Return ``found``; raise ValueError if images were left out and the caller did not ask so."""
    if (left_out := found.manifest["unreadable"]) and not request.skip:
        total = sum(part["shape"][0] for part in found.manifest["parts"].values())
        raise ValueError(unreadable_message(request.name, left_out, total + len(left_out)))
    return found


def find_by_content(request: Request, wanted: str, root: Path) -> DecodedDataset | None:
    """Return the decoded data set whose digest begins with ``wanted``, wherever its images are now.

    It must have been decoded for the same name and settings; a folder of one's own images goes by
    the last part of its path. Returns None if there is none. Raises ValueError if images were left
    out and the caller did not ask for that.
    """
    for folder in _decoded_folders(root):
        manifest = _read_manifest(folder)
        if (
            manifest is not None
            and manifest["content"].startswith(wanted)
            and _matches(request, folder, manifest)
            and not describe_damage(folder, manifest)
        ):
            return _require_readable(request, DecodedDataset(folder, manifest))
    return None


def _matches(request: Request, folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Return whether ``folder`` was decoded for this name and these settings.

    A side that is not given matches the side that is then taken.
    """
    try:
        name, *settings = json.loads((folder / "request.json").read_text())
    except (OSError, ValueError, TypeError):
        return False
    side = request.side or NATIVE_SIDES.get(request.name, DEFAULT_SIDE)
    asked_folder = request.name.startswith(FOLDER_PREFIX)
    asked = [request.label, asked_folder, *request.settings(None)[:-1], side]
    held_folder = str(name).startswith(FOLDER_PREFIX)
    return [manifest["name"], held_folder, *settings[:-1], manifest["side"]] == asked


def _decoded_folders(root: Path) -> list[Path]:
    """Return the finished folders below ``root``, sorted by name."""
    return sorted(path.parent for path in root.glob("[!.]*/manifest.json"))


def _find_without_source(request: Request, root: Path) -> DecodedDataset | None:
    """Return the latest data set decoded for this request while its images were still there.

    Returns None if there is none, and for a folder of one's own images, whose name alone does not
    identify them.
    """
    if request.name.startswith(FOLDER_PREFIX):
        return None
    wanted = [request.name, *request.settings(request.side)]
    latest_first = sorted(_decoded_folders(root), key=lambda f: f.stat().st_mtime, reverse=True)
    for folder in latest_first:
        with contextlib.suppress(OSError, ValueError):
            if json.loads((folder / "request.json").read_text()) == wanted:
                return _intact(request, folder)
    return None


def describe_damage(folder: Path, manifest: Mapping[str, Any], verify: bool = False) -> str:
    """Return what is wrong with the arrays in ``folder``; empty if nothing is.

    Sizes, shapes and types are checked; with ``verify`` every byte.
    """
    for part, entry in manifest["parts"].items():
        for name, expected in entry["sha256"].items():
            path = folder / name
            is_pixels = name == f"{part}.npy"
            shape = entry["shape"] if is_pixels else entry["shape"][:1]
            try:
                array = np.load(path, mmap_mode="r", allow_pickle=False)  # checks the size too
            except (OSError, ValueError, EOFError):
                return f"{name} is missing or cut short"
            if (
                list(array.shape) != shape
                or array.dtype != (PIXEL_TYPE if is_pixels else LABEL_TYPE)
                or path.stat().st_size != array.offset + array.nbytes
            ):
                return f"{name} has another size than it should"
            if verify and array_digest(path) != expected:
                return f"{name} has other bytes than it should"
    return ""


def _read_manifest(folder: Path) -> dict | None:
    """Return the manifest in ``folder``; None if it is missing, damaged or does not fit itself."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        expected = content_digest(manifest["classes"], manifest["side"], manifest["parts"])
        return manifest if manifest["content"] == expected else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _intact(request: Request, folder: Path) -> DecodedDataset | None:
    """Return the data set in ``folder``; if it is damaged, say so in one line and return None."""
    manifest = _read_manifest(folder)
    if manifest is None:
        damage: str | None = "it has no manifest"
    elif not (damage := describe_damage(folder, manifest, request.verify)):
        return DecodedDataset(folder, manifest)
    if folder.exists():
        print(f"{folder} is damaged ({damage}): decoding again", file=sys.stderr, flush=True)
    return None


def _stamp(request: Request, root: Path, source: Source) -> Path:
    """Return the file that remembers where the source's files, as they look now, were decoded."""
    settings = request.settings(decoded_side(source, request.side))
    name = digest([code("decode"), settings, stat_fingerprint(source)])[:16]
    return root / "stamps" / f"{name}.json"


def _find_by_stamp(request: Request, root: Path, stamp: Path) -> DecodedDataset | None:
    """Return the data set that the stamp names; None without a stamp, or if it is damaged."""
    try:
        folder = root / json.loads(stamp.read_text())["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    manifest = _read_manifest(folder)
    if manifest is None or describe_damage(folder, manifest, request.verify):
        return None
    return DecodedDataset(folder, manifest)


def _find_by_key_or_decode(
    request: Request, root: Path, source: Source, stamp: Path
) -> DecodedDataset:
    """Return the data set with the key of the files' content, decoded now if it is not there.

    Its place is remembered in ``stamp``. The caller holds ``decoding_lock``. Raises ValueError if
    the files were changed in the meantime.
    """
    settings = request.settings(decoded_side(source, request.side))
    files = content_fingerprint(source)
    key = digest([code("decode"), settings, source.layout, source.native, files])[:16]
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
    """Decode the source into ``folder``, which replaces a damaged one; all or nothing."""
    partial = root / f".partial-{os.getpid()}-{folder.name}"
    try:
        with atomic_folder(folder, partial):
            manifest = decode_source(request.label, source, request.side, request.skip, partial)
            write_json(partial / "request.json", [request.name, *request.settings(request.side)])
            if folder.exists():
                shutil.rmtree(folder)  # damaged
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(errno.ENOSPC, "no space left for the decoded images", str(root)) from None
        raise
    return DecodedDataset(folder, json.loads(json.dumps(manifest)), fresh=True)


@contextlib.contextmanager
def decoding_lock(root: Path) -> Iterator[None]:
    """Let one process at a time decode below ``root``; remove what a killed one left half-done.

    The system frees the lock of a process that ends, however it ends. A process that has to wait
    says so in one line.
    """
    root.mkdir(parents=True, exist_ok=True)
    with locked(root / "decoding", "another process is decoding images: waiting for it"):
        for partial in root.glob(".partial-*"):
            shutil.rmtree(partial, ignore_errors=True)
        yield
