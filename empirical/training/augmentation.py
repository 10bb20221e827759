"""Augment whole batches: random crop, horizontal flip and TrivialAugmentWide.

Every image has its own parameters, a row of six integers. One generator for each (seed, epoch)
draws the rows of all images in the data set's order. The augmentation of an image in an epoch is
thus the same in any batch, on any device, after any restart, and in the training set of every
method that contains the image.
Images are (n, channels, side, side); for arrays whose channels come last, pass the view
``permute(0, 3, 1, 2)``, which needs no copy.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from empirical.config import AugmentName, require
from empirical.data.pixels import normalised
from empirical.runtime.seeding import torch_stream
from empirical.training import trivial_augment

# Columns of a row: the corner of the crop; flip, 0 or 1; see ``trivial_augment``: the operation,
# its level 0..30, and 1 for a negative sign.
COLUMNS = TOP, LEFT, FLIP, OPERATION, LEVEL, NEGATIVE = range(6)


class Augmenter:
    """A training set from which augmented batches are taken, on the images' device.

    images: uint8, or float on the [-1, 1] scale. padding: see ``padded``. Raises ValueError if
    TrivialAugment is asked for with float images.
    """

    def __init__(
        self, images: Tensor, augment: AugmentName, seed: int, padding: str = "zero"
    ) -> None:
        kind = str(images.dtype).removeprefix("torch.")
        fits = "trivial" not in augment or kind == "uint8"
        require(fits, f"images of training.augment {augment}", kind, "uint8")
        self.count = len(images)
        self.side = images.shape[-1]
        self.device = images.device
        self.augment = augment
        self.seed = seed
        self.images = padded(images, padding) if "crop" in augment else images
        self.epoch = functools.lru_cache(maxsize=2)(self._epoch)  # a batch may span two epochs

    def _epoch(self, number: int) -> Tensor:
        """Return the rows of all images in one epoch: (n, 6) on the device."""
        generator = torch_stream(self.seed, "augmentation", number)
        return draw(self.count, self.side, self.augment, generator).to(self.device)

    def rows(self, chosen: Tensor, position: int) -> Tensor:
        """Return the rows of the chosen images: (B, 6).

        chosen: (B,) indices. position: number of the first of them in the stream of all images of
        epoch 0, then of epoch 1, and so on.
        """
        if self.augment == "none":
            return chosen.new_zeros(len(chosen), len(COLUMNS))
        parts: list[Tensor] = []
        done = 0
        while done < len(chosen):
            number, before = divmod(position + done, self.count)
            part = chosen[done : done + self.count - before]
            parts.append(self.epoch(number)[part])
            done += len(part)
        return torch.cat(parts)

    def batch(self, chosen: Tensor, rows: Tensor) -> Tensor:
        """Return the chosen images, each augmented by its row: float32 on the [-1, 1] scale.

        chosen: (B,) indices. rows: (B, 6). Returned: (B, channels, side, side). It can be captured
        in a CUDA graph.
        """
        if "crop" in self.augment:
            images = crop_flip(self.images, chosen, rows, self.side)
        else:
            images = self.images[chosen]
        if "trivial" in self.augment:
            images = trivial_augment.trivial_augment(
                images, rows[:, OPERATION], rows[:, LEVEL], rows[:, NEGATIVE]
            )
        return normalised(images)


def margin(side: int) -> int:
    """Return the width of the padding before a crop: 4 pixels at 32, in proportion elsewhere."""
    return side // 8


def draw(count: int, side: int, augment: AugmentName, generator: torch.Generator) -> Tensor:
    """Draw the row of each of ``count`` images for one epoch: (count, 6) int64.

    All columns are drawn, then those that are not used are set to neutral values: ``crop-flip`` has
    the crops of ``crop-flip-trivial``. They are drawn row by row: images added at the end do not
    change the rows before them.
    """
    pad = margin(side)
    operations = len(trivial_augment.OPERATIONS)
    choices = torch.tensor([2 * pad + 1, 2 * pad + 1, 2, operations, trivial_augment.LEVELS, 2])
    rows = torch.randint(2**62, (count, len(COLUMNS)), generator=generator) % choices
    parts = augment.split("-")
    if "crop" not in parts:
        rows[:, [TOP, LEFT]] = pad
    if "flip" not in parts:
        rows[:, FLIP] = 0
    if "trivial" not in parts:
        rows[:, OPERATION] = trivial_augment.IDENTITY
    return rows


def padded(images: Tensor, mode: str = "zero") -> Tensor:
    """Return padded images to take crops from, channels last, in the images' type.

    Shape: (n, side + 2 margin, side + 2 margin, channels). mode: ``zero`` pads with black as in
    the paper (0 in uint8 images, -1 in float images), ``reflect`` mirrors the image.
    """
    require(mode in ("zero", "reflect"), "padding", mode, "zero, reflect")
    pad = 4 * [margin(images.shape[-1])]
    if mode == "zero":
        wide = F.pad(images, pad, value=-1.0 if images.is_floating_point() else 0)
    else:
        wide = F.pad(images.float(), pad, mode="reflect").to(images.dtype)
    return wide.permute(0, 2, 3, 1).contiguous()


def crop_flip(store: Tensor, chosen: Tensor, rows: Tensor, side: int) -> Tensor:
    """Return the chosen images, cropped and flipped: (B, channels, side, side), channels last.

    store: padded images, see ``padded``. chosen: (B,) indices. rows: (B, 6). Two gathers do the
    work, shuffling included: every line of ``side`` pixels, then the image or its mirror image.
    There is no mask and no value is read by the host, so it can be captured in a CUDA graph.
    """
    n, high, wide, channels = store.shape
    count = len(chosen)
    # lines overlap: line i begins at pixel i
    lines = store.as_strided((n * high * wide - side + 1, side * channels), (channels, 1))
    top = rows[:, TOP, None] + torch.arange(side, device=store.device)  # (B, side)
    first = (chosen[:, None] * high + top) * wide + rows[:, LEFT, None]  # (B, side)
    straight = lines.index_select(0, first.flatten()).view(count, side, side, channels)
    both = torch.cat([straight, straight.flip(2)])
    places = rows[:, FLIP] * count + torch.arange(count, device=store.device)
    return both.index_select(0, places).permute(0, 3, 1, 2)
