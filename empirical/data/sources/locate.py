"""Find a data set by its name: look in the data folder, or fetch it."""

from __future__ import annotations

import os
from pathlib import Path

from empirical.data.sources import cifar, folder, tiny_imagenet
from empirical.data.sources.source import Source
from figures.records import OUTPUT

FOLDER_PREFIX = "folder:"
FINDERS = {
    "cifar10": cifar.find_cifar,
    "cifar100": cifar.find_cifar,
    "tiny-imagenet": tiny_imagenet.find_tiny_imagenet,
}
NATIVE_SIDES = {
    "cifar10": cifar.SIDE,
    "cifar100": cifar.SIDE,
    "tiny-imagenet": tiny_imagenet.SIDE,
}  # side of the images, pixels
ROOT_VARIABLE = "TADA_DATA"  # environment variable: where data sets lie


def data_root() -> Path:
    """Where data sets are looked for: the environment variable TADA_DATA, else ``data`` beside the packages."""
    return Path(os.environ.get(ROOT_VARIABLE) or OUTPUT.parent / "data").expanduser()


def set_data_root(root: Path | None) -> None:
    """Look for data sets in this folder from now on, in this process and those that it starts."""
    if root is not None:
        os.environ[ROOT_VARIABLE] = str(root.absolute())


def find_source(name: str, classes: tuple[str, ...] | None, fetch: bool) -> Source:
    """The source of the data set ``name``, restricted to ``classes`` if given.

    fetch: download what is not there. Raises Missing, which says what was looked for where, or ValueError for what cannot be used.
    """
    if name.startswith(FOLDER_PREFIX):
        return folder.find_folder(name.removeprefix(FOLDER_PREFIX), data_root(), classes)
    return FINDERS[name](name, data_root(), classes, fetch)
