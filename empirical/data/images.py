"""Data sets as arrays: images in [-1, 1] (up to added noise), their classes, and a split into training, validation and test."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from empirical.config import Data
from empirical.data import decoded as cache
from empirical.data.sources import FOLDER, PARTS
from empirical.runtime.seeding import stream
from figures.records import OUTPUT

PIXEL_NOISE = 0.5  # standard deviation on the [-1, 1] scale, noisy-digits
ARTIFACTS = OUTPUT / "artifacts"


@dataclasses.dataclass(frozen=True)
class Images:
    """Labelled images, n of them.

    stored: float32 (n, channels, height, width) in [-1, 1], or uint8 (n, height, width, channels), often a memory map of a file.
    labels: (n,) int64 in 0..classes-1.
    """

    stored: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: np.ndarray | slice) -> Images:
        return Images(self.stored[indices], self.labels[indices], self.classes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width, without reading a pixel."""
        _, *sides = self.stored.shape
        return (sides[2], sides[0], sides[1]) if self.stored.dtype == np.uint8 else tuple(sides)

    @cached_property
    def pixels(self) -> np.ndarray:
        """(n, channels, height, width) float32: stored, or x / 127.5 - 1, which lies channels last in memory. Made once and kept."""
        if self.stored.dtype != np.uint8:
            return self.stored
        pixels = np.divide(
            self.stored, np.float32(127.5), dtype=np.float32
        )  # (n, height, width, channels)
        pixels -= 1
        return pixels.transpose(0, 3, 1, 2)


@dataclasses.dataclass(frozen=True)
class Split:
    """Disjoint parts of one data set; ``train_indices`` say which of its images the training part holds.

    rest: indices, of the same kind, of the images of the official training set that are neither in ``train`` nor in ``validation``, nor,
    with ``data.pool``, in any seed's ``train``: what an external generator may be trained on. Empty for digits, where they are the test
    images. content: digest of the whole data set, classes and labels included; empty for digits, which are part of a library.
    """

    train: Images
    validation: Images
    test: Images
    train_indices: np.ndarray
    rest: np.ndarray
    content: str = ""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A decoded data set with an official test set. manifest: see ``datasets/build.py``; fresh: decoded just now."""

    train: Images
    test: Images
    folder: Path
    manifest: Mapping[str, Any]
    fresh: bool


def load(name: str) -> Images:
    """``digits``: scikit-learn's 1,797 scanned digits, 8x8, scaled to [-1, 1]. ``noisy-digits``: the same with Gaussian pixel noise of
    standard deviation 0.5, drawn once per image (not clipped): the theory's noise patch on real images.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = (digits.images[:, None] / 8 - 1).astype(np.float32)  # (n, 1, 8, 8)
    if name == "noisy-digits":
        pixels += PIXEL_NOISE * stream(0, "pixel noise").standard_normal(
            pixels.shape, dtype=np.float32
        )
    return Images(pixels, digits.target.astype(np.int64), tuple(map(str, digits.target_names)))


def dataset(config: Data, artifacts: Path = ARTIFACTS, verify: bool = False) -> Dataset:
    """The whole data set, decoded once into ``artifacts``/data and mapped from there.

    verify: compare every byte with its digest. Raises ValueError if it is neither there nor can be
    had, if images cannot be read, or if ``config.content`` is given and its content is another.
    """
    found = cache.find_or_decode(config, artifacts, verify=verify)
    classes = tuple(found.manifest["classes"])
    parts = {}
    for part in (
        PARTS
    ):  # copy-on-write: torch wants arrays that may be written to, and the files stay as they are
        pixels = np.asarray(
            np.load(found.folder / f"{part}.npy", mmap_mode="c", allow_pickle=False)
        )
        parts[part] = Images(
            pixels, np.load(found.folder / f"{part}-labels.npy", allow_pickle=False), classes
        )
    return Dataset(parts["train"], parts["test"], found.folder, found.manifest, found.fresh)


def resolve(config: Data, artifacts: Path = ARTIFACTS) -> Data:
    """The settings that identify a reader's own images on any machine: their content, and the last part of the folder's name."""
    if not config.name.startswith(FOLDER):
        return config
    manifest = dataset(config, artifacts).manifest
    return dataclasses.replace(
        config, name=FOLDER + manifest["name"], content=manifest["content"][:16]
    )


