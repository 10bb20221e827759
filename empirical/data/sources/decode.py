"""From the bytes of an image file to pixels: RGB, upright, of one side; by Pillow, which lets other threads run while it decodes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from empirical.data.sources.source import Unreadable

WIDE = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # grey-scale of 16 bits


def decode_rgb(data: bytes) -> Image.Image:
    """The image in ``data``, turned as its EXIF orientation says, in RGB; the first frame if it moves.

    Grey-scale is repeated in all channels, 16 bits are scaled to 8; transparent pixels are laid on white, for the colour below them is
    arbitrary. Raises Unreadable.
    """
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
        if image.mode == "F":
            raise Unreadable("floating-point pixels")
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode in WIDE:
            image = Image.fromarray((np.asarray(image).clip(0, 65535) / 257 + 0.5).astype(np.uint8))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert(
                "RGB"
            )
        return image if image.mode == "RGB" else image.convert("RGB")
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # Pillow's plugins raise whatever they meet in a damaged file
        raise Unreadable(_reason(error)) from None


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (
        "not an image" if text.startswith("cannot identify") else text[:80] or type(error).__name__
    )


def resize_square(image: Image.Image, side: int) -> np.ndarray:
    """The shorter side resized to ``side`` by antialiased bicubic interpolation, then the centre square: (side, side, 3) uint8.

    Both in one step, so that a long image needs no more memory than a square one.
    """
    width, height = image.size
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box))


def require_side(image: Image.Image, side: int) -> np.ndarray:
    """The pixels of an image that must have this side; raises Unreadable if it has another."""
    if image.size != (side, side):
        raise Unreadable(f"{image.size[0]}x{image.size[1]} pixels instead of {side}x{side}")
    return np.asarray(image)


def average_down(pixels: np.ndarray, side: int) -> np.ndarray:
    """Mean over squares of pixels, rounded half up: (..., s, s, channels) uint8 -> (..., side, side, channels); side divides s."""
    block = pixels.shape[-2] // side
    shape = (*pixels.shape[:-3], side, block, side, block, pixels.shape[-1])
    total = pixels.reshape(shape).sum(axis=(-4, -2), dtype=np.uint32)
    return ((2 * total + block**2) // (2 * block**2)).astype(np.uint8)
