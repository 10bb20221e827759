"""Draw what copies and variants bring by the number of training images (E3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import GREY, method_name, method_style
from figures.records import Record
from figures.statistics.conditions import Conditions, data_sets, paired_difference

RECORDS = ("empirical/reduced-scaling",)
OPTIONAL = ("empirical/reduced-test-error",)
SIZE = (1.0, 0.42)
CAPTION = (
    "Left: test error minus that of Original with the same seed, in points, by the number of "
    "training images, with the same generator and early training to the same error; mean over "
    "seeds with 95% intervals (Student), last epoch, whole test set, equal epochs. Original is "
    "trained as long as it takes to learn so many images. Right: test error of Original. Numbers "
    "at the points: n. Copies are shown at k = 2, as variants are, so that all methods but Syn-all "
    "add as many images."
)
LABELS = ("useful-2", "tada-2", "syn-all")
SHIFT = 1.03  # factor by which points of the same size stand apart


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the differences from Original, and Original's errors, over the number of images."""
    sets = sorted(data_sets(records), key=training_images)
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    sizes = [training_images(conditions) for conditions in sets]
    for i, label in enumerate(LABELS):
        shift = SHIFT ** (i - 1)
        found = [
            (size * shift, change)
            for size, conditions in zip(sizes, sets, strict=True)
            if (change := paired_difference(conditions.values(label), original(conditions)))
        ]
        plot_line(left, found, label)
    errors = [
        (size, paired_difference(values, dict.fromkeys(values, 0.0)))
        for size, conditions in zip(sizes, sets, strict=True)
        if (values := original(conditions))
    ]
    plot_line(right, errors, "original")
    left.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    left.set_ylabel("test error minus Original, points")
    right.set_ylabel("test error of Original, %")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="training images")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
    left.set_title("CIFAR-10 at 16x16 pixels")
    if left.get_legend_handles_labels()[0]:
        left.legend(loc="best")


def training_images(conditions: Conditions) -> int:
    """Return the number of training images."""
    return int(conditions.first.config["data"]["train"])


def original(conditions: Conditions) -> dict[int, float]:
    """Return seed -> test error of Original, in %."""
    return conditions.values("original")


def plot_line(axes, points: Sequence[tuple], label: str) -> None:
    """Plot estimates at their places, joined by a line, with n beside each."""
    style = method_style(label)
    axes.errorbar(
        [place for place, _ in points],
        [float(band.mean) for _, band in points],
        np.nan_to_num([float(band.half) for _, band in points]),
        color=style.colour,
        marker=style.marker,
        linestyle=style.line,
        capsize=2,
        label=method_name(label),
    )
    for place, band in points:
        shape = {"color": style.colour, "fontsize": 6.5, "textcoords": "offset points"}
        axes.annotate(str(band.n), (place, float(band.mean)), (4, 4), **shape)
