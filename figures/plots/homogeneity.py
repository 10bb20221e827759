"""How evenly the two features are learned, against k: closed form and simulation (T1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import GREY, INK, look
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import by_label

RECORDS = ("theory/homogeneity",)
SIZE = (0.7, 0.45)
CAPTION = (
    "Ratio of the early learning speeds of the fast and the slow feature when slow examples appear $k$ times, as copies or as variants: "
    "simulation (mean over seeds, 95% intervals), until the first of the two has doubled, against the early phase's "
    "$R(k) = \\frac{\\alpha}{\\alpha + k(1-\\alpha)} (\\beta_e/\\beta_d)^3$. At $R = 1$ both are learned equally fast."
)


def ratio(k: np.ndarray, alpha: float, gap: float) -> np.ndarray:
    """R(k), as in ``theory.closed_forms``; gap: (beta_e / beta_d)^q, q the power of the activation."""
    return alpha / (alpha + k * (1 - alpha)) * gap


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    groups = by_label(records["theory/homogeneity"])
    axes = figure.subplots()
    config = groups["original"][0].config
    world, power = config["distribution"], config["network"]["power"]
    alpha, gap = world["alpha"], (world["beta_e"] / world["beta_d"]) ** power
    for place, name in enumerate(("useful", "tada")):
        points = sorted(
            (members[0].config["method"]["k"], members)
            for label, members in groups.items()
            if label.startswith(name)
        )
        ks = np.array([1] + [k for k, _ in points])
        values = [
            estimate([r.metrics["speed_ratio"] for r in members])
            for members in [groups["original"], *(m for _, m in points)]
        ]
        shown = look(name)
        axes.errorbar(
            ks + 0.08 * (2 * place - 1),
            [v.mean for v in values],
            [v.half for v in values],
            color=shown.colour,
            marker=shown.marker,
            linestyle="none",
            capsize=2,
            label=f"{shown.label}: {'copies' if name == 'useful' else 'variants'}",
        )
    fine = np.linspace(1, ks.max(), 200)
    axes.plot(
        fine, ratio(fine, alpha, gap), color=INK, linewidth=1, label="closed form $R(k)$", zorder=0
    )
    own = [
        np.mean(
            [
                r.metrics["speed_ratio_predicted"]
                for r in groups[f"tada-{k}" if k > 1 else "original"]
            ]
        )
        for k in ks
    ]
    axes.plot(
        ks,
        own,
        color=INK,
        linewidth=0.8,
        linestyle=":",
        label="with the samples' own shares",
        zorder=0,
    )
    axes.axhline(1, color=GREY, linestyle=":", linewidth=1)
    even = alpha * (gap - 1) / (1 - alpha)
    axes.annotate(
        f"equal speeds, reached at $k^* = {even:.3g}$",
        (ks.max(), 1),
        (0, 4),
        textcoords="offset points",
        ha="right",
        color=GREY,
    )
    axes.set(
        xlabel="$k$: times a slow example appears",
        ylabel="speed of fast / speed of slow",
        ylim=(0, None),
        xticks=ks,
    )
    axes.legend(title=f"{len(groups['original'])} seeds")
