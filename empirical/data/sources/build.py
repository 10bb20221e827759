"""Decode a source into ``.npy`` files, pixels and labels of two parts, with a manifest."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from empirical.data.sources.decode import average_down, decode_rgb, require_side, resize_square
from empirical.data.sources.frame import pad_to_square
from empirical.data.sources.source import (
    PARTS,
    SHOWN,
    Contents,
    Item,
    Source,
    Unreadable,
    check_counts,
)
from figures.records import atomic_write, default_workers, digest, write_json

CHUNK = 128  # images that a thread decodes before it hands them over
DEFAULT_SIDE = 64  # pixels, for images that may have any size


@dataclasses.dataclass(frozen=True)
class DecodedImage:
    """One decoded image, or the reason why it cannot be decoded.

    pixels: (side, side, 3) uint8; None if it cannot be decoded. key: digest of the pixels before
    averaging; empty unless the source is ordered by pixels.
    """

    item: Item
    pixels: np.ndarray | None = None
    key: bytes = b""
    reason: str = ""


def decoded_side(source: Source, side: int | None) -> int:
    """Return the side of the decoded images: ``side``, or the source's own or 64 if it is None.

    Raises ValueError if the source's pixels cannot be averaged down to ``side``.
    """
    if source.native is None:
        return side or DEFAULT_SIDE
    if side is not None and (side > source.native or source.native % side):
        raise ValueError(
            f"data.side is {side}; "
            f"allowed: divisors of {source.native}, as pixels are averaged over squares"
        )
    return side or source.native


def decode_image(source: Source, contents: Contents, item: Item, side: int) -> DecodedImage:
    """Read and decode one image; an error is returned as the reason, not raised."""
    try:
        raw = contents.read(item)
        if isinstance(raw, bytes):
            image = decode_rgb(raw)
            if source.native is not None:
                raw = require_side(image, source.native)
            else:
                raw = pad_to_square(image, side) if source.whole else resize_square(image, side)
    except (Unreadable, OSError) as error:
        return DecodedImage(item, reason=getattr(error, "strerror", None) or str(error))
    pixels = raw if raw.shape[0] == side else average_down(raw, side)
    return DecodedImage(
        item, pixels, hashlib.sha256(raw.data).digest() if source.by_pixels else b""
    )


def decode_in_order(
    source: Source, contents: Contents, items: Sequence[Item], side: int, workers: int
) -> Generator[list[DecodedImage], None, None]:
    """Yield all items in order, decoded in chunks by ``workers`` threads.

    The threads are never far ahead of the reader, and end soon after it stops.
    """

    def chunk(start: int) -> list[DecodedImage]:
        return [
            decode_image(source, contents, item, side)
            for item in items[start : start + CHUNK]
            if not stopped.is_set()
        ]

    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[list[DecodedImage]]] = deque()
    stopped = threading.Event()
    try:
        for start in range(0, len(items), CHUNK):
            waiting.append(pool.submit(chunk, start))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)


class NpyWriter:
    """A ``.npy`` file of (n, *shape) uint8 that grows image by image.

    It is written plainly, not mapped, so that a full disk is an error and not a crash.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.count = 0
        self.file = path.open("w+b")
        self.file.write(self._header())

    def _header(self) -> bytes:
        """Return the header; numpy leaves room for the count to grow, so its length stays."""
        buffer = io.BytesIO()
        array = {"descr": "|u1", "fortran_order": False, "shape": (self.count, *self.shape)}
        np.lib.format.write_array_header_1_0(buffer, array)
        return buffer.getvalue()

    def add(self, images: Sequence[np.ndarray]) -> None:
        """Append images, each (*shape) uint8."""
        self.file.write(np.stack(images).data)
        self.count += len(images)

    def __enter__(self) -> NpyWriter:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        with self.file:
            if kind is None:
                self.file.seek(0)
                self.file.write(self._header())
                self.file.flush()
                os.fsync(self.file.fileno())


def decode_source(name: str, source: Source, side: int | None, skip: bool, folder: Path) -> dict:
    """Decode ``source`` into the empty ``folder`` and return the manifest written there.

    side: in pixels; None: the source's own. skip: leave out images that cannot be read; otherwise
    they raise ValueError, which names the first of them.
    """
    contents = source.open()
    size = decoded_side(source, side)
    unreadable = list(contents.problems)
    kept = []
    parts = {}
    with (
        warnings.catch_warnings(),
        tqdm(
            total=len(contents.items),
            desc=f"decoding {name}",
            unit=" images",
            file=sys.stderr,
            dynamic_ncols=True,
            delay=0.5,
        ) as bar,
    ):
        warnings.simplefilter("ignore")  # Pillow's, about odd metadata of readable images
        for part in PARTS:
            parts[part], items = write_part(source, contents, part, size, folder, unreadable, bar)
            kept += items
    if unreadable and not skip:
        total = len(contents.items) + len(contents.problems)
        raise ValueError(unreadable_message(source.where, unreadable, total))
    check_counts(contents.classes, kept, source.where, source.least)
    manifest = {
        "name": name,
        "about": source.about,
        "classes": contents.classes,
        "side": size,
        "parts": parts,
        "published": source.published,
        "ignored": contents.ignored,
        "unreadable": unreadable,
        "content": content_digest(contents.classes, size, parts),
    }
    paths = {part: [item.path for item in kept if item.part == part] for part in PARTS}
    write_json(folder / "sources.json", paths)
    write_json(folder / "manifest.json", manifest)
    return manifest


