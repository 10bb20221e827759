"""Read CIFAR-10 and CIFAR-100: the official files, by torchvision, or folders of images.

Source: Krizhevsky, Learning multiple layers of features from tiny images, 2009.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

from empirical.data.sources.folder import class_folders
from empirical.data.sources.source import (
    Contents,
    Item,
    Missing,
    Source,
    check_counts,
    class_positions,
    downloading,
)

SIDE = 32
PUBLISHED = (50_000, 10_000)  # training and test images
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR100_NAMES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
    crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain
    plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CIFAR100 = tuple(CIFAR100_NAMES.split())


@dataclasses.dataclass(frozen=True)
class Kind:
    """One of the two data sets.

    files: in ``folder``, as torchvision names them; listed so that finding them needs no
    torchvision.
    """

    name: str
    reader: str  # name of torchvision's class
    classes: tuple[str, ...]
    folder: str
    files: tuple[str, ...]
    archive: str

    @property
    def url(self) -> str:
        """The official address of the archive."""
        return f"https://www.cs.toronto.edu/~kriz/{self.archive}"


BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
KINDS = {
    "cifar10": Kind(
        "cifar10", "CIFAR10", CIFAR10, "cifar-10-batches-py", BATCHES, "cifar-10-python.tar.gz"
    ),
    "cifar100": Kind(
        "cifar100",
        "CIFAR100",
        CIFAR100,
        "cifar-100-python",
        ("meta", "test", "train"),
        "cifar-100-python.tar.gz",
    ),
}


def find_cifar(name: str, root: Path, wanted: tuple[str, ...] | None, fetch: bool) -> Source:
    """Return the official files, or ``{train,test}/<class>/*``, in ``root``/``name`` or ``root``.

    wanted: only these classes; None: all. fetch: download the official archive if nothing is there;
    without it raises Missing.
    """
    kind = KINDS[name]
    class_positions(wanted, kind.classes)  # an unknown class is told before anything is fetched
    places = (root / name, root)
    for place in places:
        if (place / kind.folder).is_dir() or (place / kind.archive).is_file():
            return official_source(kind, place, wanted, fetch)
    for place in places:
        if (place / "train").is_dir() and (place / "test").is_dir():
            found = class_folders(place, wanted, native=SIDE, names=kind.classes)
            return dataclasses.replace(found, published=PUBLISHED)
    if not fetch:
        raise Missing(
            f"{not_found_message(kind, root)}; fetch it with: python -m empirical data {name}"
        )
    unpack(kind, root)
    return official_source(kind, root, wanted, fetch)


def not_found_message(kind: Kind, root: Path) -> str:
    """Return a message that says what was looked for where."""
    return (
        f"no {kind.name} in {root} or {root / kind.name}: looked for {kind.folder}/, "
        f"{kind.archive} (official, {kind.url}) "
        "and {train,test}/<class>/*.png"
    )


def is_complete(kind: Kind, place: Path) -> bool:
    """Return whether all official files lie in ``place``."""
    return all((place / kind.folder / name).is_file() for name in kind.files)


def unpack(kind: Kind, place: Path, fetch: bool = True) -> None:
    """Let torchvision fetch the archive into ``place`` if it is missing, check it and unpack it.

    fetch: whether the network may be asked; without it raises ValueError for a damaged archive.

    It is unpacked into a temporary folder, which is renamed once it is complete; of several
    processes at once, the result of the first one stays.
    """
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    reader = getattr(datasets, kind.reader)
    archive = place / kind.archive
    if archive.is_file() and not check_integrity(archive, reader.tgz_md5):
        damaged = (
            f"{archive} is damaged: its md5 is not the published one, {reader.tgz_md5}; "
            f"delete it and fetch it with: python -m empirical data {kind.name}"
        )
        if not fetch:
            raise ValueError(damaged)
        print(f"{archive} is damaged and is fetched again", file=sys.stderr, flush=True)
    with (
        downloading(not_found_message(kind, place), place),
        tempfile.TemporaryDirectory(prefix=f".{kind.folder}-", dir=place) as name,
    ):
        beside = Path(name)
        if there := check_integrity(archive, reader.tgz_md5):
            (beside / archive.name).symlink_to(archive.absolute())
        reader(beside, train=False, download=True)
        if not there:
            (beside / archive.name).replace(archive)
        move_files(kind, beside, place)


def move_files(kind: Kind, beside: Path, place: Path) -> None:
    """Move the official files from ``beside`` to ``place``, unless they are there already.

    A folder from which files are missing is filled file by file.
    """
    try:
        (beside / kind.folder).rename(place / kind.folder)
    except OSError:
        if not (place / kind.folder).is_dir():
            raise
        for name in () if is_complete(kind, place) else kind.files:
            (beside / kind.folder / name).replace(place / kind.folder / name)


def official_source(kind: Kind, place: Path, wanted: tuple[str, ...] | None, fetch: bool) -> Source:
    """Return the official files in ``place``, unpacked now if only the archive is there."""
    if not is_complete(kind, place):
        if not fetch and not (place / kind.archive).is_file():
            raise Missing(
                f"{place / kind.folder} is incomplete; "
                f"fetch it with: python -m empirical data {kind.name}"
            )
        unpack(kind, place, fetch)
    return Source(
        about=f"official files in {place / kind.folder}",
        where=place / kind.folder,
        layout="official",
        files=tuple(sorted(kind.files)),
        open=functools.partial(open_official, kind, place, wanted),
        native=SIDE,
        by_pixels=True,
        published=PUBLISHED,
    )


def open_official(kind: Kind, place: Path, wanted: tuple[str, ...] | None) -> Contents:
    """Read the official files by torchvision, which checks the published checksums first."""
    from torchvision import datasets

    reader = getattr(datasets, kind.reader)
    pixels = {}
    items = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, about how the official files were pickled
            parts = {"train": reader(place, train=True), "test": reader(place, train=False)}
    except RuntimeError:
        raise ValueError(
            f"{place / kind.folder} is damaged: its checksums are not the published ones; "
            f"delete it and fetch it with: python -m empirical data {kind.name}"
        ) from None
    names = parts["train"].classes
    kept = class_positions(wanted, names)
    for part, official in parts.items():
        pixels[part] = official.data  # (n, 32, 32, 3) uint8
        rows = ((row, label) for row, label in enumerate(official.targets) if label in kept)
        items += [Item(part, kept.index(label), f"{part}/{row:05d}") for row, label in rows]
    classes = tuple(names[i] for i in kept)
    check_counts(classes, items, place)
    return Contents(
        classes,
        tuple(items),
        lambda item: np.ascontiguousarray(pixels[item.part][int(item.path[-5:])]),
    )
