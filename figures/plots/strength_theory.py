"""Draw test error over what variants keep of noise and features, and along strength (T8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import GREY, METHODS, SLOW
from figures.plots.grids import grid_axis, plot_heatmap, stack_metric
from figures.records import Record
from figures.statistics.intervals import paired_estimate
from figures.statistics.pick import by_label, final_values

GRID = "theory/landscape"
PATH = "theory/strength"
BASELINE = "theory/methods"
RECORDS = (GRID, PATH, BASELINE)
SIZE = (1.0, 0.42)
CAPTION = (
    "Left: test error (%) of TADA with variants that keep a share $\\kappa$ of the noise and "
    "$\\varphi$ of the features; the line is the path along which the strength $t$ grows from 0, "
    "upper right: $\\kappa = \\sqrt{1-t}$, $\\varphi = 1-t^3$. Right: test error along it, against "
    "no augmentation (differences paired by seed, 95% intervals). Too weak, and noise stays; too "
    "strong, and features go."
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the grid with the path of strength, and test errors along the path."""
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    draw_landscape(figure, left, records[GRID])
    groups = by_label(records[PATH])
    original = final_values(by_label(records[BASELINE])["original"], "test_error", 100)
    strengths = [
        round(1 - members[0].config["method"]["kappa"] ** 2, 6) for members in groups.values()
    ]
    changes = [
        paired_estimate(final_values(members, "test_error", 100), original)
        for members in groups.values()
    ]
    style, k = METHODS["tada"], next(iter(groups.values()))[0].config["method"]["k"]
    right.errorbar(
        strengths,
        [change.mean for change in changes],
        [change.half for change in changes],
        color=style.colour,
        marker=style.marker,
        capsize=2,
        label=f"TADA({k}), {changes[0].n} seeds",
    )
    right.axhline(0, color=GREY, linewidth=0.7, zorder=0)
    right.set(
        title="along the path",
        xlabel="strength $t$",
        ylabel="test error minus Original, points",
        xticks=strengths,
    )
    right.legend(loc="upper left")


def path_point(t: float | np.ndarray) -> tuple[float | np.ndarray, float | np.ndarray]:
    """Return kappa (noise kept) and phi (features kept) at strength t in [0, 1]."""
    return np.sqrt(1 - t), 1 - t**3


def draw_landscape(figure, axes, records: Sequence[Record]) -> None:
    """Draw the test error over kappa and phi, and the path of strength with some values of t."""
    kappas, phis = (grid_axis(records, name) for name in ("method.kappa", "method.fidelity"))
    errors = 100 * stack_metric(records, "test_error").mean(0)  # (kappa, phi)
    plot_heatmap(figure, axes, kappas, phis, errors.T, "cividis_r", label="%")
    axes.plot(*path_point(np.linspace(0, 1, 200)), color=SLOW, linewidth=1.5)
    axes.plot(
        *path_point(np.array([0.1, 0.3, 0.5, 0.7, 0.9])),
        "o",
        color=SLOW,
        markersize=3.5,
        markeredgecolor="white",
        markeredgewidth=0.5,
    )
    for t in (0.1, 0.5, 0.9):
        axes.annotate(
            f"$t={t:g}$",
            path_point(t),
            (3, -10),
            textcoords="offset points",
            color="white",
            fontsize=7.5,
            ha="center" if t < 0.2 else "left",
        )
    axes.set(
        title=f"test error, {len(records)} seeds",
        xlabel=r"$\kappa$: noise kept",
        ylabel=r"$\varphi$: features kept",
    )
