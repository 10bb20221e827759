"""A labelled grid of images as a PNG, each pixel enlarged as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from empirical.config import require
from empirical.data.pixels import as_uint8
from figures.records import atomic_write

GAP, LETTER, LINE = 2, 7, 14  # pixels: between images, of a letter's width, of a line's height
SMALLEST = 48  # pixels of an image's side on the sheet, at least


def contact_sheet(
    path: Path,
    images: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    scale: int | None = None,
) -> None:
    """Write (rows, columns, channels, height, width), float in [-1, 1] or uint8, channels 1 or 3, as a PNG.

    scale: times a pixel is enlarged, at least 1; if None so that an image is 48 pixels high or more. Floats beyond [-1, 1] are clipped.
    Raises ValueError if the labels are not as many as rows and columns, or for another number of channels.
    """
    from PIL import Image, ImageDraw

    require(
        images.ndim == 5 and images.shape[2] in (1, 3),
        "shape of the sheet",
        images.shape,
        "(rows, columns, 1 or 3, height, width)",
    )
    require(
        images.shape[:2] == (len(rows), len(columns)),
        "labels",
        (len(rows), len(columns)),
        f"as many as images, {images.shape[:2]}",
    )
    high, wide = images.shape[3:]
    scale = max(1, -(-SMALLEST // high)) if scale is None else scale
    require(scale >= 1, "scale", scale, "at least 1")
    left = max((len(text) for text in rows), default=0) * LETTER + 2 * GAP
    step_x = max(wide * scale, max((len(text) for text in columns), default=0) * LETTER) + GAP
    step_y = high * scale + GAP
    sheet = Image.new("RGB", (left + len(columns) * step_x, LINE + len(rows) * step_y), "white")
    pen = ImageDraw.Draw(sheet)
    for j, text in enumerate(columns):
        pen.text((left + j * step_x, 1), text, fill="black")
    for i, text in enumerate(rows):
        pen.text((GAP, LINE + i * step_y + max(0, (high * scale - LINE) // 2)), text, fill="black")
        for j in range(len(columns)):
            tile = bytes_of(images[i, j]).repeat(scale, 0).repeat(scale, 1)
            sheet.paste(Image.fromarray(tile), (left + j * step_x, LINE + i * step_y))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="PNG")


def bytes_of(image: np.ndarray) -> np.ndarray:
    """(channels, height, width), float in [-1, 1] or uint8 -> (height, width, 3) uint8."""
    image = image.transpose(1, 2, 0) if image.dtype == np.uint8 else as_uint8(image[None])[0]
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
