"""What slow and fast images look like, and a source beside its variants at several strengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.records import Record
from figures.style import FAST, SLOW

RECORDS = ("empirical/noisy-digits-sheet", "empirical/digits-sheet")
SIZE = (1.0, 0.68)
CAPTION = (
    "Top: the slow-learnable images of highest loss early in training and the fast-learnable ones of lowest, one row a rank, one column "
    "a class. Bottom: the slowest image of each class and one variant of it at each strength (alpha-bar: what is left of the "
    "signal's power at the first denoised step; agreement: variants of all training images that an independent classifier gives the "
    "label of the source). Left: digits with pixel noise; right: clean digits."
)


def tiles(images: Sequence, columns: int) -> np.ndarray:
    """Gray images (n, 1, side, side) in rows of ``columns``, a blank line between: one array, NaN where blank."""
    pixels = np.asarray(images, float)[:, 0]  # (n, side, side)
    side, rows = pixels.shape[-1], -(-len(pixels) // columns)
    sheet = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1), np.nan)
    for i, image in enumerate(pixels):
        top, left = (i // columns) * (side + 1), (i % columns) * (side + 1)
        sheet[top : top + side, left : left + side] = image
    return sheet


def show(axes, images: Sequence, columns: int, title: str, colour: str) -> None:
    axes.imshow(tiles(images, columns), cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_title(title, color=colour)
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)


def ranked(images: Mapping, classes: int, rows: int = 3) -> list:
    """The first ``rows`` images of every class, rank by rank; a class with fewer shows blanks."""
    labels = np.asarray(images["labels"])
    blank = np.full(np.shape(images["pixels"][0]), np.nan).tolist()
    by_class = [np.flatnonzero(labels == c) for c in range(classes)]
    return [images["pixels"][members[r]] if r < len(members) else blank for r in range(rows) for members in by_class]


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    grid = figure.subplots(3, 2, height_ratios=(26, 26, 62))
    for column, name in enumerate(RECORDS):
        metrics = records[name][0].metrics
        classes, levels = len(metrics["classes"]), metrics["levels"]
        slow, fast, sheet = grid[:, column]
        title = name.split("/")[1].removesuffix("-sheet")
        show(slow, ranked(metrics["slowest"], classes), classes, f"{title}: slow-learnable", SLOW)
        show(fast, ranked(metrics["fastest"], classes), classes, f"{title}: fast-learnable", FAST)
        shown = [metrics["sources"]["pixels"], *(level["pixels"] for level in levels)]
        show(sheet, [image for row in shown for image in row], len(metrics["sources"]["labels"]), f"{title}: variants by strength", "black")
        side = np.shape(shown[0])[-1]
        texts = [
            f"source  (1; {metrics['agreement_real']:.0%})",
            *(f"{l['strength']:g}  ({l['alpha_bar']:.2f}; {l['agreement']:.0%})" for l in levels),
        ]
        sheet.set_yticks([i * (side + 1) + side / 2 - 0.5 for i in range(len(shown))], texts, fontsize=7)
        sheet.tick_params(length=0)
        sheet.set_xlabel("row label: strength (alpha-bar; agreement)", fontsize=7)
