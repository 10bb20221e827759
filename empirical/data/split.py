"""Split a data set into training, validation and test images."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from empirical.config import Data
from empirical.data.images import Images
from empirical.data.load import ARTIFACTS, load_dataset, load_digits
from empirical.runtime.seeding import stream


@dataclasses.dataclass(frozen=True)
class Split:
    """Disjoint parts of one data set; ``train_indices`` say which of its images the training part holds.

    rest: indices, of the same kind, of the images of the official training set that are neither in ``train`` nor in ``validation``, nor,
    with ``data.candidate_pool``, in any seed's ``train``: what an external generator may be trained on. Empty for digits, where they are the test
    images. content: digest of the whole data set, classes and labels included; empty for digits, which are part of a library.
    """

    train: Images
    validation: Images
    test: Images
    train_indices: np.ndarray
    rest: np.ndarray
    content: str = ""


def split_dataset(config: Data, seed: int, artifacts: Path = ARTIFACTS) -> Split:
    """The split of ``seed``. The validation images are the same for every seed, so that no seed is tested on what another may look at.

    Digits: training and test images are drawn by seed. Other data sets: the test set is the official one, whole; training images are
    drawn by seed, or all that are not validation images; every draw is stratified by class. Raises ValueError if nothing is left to
    test on, or for more images than there are.
    """
    if config.from_library:
        return _split_digits(config, seed)
    whole = load_dataset(config, artifacts)
    labels, everyone = whole.train.labels, np.arange(len(whole.train))
    room = len(everyone) - config.validation
    classes = len(whole.train.classes)
    if not classes <= (room if config.train is None else config.train) <= room:
        raise ValueError(
            f"data.train is {config.train} and data.validation {config.validation}; allowed: together at most {len(everyone)}, the "
            f"training images of {config.name}, and at least one training image for each of the {classes} classes"
        )
    if config.candidate_pool is not None and config.candidate_pool > room:
        raise ValueError(
            f"data.candidate_pool is {config.candidate_pool}; allowed: at most {room}, the training images of {config.name} not held out"
        )
    validation = draw_stratified(labels, everyone, config.validation, stream(0, "validation"))
    others = np.setdiff1d(everyone, validation)
    pool = (
        others
        if config.candidate_pool is None
        else draw_stratified(labels, others, config.candidate_pool, stream(0, "pool"))
    )
    train = (
        others
        if config.train is None
        else draw_stratified(labels, pool, config.train, stream(seed, "split"))
    )
    rest = np.setdiff1d(others, train if config.candidate_pool is None else pool)
    return Split(
        whole.train[train],
        whole.train[validation],
        whole.test,
        train,
        rest,
        whole.manifest["content"],
    )


def _split_digits(config: Data, seed: int) -> Split:
    images = load_digits(config.name)
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


def draw_stratified(
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
