"""How noisy variants may be: alignment with noise against that of copies, and test error, by size of the noise (T3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.factor_theory import final
from figures.records import Record
from figures.select import by_label
from figures.statistics import Estimate, estimate, paired
from figures.style import GREY, INK

RECORDS = ("theory/claims", "theory/tolerance", "theory/methods")
SIZE = (1.0, 0.4)
CAPTION = (
    "Left: noise alignment on variants over that on copies at initialisation, against the relative size $s$ of the variants' noise; "
    "simulation (mean over seeds, 95% intervals) and closed form. Below 1 variants align less, up to $s = (k+1)^{1/4}$ (dots). "
    "Right: test error after training on variants minus that on as many copies (paired by seed, 95% intervals)."
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
        values = [estimate([record.metrics["value"] for record in runs]) for runs in members.values()]
        slow = 1 - next(iter(members.values()))[0].config["distribution"]["alpha"]
        fine = np.linspace(min(members), max(members), 200)
        bars(left, list(members), values, k)
        left.plot(fine, ratio(slow, k, fine), color=COLOURS[k], linewidth=1)
        left.plot((k + 1) ** 0.25, 1, "o", color="white", markeredgecolor=INK, zorder=3)
    left.axhline(1, color=GREY, linestyle=":", linewidth=1)
    left.set(title="noise alignment, variants over copies", ylabel="ratio", yscale="log", xlabel="$s$: relative size of variants' noise")
    left.set(yticks=(0.1, 0.2, 0.5, 1, 2), yticklabels=("0.1", "0.2", "0.5", "1", "2"))
    left.minorticks_off()
    left.legend(title=f"{values[0].n} seeds", loc="lower right")
    copies = by_label(records[RECORDS[2]])
    for k, members in series(by_label(records[RECORDS[1]])).items():
        base = final(copies[f"useful-{k}"], "test_error", 100)
        values = [paired(final(runs, "test_error", 100), base) for runs in members.values()]
        bars(right, [s + 0.006 * (k - 3.5) for s in members], values, k, "-")
    right.axhline(0, color=GREY, linestyle=":", linewidth=1)
    right.set(title="test error, variants minus copies", ylabel="points", xlabel="$s$: relative size of variants' noise")
    right.legend(title=f"{values[0].n} seeds", loc="lower right")


def bars(axes, s: Sequence[float], values: Sequence[Estimate], k: int, line: str = "none") -> None:
    """Means and intervals at the sizes s of the noise, for one k."""
    axes.errorbar(
        s, [v.mean for v in values], [v.half for v in values], color=COLOURS[k], marker="o", linestyle=line, capsize=2, label=f"$k = {k}$"
    )
