"""Data sets as arrays: images in [-1, 1] (up to added noise), their classes, and a split into training, validation and test."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from empirical.config import Data
from empirical.seeding import stream

PIXEL_NOISE = 0.5  # standard deviation on the [-1, 1] scale, noisy-digits


@dataclasses.dataclass(frozen=True)
class Images:
    """pixels: (n, channels, height, width) float32; labels: (n,) int64 in 0..classes-1."""

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: np.ndarray) -> Images:
        return Images(self.pixels[indices], self.labels[indices], self.classes)


@dataclasses.dataclass(frozen=True)
class Split:
    """Disjoint parts of one data set; ``train_indices`` say which of its images the training part holds."""

    train: Images
    validation: Images
    test: Images
    train_indices: np.ndarray


def load(name: str) -> Images:
    """``digits``: scikit-learn's 1,797 scanned digits, 8x8, scaled to [-1, 1]. ``noisy-digits``: the same with Gaussian pixel noise of
    standard deviation 0.5, drawn once per image (not clipped): the theory's noise patch on real images.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = (digits.images[:, None] / 8 - 1).astype(np.float32)  # (n, 1, 8, 8)
    if name == "noisy-digits":
        pixels += PIXEL_NOISE * stream(0, "pixel noise").standard_normal(pixels.shape, dtype=np.float32)
    return Images(pixels, digits.target.astype(np.int64), tuple(map(str, digits.target_names)))


def split(config: Data, seed: int) -> Split:
    """The split of ``seed``. The validation images are the same for every seed, so that no seed is tested on what another may look at.

    Raises ValueError if nothing is left to test on.
    """
    images = load(config.name)
    used = config.train + config.validation
    if used >= len(images):
        raise ValueError(f"data.train + data.validation is {used}; allowed: below {len(images)}, the size of {config.name}")
    validation, rest = np.split(stream(0, "validation").permutation(len(images)), [config.validation])
    train, test = np.split(stream(seed, "split").permutation(np.sort(rest)), [config.train])
    return Split(images[train], images[validation], images[test], train)


def tensors(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """pixels (n, channels, height, width), channels last in memory, and labels (n,)."""
    return torch.from_numpy(images.pixels).contiguous(memory_format=torch.channels_last), torch.from_numpy(images.labels)
