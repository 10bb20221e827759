"""What variants cost and what they bring: images generated, and time, against test error, TADA and its neighbours (E3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from figures.labels import GREY, look, name_of
from figures.records import Record
from figures.statistics.conditions import Runs, apart, data_sets, mean

RECORDS = ("empirical/noisy-digits", "empirical/reduced-test-error")
OPTIONAL = ("empirical/paper-test-error",)
SIZE = (1.0, 0.42)  # the height is of one data set
CAPTION = (
    "Test error minus that of Original (paired by seed, mean with 95% intervals, Student) against what a run costs on average: "
    "left, images generated, points of equal number side by side; right, time of training and measures as recorded (GPU or one CPU "
    "core; early training, variants and generators are not in it), which depends on what else the machine did. Filled: at equal "
    "gradient steps; hollow: at equal epochs, where more images mean more steps. SGD. The generator has seen the training images of "
    "the run alone on digits, other images elsewhere."
)
METHODS = ("original-longer", "useful-2", "tada-2", "tada-5", "syn-rand", "syn-all")


def rows(records: Mapping[str, Sequence[Record]]) -> int:
    return len(data_sets(records))


def spent(runs: Runs) -> Iterator[tuple[str, str, Mapping[int, Record]]]:
    """(method, budget, runs) of everything that was run with SGD at the base's other settings."""
    for budget in ("steps", "epochs"):
        for label in METHODS:
            if members := runs.runs(label, budget=budget):
                yield label, budget, members


def average(members: Mapping[int, Record], quantity: str) -> float:
    """Mean images ``generated``, ``gradients``, or ``seconds`` of the runs."""
    place = "provenance" if quantity == "seconds" else "metrics"
    return float(
        np.mean([getattr(record, place).get(quantity, np.nan) for record in members.values()])
    )


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    sets = data_sets(records)
    for (left, right), runs in zip(
        figure.subplots(len(sets), 2, squeeze=False, sharey="row", width_ratios=(1, 1)),
        sets,
        strict=True,
    ):
        hours = average(runs.runs("original"), "seconds") > 600
        panel(left, runs, "generated", 1)
        panel(right, runs, "seconds", 3600 if hours else 1)
        left.set_title(
            f"{runs.name}\nOriginal: {mean(runs.values('original')):.1f}%, {len(runs.runs('original'))} seeds"
        )
        left.set(xlabel="images generated, a run", ylabel="test error minus Original, points")
        right.set(xlim=(0, None), xlabel=f"time of a run, {'hours' if hours else 'seconds'}")
        right.set_title(
            "filled: equal steps\nhollow: equal epochs", fontweight="normal", fontsize=8
        )
        right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def panel(axes, runs: Runs, quantity: str, unit: float) -> None:
    named, groups = set(), list(spent(runs))
    wide = max(average(members, quantity) for _, _, members in groups) / unit
    for i, (label, budget, members) in enumerate(groups):
        value = apart(runs.values(label, budget=budget), runs.baseline(budget=budget))
        if value is None:
            continue
        shown, first = look(label.removesuffix("-longer")), label not in named
        named.add(label)
        axes.errorbar(
            average(members, quantity) / unit
            + (
                wide * 0.008 * (i - len(groups) / 2) if quantity == "generated" else 0
            ),  # side by side
            value.mean,
            value.half if value.half == value.half else 0,
            color=shown.colour,
            marker=shown.marker,
            markersize=7 if label == "tada-5" else None,
            capsize=2,
            linestyle="none",
            markerfacecolor=shown.colour if budget == "steps" else "white",
            label=name_of(label) if first else None,
        )
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
