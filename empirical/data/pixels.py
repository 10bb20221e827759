"""Convert between stored images (uint8, channels last) and pixels in [-1, 1] (float32)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def as_uint8(pixels: np.ndarray) -> np.ndarray:
    """Return images in [-1, 1] as uint8: round((x + 1) 127.5), channels moved last.

    pixels: (n, channels, height, width); values outside [-1, 1] are clipped.
    Returns (n, height, width, channels). Raises ValueError for a value that is not a number or
    infinite, which would become black or white.
    """
    if not np.isfinite(pixels).all():
        raise ValueError(
            "pixels that are not a number or infinite cannot become uint8; allowed: finite ones"
        )
    return np.rint((pixels.transpose(0, 2, 3, 1) + 1) * 127.5).clip(0, 255).astype(np.uint8)


def as_pixels(stored: np.ndarray) -> np.ndarray:
    """Return stored images as float32 in [-1, 1]: uint8 becomes x / 127.5 - 1, floats stay.

    stored: uint8 (n, height, width, channels), or float32 (n, channels, height, width).
    Returns (n, channels, height, width); converted images keep channels last in memory.
    """
    if stored.dtype != np.uint8:
        return stored
    pixels = np.divide(stored, np.float32(127.5), dtype=np.float32)  # (n, height, width, channels)
    pixels -= 1
    return pixels.transpose(0, 3, 1, 2)


def normalised(images: Tensor) -> Tensor:
    """Return images as networks take them: uint8 becomes x / 127.5 - 1, floats stay.

    images: (n, channels, height, width). Converted images are float32, channels last in memory.
    """
    if images.is_floating_point():
        return images
    import torch

    return images.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)
