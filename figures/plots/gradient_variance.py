"""How much more mini-batch gradients vary on copies than on variants, and how much sooner SGD learns on variants (T4, T5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import GREY, INK
from figures.plots.curves import plot_curves
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import by_label

RECORDS = ("theory/claims", "theory/minibatch")
SIZE = (1.0, 0.38)
CAPTION = (
    "Left: variance of the mini-batch gradient on copies minus that on variants, in units of the noise-driven variance $V$ of one slow "
    "example's gradient, against the batch size; simulation at initialisation (mean over seeds, 95% intervals) and closed form "
    "$(1 - 1/B) k (k-1) (1-\\alpha) / ((\\alpha + k (1-\\alpha))^2 n)$. Right: test error of mini-batch SGD on copies and on variants."
)
SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)  # B/n
COLOURS = {2: "#56B4E9", 3: "#0072B2", 5: "#CC79A7", 8: "#D55E00"}


def shared(k: int, batch: np.ndarray, slow: float, n: int) -> np.ndarray:
    """(Var_U - Var_G)/V, as in ``theory.closed_forms``; slow: 1 - alpha."""
    return (1 - 1 / batch) * k * (k - 1) * slow / ((1 + (k - 1) * slow) ** 2 * n)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    groups = {
        label: members
        for label, members in by_label(records[RECORDS[0]]).items()
        if label.startswith("variance-")
    }
    left, right = figure.subplots(1, 2)
    for place, members in enumerate(groups.values()):
        config = members[0].config
        k, n, slow = (
            config["method"]["k"],
            config["distribution"]["n"],
            1 - config["distribution"]["alpha"],
        )
        full, one = (
            np.array([[record.metrics[name]] for record in members]) for name in ("value", "one")
        )
        batch = n * np.array(SHARES)
        band, fine = (
            estimate((1 - 1 / batch) * full + one / batch),
            np.geomspace(n * SHARES[0], n, 100),
        )
        left.errorbar(
            np.array(SHARES) * (1 + 0.03 * (place - 1.5)),
            band.mean,
            band.half,
            color=COLOURS[k],
            marker="o",
            linestyle="none",
            capsize=2,
        )
        left.plot(fine / n, shared(k, fine, slow, n), color=COLOURS[k], linewidth=1)
        left.annotate(f"$k = {k}$", (1.22, shared(k, n, slow, n)), color=COLOURS[k], va="center")
    left.plot([], [], color=INK, linewidth=1, label="closed form")
    left.errorbar(
        [],
        [],
        [],
        color=INK,
        marker="o",
        linestyle="none",
        capsize=2,
        label=f"simulation, {len(members)} seeds",
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
    trained = by_label(records[RECORDS[1]])
    plot_curves(right, trained, "test_error", 100)
    first = next(iter(trained.values()))
    right.set(
        title=f"SGD, mini-batches of {first[0].config['optimiser']['batch']}",
        xlabel="gradient steps",
        ylabel="test error, %",
    )
    right.set(xscale="symlog", xlim=(10, None), ylim=(0, None))
    right.legend(title=f"{len(first)} seeds")
