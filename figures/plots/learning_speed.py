"""When slow and fast images are learned, by method, and how often they are forgotten (E11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import FAST, SLOW, look, name_of
from figures.plots.panels import Dot, dots
from figures.records import Record
from figures.statistics.conditions import Runs, apart, data_sets, mean
from figures.statistics.intervals import estimate

RECORDS = ("empirical/noisy-digits",)
OPTIONAL = ("empirical/reduced-learning-speed", "empirical/paper-learning-speed")
SIZE = (1.0, 0.4)  # the height is of one data set
CAPTION = (
    "At equal gradient steps (at the paper's scale equal epochs), means over seeds with 95% intervals (Student). Left: training error on "
    "slow and fast images over the run, Original (solid) and TADA (dashed). Middle: the gap between when slow and fast images are learned "
    "for good, in % of the run, minus that of Original (paired; Original's mean stands below the axis). Right: how often a slow or a fast "
    "image is right at one check and wrong at the next. Slow and fast are those of the clusters, whatever the method; the generator has "
    "seen the training images of the run alone on digits, other images elsewhere."
)
ORDER = ("useful-2", "useful-5", "tada-2", "tada-5", "syn-rand", "syn-all")


def rows(records: Mapping[str, Sequence[Record]]) -> int:
    return len(data_sets(records))


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    sets = data_sets(records)
    for panels, runs in zip(
        figure.subplots(len(sets), 3, squeeze=False, width_ratios=(1.15, 1, 1)), sets, strict=True
    ):
        data_set(*panels, runs)


def data_set(left, middle, right, runs: Runs) -> None:
    labels = [label for label in ORDER if runs.runs(label)]
    errors(left, runs, "original", "-")
    errors(left, runs, [label for label in labels if label.startswith("tada")][-1], "--")
    left.set(
        title=f"{runs.name}\n{len(runs.runs('original'))} seeds",
        xlabel="step",
        ylabel="training error, %",
        ylim=(0, None),
    )
    left.legend(loc="upper right")
    gap = {label: runs.values(label, "learning_gap") for label in ("original", *labels)}
    dots(
        middle,
        [Dot(name_of(label), apart(gap[label], gap["original"]), look(label)) for label in labels],
    )
    middle.set(
        title="learning gap", xlabel=f"% of the run\nminus Original's {mean(gap['original']):.1f}"
    )
    forgetting(right, runs, ("original", *labels))


def errors(axes, runs: Runs, label: str, line: str) -> None:
    """Training error of slow and fast images over the steps."""
    members = list(runs.runs(label).values())
    steps = np.mean([record.metrics["steps"] for record in members], 0)
    for name, colour in (("slow", SLOW), ("fast", FAST)):
        band = estimate(
            100 * np.array([record.metrics[f"train_error_{name}"] for record in members], float)
        )
        axes.plot(
            steps, band.mean, color=colour, linestyle=line, label=f"{name}, {look(label).label}"
        )
        if band.n > 1:
            axes.fill_between(
                steps, np.maximum(band.low, 0), band.high, color=colour, alpha=0.12, linewidth=0
            )


def forgetting(axes, runs: Runs, labels: Sequence[str]) -> None:
    """Mean number of times that slow and fast images are forgotten, by method."""
    for name, colour, shift in (("slow", SLOW, 0.12), ("fast", FAST, -0.12)):
        values = [
            estimate([r.metrics[f"forgotten_{name}"] for r in runs.runs(label).values()])
            for label in reversed(labels)
        ]
        means, halves = (
            np.nan_to_num([getattr(value, part) for value in values]) for part in ("mean", "half")
        )
        axes.errorbar(
            means,
            np.arange(len(labels)) + shift,
            xerr=halves,
            color=colour,
            marker="o",
            linestyle="none",
            capsize=2,
            label=name,
        )
    axes.set_yticks(range(len(labels)), [name_of(label) for label in reversed(labels)])
    axes.grid(axis="y", visible=False)
    axes.set(title="times forgotten", xlabel="per image", xlim=(0, None))
    axes.legend()
