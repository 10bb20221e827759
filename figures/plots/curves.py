"""Curves over training, one colour a method, with the interval over seeds as a band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import look
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import curves


def plot_curves(
    axes, groups: Mapping[str, Sequence[Record]], metric: str, factor: float = 1.0
) -> None:
    """Mean over the seeds of each group (label -> records), times ``factor``, and the 95% interval of the mean."""
    for label, records in groups.items():
        steps, band = records[0].metrics["steps"], estimate(factor * curves(records, metric))
        shown = look(label)
        axes.plot(
            steps,
            band.mean,
            color=shown.colour,
            linestyle=shown.line,
            label=shown.label,
            zorder=3 if shown.line == "--" else 2,
        )
        axes.fill_between(
            steps, np.maximum(band.low, 0), band.high, color=shown.colour, alpha=0.15, linewidth=0
        )
