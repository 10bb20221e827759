"""Load a whole data set: the digits that come with a library, or one decoded into arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from empirical.config import Data
from empirical.data import decoded
from empirical.data.images import Images
from empirical.data.sources.locate import FOLDER_PREFIX
from empirical.data.sources.source import PARTS
from empirical.runtime.seeding import stream
from figures.records import OUTPUT

PIXEL_NOISE = 0.5  # standard deviation of the noise of noisy-digits, on the [-1, 1] scale
ARTIFACTS = OUTPUT / "artifacts"  # default folder of decoded data sets and stage results


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A decoded data set with an official test set.

    folder: where its arrays lie. manifest: what they hold, see ``sources/build.py``.
    fresh: True if the images were decoded by this call.
    """

    train: Images
    test: Images
    folder: Path
    manifest: Mapping[str, Any]
    fresh: bool


def load_digits(name: str) -> Images:
    """Return ``digits`` or ``noisy-digits``, 1,797 images of (1, 8, 8).

    ``digits``: scikit-learn's scanned digits, scaled to [-1, 1].
    ``noisy-digits``: the same with Gaussian pixel noise of standard deviation 0.5, drawn once per
    image and not clipped: the theory's noise patch on real images.
    """
    from sklearn import datasets

    digits = datasets.load_digits()
    pixels = (digits.images[:, None] / 8 - 1).astype(np.float32)  # (n, 1, 8, 8)
    if name == "noisy-digits":
        noise = stream(0, "pixel noise").standard_normal(pixels.shape, dtype=np.float32)
        pixels += PIXEL_NOISE * noise
    return Images(pixels, digits.target.astype(np.int64), tuple(map(str, digits.target_names)))


def load_dataset(config: Data, artifacts: Path = ARTIFACTS, verify: bool = False) -> Dataset:
    """Return the whole data set, mapped from arrays below ``artifacts``/data.

    It is decoded first if those arrays are missing or damaged.
    verify: compare every byte with its digest. Raises ValueError as ``decoded.find_or_decode``.
    """
    found = decoded.find_or_decode(config, artifacts, verify=verify)
    classes = tuple(found.manifest["classes"])
    parts = {}
    for part in PARTS:
        # Copy-on-write: torch wants arrays that may be written to; the files stay as they are.
        mapped = np.load(found.folder / f"{part}.npy", mmap_mode="c", allow_pickle=False)
        labels = np.load(found.folder / f"{part}-labels.npy", allow_pickle=False)
        parts[part] = Images(np.asarray(mapped), labels, classes)
    return Dataset(parts["train"], parts["test"], found.folder, found.manifest, found.fresh)


def identify_by_content(config: Data, artifacts: Path = ARTIFACTS) -> Data:
    """Return settings that identify the images on any machine.

    For ``folder:PATH`` the path becomes the folder's name, and ``content`` the first 16 digits of
    the images' digest. Other data sets are returned as they are.
    """
    if not config.name.startswith(FOLDER_PREFIX):
        return config
    manifest = load_dataset(config, artifacts).manifest
    name = FOLDER_PREFIX + manifest["name"]
    return dataclasses.replace(config, name=name, content=manifest["content"][:16])
