"""Draw how evenly the two features are learned, against k: closed form and simulation (T1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import ADDED, GREY, INK, method_style
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import by_label

RECORDS = ("theory/homogeneity",)
SIZE = (0.7, 0.45)
CAPTION = (
    "Ratio of the early learning speeds of the fast and the slow feature when slow examples appear "
    "$k$ times, as copies or as variants: simulation (mean over seeds, 95% intervals), until the "
    "first of the two has doubled, against the early phase's $R(k) = \\frac{\\alpha}{\\alpha + "
    "k(1-\\alpha)} (\\beta_e/\\beta_d)^3$. At $R = 1$ both are learned equally fast."
)


def speed_ratio(k: np.ndarray, alpha: float, gap: float) -> np.ndarray:
    """Return R(k), as ``theory.closed_forms``; gap: (beta_e / beta_d)^q, sigma(z) = z^q."""
    return alpha / (alpha + k * (1 - alpha)) * gap


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the measured and the predicted ratio of learning speeds over k."""
    groups = by_label(records["theory/homogeneity"])
    axes = figure.subplots()
    config = groups["original"][0].config
    world, power = config["distribution"], config["network"]["power"]
    alpha, gap = world["alpha"], (world["beta_e"] / world["beta_d"]) ** power
    for place, name in enumerate(ADDED):
        points = sorted(
            (members[0].config["method"]["k"], members)
            for label, members in groups.items()
            if label.startswith(name)
        )
        factors = np.array([1] + [k for k, _ in points])
        bands = [
            estimate([record.metrics["speed_ratio"] for record in members])
            for members in [groups["original"], *(members for _, members in points)]
        ]
        style = method_style(name)
        axes.errorbar(
            factors + 0.08 * (2 * place - 1),
            [band.mean for band in bands],
            [band.half for band in bands],
            color=style.colour,
            marker=style.marker,
            linestyle="none",
            capsize=2,
            label=f"{style.label}: {ADDED[name]}",
        )
    fine = np.linspace(1, factors.max(), 200)
    axes.plot(
        fine,
        speed_ratio(fine, alpha, gap),
        color=INK,
        linewidth=1,
        label="closed form $R(k)$",
        zorder=0,
    )
    sampled = [  # with the share of slow examples that was in fact drawn
        np.mean(
            [
                record.metrics["speed_ratio_predicted"]
                for record in groups[f"tada-{k}" if k > 1 else "original"]
            ]
        )
        for k in factors
    ]
    axes.plot(
        factors,
        sampled,
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
        (factors.max(), 1),
        (0, 4),
        textcoords="offset points",
        ha="right",
        color=GREY,
    )
    axes.set(
        xlabel="$k$: times a slow example appears",
        ylabel="speed of fast / speed of slow",
        ylim=(0, None),
        xticks=factors,
    )
    axes.legend(title=f"{len(groups['original'])} seeds")
