"""Find a data set by its name: look into the data folder, or download it."""

from __future__ import annotations

import os
from pathlib import Path

from empirical.data.sources import cifar, folder, tiny_imagenet
from empirical.data.sources.source import Source
from figures.records import OUTPUT

FOLDER_PREFIX = "folder:"  # of the name of a data set that is a folder of one's own images
FINDERS = {
    "cifar10": cifar.find_cifar,
    "cifar100": cifar.find_cifar,
    "tiny-imagenet": tiny_imagenet.find_tiny_imagenet,
}
NATIVE_SIDES = {  # side of the images, in pixels
    "cifar10": cifar.SIDE,
    "cifar100": cifar.SIDE,
    "tiny-imagenet": tiny_imagenet.SIDE,
}
ROOT_VARIABLE = "TADA_DATA"  # environment variable that names the data folder


def data_root() -> Path:
    """Return the data folder: that of the environment variable TADA_DATA, else ``data``."""
    return Path(os.environ.get(ROOT_VARIABLE) or OUTPUT.parent / "data").expanduser()


def set_data_root(root: Path | None) -> None:
    """Set the data folder for this process and those that it starts; None changes nothing."""
    if root is not None:
        os.environ[ROOT_VARIABLE] = str(root.absolute())


def find_source(name: str, classes: tuple[str, ...] | None, fetch: bool) -> Source:
    """Return the source of the data set ``name``, with only ``classes`` if they are given.

    fetch: download it if it is missing. Raises Missing, which says what was looked for where, or
    ValueError for files that cannot be used.
    """
    if name.startswith(FOLDER_PREFIX):
        return folder.find_folder(name.removeprefix(FOLDER_PREFIX), data_root(), classes)
    return FINDERS[name](name, data_root(), classes, fetch)
