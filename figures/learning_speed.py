"""When slow and fast images are learned, by method, and how often they are forgotten (E11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.records import Record
from figures.select import budget, curves, method
from figures.statistics import estimate, paired
from figures.style import FAST, GREY, SLOW, look
from figures.test_error import name_of

RECORDS = ("empirical/noisy-digits",)
SIZE = (1.0, 0.4)
CAPTION = (
    "At equal gradient steps, means over seeds with 95% intervals. Left: training error on slow and fast images over the run, Original "
    "(solid) and TADA(5) (dashed). Middle: the gap between when slow and fast images are learned for good, in % of the run, minus that "
    "of Original (paired; Original's mean stands below the axis). Right: how often a slow or a fast image is right at one check and wrong "
    "at the next."
)
SHOWN = ("original", "tada-5")
ORDER = ("useful-2", "useful-5", "tada-2", "tada-5", "syn-rand", "syn-all")


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 1, 1))
    groups: dict[str, list[Record]] = {}
    for record in records[RECORDS[0]]:
        if budget(record) == "steps":
            groups.setdefault(method(record), []).append(record)
    for label in SHOWN:
        errors(left, groups[label], "-" if label == "original" else "--")
    seeds = len(groups["original"])
    left.set(title=f"training error, {seeds} seeds", xlabel="step", ylabel="%", ylim=(0, None))
    left.legend(loc="upper right")
    gap = {label: {record.seed: 100 * record.metrics["learning_gap"] for record in members} for label, members in groups.items()}
    middle.axvline(0, color=GREY, linewidth=0.8)
    for height, label in enumerate(reversed(ORDER)):
        difference, shown = paired(gap[label], gap["original"]), look(label)
        middle.errorbar(difference.mean, height, xerr=difference.half, color=shown.colour, marker=shown.marker, capsize=2)
    original = estimate(list(gap["original"].values()))
    middle.set_yticks(range(len(ORDER)), [name_of(label) for label in reversed(ORDER)])
    middle.set(title="learning gap", xlabel=f"% of the run − {original.mean:.1f}")
    forgetting(right, groups)


def errors(axes, records: Sequence[Record], line: str) -> None:
    """Training error of slow and fast images over the steps."""
    steps = records[0].metrics["steps"]
    for name, colour in (("slow", SLOW), ("fast", FAST)):
        band = estimate(100 * curves(records, f"train_error_{name}"))
        label = f"{name}, {look(method(records[0])).label}"
        axes.plot(steps, band.mean, color=colour, linestyle=line, label=label)
        axes.fill_between(steps, band.low, band.high, color=colour, alpha=0.12, linewidth=0)


def forgetting(axes, groups: Mapping[str, Sequence[Record]]) -> None:
    """Mean number of times that slow and fast images are forgotten, by method."""
    labels = ("original", *ORDER)
    for name, colour, shift in (("slow", SLOW, 0.12), ("fast", FAST, -0.12)):
        values = [estimate([record.metrics[f"forgotten_{name}"] for record in groups[label]]) for label in reversed(labels)]
        means, halves = ([getattr(value, part) for value in values] for part in ("mean", "half"))
        axes.errorbar(means, np.arange(len(labels)) + shift, xerr=halves, color=colour, marker="o", linestyle="none", capsize=2, label=name)
    axes.set_yticks(range(len(labels)), [name_of(label) for label in reversed(labels)])
    axes.set(title="times forgotten", xlabel="per image", xlim=(0, None))
    axes.legend()
