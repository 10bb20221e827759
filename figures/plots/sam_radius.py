"""SAM against its radius: noise it memorises, how evenly it learns the features, and test error, alone and with augmentation (T2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import look
from figures.plots.grids import axis, stacked
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import by_label

RECORDS = ("theory/radius",)
SIZE = (1.0, 0.36)
CAPTION = (
    "SAM by its radius $\\rho$, 0 being gradient descent; means over seeds, 95% intervals. Left: noise memorised on slow examples. "
    "Middle: seeds in which the slow feature is learned by the last step. Right: test error."
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    panels = figure.subplots(1, 3)
    for label, members in by_label(records[RECORDS[0]]).items():
        rho, shown = axis(members, "optimiser.rho"), look(label)
        learned = 100.0 * ~np.isnan(stacked(members, "time_slow"))
        series = (
            stacked(members, "noise_memorised_slow"),
            learned,
            100 * stacked(members, "test_error"),
        )
        for axes, values in zip(panels, series, strict=True):
            band = estimate(values)
            axes.plot(
                rho, band.mean, color=shown.colour, linestyle=shown.line, label=f"{shown.label}"
            )
            axes.fill_between(
                rho,
                np.maximum(band.low, 0),
                np.minimum(band.high, 100),
                color=shown.colour,
                alpha=0.15,
                linewidth=0,
            )
    titles = ("noise memorised", "slow feature learned", "test error")
    for axes, title, unit in zip(
        panels,
        titles,
        (r"$y\,\Sigma_j\,\langle w_j, \xi\rangle^3$", "% of seeds", "%"),
        strict=True,
    ):
        axes.set(title=title, xlabel=r"$\rho$: radius of SAM", ylabel=unit, ylim=(0, None))
    panels[1].legend(title=f"{len(members)} seeds", loc="lower left")
