"""Decode image files to pixels: RGB, upright, one side; by Pillow, which runs beside threads."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from empirical.data.sources.source import Unreadable

# Formats that are opened. Others of Pillow start programs (PostScript) or hold no photographs.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "DIB", "TIFF", "PPM")
WIDE = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes of 16-bit and 32-bit greyscale
ORIENTATION = 0x0112  # EXIF tag
# suffixes that torchvision's ImageFolder sees
COMMON = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}
TWELVE_BITS = 4095  # the largest value of 12 bits; 16-bit images that stay below are refused


def decode_rgb(data: bytes) -> Image.Image:
    """Return the image in ``data`` as RGB, turned as its EXIF orientation says.

    Greyscale is repeated in all channels. 16-bit greyscale x becomes x / 257; if no value exceeds
    4095, which 12 bits stored in 16 look like, it is refused, as are floats and 32-bit integers:
    what they mean is not known. Transparent pixels are laid on white (the colour below them is
    arbitrary), and an animation gives its first frame. Raises Unreadable.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode == "F":
            raise Unreadable("floating-point pixels, whose range is not known: save 8 bits")
        if image.mode in WIDE:
            image = Image.fromarray(_from_wide(np.asarray(image)))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(white, image).convert("RGB")
        return image if image.mode == "RGB" else image.convert("RGB")
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # a damaged file makes Pillow's plugins raise anything
        raise Unreadable(_reason(error)) from None


def _from_wide(values: np.ndarray) -> np.ndarray:
    """Return 16-bit greyscale as uint8: x / 257, rounded.

    Raises Unreadable for values of more than 16 bits, and for an image that uses 12 bits or fewer.
    """
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise Unreadable(f"32-bit values from {low} to {high}, whose range is not known")
    if 0 < high <= TWELVE_BITS:
        raise Unreadable(f"16-bit values up to {high}, as of 12 bits or fewer: rescale them")
    return (values / 257 + 0.5).astype(np.uint8)


def reread_reason(path: str, data: bytes) -> str:
    """Return why common loaders read an image file otherwise than ``decode_rgb``; empty if not.

    They go by the suffix, do not turn it by its EXIF orientation, and take palettes, transparency,
    16 bits and CMYK each in their own way. path: whose suffix counts. data: of a readable image.
    """
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        wide = any(";16" in str(tile[3]) for tile in image.tile)  # gone once pixels are loaded
        orientation = image.getexif().get(ORIENTATION, 1)
        form = image.format
        mode = image.mode
        transparent = image.has_transparency_data
    if orientation not in (0, 1):
        return "turned by EXIF"
    if form in ("GIF", "AVIF"):
        return form
    if wide or mode in WIDE:
        return "16 bits"
    if transparent:
        return "transparent"
    if mode not in ("RGB", "L"):
        return {"P": "palette", "1": "1 bit"}.get(mode, mode)
    suffix = path.rsplit("/", 1)[-1].lower().rpartition(".")[2]
    return "" if f".{suffix}" in COMMON else "suffix"


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
