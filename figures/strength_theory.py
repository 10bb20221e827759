"""Test error over what variants keep of the noise and of the features, and along a path of denoising strength (T8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.records import Record
from figures.select import by_label
from figures.statistics import estimate
from figures.style import INK, METHODS

RECORDS = ("theory/landscape", "theory/strength", "theory/methods")
SIZE = (1.0, 0.4)
CAPTION = (
    "Left: test error (%) of TADA with variants that keep a share $\\kappa$ of the noise and $\\varphi$ of the features; the line is the "
    "path along which the strength $t$ grows, $\\kappa = \\sqrt{1-t}$, $\\varphi = 1-t^3$, from its upper right end. "
    "Right: test error along that path; mean over seeds with 95% intervals. Too weak, and the noise stays; too strong, and the feature goes."
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    landscape(left, figure, records[RECORDS[0]])
    groups = by_label(records[RECORDS[1]])
    strengths = [round(1 - members[0].config["method"]["kappa"] ** 2, 6) for members in groups.values()]
    values = [estimate([100 * record.metrics["test_error"][-1] for record in members]) for members in groups.values()]
    shown, k = METHODS["tada"], next(iter(groups.values()))[0].config["method"]["k"]
    right.errorbar(
        strengths,
        [value.mean for value in values],
        [value.half for value in values],
        color=shown.colour,
        marker=shown.marker,
        capsize=2,
        label=f"TADA({k}), {values[0].n} seeds",
    )
    seeds = {record.seed for record in next(iter(groups.values()))}
    original = [100 * r.metrics["test_error"][-1] for r in by_label(records[RECORDS[2]])["original"] if r.seed in seeds]
    right.axhline(np.mean(original), color=INK, linestyle=":", linewidth=1, label="Original")
    right.set(title="along the path", xlabel="strength $t$", ylabel="test error, %", ylim=(0, None), xticks=strengths)
    right.legend(loc="lower right")


def landscape(axes, figure, records: Sequence[Record]) -> None:
    """A cell for every pair of kappa and phi, its test error written in it, and the path between."""
    cells = {}
    for members in by_label(records).values():
        method = members[0].config["method"]
        cells[method["kappa"], method["fidelity"]] = 100 * np.mean([record.metrics["test_error"][-1] for record in members])
    kept, faithful = (sorted({key[i] for key in cells}) for i in (0, 1))
    errors = np.array([[cells[kappa, phi] for kappa in kept] for phi in faithful])
    axes.imshow(errors, origin="lower", cmap="cividis_r", aspect="auto")
    for (row, column), value in np.ndenumerate(errors):
        dark = value > (errors.min() + errors.max()) / 2
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8, color="white" if dark else INK)
    t = np.linspace(0, 0.92, 100)
    path = np.interp(np.sqrt(1 - t), kept, range(len(kept))), np.interp(1 - t**3, faithful, range(len(faithful)))
    axes.plot(*path, color="#D55E00", linewidth=1.5)
    seeds = len({record.seed for record in records})
    axes.set(title=f"test error, %, {seeds} seeds", xlabel=r"$\kappa$: noise kept", ylabel=r"$\varphi$: features kept")
    axes.set(xticks=range(len(kept)), xticklabels=kept, yticks=range(len(faithful)), yticklabels=faithful)
    axes.grid(False)
