"""Which images are given variants: test error by rule, what share of each class a rule takes, and how far seeds agree (E9, E10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from figures.labels import GREY, Look, look
from figures.plots.panels import Dot, dots
from figures.plots.style import slant
from figures.records import Record
from figures.statistics.conditions import Runs, apart, data_sets, mean, set_name

RECORDS = ("empirical/reduced-selection",)
STABILITY = ("empirical/reduced-stability", "empirical/paper-stability")
OPTIONAL = (
    "empirical/paper-selection",
    "empirical/reduced-sheet",
    *STABILITY,
)  # of the sheet, the names of classes
SIZE = (1.0, 0.44)  # the height is of one data set
CAPTION = (
    "One variant of every image that a rule takes: left, test error minus that of Original, paired by seed, mean with 95% intervals "
    "(Student) over n seeds, last step, whole test set, and in brackets the mean number of variants; random takes as many as "
    "clusters, high loss too. Middle, the share of each class that the rules take, mean over seeds, classes by the share that "
    "clusters take; shaded: the paper's 30-40% for all classes together, near which early training was stopped on purpose on small "
    "data. Right, the Jaccard index of what is slow: filled, of two seeds, on the images that both train on, a marker for each "
    "pair; hollow, of the rule and clusters, for each seed; a grey bar is what independent choices of the same sizes would have. "
    "Equal gradient steps, at the paper's scale equal epochs; the generator has seen other images than those trained on."
)
RULES = {
    "cluster": Look("clusters", "#009E73", "D"),
    "high-loss": Look("high loss", "#D55E00", "s", "--"),
    "misclassified": Look("misclassified", "#0072B2", "^", ":"),
}


def rows(records: Mapping[str, Sequence[Record]]) -> int:
    return len(data_sets(records))


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    sets = data_sets(records)
    agreement = {
        set_name(record): record.metrics for name in STABILITY for record in records.get(name, ())
    }
    widths = (1.2, 1.2, 0.9) if agreement else (1, 1)
    for axes, runs in zip(
        figure.subplots(len(sets), len(widths), squeeze=False, width_ratios=widths),
        sets,
        strict=True,
    ):
        errors(axes[0], runs)
        named = records.get(OPTIONAL[1]) if runs.name.startswith("CIFAR-10 ") else None
        shares(axes[1], runs, named[0].metrics["classes"] if named else None)
        if runs.name in agreement:
            agree(axes[2], agreement[runs.name])
        elif agreement:
            axes[2].set_axis_off()


def errors(axes, runs: Runs) -> None:
    start = runs.values("original")
    chosen = [(shown.label, runs.runs("tada-2", rule=rule), shown) for rule, shown in RULES.items()]
    chosen += [
        ("random", runs.runs("syn-rand"), look("syn-rand")),
        ("all", runs.runs("syn-all"), look("syn-all")),
    ]
    found = [
        Dot(
            f"{name} ({np.mean([r.metrics['generated'] for r in members.values()]):,.0f})",
            apart(errors_of(members), start),
            shown,
        )
        for name, members, shown in chosen
        if members
    ]
    dots(axes, found)
    axes.set_title(f"{runs.name}\nOriginal: {mean(start):.1f}%, n = {len(start)}")
    axes.set_xlabel("minus Original, points")


def errors_of(members: Mapping[int, Record]) -> dict[int, float]:
    return {seed: 100 * record.metrics["test_error"] for seed, record in members.items()}


def shares(axes, runs: Runs, classes: Sequence[str] | None) -> None:
    """Slow share of each class by rule; classes: their names, if known."""
    by_rule = {rule: runs.runs("tada-2", rule=rule) for rule in RULES}
    found = {
        rule: 100
        * np.array([r.metrics["slow_fraction_by_class"] for r in members.values()], float).mean(0)
        for rule, members in by_rule.items()
        if members
    }
    order = np.argsort(next(iter(found.values())), kind="stable")
    for rule, share in found.items():
        shown, all_classes = (
            RULES[rule],
            100 * np.mean([r.metrics["slow_fraction"] for r in by_rule[rule].values()]),
        )
        axes.plot(
            share[order],
            color=shown.colour,
            marker=shown.marker,
            linestyle=shown.line,
            label=f"{shown.label}: {all_classes:.0f}%",
        )
    axes.axhspan(30, 40, color=RULES["cluster"].colour, alpha=0.1, linewidth=0)
    few = len(order) <= 10
    axes.set_xticks(
        range(len(order)) if few else [],
        [classes[i] if classes else i for i in order] if few else [],
    )
    if classes:
        slant(axes, 60)
    top = max(share.max() for share in found.values())
    axes.set(
        title="slow share by class",
        xlabel="class" if few and not classes else "" if few else f"{len(order)} classes, sorted",
        ylabel="%",
        ylim=(0, 1.4 * top),
    )
    axes.legend(loc="upper left")


def agree(axes, metrics: Mapping[str, Any]) -> None:
    """Jaccard indices between seeds, and between a rule and the first, against chance."""
    for place, rule in enumerate(metrics["rules"]):
        shown, between, with_first = (
            RULES[rule],
            metrics["between_seeds"][place],
            metrics["with_first"][place],
        )
        for x, members, face in (
            (place - 0.17, between, shown.colour),
            (place + 0.17, with_first if place else [], "white"),
        ):
            known = [each for each in members if each["jaccard"] is not None]
            if known:
                axes.plot(
                    [x] * len(known),
                    [e["jaccard"] for e in known],
                    shown.marker,
                    color=shown.colour,
                    markerfacecolor=face,
                )
                chance = np.mean([each["jaccard_chance"] for each in known])
                axes.plot([x - 0.12, x + 0.12], [chance, chance], color=GREY, linewidth=2)
    axes.set_xticks(range(len(metrics["rules"])), [RULES[rule].label for rule in metrics["rules"]])
    slant(axes)
    axes.set(
        title="agreement",
        ylabel="Jaccard index",
        xlim=(-0.5, len(metrics["rules"]) - 0.5),
        ylim=(0, 1),
    )
