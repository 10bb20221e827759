"""Draw the variance of mini-batch gradients on copies and variants, and SGD on both (T4, T5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import FACTOR_COLOURS, GREY, INK
from figures.plots.curves import plot_curves
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import by_label

CLAIMS = "theory/claims"
TRAINING = "theory/minibatch"
RECORDS = (CLAIMS, TRAINING)
SIZE = (1.0, 0.38)
CAPTION = (
    "Left: variance of the mini-batch gradient on copies minus that on variants, in units of the "
    "noise-driven variance $V$ of one slow example's gradient, against the batch size; simulation "
    "at initialisation (mean over seeds, 95% intervals) and closed form $(1 - 1/B) k (k-1) "
    "(1-\\alpha) / ((\\alpha + k (1-\\alpha))^2 n)$. Right: training loss of mini-batch SGD on "
    "copies and on variants, mean over seeds with 95% intervals. Copies reach a loss sooner, as "
    "their noise is memorised."
)
SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)  # B/n


def variance_gap(k: int, batch: np.ndarray, slow: float, n: int) -> np.ndarray:
    """Return the closed form of (Var_U - Var_G)/V, as ``theory.closed_forms``; slow: 1 - alpha."""
    return (1 - 1 / batch) * k * (k - 1) * slow / ((1 + (k - 1) * slow) ** 2 * n)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the gap of the variances over the batch size, and the loss over training."""
    left, right = figure.subplots(1, 2)
    groups = [
        members
        for label, members in by_label(records[CLAIMS]).items()
        if label.startswith("variance-")
    ]
    for place, members in enumerate(groups):
        plot_gap(left, members, 1 + 0.03 * (place - 1.5))
    left.plot([], [], color=INK, linewidth=1, label="closed form")
    left.errorbar(
        [],
        [],
        [],
        color=INK,
        marker="o",
        linestyle="none",
        capsize=2,
        label=f"simulation, {len(groups[-1])} seeds",
    )
    left.axhline(0, color=GREY, linewidth=0.7)
    left.set(
        xscale="log",
        xlim=(0.04, 2.1),
        xticks=SHARES,
        xticklabels=SHARES,
        xlabel="$B/n$: batch size over number of originals",
    )
    left.minorticks_off()
    left.set(
        title="variance, copies minus variants",
        ylabel=r"$(\mathrm{Var}_U - \mathrm{Var}_G) / V$",
        ylim=(None, 0.029),
    )
    left.legend(loc="upper left")
    trained = by_label(records[TRAINING])
    plot_curves(right, trained, "loss")
    first = next(iter(trained.values()))
    right.set(
        title=f"SGD, mini-batches of {first[0].config['optimiser']['batch']}",
        xlabel="gradient steps",
        ylabel="training loss",
    )
    right.set(xscale="symlog", xlim=(10, None), yscale="log", ylim=(0.003, 1))
    right.legend(title=f"{len(first)} seeds")


def plot_gap(axes, records: Sequence[Record], shift: float) -> None:
    """Plot measured and predicted gap for one k; points are moved along x by a factor ``shift``."""
    config = records[0].config
    k, n = config["method"]["k"], config["distribution"]["n"]
    slow = 1 - config["distribution"]["alpha"]
    full, one = (
        np.array([[record.metrics[name]] for record in records]) for name in ("value", "one")
    )
    batch = n * np.array(SHARES)
    band = estimate((1 - 1 / batch) * full + one / batch)
    axes.errorbar(
        np.array(SHARES) * shift,
        band.mean,
        band.half,
        color=FACTOR_COLOURS[k],
        marker="o",
        linestyle="none",
        capsize=2,
    )
    fine = np.geomspace(n * SHARES[0], n, 100)
    axes.plot(fine / n, variance_gap(k, fine, slow, n), color=FACTOR_COLOURS[k], linewidth=1)
    axes.annotate(
        f"$k = {k}$", (1.22, variance_gap(k, n, slow, n)), color=FACTOR_COLOURS[k], va="center"
    )
