"""Draw noise alignment and test error of variants by the size of their noise (T3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import FACTOR_COLOURS, GREY, INK
from figures.plots.grids import grid_axis, plot_heatmap, stack_metric
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import by_label

CLAIMS = "theory/claims"
GRID = "theory/tolerance"
RECORDS = (CLAIMS, GRID)
SIZE = (1.0, 0.42)
CAPTION = (
    "Left: noise alignment on variants over that on copies at initialisation, against the relative "
    "size $s$ of the variants' noise; simulation (mean over seeds, 95% intervals) and closed form. "
    "Below 1 variants align less, up to $s = (k+1)^{1/4}$ (dots). The closed form is right on both "
    "sides. Right: test error after training on variants minus that on as many copies, points, "
    "mean over seeds; dark is worse for variants. It has no such boundary: noise decides by the "
    "race, not by the alignment at the start."
)


def alignment_ratio(slow: float, k: int, s: np.ndarray) -> np.ndarray:
    """Return NoiseAlign of variants over that of copies, as ``theory.closed_forms``.

    slow: 1 - alpha, the share of slow examples. s: relative size of the variants' noise.
    """
    return (1 + slow * (k - 1) * s**4) / (1 + slow * (k**2 - 1))


def alignment_records(
    groups: Mapping[str, Sequence[Record]],
) -> dict[int, dict[float, Sequence[Record]]]:
    """Return k -> s -> records of the groups labelled ``noise-K-S``."""
    found: dict[int, dict[float, Sequence[Record]]] = {}
    for label, members in groups.items():
        if label.startswith("noise-"):
            method = members[0].config["method"]
            found.setdefault(method["k"], {})[method["scale"]] = members
    return found


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the ratio of alignments over s for each k, and the difference of test errors."""
    left, right = figure.subplots(1, 2)
    for k, members in alignment_records(by_label(records[CLAIMS])).items():
        bands = [
            estimate([record.metrics["value"] for record in found]) for found in members.values()
        ]
        slow = 1 - next(iter(members.values()))[0].config["distribution"]["alpha"]
        fine = np.linspace(min(members), max(members), 200)
        left.errorbar(
            list(members),
            [band.mean for band in bands],
            [band.half for band in bands],
            color=FACTOR_COLOURS[k],
            marker="o",
            linestyle="none",
            capsize=2,
            label=f"$k = {k}$",
        )
        left.plot(fine, alignment_ratio(slow, k, fine), color=FACTOR_COLOURS[k], linewidth=1)
        left.plot((k + 1) ** 0.25, 1, "o", color="white", markeredgecolor=INK, zorder=3)
    left.axhline(1, color=GREY, linestyle=":", linewidth=1)
    left.set(
        title="noise alignment over copies’",
        ylabel="ratio",
        yscale="log",
        xlabel="$s$: relative size of variants' noise",
    )
    left.set(yticks=(0.1, 0.2, 0.5, 1, 2), yticklabels=("0.1", "0.2", "0.5", "1", "2"))
    left.minorticks_off()
    left.legend(title=f"{bands[0].n} seeds", loc="lower right")
    draw_error_grid(figure, right, by_label(records[GRID]))


def draw_error_grid(figure, axes, groups: Mapping[str, Sequence[Record]]) -> None:
    """Draw the test error of variants minus that of as many copies over k and s."""
    factors = grid_axis(groups["tada"], "method.k")
    sizes = grid_axis(groups["tada"], "method.scale")
    variants = 100 * stack_metric(groups["tada"], "test_error")  # (seeds, k, s)
    copies = 100 * stack_metric(groups["useful"], "test_error")  # (seeds, k)
    mean = (variants - copies[:, :, None]).mean(0)
    plot_heatmap(figure, axes, factors, sizes, mean.T, "cividis_r", label="points")
    axes.set(
        title=f"error minus copies’, {len(variants)} seeds",
        xlabel="$k$",
        ylabel="$s$: relative size of variants' noise",
    )
