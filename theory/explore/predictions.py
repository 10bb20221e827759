"""Compute a run's closed forms of the early phase, from its first alignments and slow examples."""

from __future__ import annotations

from typing import Any

from theory import Run
from theory.closed_forms import early_alignment, early_time, growth_rates
from theory.measures import LEARNED

POINTS = 60  # of a curve


def of_sample(run: Run, metrics: dict[str, Any]) -> tuple[float, float]:
    """Return a_e and a_d for the slow examples that were in fact drawn."""
    return growth_rates(run.distribution, run.network, run.method, metrics["slow_fraction"])


def predicted_times(run: Run, metrics: dict[str, Any]) -> list[float | None]:
    """Return the steps at which the closed forms of both features reach ``LEARNED``.

    They are those of gradient descent: SAM's steps are shorter. That of the slow feature assumes a
    sigmoid of 1/2 throughout. None if the alignment is not positive at first.
    """
    starts = (metrics["fast_alignment"][0], metrics["slow_alignment"][0])
    return [
        early_time(start, max(start, LEARNED), rate, run.network.power) / run.optimiser.eta
        if start > 0
        else None
        for start, rate in zip(starts, of_sample(run, metrics), strict=True)
    ]


def early_curves(run: Run, metrics: dict[str, Any]) -> dict[str, list[list[float]]]:
    """Return [steps, alignments] in closed form of both features, until the first is learned.

    The early phase ends there.
    """
    times = predicted_times(run, metrics)
    end = min((*(time for time in times if time is not None), run.optimiser.steps))
    steps = [end * i / POINTS for i in range(POINTS + 1)]
    shown = {}
    for curve, rate, time in zip(
        ("fast_alignment", "slow_alignment"), of_sample(run, metrics), times, strict=True
    ):
        if time is not None:
            start = metrics[curve][0]
            shown[curve] = [
                steps,
                [
                    early_alignment(start, rate, run.optimiser.eta * step, run.network.power)
                    for step in steps
                ],
            ]
    return shown
