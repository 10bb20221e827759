"""Find a data set by its name: look in the data folder, or fetch it."""

from __future__ import annotations

import os
from pathlib import Path

from empirical.data.sources import cifar, folder, tiny_imagenet
from empirical.data.sources.source import Source
from figures.records import OUTPUT

FOLDER = "folder:"
NAMED = {"cifar10": cifar.find, "cifar100": cifar.find, "tiny-imagenet": tiny_imagenet.find}
NATIVE = {
    "cifar10": cifar.SIDE,
    "cifar100": cifar.SIDE,
    "tiny-imagenet": tiny_imagenet.SIDE,
}  # side of the images, pixels
VARIABLE = "TADA_DATA"  # environment variable: where data sets lie


def data_root() -> Path:
    """Where data sets are looked for: the environment variable TADA_DATA, else ``data`` beside the packages."""
    return Path(os.environ.get(VARIABLE) or OUTPUT.parent / "data").expanduser()


def look_in(root: Path | None) -> None:
    """Look for data sets in this folder from now on, in this process and those that it starts."""
    if root is not None:
        os.environ[VARIABLE] = str(root.absolute())


def find(name: str, classes: tuple[str, ...] | None, fetch: bool) -> Source:
    """The source of the data set ``name``, restricted to ``classes`` if given.

    fetch: download what is not there. Raises Missing, which says what was looked for where, or ValueError for what cannot be used.
    """
    if name.startswith(FOLDER):
        return folder.find(name.removeprefix(FOLDER), data_root(), classes)
    return NAMED[name](name, data_root(), classes, fetch)
