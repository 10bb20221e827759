"""Define a source of images: files, by which a change is noticed, and contents when opened."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import socket
import urllib.error
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

PARTS = ("train", "test")
SHOWN = 3  # names spelled out in a message; the others are counted


class Missing(ValueError):
    """A data set that is not there; the message says what was looked for, and how to get it."""


class Unreadable(ValueError):
    """An image that cannot be decoded; the message is the reason, in a few words."""


class Item(NamedTuple):
    """One image, not yet read.

    part: ``train`` or ``test``. label: index into the classes. path: relative to the source.
    """

    part: str
    label: int
    path: str


@dataclasses.dataclass(frozen=True)
class Contents:
    """An opened source.

    items: in a fixed order, training images first.
    read: returns the bytes of an image file, or pixels (side, side, 3) uint8 if the source holds
    pixels; raises Unreadable or OSError.
    problems: (path, reason) of files that look like images but cannot be used.
    ignored: number of other files passed over. notes: lines about what was found, for the user.
    """

    classes: tuple[str, ...]
    items: tuple[Item, ...]
    read: Callable[[Item], bytes | np.ndarray]
    problems: tuple[tuple[str, str], ...] = ()
    ignored: int = 0
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set that was found; layout, wanted classes and content of the files decide its images.

    about: what was found, in words. files: relative to ``where``, sorted.
    native: side of every image in pixels; None: any size, to be cropped and resized.
    by_pixels: order images by class and pixels, so that the order is the same for every layout.
    published: number of training and test images of the whole published data set.
    whole: pad each image to a square; otherwise its centre square is taken.
    least: training and test images that every class needs. place: of folders of images, returns
    folder of the part, class, and name within the class of a path.
    """

    about: str
    where: Path
    layout: str
    files: tuple[str, ...]
    open: Callable[[], Contents]
    native: int | None = None
    by_pixels: bool = False
    published: tuple[int, int] | None = None
    whole: bool = False
    least: tuple[int, int] = (2, 1)
    place: Callable[[str], tuple[str, str, str]] | None = None


def first_names(names: Collection[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(list(names)[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def class_positions(
    wanted: Sequence[str] | None, there: Sequence[str], other_names: Sequence[str] = ()
) -> list[int]:
    """Return the positions in ``there`` of the wanted classes, in the order of ``there``.

    other_names: a second name of each class. If ``wanted`` is None all positions are returned.
    Raises ValueError that names the classes that are not there.
    """
    if wanted is None:
        return list(range(len(there)))
    unknown = [name for name in wanted if name not in there and name not in other_names]
    if unknown:
        raise ValueError(
            f"no class {first_names([repr(name) for name in unknown])}; allowed: {', '.join(there)}"
        )
    seconds = other_names or there
    return [
        i
        for i, (name, second) in enumerate(zip(there, seconds, strict=True))
        if name in wanted or second in wanted
    ]


def check_counts(
    classes: Sequence[str],
    items: Sequence[Item],
    where: Path,
    least: tuple[int, int] = (2, 1),
) -> None:
    """Raise ValueError unless there are two classes, each with enough images.

    least: training and test images of each class.
    """
    if len(classes) < 2:
        raise ValueError(
            f"{where} holds {len(classes)} classes of images ({first_names(classes)}); "
            "allowed: at least 2, a folder each"
        )
    count = {
        part: np.bincount(
            [item.label for item in items if item.part == part], minlength=len(classes)
        )
        for part in PARTS
    }
    few = [
        f"{name} ({train} training, {test} test)"
        for name, train, test in zip(classes, count["train"], count["test"], strict=True)
        if train < least[0] or test < least[1]
    ]
    if few:
        raise ValueError(
            f"too few images in {where}: {first_names(few)}; "
            f"allowed: at least {least[0]} training images and {least[1]} test image in every class"
        )


@contextlib.contextmanager
def downloading(sought: str, place: Path) -> Iterator[None]:
    """Wrap a download into ``place``: raise Missing if the network fails or does not answer.

    sought: the first part of the message, what was looked for where.
    """
    timeout_before = socket.getdefaulttimeout()
    existed = place.exists()
    place.mkdir(parents=True, exist_ok=True)
    socket.setdefaulttimeout(30)  # seconds; the default waits for ever
    try:
        yield
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        ConnectionError,
        TimeoutError,
        RuntimeError,
        EOFError,
    ) as error:
        why = getattr(error, "reason", error)
        if not existed:
            with contextlib.suppress(OSError):  # part of the download may be there
                place.rmdir()
        raise Missing(
            f"{sought}; the download failed ({why}): put the archive into {place}, "
            "or name another folder with --root"
        ) from None
    finally:
        socket.setdefaulttimeout(timeout_before)
