"""Draw a labelled grid of images as a PNG, each pixel enlarged without smoothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from empirical.config import require
from empirical.data.pixels import as_uint8
from figures.records import atomic_write

# Sizes in pixels of the sheet
GAP = 2  # between images
LETTER = 7  # width of a letter
LINE = 14  # height of a line of text
SMALLEST = 48  # side of an image, at least


def write_contact_sheet(
    path: Path,
    images: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    scale: int | None = None,
) -> None:
    """Write a grid of images with labels of rows and columns as a PNG.

    images: (rows, columns, channels, height, width), float in [-1, 1] or uint8; 1 or 3 channels.
    Floats outside [-1, 1] are clipped. scale: factor by which pixels are enlarged, at least 1;
    None: the smallest with which an image is at least 48 pixels high. Raises ValueError if the
    numbers of labels do not fit, or for another number of channels.
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
    height, width = images.shape[3:]
    scale = max(1, -(-SMALLEST // height)) if scale is None else scale
    require(scale >= 1, "scale", scale, "at least 1")
    left = _text_width(rows) + 2 * GAP
    step_x = max(width * scale, _text_width(columns)) + GAP
    step_y = height * scale + GAP
    sheet = Image.new("RGB", (left + len(columns) * step_x, LINE + len(rows) * step_y), "white")
    pen = ImageDraw.Draw(sheet)
    for j, text in enumerate(columns):
        pen.text((left + j * step_x, 1), text, fill="black")
    for i, text in enumerate(rows):
        top = LINE + i * step_y
        pen.text((GAP, top + max(0, (height * scale - LINE) // 2)), text, fill="black")
        for j in range(len(columns)):
            tile = as_rgb(images[i, j]).repeat(scale, 0).repeat(scale, 1)
            sheet.paste(Image.fromarray(tile), (left + j * step_x, top))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="PNG")


def _text_width(labels: Sequence[str]) -> int:
    """Return the width of the longest label in pixels."""
    return max((len(text) for text in labels), default=0) * LETTER


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Return an image as (height, width, 3) uint8.

    image: (1 or 3 channels, height, width), float in [-1, 1] or uint8.
    """
    stored = image.transpose(1, 2, 0) if image.dtype == np.uint8 else as_uint8(image[None])[0]
    return np.ascontiguousarray(np.broadcast_to(stored, (*stored.shape[:2], 3)))
