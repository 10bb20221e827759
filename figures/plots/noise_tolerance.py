"""How noisy variants may be: alignment with noise against that of copies, and test error, by size of the noise (T3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import GREY, INK
from figures.plots.grids import axis, heatmap, stacked
from figures.records import Record
from figures.statistics.intervals import Estimate, estimate
from figures.statistics.pick import by_label

RECORDS = ("theory/claims", "theory/tolerance")
SIZE = (1.0, 0.42)
CAPTION = (
    "Left: noise alignment on variants over that on copies at initialisation, against the relative size $s$ of the variants' noise; "
    "simulation (mean over seeds, 95% intervals) and closed form. Below 1 variants align less, up to $s = (k+1)^{1/4}$ (dots). "
    "Right: test error after training on variants minus that on as many copies, mean over seeds; below 0 variants are better. Dashed: the "
    "same boundary, which closed form gives for alignment at initialisation and not for the error."
)
COLOURS = {2: "#56B4E9", 5: "#CC79A7", 8: "#D55E00"}


def ratio(slow: float, k: int, s: np.ndarray) -> np.ndarray:
    """NoiseAlign of variants over that of copies, as in ``theory.closed_forms``; slow: 1 - alpha."""
    return (1 + slow * (k - 1) * s**4) / (1 + slow * (k**2 - 1))


def series(groups: Mapping[str, Sequence[Record]]) -> dict[int, dict[float, Sequence[Record]]]:
    """k -> s -> records, of labels noise-K-S."""
    table: dict[int, dict[float, Sequence[Record]]] = {}
    for label, members in groups.items():
        if label.startswith("noise-"):
            method = members[0].config["method"]
            table.setdefault(method["k"], {})[method["scale"]] = members
    return table


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    left, right = figure.subplots(1, 2)
    for k, members in series(by_label(records[RECORDS[0]])).items():
        values = [
            estimate([record.metrics["value"] for record in runs]) for runs in members.values()
        ]
        slow = 1 - next(iter(members.values()))[0].config["distribution"]["alpha"]
        fine = np.linspace(min(members), max(members), 200)
        bars(left, list(members), values, k)
        left.plot(fine, ratio(slow, k, fine), color=COLOURS[k], linewidth=1)
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
    left.legend(title=f"{values[0].n} seeds", loc="lower right")
    differences(figure, right, by_label(records[RECORDS[1]]))


def differences(figure, axes, groups: Mapping[str, Sequence[Record]]) -> None:
    """Test error of variants minus that of as many copies over k and s, and the boundary s^4 = k+1 of noise alignment."""
    factors, sizes = (axis(groups["tada"], name) for name in ("method.k", "method.scale"))
    variants, copies = (
        100 * stacked(groups[label], "test_error") for label in ("tada", "useful")
    )  # (seeds, k, s), (seeds, k)
    mean = (variants - copies[:, :, None]).mean(0)
    heatmap(figure, axes, factors, sizes, mean.T, "cividis", label="test error, points")
    fine = np.linspace(factors[0] - 0.5, factors[-1] + 0.5, 100)
    axes.plot(fine, (fine + 1) ** 0.25, color=INK, linestyle="--", linewidth=1.2)
    axes.annotate(
        "$s^4=k+1$",
        (factors[-1], (factors[-1] + 1) ** 0.25),
        (0, 4),
        textcoords="offset points",
        fontsize=8,
        ha="right",
    )
    axes.set(
        title=f"error minus copies’, {len(variants)} seeds",
        xlabel="$k$",
        ylabel="$s$: relative size of variants' noise",
    )


def bars(axes, s: Sequence[float], values: Sequence[Estimate], k: int) -> None:
    """Means and intervals at the sizes s of the noise, for one k."""
    axes.errorbar(
        s,
        [v.mean for v in values],
        [v.half for v in values],
        color=COLOURS[k],
        marker="o",
        linestyle="none",
        capsize=2,
        label=f"$k = {k}$",
    )
