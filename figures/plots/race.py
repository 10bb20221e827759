"""Draw the race: who learns the slow feature, when, and what the law predicts (T6, T7, T9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from figures.labels import GREY, INK, LIGHT, method_style
from figures.records import Record
from figures.statistics.pick import by_label

OUTCOMES = "theory/methods"
SWEPT = "theory/race"
RECORDS = (OUTCOMES, SWEPT)
SIZE = (1.0, 0.95)
CAPTION = (
    "Above: every seed of the main comparison, sorted by its ratio $S$ of the two sides of the "
    "race law. Filled: the run learned the slow feature; a cross: the law at finite time, which "
    "knows the initial weights alone, said otherwise. SAM, which the law does not cover, stands "
    "beside the prediction for gradient descent. Below, left: measured against predicted steps to "
    "learn the slow feature, eight methods and eight $\\beta_d$; on the diagonal both are equal; "
    "what happens later than the last step is on the border. Grey: SAM. Middle and right: the "
    "share of runs that learned the slow feature with copies, or with variants, minus that without "
    "any augmentation, over $S$ and the time $\\eta T$; dark: no gain. Copies only change the "
    "time, and need $S > 1$; TADA(5) gains from $S > 1/5$ on (dashed). White: fewer than five runs."
)
BASE = ("original", "useful-2", "useful-5", "tada-2", "tada-5", "tada-8", "syn-all", "syn-rand")
MOMENTS = np.linspace(0, 400, 21)  # borders of cells in eta T
RATIOS = np.geomspace(0.1, 4, 13)  # borders of cells in S
FEWEST = 5  # runs of a cell that is drawn


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the outcomes of all seeds, the times, and the gains over S and time."""
    above, below = figure.subfigures(2, 1, height_ratios=(0.85, 1))
    draw_outcomes(above.subplots(), by_label(records[OUTCOMES]))
    times, copies, variants = below.subplots(1, 3, width_ratios=(1, 0.9, 1.12))
    groups = by_label(records[SWEPT])
    draw_times(times, groups)
    mesh = draw_gain(copies, groups, "useful-5")
    draw_gain(variants, groups, "tada-5")
    copies.set_ylabel(r"time $\eta T$")
    variants.axvline(1 / 5, color="white", linestyle="--", linewidth=1)
    below.colorbar(mesh, ax=variants, pad=0.03, fraction=0.07).set_label("share of runs")


