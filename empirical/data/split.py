"""Split a data set into training, validation and test images."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from empirical.config import Data
from empirical.data.images import Images
from empirical.data.load import ARTIFACTS, load_dataset, load_digits, with_known_noise
from empirical.runtime.seeding import stream


@dataclasses.dataclass(frozen=True)
class Split:
    """Disjoint parts of one data set.

    train_indices: which images of the official training set (of digits: of all) ``train`` holds.
    rest: indices of the same kind, of images that an external generator may be trained on: those
    neither in ``train`` nor in ``validation``, nor, with ``data.candidate_pool``, in the ``train``
    of any seed.
    Empty for digits, where all other images are test images.
    content: digest of the whole data set, classes and labels included; empty for digits.
    """

    train: Images
    validation: Images
    test: Images
    train_indices: np.ndarray
    rest: np.ndarray
    content: str = ""


def split_dataset(config: Data, seed: int, artifacts: Path = ARTIFACTS) -> Split:
    """Return the split of one seed.

    The validation images are the same for every seed, so no seed is tested on an image on which
    another one chose its settings. Training images are drawn by seed, stratified by class; without
    ``data.train`` they are all that are not held out. The test set is the official one, whole; of
    digits, test images are drawn by seed too.
    Raises ValueError if more images are asked for than there are, or none is left for testing.
    """
    if config.from_library:
        return _split_digits(config, seed)
    dataset = load_dataset(config, artifacts)
    labels = dataset.train.labels
    everyone = np.arange(len(dataset.train))
    _check_counts(config, len(everyone), len(dataset.train.classes))
    validation = draw_stratified(labels, everyone, config.validation, stream(0, "validation"))
    others = pool = np.setdiff1d(everyone, validation)
    if config.candidate_pool is not None:
        pool = draw_stratified(labels, others, config.candidate_pool, stream(0, "pool"))
    train = others
    if config.train is not None:
        train = draw_stratified(labels, pool, config.train, stream(seed, "split"))
    used = train if config.candidate_pool is None else pool
    return Split(
        with_known_noise(dataset.train[train], train, "train", config),
        with_known_noise(dataset.train[validation], validation, "train", config),
        with_known_noise(dataset.test, np.arange(len(dataset.test)), "test", config),
        train,
        np.setdiff1d(others, used),
        dataset.manifest["content"],
    )


def _check_counts(config: Data, count: int, classes: int) -> None:
    """Raise ValueError unless ``count`` training images allow the split in ``config``."""
    room = count - config.validation
    if not classes <= (room if config.train is None else config.train) <= room:
        raise ValueError(
            f"data.train is {config.train} and data.validation {config.validation}; "
            f"allowed: together at most {count}, the training images of {config.name}, "
            f"and at least one training image for each of the {classes} classes"
        )
    if config.candidate_pool is not None and config.candidate_pool > room:
        raise ValueError(
            f"data.candidate_pool is {config.candidate_pool}; allowed: at most {room}, "
            f"the training images of {config.name} not held out"
        )


def _split_digits(config: Data, seed: int) -> Split:
    """Split the digits: validation images fixed, training and test images drawn by seed."""
    images = load_digits(config)
    assert config.train is not None  # ``Data`` requires it of the digits
    used = config.train + config.validation
    if used >= len(images):
        raise ValueError(
            f"data.train + data.validation is {used}; "
            f"allowed: below {len(images)}, the size of {config.name}"
        )
    order = stream(0, "validation").permutation(len(images))
    validation, rest = np.split(order, [config.validation])
    train, test = np.split(stream(seed, "split").permutation(np.sort(rest)), [config.train])
    return Split(images[train], images[validation], images[test], train, test[:0])


def draw_stratified(
    labels: np.ndarray, among: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw ``count`` of the indices ``among``, each class by its share; sorted.

    labels: (n,), of all images. Shares are rounded so that the largest remainders are rounded up,
    and no class is left without an image while ``count`` allows one of each.
    """
    members = [among[labels[among] == label] for label in np.unique(labels[among])]
    share = np.array([count * len(m) / max(1, len(among)) for m in members])
    size = np.floor(share).astype(int)
    size[np.argsort(size - share, kind="stable")[: count - size.sum()]] += 1
    if count >= len(size):
        for empty in np.flatnonzero(size == 0):
            size[[empty, size.argmax()]] += 1, -1  # from the class that gives most
    drawn = [rng.choice(m, n, replace=False) for m, n in zip(members, size, strict=True)]
    return np.sort(np.concatenate([among[:0], *drawn]))
