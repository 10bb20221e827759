"""Draw where targeted augmentation beats full augmentation, over α and β_d/β_e (T6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import INK
from figures.plots.grids import grid_axis, plot_heatmap, stack_metric
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import by_label

RECORDS = ("theory/regimes",)
SIZE = (1.0, 0.42)
CAPTION = (
    "Left: test error without augmentation (%). Right: test error of TADA(2), one variant of every "
    "slow example, minus that of Syn-all, one of every example (points, mean over seeds, paired); "
    "dots where the 95% interval leaves out 0 and the difference is above 0.05. Blue: targeted is "
    "better, though it generates a share $1-\\alpha$ only; red: full is better. White: both learn "
    "the slow feature, or neither does."
)
VISIBLE = 0.05  # points; below, both methods have learned everything, or nothing


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the test error of Original, and TADA(2) minus Syn-all, over the grid."""
    left, right = figure.subplots(1, 2, sharey=True)
    groups = by_label(records[RECORDS[0]])
    errors = {  # (seeds, α, β_d)
        label: 100 * stack_metric(members, "test_error") for label, members in groups.items()
    }
    shares = grid_axis(groups["original"], "distribution.alpha")
    strengths = grid_axis(groups["original"], "distribution.beta_d")
    difference = estimate(errors["tada-2"] - errors["syn-all"])
    original = errors["original"].mean(0)
    plot_heatmap(figure, left, shares, strengths, original.T, "cividis_r", label="%")
    bound = float(np.abs(difference.mean).max())
    plot_heatmap(
        figure,
        right,
        shares,
        strengths,
        difference.mean.T,
        "RdBu_r",
        label="points",
        limits=(-bound, bound),
    )
    clear = ((difference.low > 0) | (difference.high < 0)) & (np.abs(difference.mean) > VISIBLE)
    x, y = np.meshgrid(shares, strengths, indexing="ij")
    right.scatter(x[clear], y[clear], s=2, color=INK, linewidth=0)
    left.set(
        title=f"Original: test error, {difference.n} seeds",
        ylabel=r"$\beta_d/\beta_e$: strength of the slow feature",
    )
    right.set(title="TADA(2) minus Syn-all")
    for axes in (left, right):
        axes.set_xlabel(r"$\alpha$: how often the fast feature is there")
