"""Hold labelled images in memory or mapped from a file, and hand them to torch."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from empirical.data.known_noise import Truth
from empirical.data.pixels import as_pixels

if TYPE_CHECKING:
    import torch


@dataclasses.dataclass(frozen=True)
class Images:
    """Labelled images, n of them.

    stored: float32 (n, channels, height, width) in [-1, 1], up to added noise, or uint8
    (n, height, width, channels), often a memory map of a file.
    labels: (n,) int64 in 0..classes-1. classes: their names.
    truth: what the images are made of, where their noise is known; else None.
    """

    stored: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    truth: Truth | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: np.ndarray | slice) -> Images:
        truth = None if self.truth is None else self.truth[indices]
        return Images(self.stored[indices], self.labels[indices], self.classes, truth)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image; no pixel is read."""
        _, *sides = self.stored.shape
        return (sides[2], sides[0], sides[1]) if self.stored.dtype == np.uint8 else tuple(sides)

    @cached_property
    def pixels(self) -> np.ndarray:
        """The images as (n, channels, height, width) float32 in [-1, 1]; made once and kept."""
        return as_pixels(self.stored)


def tensors(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pixels in [-1, 1] and labels as tensors.

    Pixels are (n, channels, height, width) float32, channels last in memory; labels are (n,).
    """
    import torch

    pixels = torch.from_numpy(images.pixels).contiguous(memory_format=torch.channels_last)
    return pixels, torch.from_numpy(images.labels)


def on_device(images: Images, device: torch.device | str) -> tuple[torch.Tensor, torch.Tensor]:
    """Copy images, uint8 or float as they are stored, and labels to a device.

    Images are (n, channels, height, width), channels last in memory; labels are (n,).
    """
    import torch

    pixels, labels = stored_tensors(images)
    if pixels.dtype == torch.uint8:
        return pixels.to(device).permute(0, 3, 1, 2), labels.to(device)
    return pixels.to(device).contiguous(memory_format=torch.channels_last), labels.to(device)


def stored_tensors(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the stored images and the labels (n,) as tensors that share their memory.

    Images are uint8 (n, height, width, channels) or float32 (n, channels, height, width).
    """
    import torch

    return torch.from_numpy(images.stored), torch.from_numpy(images.labels)
