"""Draw selection rules: test error, share of each class taken, agreement of seeds (E9, E10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from figures.labels import DATA_SETS, GREY, RULES, MethodStyle, method_style
from figures.plots.panels import Dot, plot_differences, say_not_run
from figures.plots.style import slant_labels
from figures.records import Record
from figures.statistics.conditions import (
    Conditions,
    count_data_sets,
    data_set_name,
    data_sets,
    mean_over_seeds,
    paired_difference,
    percent_by_seed,
)

RECORDS = ()
ANY_OF = ("empirical/reduced-selection", "empirical/paper-selection")
GALLERY = "empirical/reduced-sheet"  # has the names of the classes
AGREEMENT = ("empirical/reduced-stability", "empirical/paper-stability")
OPTIONAL = (GALLERY, *AGREEMENT)
SIZE = (1.0, 0.44)  # the height is of one data set
CAPTION = (
    "One variant of every image that a rule takes: left, test error minus that of Original, paired "
    "by seed, mean with 95% intervals (Student) over n seeds, last epoch, whole test set, and in "
    "brackets the mean number of variants; random takes as many as clusters, high loss too. "
    "Middle, the share of each class that the rules take, mean over seeds, classes by the share "
    "that clusters take; shaded: the paper's 30-40% for all classes together, near which early "
    "training was stopped on purpose on small data. Right, the Jaccard index of what is slow: "
    "filled, of two seeds, on the images that both train on, a marker for each pair; hollow, of "
    "the rule and clusters, for each seed; a grey bar is what independent choices of the same "
    "sizes would have. Equal epochs; the generator has seen other images than those trained on."
)

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row of panels for each data set; the third only if agreement was recorded."""
    sets = data_sets(records)
    agreement = {
        data_set_name(record): record.metrics
        for name in AGREEMENT
        for record in records.get(name, ())
    }
    widths = (1.2, 1.2, 0.9) if agreement else (1, 1)
    grid = figure.subplots(len(sets), len(widths), squeeze=False, width_ratios=widths)
    for axes, conditions in zip(grid, sets, strict=True):
        plot_errors(axes[0], conditions)
        is_cifar = conditions.name.startswith(f"{DATA_SETS['cifar10']} ")
        gallery = records.get(GALLERY) if is_cifar else None
        plot_shares(axes[1], conditions, gallery[0].metrics["classes"] if gallery else None)
        if conditions.name in agreement:
            plot_agreement(axes[2], agreement[conditions.name])
        elif agreement:
            axes[2].set_axis_off()


def selections(conditions: Conditions) -> Iterator[tuple[str, Mapping[int, Record], MethodStyle]]:
    """Yield (name, records by seed, style) of every rule, of random images, and of all images."""
    for rule, style in RULES.items():
        yield style.label, conditions.records("tada-2", rule=rule), style
    yield "random", conditions.records("syn-rand"), method_style("syn-rand")
    yield "all", conditions.records("syn-all"), method_style("syn-all")


def plot_errors(axes, conditions: Conditions) -> None:
    """Plot the test error by rule minus that of Original, and the number of variants."""
    original = conditions.values("original")
    rows = []
    for name, records, style in selections(conditions):
        if not records:
            rows.append(Dot(name, None, style))
        else:
            count = np.mean([record.metrics["generated"] for record in records.values()])
            change = paired_difference(percent_by_seed(records, "test_error"), original)
            rows.append(Dot(f"{name} ({count:,.0f})", change, style))
    plot_differences(axes, rows, len(original))
    error = f"{mean_over_seeds(original):.1f}%" if original else "not run"
    axes.set_title(f"{conditions.name}\nOriginal: {error}, n = {len(original)}")
    axes.set_xlabel("minus Original, points")


def plot_shares(axes, conditions: Conditions, classes: Sequence[str] | None) -> None:
    """Plot the slow share of each class by rule; ``classes``: their names, None if unknown."""
    by_rule = {rule: list(conditions.records("tada-2", rule=rule).values()) for rule in RULES}
    shares = {}
    for rule, members in by_rule.items():
        if members:
            values = [record.metrics["slow_fraction_by_class"] for record in members]
            shares[rule] = 100 * np.array(values, float).mean(0)
    if not shares:
        say_not_run(axes, "slow share by class")
        return
    order = np.argsort(next(iter(shares.values())), kind="stable")
    for rule, share in shares.items():
        style = RULES[rule]
        total = 100 * np.mean([record.metrics["slow_fraction"] for record in by_rule[rule]])
        axes.plot(
            share[order],
            color=style.colour,
            marker=style.marker,
            linestyle=style.line,
            label=f"{style.label}: {total:.0f}%",
        )
    axes.axhspan(30, 40, color=RULES["cluster"].colour, alpha=0.1, linewidth=0)
    few = len(order) <= 10
    axes.set_xticks(
        range(len(order)) if few else [],
        [classes[i] if classes else i for i in order] if few else [],
    )
    if classes:
        slant_labels(axes, 60)
    xlabel = f"{len(order)} classes, sorted"
    if few:
        xlabel = "" if classes else "class"
    top = max(share.max() for share in shares.values())
    axes.set(title="slow share by class", xlabel=xlabel, ylabel="%", ylim=(0, 1.4 * top))
    axes.legend(loc="upper left")


def plot_agreement(axes, metrics: Mapping[str, Any]) -> None:
    """Plot Jaccard indices of seeds (filled) and of a rule with the first one (hollow).

    A grey bar is what independent choices of the same sizes would have.
    """
    for place, rule in enumerate(metrics["rules"]):
        style = RULES[rule]
        between = metrics["between_seeds"][place]
        with_first = metrics["with_first"][place] if place else []
        for x, pairs, face in (
            (place - 0.17, between, style.colour),
            (place + 0.17, with_first, "white"),
        ):
            known = [pair for pair in pairs if pair["jaccard"] is not None]
            if not known:
                continue
            axes.plot(
                [x] * len(known),
                [pair["jaccard"] for pair in known],
                style.marker,
                color=style.colour,
                markerfacecolor=face,
            )
            chance = np.mean([pair["jaccard_chance"] for pair in known])
            axes.plot([x - 0.12, x + 0.12], [chance, chance], color=GREY, linewidth=2)
    axes.set_xticks(range(len(metrics["rules"])), [RULES[rule].label for rule in metrics["rules"]])
    slant_labels(axes)
    axes.set(
        title="agreement",
        ylabel="Jaccard index",
        xlim=(-0.5, len(metrics["rules"]) - 0.5),
        ylim=(0, 1),
    )
