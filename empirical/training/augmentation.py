"""Augmentation of whole batches: random crop, horizontal flip and TrivialAugmentWide, every image with parameters of its own.

What happens to an image is a row of six integers. One generator per (seed, epoch) draws the rows of all images in the data set's order:
an image meets the same fate in any batch, on any device, after any restart, and in every method's training set that it is part of.
Images are (n, channels, side, side); arrays whose channels come last are ``permute(0, 3, 1, 2)`` of themselves, without a copy.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from empirical.config import AugmentName, require
from empirical.data.pixels import normalised
from empirical.runtime.seeding import torch_stream
from empirical.training import trivial_augment as trivial

COLUMNS = TOP, LEFT, FLIP, OPERATION, LEVEL, NEGATIVE = range(
    6
)  # the crop's corner; 0 or 1; see trivial.py; 0..30; 0 or 1


class Augmenter:
    """A training set from which augmented batches are taken, on the device where its images are.

    images: uint8, or float on the [-1, 1] scale, which TrivialAugment does not take (ValueError). padding: see ``padded``.
    """

    def __init__(
        self, images: Tensor, augment: AugmentName, seed: int, padding: str = "zero"
    ) -> None:
        kind = str(images.dtype).removeprefix("torch.")
        require(
            "trivial" not in augment or kind == "uint8",
            "images of training.augment " + augment,
            kind,
            "uint8",
        )
        self.count, self.side, self.device = len(images), images.shape[-1], images.device
        self.augment, self.seed = augment, seed
        self.images = padded(images, padding) if "crop" in augment else images
        self.epoch = functools.lru_cache(maxsize=2)(self._epoch)  # a batch may span two

    def _epoch(self, number: int) -> Tensor:
        return draw(
            self.count, self.side, self.augment, torch_stream(self.seed, "augmentation", number)
        ).to(self.device)

    def rows(self, chosen: Tensor, position: int) -> Tensor:
        """What happens to the chosen images (B,), which are numbers position, position + 1, ... of a stream of epochs: (B, 6)."""
        if self.augment == "none":
            return chosen.new_zeros(len(chosen), len(COLUMNS))
        parts, done = [], 0
        while done < len(chosen):
            number, before = divmod(position + done, self.count)
            part = chosen[done : done + self.count - before]
            parts.append(self.epoch(number)[part])
            done += len(part)
        return torch.cat(parts)

    def batch(self, chosen: Tensor, rows: Tensor) -> Tensor:
        """The network's input (B, channels, side, side), float32: the chosen images, each as its row says. Capturable in a CUDA graph."""
        images = (
            crop_flip(self.images, chosen, rows, self.side)
            if "crop" in self.augment
            else self.images[chosen]
        )
        if "trivial" in self.augment:
            images = trivial.trivial_augment(
                images, rows[:, OPERATION], rows[:, LEVEL], rows[:, NEGATIVE]
            )
        return normalised(images)


def margin(side: int) -> int:
    """By how many pixels images are padded before they are cropped: 4 at 32 px, in proportion elsewhere."""
    return side // 8


def draw(count: int, side: int, augment: AugmentName, generator: torch.Generator) -> Tensor:
    """What happens to each of ``count`` images in one epoch: (count, 6) int64.

    All columns are drawn, whatever is used of them, so that the crops of ``crop-flip`` are those of ``crop-flip-trivial``; and row by row,
    so that images added at the end change nothing for those before.
    """
    pad = margin(side)
    choices = torch.tensor(
        [2 * pad + 1, 2 * pad + 1, 2, len(trivial.OPERATIONS), trivial.LEVELS, 2]
    )
    rows = torch.randint(2**62, (count, len(COLUMNS)), generator=generator) % choices
    parts = augment.split("-")
    if "crop" not in parts:
        rows[:, [TOP, LEFT]] = pad
    if "flip" not in parts:
        rows[:, FLIP] = 0
    if "trivial" not in parts:
        rows[:, OPERATION] = trivial.IDENTITY
    return rows


def padded(images: Tensor, mode: str = "zero") -> Tensor:
    """The store that crops are taken from: (n, side + 2 margin, side + 2 margin, channels), of the images' kind.

    mode: ``zero`` pads with black (0 in uint8 images, -1 in float images) as the paper, ``reflect`` mirrors.
    """
    require(mode in ("zero", "reflect"), "padding", mode, "zero, reflect")
    pad = 4 * [margin(images.shape[-1])]
    if mode == "zero":
        wide = F.pad(images, pad, value=-1.0 if images.is_floating_point() else 0)
    else:
        wide = F.pad(images.float(), pad, mode="reflect").to(images.dtype)
    return wide.permute(0, 2, 3, 1).contiguous()


def crop_flip(store: Tensor, chosen: Tensor, rows: Tensor, side: int) -> Tensor:
    """The chosen images (B,) of a padded store, cropped and flipped by their rows (B, 6): (B, channels, side, side), channels last.

    Two gathers, shuffle included: every line of ``side`` pixels, then the image or its mirror image. No mask, nothing read by the host, so
    that it can be captured in a CUDA graph.
    """
    n, high, wide, channels = store.shape
    count = len(chosen)
    lines = store.as_strided(
        (n * high * wide - side + 1, side * channels), (channels, 1)
    )  # line i begins at pixel i
    top = rows[:, TOP, None] + torch.arange(side, device=store.device)  # (B, side)
    first = (chosen[:, None] * high + top) * wide + rows[:, LEFT, None]  # (B, side)
    straight = lines.index_select(0, first.flatten()).view(count, side, side, channels)
    both = torch.cat([straight, straight.flip(2)])
    return both.index_select(
        0, rows[:, FLIP] * count + torch.arange(count, device=store.device)
    ).permute(0, 3, 1, 2)
