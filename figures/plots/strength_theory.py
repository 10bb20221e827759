"""Test error over what variants keep of the noise and of the features, and along a path of denoising strength (T8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import GREY, METHODS, SLOW
from figures.plots.factor_theory import final
from figures.plots.grids import axis, heatmap, stacked
from figures.records import Record
from figures.statistics.intervals import paired
from figures.statistics.pick import by_label

RECORDS = ("theory/landscape", "theory/strength", "theory/methods")
SIZE = (1.0, 0.42)
CAPTION = (
    "Left: test error (%) of TADA with variants that keep a share $\\kappa$ of the noise and $\\varphi$ of the features; the line is the "
    "path along which the strength $t$ grows from 0, upper right: $\\kappa = \\sqrt{1-t}$, $\\varphi = 1-t^3$. Right: test error along it, "
    "against no augmentation (differences paired by seed, 95% intervals). Too weak, and noise stays; too strong, and features go."
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    landscape(figure, left, records[RECORDS[0]])
    groups = by_label(records[RECORDS[1]])
    original = final(by_label(records[RECORDS[2]])["original"], "test_error", 100)
    strengths = [
        round(1 - members[0].config["method"]["kappa"] ** 2, 6) for members in groups.values()
    ]
    values = [paired(final(members, "test_error", 100), original) for members in groups.values()]
    shown, k = METHODS["tada"], next(iter(groups.values()))[0].config["method"]["k"]
    means, halves = ([getattr(value, name) for value in values] for name in ("mean", "half"))
    right.errorbar(
        strengths,
        means,
        halves,
        color=shown.colour,
        marker=shown.marker,
        capsize=2,
        label=f"TADA({k}), {values[0].n} seeds",
    )
    right.axhline(0, color=GREY, linewidth=0.7, zorder=0)
    right.set(
        title="along the path",
        xlabel="strength $t$",
        ylabel="test error minus Original, points",
        xticks=strengths,
    )
    right.legend(loc="upper left")


def landscape(figure, axes, records: Sequence[Record]) -> None:
    """Test error over kappa and phi, and the path."""
    kept, faithful = (axis(records, name) for name in ("method.kappa", "method.fidelity"))
    errors = 100 * stacked(records, "test_error").mean(0)  # (kappa, phi)
    heatmap(figure, axes, kept, faithful, errors.T, "cividis_r", label="%")
    t = np.linspace(0, 1, 200)
    axes.plot(np.sqrt(1 - t), 1 - t**3, color=SLOW, linewidth=1.5)
    marks = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    axes.plot(
        np.sqrt(1 - marks),
        1 - marks**3,
        "o",
        color=SLOW,
        markersize=3.5,
        markeredgecolor="white",
        markeredgewidth=0.5,
    )
    for t in (0.1, 0.5, 0.9):
        place, side = (np.sqrt(1 - t), 1 - t**3), "center" if t < 0.2 else "left"
        axes.annotate(
            f"$t={t:g}$",
            place,
            (3, -10),
            textcoords="offset points",
            color="white",
            fontsize=7.5,
            ha=side,
        )
    axes.set(
        title=f"test error, {len(records)} seeds",
        xlabel=r"$\kappa$: noise kept",
        ylabel=r"$\varphi$: features kept",
    )
