"""Draw SAM against its radius: noise memorised, slow feature learned, test error (T2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import method_style
from figures.plots.grids import grid_axis, stack_metric
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import by_label

RECORDS = ("theory/radius",)
SIZE = (1.0, 0.36)
CAPTION = (
    "SAM by its radius $\\rho$, 0 being gradient descent; means over seeds, 95% intervals. Left: "
    "noise memorised on slow examples. Middle: seeds in which the slow feature is learned by the "
    "last step. Right: test error."
)
PANELS = (  # title and unit
    ("noise memorised", r"$y\,\Sigma_j\,\langle w_j, \xi\rangle^3$"),
    ("slow feature learned", "% of seeds"),
    ("test error", "%"),
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a panel for each measure, a curve for each method."""
    panels = figure.subplots(1, 3)
    for label, members in by_label(records[RECORDS[0]]).items():
        rho, style = grid_axis(members, "optimiser.rho"), method_style(label)
        learned = 100.0 * ~np.isnan(stack_metric(members, "time_slow"))
        series = (
            stack_metric(members, "noise_memorised_slow"),
            learned,
            100 * stack_metric(members, "test_error"),
        )
        for axes, values in zip(panels, series, strict=True):
            band = estimate(values)
            axes.plot(rho, band.mean, color=style.colour, linestyle=style.line, label=style.label)
            axes.fill_between(
                rho,
                np.maximum(band.low, 0),
                np.minimum(band.high, 100),
                color=style.colour,
                alpha=0.15,
                linewidth=0,
            )
    for axes, (title, unit) in zip(panels, PANELS, strict=True):
        axes.set(title=title, xlabel=r"$\rho$: radius of SAM", ylabel=unit, ylim=(0, None))
    panels[1].legend(title=f"{len(members)} seeds", loc="lower left")