def content_digest(classes: Sequence[str], side: int, parts: dict) -> str:
    """Return the digest that identifies a data set: of its classes, pixels and labels in order.

    parts: the entries of the manifest, by part.
    """
    arrays = {part: [parts[part]["shape"], parts[part]["sha256"]] for part in PARTS}
    return digest([classes, side, arrays])


def unreadable_message(where: Path | str, unreadable: Sequence[Sequence[str]], total: int) -> str:
    """Return one line: how many files cannot be read, the first few with reasons, what to do.

    unreadable: (path, reason). total: files in all.
    """
    first = "; ".join(f"{path} ({reason})" for path, reason in unreadable[:SHOWN])
    more = f"; and {len(unreadable) - SHOWN} more" if len(unreadable) > SHOWN else ""
    return (
        f"{len(unreadable)} of {total:,} files in {where} cannot be read as images: {first}{more}; "
        "mend or remove them, or leave them out with --skip-unreadable"
    )


def write_part(
    source: Source,
    contents: Contents,
    part: str,
    side: int,
    folder: Path,
    unreadable: list,
    bar: tqdm,
) -> tuple[dict, list[Item]]:
    """Decode one part into ``<part>.npy`` and ``<part>-labels.npy``.

    Images that cannot be read are added to ``unreadable`` as (path, reason).
    Returns the part's entry in the manifest, and its items in their final order.
    """
    items = [item for item in contents.items if item.part == part]
    path = folder / f"{part}.npy"
    kept = []
    keys = []
    with (
        NpyWriter(path, (side, side, 3)) as writer,
        contextlib.closing(
            decode_in_order(source, contents, items, side, default_workers())
        ) as chunks,
    ):
        for images in chunks:
            good = [image for image in images if image.pixels is not None]
            bad = [image for image in images if image.pixels is None]
            unreadable += [(image.item.path, image.reason) for image in bad]
            if good:
                writer.add([image.pixels for image in good if image.pixels is not None])
            kept += [image.item for image in good]
            keys += [image.key for image in good]
            bar.update(len(images))
    if source.by_pixels:
        order = sorted(range(len(kept)), key=lambda i: (kept[i].label, keys[i]))
        reorder(path, order)
        kept = [kept[i] for i in order]
    np.save(folder / f"{part}-labels.npy", np.array([item.label for item in kept], np.int64))
    return part_entry(folder, part), kept


def reorder(path: Path, order: Sequence[int]) -> None:
    """Rewrite a ``.npy`` file with its images in this order."""
    before = np.load(path, mmap_mode="r")
    with atomic_write(path) as temporary, NpyWriter(temporary, before.shape[1:]) as writer:
        for start in range(0, len(order), 4096):
            writer.add([before[i] for i in order[start : start + 4096]])


def part_entry(folder: Path, part: str) -> dict:
    """Return a part's entry in the manifest.

    It holds the shape, the digests of the files, and mean and standard deviation of each channel
    on the scale [0, 1].
    """
    pixels = np.load(folder / f"{part}.npy", mmap_mode="r")
    count = np.zeros((pixels.shape[-1], 256), np.int64)  # how often each channel takes each value
    for start in range(0, len(pixels), 4096):
        block = np.asarray(pixels[start : start + 4096]).reshape(-1, pixels.shape[-1])
        count += np.stack([np.bincount(channel, minlength=256) for channel in block.T])
    values = np.arange(256) / 255
    total = count.sum(1).clip(1)
    mean = count @ values / total
    names = (f"{part}.npy", f"{part}-labels.npy")
    return {
        "shape": pixels.shape,
        "sha256": {name: array_digest(folder / name) for name in names},
        "mean": mean.tolist(),
        "deviation": np.sqrt(count @ values**2 / total - mean**2).tolist(),
    }


def array_digest(path: Path) -> str:
    """Return the sha256 of the numbers in a ``.npy`` file.

    The header is left out, since another version of the library may write it in another way.
    """
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    state = hashlib.sha256()
    for start in range(0, len(array), 4096):
        state.update(array[start : start + 4096].data)
    return state.hexdigest()
