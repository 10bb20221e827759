"""Draw when slow and fast images are learned, by method, and how often forgotten (E11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import FAST, SLOW, method_name, method_style
from figures.plots.panels import Dot, format_seeds, plot_differences, say_not_run
from figures.records import Record
from figures.statistics.conditions import (
    Conditions,
    count_data_sets,
    data_sets,
    mean_over_seeds,
    paired_difference,
)
from figures.statistics.intervals import estimate
from figures.statistics.pick import stack_curves

RECORDS = ("empirical/noisy-digits",)
OPTIONAL = ("empirical/reduced-learning-speed", "empirical/paper-learning-speed")
SIZE = (1.0, 0.4)  # the height is of one data set
CAPTION = (
    "At equal epochs (on noisy-digits at equal gradient steps), means over seeds with 95% "
    "intervals (Student). Left: training error on slow and fast images over the run, Original "
    "(solid) and TADA with the most variants (dashed). Middle: the gap between when slow and fast "
    "images are learned for "
    "good, in % of the run, minus that of Original (paired; Original's mean stands below the "
    "axis). Right: how often a slow or a fast image is right at one check and wrong at the next. "
    "Slow and fast are those of the clusters, whatever the method; the generator has seen the "
    "training images of the run alone on digits, other images elsewhere."
)
LABELS = ("useful-2", "useful-5", "tada-2", "tada-4", "tada-5", "syn-rand", "syn-all")

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row of three panels for each data set."""
    sets = data_sets(records)
    grid = figure.subplots(len(sets), 3, squeeze=False, width_ratios=(1.15, 1, 1))
    for (left, middle, right), conditions in zip(grid, sets, strict=True):
        draw_data_set(left, middle, right, conditions)


def draw_data_set(left, middle, right, conditions: Conditions) -> None:
    """Draw training errors, learning gaps and forgetting of one data set."""
    labels = [label for label in LABELS if conditions.records(label)]
    seeds = len(conditions.records("original"))
    if not (seeds and labels):
        for axes in (left, middle, right):
            say_not_run(axes, conditions.name)
        return
    variants = [label for label in labels if label.startswith("tada")]
    plot_training_errors(left, conditions, "original", "-")
    if variants:
        plot_training_errors(left, conditions, variants[-1], "--")
    left.set(
        title=f"{conditions.name}\n{format_seeds(seeds)}",
        xlabel="step",
        ylabel="training error, %",
        ylim=(0, None),
    )
    left.legend(loc="upper right")
    original = conditions.values("original", "learning_gap")
    rows = []
    for label in labels:
        change = paired_difference(conditions.values(label, "learning_gap"), original)
        rows.append(Dot(method_name(label), change, method_style(label)))
    plot_differences(middle, rows, seeds)
    middle.set(
        title="learning gap",
        xlabel=f"% of the run\nminus Original's {mean_over_seeds(original):.1f}",
    )
    plot_forgetting(right, conditions, ("original", *labels))


def plot_training_errors(axes, conditions: Conditions, label: str, line: str) -> None:
    """Plot the training error on slow and fast images over the steps."""
    members = list(conditions.records(label).values())
    steps = stack_curves(members, "steps").mean(0)
    for name, colour in (("slow", SLOW), ("fast", FAST)):
        band = estimate(100 * stack_curves(members, f"train_error_{name}"))
        legend = f"{name}, {method_style(label).label}"
        axes.plot(steps, band.mean, color=colour, linestyle=line, label=legend)
        if band.n > 1:
            axes.fill_between(
                steps, np.maximum(band.low, 0), band.high, color=colour, alpha=0.12, linewidth=0
            )


def plot_forgetting(axes, conditions: Conditions, labels: Sequence[str]) -> None:
    """Plot the mean number of times that a slow or a fast image is forgotten, by method."""
    labels = labels[::-1]  # from the top down
    for name, colour, shift in (("slow", SLOW, 0.12), ("fast", FAST, -0.12)):
        bands = []
        for label in labels:
            members = conditions.records(label).values()
            bands.append(estimate([record.metrics[f"forgotten_{name}"] for record in members]))
        axes.errorbar(
            np.nan_to_num([band.mean for band in bands]),
            np.arange(len(labels)) + shift,
            xerr=np.nan_to_num([band.half for band in bands]),
            color=colour,
            marker="o",
            linestyle="none",
            capsize=2,
            label=name,
        )
    axes.set_yticks(range(len(labels)), [method_name(label) for label in labels])
    axes.grid(axis="y", visible=False)
    axes.set(title="times forgotten", xlabel="per image", xlim=(0, None))
    axes.legend()
