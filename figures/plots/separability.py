"""Draw what tells slow and fast examples apart early in training, and for how long (E9, E10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from figures.labels import FAST, INK, SLOW
from figures.plots.style import slant_labels
from figures.records import Record
from figures.statistics.conditions import condition_of, data_sets
from figures.statistics.intervals import estimate
from figures.statistics.pick import stack_curves

THEORY = "theory/separability"
DIGITS = ("empirical/noisy-digits-sheet", "empirical/noisy-digits")  # gallery, and runs
CIFAR = ("empirical/reduced-sheet", "empirical/reduced-selection")
RECORDS = (THEORY, *DIGITS)
OPTIONAL = CIFAR
SIZE = (1.0, 0.375)  # the height is of one row
CAPTION = (
    "Above, theory: the right class's probability on training examples with and without the fast "
    "feature, early in training (4% of the steps, all seeds), and how well two clusters of such "
    "outputs tell them apart: the share of examples rightly called, of slow ones found, and of "
    "fast ones taken for slow (mean over seeds, 95% intervals). Not before the fast feature is "
    "learned, and no longer once noise is memorised. Below, images: cross-entropy of every "
    "training image early in training, by class; slow are those of the high-loss cluster of their "
    "class. Right: the fraction of slow images, one dot a seed; the training error at which early "
    "training stops was chosen on these data to come near the paper's 30-40%, so that this is no "
    "test of it."
)


def relative_height(records: Mapping[str, Sequence[Record]]) -> int:
    """Return the number of rows: theory, digits, and CIFAR-10 if it has records."""
    return 3 if all(name in records for name in CIFAR) else 2


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row for the theory and one for each image data set."""
    above, *below = figure.subfigures(relative_height(records), 1)
    outputs, accuracy = above.subplots(1, 2)
    plot_outputs(outputs, records[THEORY])
    plot_accuracy(accuracy, records[THEORY])
    for part, (gallery, runs) in zip(below, (DIGITS, CIFAR), strict=False):
        left, right = part.subplots(1, 2, width_ratios=(3, 1))
        (conditions,) = data_sets(records[runs])
        plot_losses(left, records[gallery][0].metrics, conditions.name)
        plot_fractions(right, conditions.all_records)


def plot_outputs(axes, records: Sequence[Record]) -> None:
    """Plot histograms of the outputs on slow and fast examples, all seeds, each as shares."""
    for name, colour in (("fast", FAST), ("slow", SLOW)):
        values = np.concatenate([record.metrics[f"outputs_{name}"] for record in records])
        weights = np.full(len(values), 100 / len(values))
        axes.hist(
            values,
            np.linspace(0, 1, 41),
            weights=weights,
            color=colour,
            alpha=0.75,
            label=name,
            linewidth=0,
        )
    axes.set(
        title=f"theory: outputs at step {records[0].metrics['early_step']}",
        xlabel="probability of the right class",
        ylabel="% of examples",
    )
    axes.legend(loc="upper left")


def plot_accuracy(axes, records: Sequence[Record]) -> None:
    """Plot the accuracy of the selection, and its share of slow and fast examples, over steps."""
    steps = records[0].metrics["steps"][1:]  # step 0 has no place on a logarithmic axis
    series = {
        "accuracy": (INK, "told apart"),
        "selected_slow": (SLOW, "slow, found"),
        "selected_fast": (FAST, "fast, taken"),
    }
    for name, (colour, label) in series.items():
        band = estimate(100 * stack_curves(records, name)[:, 1:])
        axes.plot(steps, band.mean, color=colour, label=label)
        axes.fill_between(
            steps, band.low, np.minimum(band.high, 100), color=colour, alpha=0.15, linewidth=0
        )
    axes.axvline(records[0].metrics["early_step"], color=INK, linestyle=":", linewidth=1)
    axes.set(
        title=f"theory: selection, {len(records)} seeds",
        xlabel="step",
        ylabel="% of examples",
        xscale="log",
        ylim=(-3, 103),
    )
    axes.legend(loc="lower left", bbox_to_anchor=(0.6, 0.02), borderpad=0.1, labelspacing=0.3)


def plot_losses(axes, metrics: Mapping, name: str) -> None:
    """Plot the loss of every image early in training, by class and cluster."""
    labels, values, slow = (np.asarray(metrics[key]) for key in ("labels", "losses", "slow"))
    spread = (0.618 * np.arange(len(labels))) % 1 - 0.5  # side by side, the same at every call
    size = 7 if len(labels) < 1000 else 3
    for flag, colour, kind in ((0, FAST, "fast"), (1, SLOW, "slow")):
        chosen = slow == flag
        axes.scatter(
            (labels + 0.8 * spread)[chosen],
            values[chosen],
            s=size,
            color=colour,
            label=f"{kind} ({chosen.mean():.1%})",
            linewidth=0,
        )
    axes.set(
        title=name,
        yscale="log",
        xlabel="class",
        ylabel="loss early in training",
        xticks=range(len(metrics["classes"])),
    )
    axes.set_xticklabels(metrics["classes"])
    if max(map(len, metrics["classes"])) > 3:
        slant_labels(axes)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderpad=0, markerscale=12 / size
    )


def plot_fractions(axes, records: Iterable[Record]) -> None:
    """Plot the fraction of slow images by seed, in %."""
    values = {
        record.seed: 100 * record.metrics["slow_fraction"]
        for record in records
        if condition_of(record).rule in (None, "cluster")
    }
    axes.scatter(list(values), list(values.values()), s=14, color=SLOW)
    axes.axhspan(30, 40, color=SLOW, alpha=0.12, linewidth=0)
    axes.set_title("band: the paper's 30-40%", fontsize=8, color=SLOW, fontweight="normal")
    axes.set(xlabel="seed", ylabel="slow examples, %", ylim=(0, 60))
    if len(values) < 8:
        axes.set(xticks=list(values), xlim=(min(values) - 0.5, max(values) + 0.5))
