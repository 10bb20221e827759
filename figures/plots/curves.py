"""Plot curves over training, one colour a method, with the interval over seeds as a band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import method_style
from figures.records import Record
from figures.statistics.intervals import estimate
from figures.statistics.pick import stack_curves


def plot_curves(
    axes, groups: Mapping[str, Sequence[Record]], metric: str, factor: float = 1.0
) -> None:
    """Plot ``factor`` times the mean of a curve over the seeds of each group, and its interval.

    groups: label of the method -> records, one for each seed.
    """
    for label, records in groups.items():
        steps = records[0].metrics["steps"]
        band = estimate(factor * stack_curves(records, metric))
        style = method_style(label)
        axes.plot(
            steps,
            band.mean,
            color=style.colour,
            linestyle=style.line,
            label=style.label,
            zorder=3 if style.line == "--" else 2,
        )
        axes.fill_between(
            steps, np.maximum(band.low, 0), band.high, color=style.colour, alpha=0.15, linewidth=0
        )
