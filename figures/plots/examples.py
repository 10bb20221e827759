"""Draw slow and fast images, and sources beside their variants at several strengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import DATA_SETS, FAST, SLOW
from figures.records import Record

RECORDS = ("empirical/noisy-digits-sheet", "empirical/digits-sheet")
CIFAR = "empirical/reduced-sheet"
OPTIONAL = (CIFAR,)
SIZE = (1.0, 0.68)  # of the digits' part
CAPTION = (
    "The slow-learnable images of highest loss early in training and the fast-learnable ones of "
    "lowest, one row a rank, one column a class; and the slowest image of each class with one "
    "variant of it at each strength (alpha-bar: what is left of the signal's power at the first "
    "denoised step; agreement: training images whose variant a judge, trained on other images, "
    "gives the label of the source). Digits with pixel noise, clean digits: their generator has "
    "seen the training images alone. CIFAR-10, if shown below, is averaged down to 16x16 pixels; "
    "its generator has seen other images."
)
BELOW = 0.56  # height of the part of CIFAR-10, in heights of the digits' part


def relative_height(records: Mapping[str, Sequence[Record]]) -> float:
    """Return the height in heights of the digits' part."""
    return 1 + BELOW * (CIFAR in records)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the two digits' data sets side by side, and CIFAR-10 below if it has records."""
    above = figure
    if CIFAR in records:
        above, below = figure.subfigures(2, 1, height_ratios=(1, BELOW))
        parts = below.subplot_mosaic([["slow", "sheet"], ["fast", "sheet"]], width_ratios=(1, 1))
        panels = [parts[name] for name in ("slow", "fast", "sheet")]
        draw_gallery(panels, records[CIFAR][0].metrics, DATA_SETS["cifar10"])
    grid = above.subplots(3, 2, height_ratios=(26, 26, 62))
    for column, name in enumerate(RECORDS):
        title = name.split("/")[1].removesuffix("-sheet")
        draw_gallery(grid[:, column], records[name][0].metrics, title)


def draw_gallery(panels: Sequence, metrics: Mapping, title: str) -> None:
    """Draw slow images, fast images, and variants by strength in three panels."""
    slow, fast, variants = panels
    classes, levels = len(metrics["classes"]), metrics["levels"]
    slowest = rank_images(metrics["slowest"], classes)
    fastest = rank_images(metrics["fastest"], classes)
    show_images(slow, slowest, classes, f"{title}: slow-learnable", SLOW)
    show_images(fast, fastest, classes, f"{title}: fast-learnable", FAST)
    rows = [metrics["sources"]["pixels"], *(level["pixels"] for level in levels)]
    images = [image for row in rows for image in row]
    columns = len(metrics["sources"]["labels"])
    show_images(variants, images, columns, f"{title}: variants by strength", "black")
    side = np.shape(rows[0])[-1]
    places = [i * (side + 1) + side / 2 - 0.5 for i in range(len(rows))]
    names = [f"source  (1; {metrics['agreement_real']:.0%})", *map(format_level, levels)]
    variants.set_yticks(places, names, fontsize=7)
    variants.tick_params(length=0)
    variants.set_xlabel("row label: strength (alpha-bar; agreement)", fontsize=7)


def rank_images(images: Mapping, classes: int, ranks: int = 3) -> list:
    """Return the first ``ranks`` images of every class, rank by rank; blank where there are fewer.

    images: ``labels`` (n,) and ``pixels`` (n, channels, side, side).
    """
    labels = np.asarray(images["labels"])
    blank = np.full(np.shape(images["pixels"][0]), np.nan).tolist()
    by_class = [np.flatnonzero(labels == c) for c in range(classes)]
    return [
        images["pixels"][members[rank]] if rank < len(members) else blank
        for rank in range(ranks)
        for members in by_class
    ]


def show_images(axes, images: Sequence, columns: int, title: str, colour: str) -> None:
    """Show images with values in [-1, 1] in rows of ``columns``; gray ones dark on white."""
    sheet = tile_images(images, columns)
    if sheet.shape[-1] == 1:
        axes.imshow(sheet[:, :, 0], cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    else:
        white = np.where(np.isnan(sheet), 1, (sheet.clip(-1, 1) + 1) / 2)
        axes.imshow(white, interpolation="nearest")
    axes.set_title(title, color=colour)
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)


def tile_images(images: Sequence, columns: int) -> np.ndarray:
    """Return images in rows of ``columns`` with a line of NaN between them.

    images: (n, channels, side, side) -> (height, width, channels).
    """
    pixels = np.moveaxis(np.asarray(images, float), 1, -1)  # (n, side, side, channels)
    side, rows = pixels.shape[1], -(-len(pixels) // columns)
    sheet = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1, pixels.shape[-1]), np.nan)
    for i, image in enumerate(pixels):
        top, left = (i // columns) * (side + 1), (i % columns) * (side + 1)
        sheet[top : top + side, left : left + side] = image
    return sheet


def format_level(level: Mapping) -> str:
    """Format strength, alpha-bar and agreement of a row of variants: ``0.5  (0.49; 60%)``."""
    kept = "" if level["alpha_bar"] is None else f"{level['alpha_bar']:.2f}; "
    return f"{level['strength']:g}  ({kept}{level['agreement']:.0%})"
