"""Read the files of images on demand: as squares of any side, and their sizes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from empirical.data.sources.decode import decode_rgb, resize_square
from empirical.data.sources.frame import from_square, pad_to_square

ORIENTATION = 0x0112  # EXIF tag
TURNED = range(5, 9)  # its values for images that lie on a side
Read = Callable[[str], bytes]


class Squares:
    """Images of files as an array (n, side, side, 3) uint8 that is read only where it is indexed.

    read: returns the content of a file. whole: pad each image; otherwise take the centre square.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, read: Read, paths: Sequence[str], side: int, whole: bool) -> None:
        self.read = read
        self.paths = paths
        self.side = side
        self.whole = whole

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of images, height, width and channels; no file is read."""
        return len(self.paths), self.side, self.side, 3

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, indices: np.ndarray | slice) -> np.ndarray:
        chosen = np.arange(len(self))[indices]
        made = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for i, index in enumerate(chosen):
            image = decode_rgb(self.read(self.paths[index]))
            fit = pad_to_square if self.whole else resize_square
            made[i] = fit(image, self.side)
        return made


def upright_size(data: bytes) -> tuple[int, int]:
    """Return width and height of an image file as it is shown; no pixel is decoded."""
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        turned = image.getexif().get(ORIENTATION) in TURNED
    return (height, width) if turned else (width, height)


def at_size(square: np.ndarray, size: tuple[int, int] | None, side: int | None) -> np.ndarray:
    """Return a variant as it is written: (height, width, 3) uint8.

    square: (s, s, 3) uint8. size: width and height of its source, which lies padded in the square.
    side: write a square of this side instead.
    """
    if side is None:
        assert size is not None
        return from_square(square, *size)
    if len(square) == side:
        return square
    image = Image.fromarray(square).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image)
