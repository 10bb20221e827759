"""Decode image files to pixels: RGB, upright, one side; by Pillow, which runs beside threads."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from empirical.data.sources.source import Unreadable

WIDE = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes of 16-bit greyscale


def decode_rgb(data: bytes) -> Image.Image:
    """Return the image in ``data`` as RGB, turned as its EXIF orientation says.

    Greyscale is repeated in all channels, 16 bits are scaled to 8, transparent pixels are laid on
    white (the colour below them is arbitrary), and an animation gives its first frame.
    Raises Unreadable.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(data))
        image.load()
        if image.mode == "F":
            raise Unreadable("floating-point pixels")
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode in WIDE:
            image = Image.fromarray((np.asarray(image).clip(0, 65535) / 257 + 0.5).astype(np.uint8))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(white, image).convert("RGB")
        return image if image.mode == "RGB" else image.convert("RGB")
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # a damaged file makes Pillow's plugins raise anything
        raise Unreadable(_reason(error)) from None


def _reason(error: Exception) -> str:
    """Return Pillow's message as one short line."""
    text = " ".join(str(error).split())
    if text.startswith("cannot identify"):
        return "not an image"
    return text[:80] or type(error).__name__


def resize_square(image: Image.Image, side: int) -> np.ndarray:
    """Resize the shorter side to ``side`` and return the centre square, (side, side, 3) uint8.

    The interpolation is bicubic, antialiased. Resizing and cropping are one step, so that a long
    image needs no more memory than a square one.
    """
    width, height = image.size
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box))


def require_side(image: Image.Image, side: int) -> np.ndarray:
    """Return the pixels, (side, side, 3) uint8; raise Unreadable if the image has another size."""
    if image.size != (side, side):
        raise Unreadable(f"{image.size[0]}x{image.size[1]} pixels instead of {side}x{side}")
    return np.asarray(image)


def average_down(pixels: np.ndarray, side: int) -> np.ndarray:
    """Average over squares of pixels, rounding half up.

    pixels: (..., s, s, channels) uint8, s a multiple of ``side``.
    Returns (..., side, side, channels) uint8.
    """
    block = pixels.shape[-2] // side
    shape = (*pixels.shape[:-3], side, block, side, block, pixels.shape[-1])
    total = pixels.reshape(shape).sum(axis=(-4, -2), dtype=np.uint32)
    return ((2 * total + block**2) // (2 * block**2)).astype(np.uint8)
