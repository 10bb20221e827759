"""Draw where targeted augmentation beats full augmentation, at two moments (T6, T9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import GREY, INK
from figures.plots.grids import grid_axis, plot_heatmap, stack_metric
from figures.records import Record
from figures.statistics.intervals import Estimate, estimate
from figures.statistics.pick import by_label

RECORDS = ("theory/regimes",)
SIZE = (1.0, 0.8)
CAPTION = (
    "Left: test error without augmentation (%). Right: test error of TADA(2), one variant of every "
    "slow example, minus that of Syn-all, one of every example (points, mean over seeds, paired); "
    "dots where the 95% interval leaves out 0 and the difference is above 0.05. Above after half "
    "of the steps, below after all of them. Dark is worse: on the right, where targeting gains "
    "nothing. The line is where half of the seeds have $S = 1$, above which the race law says that "
    "the slow feature is learned in the end without any augmentation; the dashed one is $S = 1/2$, "
    "the same for both TADA(2) and Syn-all. Between the lines Syn-all ends where TADA(2) ends and "
    "comes later: the gain moves down as time goes on."
)
VISIBLE = 0.05  # points; below, both methods have learned everything, or nothing


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the test error of Original, and TADA(2) minus Syn-all, after half and all steps."""
    groups = by_label(records[RECORDS[0]])
    config = groups["original"][0].config
    shares = grid_axis(groups["original"], "distribution.alpha")
    strengths = grid_axis(groups["original"], "distribution.beta_d")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    moments = (("test_error_early", config["early"]), ("test_error", config["optimiser"]["steps"]))
    for (left, right), (metric, steps) in zip(panels, moments, strict=True):
        original = 100 * stack_metric(groups["original"], metric).mean(0)
        difference = gain(groups, metric)
        plot_heatmap(
            figure, left, shares, strengths, original.T, "cividis_r", label="%", limits=(0, None)
        )
        plot_heatmap(
            figure,
            right,
            shares,
            strengths,
            difference.mean.T,
            "cividis_r",
            label="points",
            limits=(None, max(0.0, float(difference.mean.max()))),
        )
        clear = clearly_different(difference)
        x, y = np.meshgrid(shares, strengths, indexing="ij")
        right.scatter(x[clear], y[clear], s=4, color="white", edgecolor=INK, linewidth=0.4)
        for axes in (left, right):
            draw_boundaries(axes, groups["original"], shares, strengths)
        left.set(
            title=f"Original, {steps:,} steps",
            ylabel=r"$\beta_d/\beta_e$: strength of slow feature",
        )
        right.set(title=f"TADA(2) − Syn-all, {difference.n} seeds")
    for axes in panels[-1]:
        axes.set_xlabel(r"$\alpha$: how often the fast feature is there")


def gain(groups: Mapping[str, Sequence[Record]], metric: str) -> Estimate:
    """Return the test error of TADA(2) minus Syn-all in points, over (alpha, beta_d)."""
    targeted, full = (100 * stack_metric(groups[label], metric) for label in ("tada-2", "syn-all"))
    return estimate(targeted - full)


def clearly_different(difference: Estimate) -> np.ndarray:
    """Return where the interval leaves out 0 and the difference is visible."""
    apart = (difference.low > 0) | (difference.high < 0)
    return apart & (np.abs(difference.mean) > VISIBLE)


def draw_boundaries(
    axes, records: Sequence[Record], shares: np.ndarray, strengths: np.ndarray
) -> None:
    """Draw where the median over seeds of S is 1, and where it is 1/2."""
    ratios = stack_metric(records, "race_ratio")  # NaN: infinite
    typical = np.median(np.where(np.isnan(ratios), np.inf, ratios), axis=0)
    logarithm = np.log2(np.clip(typical, 1e-3, 1e3))
    for level, line in ((0.0, "-"), (-1.0, "--")):
        axes.contour(
            shares,
            strengths,
            logarithm.T,
            levels=[level],
            colors="white" if level else GREY,
            linestyles=line,
            linewidths=1.2,
        )
