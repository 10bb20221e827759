"""What every source of images gives: its files, by which a change is noticed, and its contents once they are opened."""

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
SHOWN = 3  # names in a message; the rest is counted


class Missing(ValueError):
    """The data set is not there; the message says what was looked for where, and how to get it."""


class Unreadable(ValueError):
    """An image that cannot be decoded; the message is the reason, in a few words."""


class Item(NamedTuple):
    """One image, not yet read. part: train or test; label: index into the classes; path: relative to the source."""

    part: str
    label: int
    path: str


@dataclasses.dataclass(frozen=True)
class Contents:
    """An opened source. items: in a fixed order, training images first.

    read: the bytes of an image file, or its pixels (side, side, 3) uint8 where the source holds pixels; raises Unreadable or OSError.
    problems: (path, reason) of what looks like an image but has no place; ignored: number of other files passed over.
    """

    classes: tuple[str, ...]
    items: tuple[Item, ...]
    read: Callable[[Item], bytes | np.ndarray]
    problems: tuple[tuple[str, str], ...] = ()
    ignored: int = 0


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set that was found. The images are a function of ``layout``, the wanted classes and the content of ``files``.

    about: what was found, in words; files: relative to ``where``, sorted; native: the side that every image has, or None: of any size,
    to be cropped and resized; by_pixels: order images by class and pixels, so that the order is the same whatever the layout;
    published: training and test images of the whole published data set.
    """

    about: str
    where: Path
    layout: str
    files: tuple[str, ...]
    open: Callable[[], Contents]
    native: int | None = None
    by_pixels: bool = False
    published: tuple[int, int] | None = None


def first_names(names: Collection[str]) -> str:
    """The first few names and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(list(names)[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def class_positions(
    wanted: Sequence[str] | None, there: Sequence[str], other_names: Sequence[str] = ()
) -> list[int]:
    """Positions in ``there`` of the wanted classes, in the order of ``there``; all if ``wanted`` is None.

    other_names: a second name of each class. Raises ValueError naming classes that are not there.
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


def check_counts(classes: Sequence[str], items: Sequence[Item], where: Path) -> None:
    """Every class needs two training images and a test image, and there must be two classes; raises ValueError, in one line."""
    if len(classes) < 2:
        raise ValueError(
            f"{where} holds {len(classes)} classes of images ({first_names(classes)}); allowed: at least 2, a folder each"
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
        if train < 2 or test < 1
    ]
    if few:
        raise ValueError(
            f"too few images in {where}: {first_names(few)}; allowed: at least 2 training images and 1 test image in every class"
        )


@contextlib.contextmanager
def downloading(sought: str, place: Path) -> Iterator[None]:
    """Around a download into ``place``: a network that fails, or does not answer, raises Missing with what was ``sought``."""
    before, there = socket.getdefaulttimeout(), place.exists()
    place.mkdir(parents=True, exist_ok=True)
    socket.setdefaulttimeout(
        30
    )  # seconds; else a network that does not answer would hold it for ever
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
        if not there:
            with contextlib.suppress(OSError):  # something may have come
                place.rmdir()
        raise Missing(
            f"{sought}; the download failed ({why}): put the archive into {place}, or name another folder with --root"
        ) from None
    finally:
        socket.setdefaulttimeout(before)
