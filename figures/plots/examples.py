"""What slow and fast images look like, and a source beside its variants at several strengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import FAST, SLOW
from figures.records import Record

RECORDS = ("empirical/noisy-digits-sheet", "empirical/digits-sheet")
OPTIONAL = ("empirical/reduced-sheet",)
SIZE = (1.0, 0.68)  # of the digits' part
CAPTION = (
    "The slow-learnable images of highest loss early in training and the fast-learnable ones of lowest, one row a rank, one column "
    "a class; and the slowest image of each class with one variant of it at each strength (alpha-bar: what is left of the signal's "
    "power at the first denoised step; agreement: training images whose variant a support vector machine, trained on other images, "
    "gives the label of the source). Above: digits with pixel noise, clean digits; their generator has seen the training images "
    "alone. Below: CIFAR-10 averaged down to 16x16 pixels; its generator has seen other images."
)
BELOW = 0.56  # height of the part below, in heights of the digits'


def rows(records: Mapping[str, Sequence[Record]]) -> float:
    """In heights of the digits' part."""
    return 1 + BELOW * (OPTIONAL[0] in records)


def tiles(images: Sequence, columns: int) -> np.ndarray:
    """Images (n, channels, side, side), gray or colour, in rows of ``columns``, a blank line between: one array, NaN where blank."""
    pixels = np.moveaxis(np.asarray(images, float), 1, -1)  # (n, side, side, channels)
    side, rows = pixels.shape[1], -(-len(pixels) // columns)
    sheet = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1, pixels.shape[-1]), np.nan)
    for i, image in enumerate(pixels):
        top, left = (i // columns) * (side + 1), (i % columns) * (side + 1)
        sheet[top : top + side, left : left + side] = image
    return sheet


def show(axes, images: Sequence, columns: int, title: str, colour: str) -> None:
    sheet = tiles(images, columns)
    if sheet.shape[-1] == 1:
        axes.imshow(sheet[:, :, 0], cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    else:
        axes.imshow(
            np.where(np.isnan(sheet), 1, (sheet.clip(-1, 1) + 1) / 2), interpolation="nearest"
        )  # white where blank
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
    return [
        images["pixels"][members[r]] if r < len(members) else blank
        for r in range(rows)
        for members in by_class
    ]


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    if OPTIONAL[0] in records:
        above, below = figure.subfigures(2, 1, height_ratios=(1, BELOW))
        parts = below.subplot_mosaic([["slow", "sheet"], ["fast", "sheet"]], width_ratios=(1, 1))
        fill(
            [parts[name] for name in ("slow", "fast", "sheet")],
            records[OPTIONAL[0]][0].metrics,
            "CIFAR-10",
        )
    else:
        above = figure
    grid = above.subplots(3, 2, height_ratios=(26, 26, 62))
    for column, name in enumerate(RECORDS):
        fill(grid[:, column], records[name][0].metrics, name.split("/")[1].removesuffix("-sheet"))


def fill(panels: Sequence, metrics: Mapping, title: str) -> None:
    """Slow images, fast images, and variants by strength, of one sheet, in three panels."""
    slow, fast, sheet = panels
    classes, levels = len(metrics["classes"]), metrics["levels"]
    show(slow, ranked(metrics["slowest"], classes), classes, f"{title}: slow-learnable", SLOW)
    show(fast, ranked(metrics["fastest"], classes), classes, f"{title}: fast-learnable", FAST)
    shown = [metrics["sources"]["pixels"], *(level["pixels"] for level in levels)]
    show(
        sheet,
        [image for row in shown for image in row],
        len(metrics["sources"]["labels"]),
        f"{title}: variants by strength",
        "black",
    )
    side = np.shape(shown[0])[-1]
    texts = [f"source  (1; {metrics['agreement_real']:.0%})", *map(row_label, levels)]
    sheet.set_yticks(
        [i * (side + 1) + side / 2 - 0.5 for i in range(len(shown))], texts, fontsize=7
    )
    sheet.tick_params(length=0)
    sheet.set_xlabel("row label: strength (alpha-bar; agreement)", fontsize=7)


def row_label(level: Mapping) -> str:
    kept = "" if level["alpha_bar"] is None else f"{level['alpha_bar']:.2f}; "
    return f"{level['strength']:g}  ({kept}{level['agreement']:.0%})"
