"""Training error on the originals over the steps, with SGD and with SAM, by method: to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import TITLES, look
from figures.records import Record
from figures.statistics.conditions import Runs, data_sets
from figures.statistics.intervals import estimate

RECORDS = ("empirical/reduced-test-error",)
OPTIONAL = ("empirical/paper-test-error",)
SIZE = (1.0, 0.38)  # the height is of one data set
CAPTION = (
    "Training error on the original images over the run, mean over seeds with 95% intervals (Student) as bands, left with SGD, right with "
    "SAM, which takes two gradients a step; the learning rate is divided by ten at one half and at three quarters. In the legend: test "
    "error at the last step. The generator has seen other images than those trained on."
)
SHOWN = ("original", "useful-2", "tada-2", "syn-all")
SAM = {"steps": "sam", "epochs": "sam-epochs"}


def rows(records: Mapping[str, Sequence[Record]]) -> int:
    return len(data_sets(records))


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    sets = data_sets(records)
    for row, runs in zip(
        figure.subplots(len(sets), 2, squeeze=False, sharey="row"), sets, strict=True
    ):
        for axes, budget in zip(row, (runs.base.budget, SAM[runs.base.budget]), strict=True):
            panel(axes, runs, budget)
        row[0].set_ylabel(f"{runs.name}\ntraining error, %")


def panel(axes, runs: Runs, budget: str) -> None:
    for label in SHOWN:
        members = list(runs.runs(label, budget=budget).values())
        if not members:
            continue
        # at equal epochs the number of steps differs a little from seed to seed: the checks are what seeds share
        steps = np.mean([record.metrics["steps"] for record in members], 0)
        band = estimate(
            100 * np.array([record.metrics["train_error"] for record in members], float)
        )
        shown, error = (
            look(label),
            100 * np.mean([record.metrics["test_error"] for record in members]),
        )
        axes.plot(
            steps,
            band.mean,
            color=shown.colour,
            linestyle=shown.line,
            label=f"{shown.label}: {error:.1f}%",
        )
        if band.n > 1:
            axes.fill_between(
                steps,
                np.maximum(band.low, 0),
                band.high,
                color=shown.colour,
                alpha=0.12,
                linewidth=0,
            )
    axes.set(
        title=f"{TITLES[budget]}, {len(runs.runs('original', budget=budget))} seeds",
        xlabel="step",
        ylim=(0, 100),
    )
    axes.legend(title="test error at the end", loc="upper right")