def split(config: Data, seed: int, artifacts: Path = ARTIFACTS) -> Split:
    """The split of ``seed``. The validation images are the same for every seed, so that no seed is tested on what another may look at.

    Digits: training and test images are drawn by seed. Other data sets: the test set is the official one, whole; training images are
    drawn by seed, or all that are not validation images; every draw is stratified by class. Raises ValueError if nothing is left to
    test on, or for more images than there are.
    """
    if config.from_library:
        return _split_digits(config, seed)
    whole = dataset(config, artifacts)
    labels, everyone = whole.train.labels, np.arange(len(whole.train))
    room = len(everyone) - config.validation
    classes = len(whole.train.classes)
    if not classes <= (room if config.train is None else config.train) <= room:
        raise ValueError(
            f"data.train is {config.train} and data.validation {config.validation}; allowed: together at most {len(everyone)}, the "
            f"training images of {config.name}, and at least one training image for each of the {classes} classes"
        )
    if config.pool is not None and config.pool > room:
        raise ValueError(
            f"data.pool is {config.pool}; allowed: at most {room}, the training images of {config.name} not held out"
        )
    validation = stratified(labels, everyone, config.validation, stream(0, "validation"))
    others = np.setdiff1d(everyone, validation)
    pool = (
        others
        if config.pool is None
        else stratified(labels, others, config.pool, stream(0, "pool"))
    )
    train = (
        others
        if config.train is None
        else stratified(labels, pool, config.train, stream(seed, "split"))
    )
    rest = np.setdiff1d(others, train if config.pool is None else pool)
    return Split(
        whole.train[train],
        whole.train[validation],
        whole.test,
        train,
        rest,
        whole.manifest["content"],
    )


def _split_digits(config: Data, seed: int) -> Split:
    images = load(config.name)
    used = config.train + config.validation
    if used >= len(images):
        raise ValueError(
            f"data.train + data.validation is {used}; allowed: below {len(images)}, the size of {config.name}"
        )
    validation, rest = np.split(
        stream(0, "validation").permutation(len(images)), [config.validation]
    )
    train, test = np.split(stream(seed, "split").permutation(np.sort(rest)), [config.train])
    return Split(images[train], images[validation], images[test], train, test[:0])


def stratified(
    labels: np.ndarray, among: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """``count`` of the indices ``among``, sorted: of each class its share, up to one image, the larger remainders being rounded up."""
    members = [among[labels[among] == label] for label in np.unique(labels[among])]
    share = np.array([count * len(m) / max(1, len(among)) for m in members])
    size = np.floor(share).astype(int)
    size[np.argsort(size - share, kind="stable")[: count - size.sum()]] += 1
    for empty in (
        np.flatnonzero(size == 0) if count >= len(size) else ()
    ):  # a class is not lost while others have more than one image
        size[[empty, size.argmax()]] += 1, -1
    drawn = [rng.choice(m, n, replace=False) for m, n in zip(members, size, strict=True)]
    return np.sort(np.concatenate([among[:0], *drawn]))


def tensors(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """pixels (n, channels, height, width), channels last in memory, and labels (n,)."""
    return torch.from_numpy(images.pixels).contiguous(
        memory_format=torch.channels_last
    ), torch.from_numpy(images.labels)


def on_device(images: Images, device: torch.device | str) -> tuple[torch.Tensor, torch.Tensor]:
    """What is stored as (n, channels, height, width), channels last in memory, uint8 or float, and labels (n,), on a device."""
    pixels, labels = stored_tensors(images)
    if pixels.dtype == torch.uint8:
        return pixels.to(device).permute(0, 3, 1, 2), labels.to(device)
    return pixels.to(device).contiguous(memory_format=torch.channels_last), labels.to(device)


def stored_tensors(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """What is stored, without a copy: uint8 (n, height, width, channels), or float32 (n, channels, height, width); and labels (n,)."""
    return torch.from_numpy(images.stored), torch.from_numpy(images.labels)
