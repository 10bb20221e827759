"""How noisy variants may be: alignment with noise against that of copies, and test error, by size of the noise (T3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.records import Record
from figures.select import by_label
from figures.statistics import estimate
from figures.style import GREY, INK

RECORDS = ("theory/claims", "theory/tolerance", "theory/methods")
SIZE = (1.0, 0.4)
CAPTION = (
    "Left: noise alignment on variants over that on copies at initialisation, against the relative size $s$ of the variants' noise; "
    "simulation (mean over seeds, 95% intervals) and closed form. Below 1 variants align less, up to $s = (k+1)^{1/4}$ (dots). "
    "Right: test error after training on variants (mean, 95% intervals); dashed: on as many copies, the same seeds."
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
        values = [estimate([100 * record.metrics["test_error"][-1] for record in runs]) for runs in members.values()]
        bars(right, list(members), values, k, "-")
        seeds = {record.seed for runs in members.values() for record in runs}
        same = [100 * record.metrics["test_error"][-1] for record in copies[f"useful-{k}"] if record.seed in seeds]
        right.axhline(np.mean(same), color=COLOURS[k], linestyle="--", linewidth=1)
    right.set(title="test error", ylabel="%", xlabel="$s$: relative size of variants' noise", ylim=(0, None))
    right.legend(title=f"variants, {values[0].n} seeds")


def bars(axes, s: Sequence[float], values, k: int, line: str = "none") -> None:
    """Means and intervals at the sizes s of the noise, for one k."""
    axes.errorbar(
        s, [v.mean for v in values], [v.half for v in values], color=COLOURS[k], marker="o", linestyle=line, capsize=2, label=f"$k = {k}$"
    )
