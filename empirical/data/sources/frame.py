"""Fit whole images of any shape into squares, and take them out again.

The image is resized until its longer side is that of the square, and the rest of the square is
filled with its reflection, so that a network sees no border. Nothing is cropped.
"""

from __future__ import annotations

import numpy as np
from PIL import Image


def frame_box(width: int, height: int, side: int) -> tuple[int, int, int, int]:
    """Return where an image of this size lies in a square: left, top, right, bottom, in pixels."""
    longer = max(width, height)
    inner_width = max(1, round(width * side / longer))
    inner_height = max(1, round(height * side / longer))
    left = (side - inner_width) // 2
    top = (side - inner_height) // 2
    return left, top, left + inner_width, top + inner_height


def pad_to_square(image: Image.Image, side: int) -> np.ndarray:
    """Return the whole image in a square, (side, side, 3) uint8, by antialiased interpolation."""
    left, top, right, bottom = frame_box(*image.size, side)
    inner = image.resize((right - left, bottom - top), Image.Resampling.BICUBIC)
    around = ((top, side - bottom), (left, side - right), (0, 0))
    return np.pad(np.asarray(inner), around, mode="symmetric")


def from_square(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the image that lies in a square, at its own size: (height, width, 3) uint8.

    pixels: (side, side, 3) uint8, a square made by ``pad_to_square``, or changed since.
    """
    box = frame_box(width, height, len(pixels))
    if box == (0, 0, width, height):
        return pixels
    inner = Image.fromarray(pixels).crop(box)
    return np.asarray(inner.resize((width, height), Image.Resampling.BICUBIC))
