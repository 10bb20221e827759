"""Draw what variants cost and gain: images and time against test error, by method (E3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from figures.labels import GREY, method_name, method_style
from figures.plots.panels import format_seeds, say_not_run
from figures.records import Record
from figures.statistics.conditions import (
    Conditions,
    count_data_sets,
    data_sets,
    mean_over_seeds,
    paired_difference,
)

RECORDS = ("empirical/noisy-digits",)
OPTIONAL = (
    "empirical/reduced-test-error",
    "empirical/reduced-controls",
    "empirical/paper-test-error",
)
SIZE = (1.0, 0.42)  # the height is of one data set
CAPTION = (
    "Test error minus that of Original (paired by seed, mean with 95% intervals, Student) against "
    "what a run costs on average: left, images generated, points of equal number side by side; "
    "right, time of training and measures as recorded (GPU or one CPU core; early training, "
    "variants and generators are not in it), which depends on what else the machine did. Filled: "
    "at equal gradient steps; hollow: at equal epochs, where more images mean more steps. SGD. The "
    "generator has seen the training images of the run alone on digits, other images elsewhere."
)
METHODS = (
    "original-longer",
    "useful-2",
    "tada-2",
    "tada-4",
    "tada-5",
    "random-4",
    "random-5",
    "syn-rand",
    "syn-all",
)

relative_height = count_data_sets


def methods_run(conditions: Conditions) -> Iterator[tuple[str, str, Mapping[int, Record]]]:
    """Yield (method, budget, records by seed) of the methods that were run with SGD."""
    for budget in ("steps", "epochs"):
        for label in METHODS:
            if records := conditions.records(label, budget=budget):
                yield label, budget, records


def mean_cost(records: Mapping[int, Record], quantity: str) -> float:
    """Return the mean over runs of ``generated`` images, ``gradients``, or ``seconds``."""
    place = "provenance" if quantity == "seconds" else "metrics"
    values = [getattr(record, place).get(quantity, np.nan) for record in records.values()]
    return float(np.mean(values))


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row of two panels for each data set: images generated, and time."""
    sets = data_sets(records)
    grid = figure.subplots(len(sets), 2, squeeze=False, sharey="row", width_ratios=(1, 1))
    for (left, right), conditions in zip(grid, sets, strict=True):
        original = conditions.records("original")
        if not original:
            say_not_run(left, conditions.name)
            say_not_run(right, "")
            continue
        hours = mean_cost(original, "seconds") > 600
        plot_cost(left, conditions, "generated", 1)
        plot_cost(right, conditions, "seconds", 3600 if hours else 1)
        error = mean_over_seeds(conditions.values("original"))
        left.set_title(f"{conditions.name}\nOriginal: {error:.1f}%, {format_seeds(len(original))}")
        left.set(xlabel="images generated, a run", ylabel="test error minus Original, points")
        right.set(xlim=(0, None), xlabel=f"time of a run, {'hours' if hours else 'seconds'}")
        right.set_title(
            "filled: equal steps\nhollow: equal epochs", fontweight="normal", fontsize=8
        )
        if right.get_legend_handles_labels()[0]:
            right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def plot_cost(axes, conditions: Conditions, quantity: str, unit: float) -> None:
    """Plot the gain of every method against a cost, in multiples of ``unit``.

    Methods that generate equally many images are shifted a little, to stand side by side.
    """
    named = set()
    groups = list(methods_run(conditions))
    largest = max((mean_cost(records, quantity) for _, _, records in groups), default=0) / unit
    for i, (label, budget, records) in enumerate(groups):
        errors = conditions.values(label, budget=budget)
        change = paired_difference(errors, conditions.baseline_values(budget=budget))
        if change is None:
            continue
        style = method_style(label)
        shift = largest * 0.008 * (i - len(groups) / 2) if quantity == "generated" else 0
        axes.errorbar(
            mean_cost(records, quantity) / unit + shift,
            change.mean,
            change.half if change.half == change.half else 0,
            color=style.colour,
            marker=style.marker,
            markersize=7 if label in ("tada-4", "tada-5") else None,
            capsize=2,
            linestyle="none",
            markerfacecolor=style.colour if budget == "steps" else "white",
            label=None if label in named else method_name(label),
        )
        named.add(label)
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
