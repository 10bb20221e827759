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
from empirical.data.known_noise import Truth, plant
from empirical.data.sources.locate import FOLDER_PREFIX
from empirical.data.sources.source import PARTS
from empirical.runtime.seeding import stream
from figures.records import OUTPUT

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


def load_digits(config: Data) -> Images:
    """Return scikit-learn's 1,797 scanned digits, (1, 8, 8), scaled to [-1, 1].

    ``noisy-digits`` have Gaussian pixel noise of standard deviation 0.5, drawn once per image and
    not clipped: the theory's noise patch on real images. With ``data.pixel_noise`` or ``data.cue``,
    noise and cues are planted as in any other data set.
    """
    from sklearn import datasets

    digits = datasets.load_digits()
    pixels = (digits.images[:, None] / 8 - 1).astype(np.float32)  # (n, 1, 8, 8)
    labels = digits.target.astype(np.int64)
    clean = Images(pixels, labels, tuple(map(str, digits.target_names)))
    if not config.known_noise:
        return clean
    if config.name == "noisy-digits" and config.cue == "none":
        noise = stream(0, "pixel noise").standard_normal(pixels.shape, dtype=np.float32)
        absent = np.zeros(len(labels), bool)
        truth = Truth(pixels, np.zeros_like(pixels), absent, config.noise_size, 0.0)
        noisy = pixels + np.float32(config.noise_size) * noise
        return dataclasses.replace(clean, stored=noisy, truth=truth)
    return with_known_noise(clean, np.arange(len(labels)), "digits", config)


def with_known_noise(images: Images, numbers: np.ndarray, part: str, config: Data) -> Images:
    """Return the images with their noise and cues; unchanged if the settings ask for neither.

    numbers: (n,), of each image within ``part`` of its data set; see ``known_noise.plant``.
    """
    if not config.known_noise:
        return images
    noisy, truth = plant(images.pixels, images.labels, numbers, part, config)
    return Images(noisy, images.labels, images.classes, truth)


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
