"""Data sets as arrays: images in [-1, 1] (up to added noise), their classes, and a split into training, validation and test."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclasses.dataclass(frozen=True)
class Images:
    """Labelled images, n of them.

    stored: float32 (n, channels, height, width) in [-1, 1], or uint8 (n, height, width, channels), often a memory map of a file.
    labels: (n,) int64 in 0..classes-1.
    """

    stored: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: np.ndarray | slice) -> Images:
        return Images(self.stored[indices], self.labels[indices], self.classes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width, without reading a pixel."""
        _, *sides = self.stored.shape
        return (sides[2], sides[0], sides[1]) if self.stored.dtype == np.uint8 else tuple(sides)

    @cached_property
    def pixels(self) -> np.ndarray:
        """(n, channels, height, width) float32: stored, or x / 127.5 - 1, which lies channels last in memory. Made once and kept."""
        if self.stored.dtype != np.uint8:
            return self.stored
        pixels = np.divide(
            self.stored, np.float32(127.5), dtype=np.float32
        )  # (n, height, width, channels)
        pixels -= 1
        return pixels.transpose(0, 3, 1, 2)


def tensors(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """pixels (n, channels, height, width), channels last in memory, and labels (n,)."""
    import torch

    return torch.from_numpy(images.pixels).contiguous(
        memory_format=torch.channels_last
    ), torch.from_numpy(images.labels)


def on_device(images: Images, device: torch.device | str) -> tuple[torch.Tensor, torch.Tensor]:
    """What is stored as (n, channels, height, width), channels last in memory, uint8 or float, and labels (n,), on a device."""
    import torch

    pixels, labels = stored_tensors(images)
    if pixels.dtype == torch.uint8:
        return pixels.to(device).permute(0, 3, 1, 2), labels.to(device)
    return pixels.to(device).contiguous(memory_format=torch.channels_last), labels.to(device)


def stored_tensors(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """What is stored, without a copy: uint8 (n, height, width, channels), or float32 (n, channels, height, width); and labels (n,)."""
    import torch

    return torch.from_numpy(images.stored), torch.from_numpy(images.labels)
