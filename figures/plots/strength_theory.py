"""Draw test error over what variants keep: noise, features, and the lack of the fast one (T8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import GREY, INK, METHODS, SLOW
from figures.plots.grids import cell_edges, grid_axis, stack_metric
from figures.records import Record
from figures.statistics.intervals import paired_estimate
from figures.statistics.pick import by_label, final_values

GRID = "theory/landscape"
PATH = "theory/strength"
BASELINE = "theory/methods"
RECORDS = (GRID, PATH, BASELINE)
SIZE = (1.0, 0.36)
CAPTION = (
    "Test error (%) of TADA(3), dark is worse. Left: over the shares that variants keep of the "
    "noise, $\\kappa$, and of the features, $\\varphi$. Two paths of a strength $t$ from 0 (upper "
    "right) to 1 (lower left): $\\kappa = \\sqrt{1-t}$ with $\\varphi = 1-t^3$ (solid) or $1-t^5$ "
    "(dashed). Middle: without kept noise ($\\kappa = 0$), over $\\varphi$ and the targeting "
    "$\\theta$: how often a variant lacks the fast feature because its original does; at "
    "$\\theta = 0$ it has the fast feature as often as any example. Right: along both paths, "
    "against no augmentation (paired by seed, mean with 95% intervals). Where the error is least "
    "is decided by the exponent, which is our choice, and not by the theory."
)
LINES = {3: ("-", SLOW, "D"), 5: ("--", INK, "o")}  # exponent of the path -> line, colour, marker


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw both grids with the paths of strength, and test errors along the paths."""
    noise, target, along = figure.subplots(1, 3)
    grids = by_label(records[GRID])
    errors = np.concatenate([stack_metric(found, "test_error").mean(0) for found in grids.values()])
    limits = (100 * float(errors.min()), 100 * float(errors.max()))
    draw_grid(noise, grids["noise"], "method.kappa", limits)
    mesh = draw_grid(target, grids["targeting"], "method.targeting", limits)
    figure.colorbar(mesh, ax=[noise, target], pad=0.02, fraction=0.04).set_label("%", labelpad=2)
    noise.set(xlabel=r"$\kappa$: noise kept", ylabel=r"$\varphi$: features kept")
    target.set(xlabel=r"$\theta$: target kept")
    groups = by_label(records[PATH])
    original = final_values(by_label(records[BASELINE])["original"], "test_error", 100)
    for power, (line, colour, _) in LINES.items():
        noise.plot(*path_point(np.linspace(0, 1, 200), power), line, color=colour, linewidth=1.3)
        draw_path(along, paths(groups, power), power, original)
    along.axhline(0, color=GREY, linewidth=0.7, zorder=0)
    along.set(
        title="along the paths",
        xlabel="strength $t$",
        ylabel="error minus Original, points",
        xticks=(0.1, 0.3, 0.5, 0.7, 0.9),
        ylim=(None, 3.6),
    )
    along.legend(loc="upper left")


def paths(groups: Mapping[str, Sequence[Record]], power: int) -> dict[float, Sequence[Record]]:
    """Return strength -> records of the path with one exponent."""
    prefix = f"path-{power}-"
    return {
        float(label.removeprefix(prefix)): members
        for label, members in groups.items()
        if label.startswith(prefix)
    }


def draw_path(
    axes, members: Mapping[float, Sequence[Record]], power: int, original: Mapping[int, float]
) -> None:
    """Draw the change of the test error along a path."""
    line, colour, marker = LINES[power]
    changes = [
        paired_estimate(final_values(found, "test_error", 100), original)
        for found in members.values()
    ]
    axes.errorbar(
        np.array(list(members)) + 0.004 * (power - 4),
        [change.mean for change in changes],
        [change.half for change in changes],
        color=colour,
        marker=marker,
        linestyle=line,
        markersize=3.5,
        capsize=2,
        label=f"$\\varphi = 1-t^{power}$, {changes[0].n} seeds",
    )


def path_point(t: float | np.ndarray, power: int) -> tuple[float | np.ndarray, float | np.ndarray]:
    """Return kappa (noise kept) and phi (features kept) at strength t in [0, 1]."""
    return np.sqrt(1 - t), 1 - t**power


def draw_grid(axes, records: Sequence[Record], field: str, limits: tuple[float, float]):
    """Draw the test error over phi and another share; return what a colour bar needs."""
    kept, phis = (grid_axis(records, name) for name in (field, "method.fidelity"))
    errors = 100 * stack_metric(records, "test_error").mean(0)
    low, high = limits
    mesh = axes.pcolormesh(
        cell_edges(kept),
        cell_edges(phis),
        errors.T,
        cmap="cividis_r",
        vmin=low,
        vmax=high,
        rasterized=True,
    )
    axes.grid(False)
    axes.set(title=f"{METHODS['tada'].label}(3), {len(records)} seeds")
    return mesh
