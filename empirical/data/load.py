"""Load a whole data set: the bundled digits, or one that was decoded into arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from empirical.config import Data
from empirical.data import decoded as cache
from empirical.data.images import Images
from empirical.data.sources.locate import FOLDER_PREFIX
from empirical.data.sources.source import PARTS
from empirical.runtime.seeding import stream
from figures.records import OUTPUT

PIXEL_NOISE = 0.5  # standard deviation on the [-1, 1] scale, noisy-digits


ARTIFACTS = OUTPUT / "artifacts"


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A decoded data set with an official test set. manifest: see ``datasets/build.py``; fresh: decoded just now."""

    train: Images
    test: Images
    folder: Path
    manifest: Mapping[str, Any]
    fresh: bool


def load_digits(name: str) -> Images:
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


def load_dataset(config: Data, artifacts: Path = ARTIFACTS, verify: bool = False) -> Dataset:
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


def identify_by_content(config: Data, artifacts: Path = ARTIFACTS) -> Data:
    """The settings that identify a reader's own images on any machine: their content, and the last part of the folder's name."""
    if not config.name.startswith(FOLDER_PREFIX):
        return config
    manifest = load_dataset(config, artifacts).manifest
    return dataclasses.replace(
        config, name=FOLDER_PREFIX + manifest["name"], content=manifest["content"][:16]
    )
