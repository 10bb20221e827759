"""Draw sources beside their variants on one sheet, as a person would check them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from empirical.data.sources.frame import frame_box
from empirical.generation.quality.contact_sheet import write_contact_sheet

ROWS = 20
COLUMNS = 4  # variants of a source, at most
SIDE = 128  # pixels of an image, at most
NAME = 14  # letters of a class's name


def choose_rows(sources: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return up to 20 of the sources, by class in turn, each class's first ones first.

    sources: (m,) indices, which may repeat. labels: (n,), of all images.
    """
    distinct = np.unique(sources)
    rank = np.empty(len(distinct), np.int64)
    for c in np.unique(labels[distinct]):
        rows = np.flatnonzero(labels[distinct] == c)
        rank[rows] = np.arange(len(rows))
    chosen = distinct[np.argsort(rank, kind="stable")[:ROWS]]
    return chosen[np.argsort(labels[chosen], kind="stable")]


def tile(square: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Return a square image small enough for the sheet, (3, side, side) uint8.

    size: width and height of the image that lies in the square; around it the sheet stays white.
    None: the square is the image.
    """
    side = min(SIDE, len(square))
    image = Image.fromarray(square).resize((side, side), Image.Resampling.LANCZOS)
    if size is not None:
        box = frame_box(*size, side)
        white = Image.new("RGB", (side, side), "white")
        white.paste(image.crop(box), box[:2])
        image = white
    return np.asarray(image).transpose(2, 0, 1)


def write_sheet(
    path: Path,
    rows: Sequence[tuple[str, Sequence[str]]],
    squares: Sequence[Sequence[np.ndarray]],
    sizes: Sequence[tuple[int, int] | None],
) -> None:
    """Write a sheet with a source and its variants in each row.

    rows: for each, the class, and the class that the judge prefers for each variant. squares: for
    each, the source and the variants, (side, side, 3) uint8. sizes: width and height of each
    source.
    """
    count = max(len(row) for row in squares)
    blank = np.full((3, *tile(squares[0][0], None).shape[1:]), 255, np.uint8)
    grid = [
        [*(tile(square, size) for square in row), *[blank] * (count - len(row))]
        for row, size in zip(squares, sizes, strict=True)
    ]
    titles = ["source", *(f"variant {i}" for i in range(1, count))]
    labels = [row_label(name, preferred) for name, preferred in rows]
    write_contact_sheet(path, np.array(grid), labels, titles)


def row_label(name: str, preferred: Sequence[str]) -> str:
    """Return a class, and what else the judge sees in its variants."""
    others = list(dict.fromkeys(other[:NAME] for other in preferred if other != name))
    return name[:NAME] + (f" (judged {', '.join(others[:2])})" if others else "")
