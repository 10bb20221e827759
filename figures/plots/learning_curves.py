"""Draw the training error on the originals over the steps, with SGD and with SAM, by method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import BUDGETS, SAM_BUDGETS, method_style
from figures.records import Record
from figures.statistics.conditions import Conditions, count_data_sets, data_sets
from figures.statistics.intervals import estimate
from figures.statistics.pick import stack_curves

RECORDS = ("empirical/reduced-test-error",)
OPTIONAL = ("empirical/paper-test-error",)
SIZE = (1.0, 0.38)  # the height is of one data set
CAPTION = (
    "Training error on the original images over the run, mean over seeds with 95% intervals "
    "(Student) as bands, left with SGD, right with SAM, which takes two gradients a step; the "
    "learning rate is divided by ten at one half and at three quarters. In the legend: test error "
    "at the last step. The generator has seen other images than those trained on."
)
LABELS = ("original", "useful-2", "tada-2", "syn-all")

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row of two panels for each data set: SGD and SAM."""
    sets = data_sets(records)
    grid = figure.subplots(len(sets), 2, squeeze=False, sharey="row")
    for row, conditions in zip(grid, sets, strict=True):
        budget = conditions.base.budget
        for axes, name in zip(row, (budget, SAM_BUDGETS[budget]), strict=True):
            draw_panel(axes, conditions, name)
        row[0].set_ylabel(f"{conditions.name}\ntraining error, %")


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
        error = 100 * np.mean([record.metrics["test_error"] for record in members])
        axes.plot(
            steps,
            band.mean,
            color=style.colour,
            linestyle=style.line,
            label=f"{style.label}: {error:.1f}%",
        )
        if band.n > 1:
            axes.fill_between(
                steps,
                np.maximum(band.low, 0),
                band.high,
                color=style.colour,
                alpha=0.12,
                linewidth=0,
            )
    seeds = len(conditions.records("original", budget=budget))
    axes.set(title=f"{BUDGETS[budget]}, {seeds} seeds", xlabel="step", ylim=(0, 100))
    axes.legend(title="test error at the end", loc="upper right")
