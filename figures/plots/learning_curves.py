"""Draw the training error on the originals over the steps, with SGD and with SAM, by method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.claims.cases import LARGEST_TRAINING_ERROR
from figures.labels import BUDGETS, GREY, SAM_BUDGETS, method_style
from figures.plots.panels import say_not_run, two_lines
from figures.records import Record
from figures.statistics.conditions import Conditions, count_data_sets, data_sets
from figures.statistics.intervals import estimate
from figures.statistics.pick import stack_curves

RECORDS = ()
ANY_OF = (
    "empirical/reduced-test-error",
    "empirical/reduced-crop-flip",
    "empirical/paper-test-error",
)
SIZE = (1.0, 0.38)  # the height is of one data set
CAPTION = (
    "Training error on the original images over the run, mean over seeds with 95% intervals "
    "(Student) as bands, left with SGD, right with SAM, which takes two gradients a step; the "
    "learning rate is divided by ten at one half and at three quarters; equal epochs. Below the "
    "dotted line originals count as learned; a claim on an arm that ends above it is called "
    "under-fit. Errors below the axis are drawn on it. In the legend: training error at the end, "
    "and n."
)
LABELS = ("original", "useful-2", "tada-2", "tada-4", "tada-5", "syn-all")
FLOOR = 0.02  # %, the lower end of the axis

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row of two panels for each data set: SGD and SAM."""
    sets = data_sets(records)
    grid = figure.subplots(len(sets), 2, squeeze=False, sharey="row")
    for row, conditions in zip(grid, sets, strict=True):
        budget = conditions.base.budget
        for axes, name in zip(row, (budget, SAM_BUDGETS[budget]), strict=True):
            draw_panel(axes, conditions, name)
        row[0].set_ylabel(f"{two_lines(conditions.name)}\ntraining error, %")


def draw_panel(axes, conditions: Conditions, budget: str) -> None:
    """Draw a curve for each method that was run under a budget.

    At equal epochs the number of steps differs a little from seed to seed; seeds share the number
    of evaluations, and the steps of each are averaged.
    """
    for label in LABELS:
        members = list(conditions.records(label, budget=budget).values())
        if not members:
            continue
        steps = stack_curves(members, "steps").mean(0)
        band = estimate(100 * stack_curves(members, "train_error"))
        style = method_style(label)
        axes.plot(
            steps,
            np.maximum(band.mean, FLOOR),
            color=style.colour,
            linestyle=style.line,
            label=f"{style.label}: {band.mean[-1]:.2f}%, n = {band.n}",
        )
        if band.n > 1:
            axes.fill_between(
                steps,
                np.maximum(band.low, FLOOR),
                np.maximum(band.high, FLOOR),
                color=style.colour,
                alpha=0.12,
                linewidth=0,
            )
    axes.axhline(LARGEST_TRAINING_ERROR, color=GREY, linestyle=":", linewidth=1)
    axes.set(title=BUDGETS[budget], xlabel="step", yscale="log", ylim=(FLOOR, 100))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left")
    else:
        say_not_run(axes, BUDGETS[budget])
