"""Images whose noise is known, and a fast feature planted beside them: the theory's data as images.

Every image is a clean image, plus a cue in a share of the images, plus Gaussian pixel noise that is
drawn once per image. What is planted depends on the image's number only, not on the seed of a run.
"""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np

from empirical.config import Data
from empirical.runtime.seeding import stream

ROWS = 2  # height of the pattern that the cue ``beside`` puts above an image, pixels


@dataclasses.dataclass(frozen=True)
class Truth:
    """What n images are made of: pixels = image + present * cue + noise.

    image: (n, channels, height, width) float32, the clean image, 0 where a cue would stand. cue:
    the same shape, the fast feature of each image, whether or not it is present; 0 elsewhere.
    present: (n,) bool, which images have their cue; all False without cues. noise: standard
    deviation of the pixel noise on the [-1, 1] scale. share: probability of the cue, [0, 1).
    """

    image: np.ndarray
    cue: np.ndarray
    present: np.ndarray
    noise: float
    share: float

    def __getitem__(self, indices: np.ndarray | slice) -> Truth:
        return dataclasses.replace(
            self,
            image=self.image[indices],
            cue=self.cue[indices],
            present=self.present[indices],
        )

    @property
    def has_cues(self) -> bool:
        """Whether a share of the images has a cue, so that slow and fast images are known."""
        return self.share > 0

    @property
    def clean(self) -> np.ndarray:
        """Return the images without noise, with the cues that are present."""
        return self.image + self.present[:, None, None, None] * self.cue


def plant(
    pixels: np.ndarray, labels: np.ndarray, numbers: np.ndarray, part: str, config: Data
) -> tuple[np.ndarray, Truth]:
    """Add cues and noise to clean images; returns the new pixels and what they are made of.

    pixels: (n, channels, height, width) float32 in [-1, 1]. labels: (n,). numbers: (n,), the number
    of each image within ``part`` of its data set, which its noise and its cue are drawn by. config:
    ``cue``, ``cue_share``, ``cue_strength`` and ``noise_size``. Pixels are not clipped.
    """
    image, cue = cue_layout(pixels, labels, numbers, part, config)
    share = 0.0 if config.cue == "none" else config.cue_share
    drawn = np.array([stream(0, "cue", part, int(i)).random() for i in numbers])
    truth = Truth(image, cue, drawn < share, config.noise_size, share)
    noise = np.empty_like(image)
    for row, i in zip(noise, numbers, strict=True):
        stream(0, "pixel noise", part, int(i)).standard_normal(out=row, dtype=np.float32)
    return truth.clean + np.float32(config.noise_size) * noise, truth


def cue_layout(
    pixels: np.ndarray, labels: np.ndarray, numbers: np.ndarray, part: str, config: Data
) -> tuple[np.ndarray, np.ndarray]:
    """Return clean images with room for the cue, and the cues: two arrays of one shape.

    ``beside``: two rows above the image. ``patch``: a corner, a quarter of each side long, in place
    of the image. ``domino``: a square above the image, which holds a scanned digit of the image's
    class. Raises ValueError if there are more than ten classes for dominoes.
    """
    channels, height, width = pixels.shape[1:]
    if config.cue == "none":
        return pixels, np.zeros_like(pixels)
    if config.cue == "patch":
        rows, columns = height // 4, width // 4
        image = pixels.copy()
        image[:, :, :rows, :columns] = 0
        cue = np.zeros_like(pixels)
        drawn = patterns(int(labels.max()) + 1, channels, rows, columns)
        cue[:, :, :rows, :columns] = drawn[labels]
        return image, cue * np.float32(config.cue_strength)
    if config.cue == "beside":
        above = patterns(int(labels.max()) + 1, channels, ROWS, width)[labels]
    else:
        above = digits_of(labels, numbers, part, width)
        above = np.repeat(above[:, None], channels, axis=1)
    zeros = np.zeros_like(above)
    image = np.concatenate([zeros, pixels], axis=2)
    cue = np.concatenate([above, np.zeros_like(pixels)], axis=2)
    return image, cue * np.float32(config.cue_strength)


def patterns(classes: int, channels: int, rows: int, columns: int) -> np.ndarray:
    """Return one pattern of -1 and 1 for each class: (classes, channels, rows, columns) float32."""
    shape = (channels, rows, columns)
    drawn = [stream(0, "cue pattern", c).integers(0, 2, shape) for c in range(classes)]
    return (2 * np.stack(drawn) - 1).astype(np.float32)


def digits_of(labels: np.ndarray, numbers: np.ndarray, part: str, width: int) -> np.ndarray:
    """Return a scanned digit of each image's class, (n, width, width) float32 in [-1, 1].

    width: a multiple of 8. Which digit of the class it is depends on the image's number.
    """
    pixels, targets = _digits()
    if labels.max() >= 10 or width % 8:
        raise ValueError(
            f"data.cue domino got {int(labels.max()) + 1} classes and images {width} pixels wide; "
            "allowed: at most 10 classes and widths that are multiples of 8"
        )
    members = [np.flatnonzero(targets == c) for c in range(10)]
    chosen = [
        members[label][stream(0, "domino", part, int(i)).integers(len(members[label]))]
        for label, i in zip(labels, numbers, strict=True)
    ]
    return np.kron(pixels[chosen], np.ones((1, width // 8, width // 8), np.float32))


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets

    found = datasets.load_digits()
    return (found.images / 8 - 1).astype(np.float32), found.target
