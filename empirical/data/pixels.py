"""Convert between stored images (uint8, channels last) and pixels in [-1, 1] (float32, channels first)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def as_uint8(pixels: np.ndarray) -> np.ndarray:
    """(n, height, width, channels) uint8, rint((x + 1) 127.5), of (n, channels, height, width) in [-1, 1]; what lies outside is clipped."""
    return np.rint((pixels.transpose(0, 2, 3, 1) + 1) * 127.5).clip(0, 255).astype(np.uint8)


def as_pixels(stored: np.ndarray) -> np.ndarray:
    """(n, channels, height, width) float32: float images as they are; uint8 ones, channels last, as x / 127.5 - 1."""
    if stored.dtype != np.uint8:
        return stored
    pixels = np.divide(stored, np.float32(127.5), dtype=np.float32)
    pixels -= 1
    return pixels.transpose(0, 3, 1, 2)


def normalised(images: Tensor) -> Tensor:
    """What networks take: uint8 images as x / 127.5 - 1 in float32, channels last; float images are on that scale already."""
    if images.is_floating_point():
        return images
    import torch

    return images.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)