def draw_outcomes(axes, groups: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row for each method and a column for each seed, sorted by S."""
    first = next(iter(groups.values()))
    ratios = {record.seed: as_ratio(record.metrics["race_ratio"]) for record in first}
    order = sorted(ratios, key=lambda seed: ratios[seed])
    for row, (label, members) in enumerate(groups.items()):
        style = method_style(label)
        by_seed = {record.seed: record for record in members}
        learned = [by_seed[seed].metrics["time_slow"] is not None for seed in order]
        expected = [
            is_expected(
                by_seed[seed].metrics["race_steps"], by_seed[seed].config["optimiser"]["steps"]
            )
            for seed in order
        ]
        columns = np.arange(len(order))
        axes.scatter(
            columns,
            np.full(len(order), row),
            s=16,
            marker="s",
            facecolors=[style.colour if one else "none" for one in learned],
            edgecolors=[style.colour if one else LIGHT for one in learned],
            linewidths=0.7,
        )
        wrong = np.flatnonzero(np.array(learned) != np.array(expected))
        axes.scatter(wrong, np.full(len(wrong), row), s=22, marker="x", color=INK, linewidths=1.1)
        axes.annotate(
            f"{sum(learned)}, law {sum(expected)}",
            (len(order), row),
            (2, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            annotation_clip=False,
        )
    even = np.searchsorted([ratios[seed] for seed in order], 1.0) - 0.5
    axes.axvline(even, color=GREY, linestyle=":", linewidth=1)
    axes.annotate("$S = 1$", (even, -1.1), (3, 0), textcoords="offset points", color=GREY)
    axes.grid(False)
    axes.set(
        title=f"slow feature learned after {first[0].config['optimiser']['steps']:,} steps, "
        f"{len(order)} seeds",
        yticks=range(len(groups)),
        yticklabels=[method_style(label).label for label in groups],
        xticks=[],
        xlabel="seeds, by $S$",
        xlim=(-1, len(order) + 5),
        ylim=(len(groups) - 0.5, -1.3),
    )


def draw_times(axes, groups: Mapping[str, Sequence[Record]]) -> None:
    """Draw measured against predicted steps to learn, times beyond the run on the border."""
    last = groups["original"][0].config["optimiser"]["steps"]
    border = 1.25 * last
    for label in ("sam-original", "sam-tada-2", *BASE):
        measured, predicted = (
            np.concatenate([column(record, name) for record in groups[label]])
            for name in ("time_slow", "race_steps")
        )
        foreign = label.startswith("sam")
        axes.plot(
            np.where(predicted > last, border, predicted),
            np.where(measured > last, border, measured),
            ".",
            color=LIGHT if foreign else method_style(label).colour,
            markersize=2.5 if foreign else 2,
            alpha=1 if foreign else 0.6,
            rasterized=True,
        )
    ends = (100, 1.4 * last)
    axes.plot(ends, ends, color=INK, linewidth=0.7, zorder=0)
    axes.set(
        xscale="log",
        yscale="log",
        xlim=ends,
        ylim=ends,
        xticks=(200, 500, 1000, 2000),
        xticklabels=("200", "500", "1,000", ""),
        yticks=(200, 500, 1000, 2000),
        yticklabels=("200", "500", "1,000", "2,000"),
        xlabel="steps, predicted",
        ylabel="steps, measured",
        title=f"when, {len(groups['original'])} seeds",
    )
    axes.minorticks_off()


def draw_gain(axes, groups: Mapping[str, Sequence[Record]], label: str):
    """Draw how much more often a method has learned than Original, over S and time."""
    gain = shares(groups[label]) - shares(groups["original"])
    mesh = axes.pcolormesh(RATIOS, MOMENTS, gain.T, cmap="cividis", vmin=0, vmax=1, rasterized=True)
    axes.axvline(1, color="white", linewidth=1)
    axes.grid(False)
    axes.set(
        xscale="log",
        xlabel="$S$",
        title=f"gain, {method_style(label).label}",
        xticks=(0.1, 0.2, 0.5, 1, 2, 4),
        xticklabels=("0.1", "0.2", "0.5", "1", "2", "4"),
    )
    axes.minorticks_off()
    return mesh


def shares(records: Sequence[Record]) -> np.ndarray:
    """Return the share of runs that have learned, by cells of S and time; NaN with few runs."""
    eta = records[0].config["optimiser"]["eta"]
    ratios = np.concatenate([column(record, "race_ratio") for record in records])
    times = eta * np.concatenate([column(record, "time_slow") for record in records])
    cell = np.digitize(ratios, RATIOS) - 1
    moments = (MOMENTS[1:] + MOMENTS[:-1]) / 2
    found = np.full((len(RATIOS) - 1, len(moments)), np.nan)
    for i in range(len(found)):
        members = times[cell == i]
        if len(members) >= FEWEST:
            found[i] = (members[:, None] <= moments).mean(0)
    return found


def column(record: Record, name: str) -> np.ndarray:
    """Return a metric of all runs of a sweep that the law covers; infinite where it is None."""
    covered = [factor is not None for factor in flat(record.metrics["race_factor"])]
    values = (as_ratio(value) for value in flat(record.metrics[name]))
    return np.array([value for value, keep in zip(values, covered, strict=True) if keep])


def flat(values) -> Iterator:
    """Yield the entries of nested lists."""
    for value in values:
        yield from flat(value) if isinstance(value, list) else (value,)


def as_ratio(value: float | None) -> float:
    """Return a number of a record, where None stands for infinity."""
    return np.inf if value is None else float(value)


def is_expected(predicted: float | None, steps: int) -> bool:
    """Return whether the slow feature is predicted to be learned within ``steps`` steps."""
    return predicted is not None and predicted <= steps
