"""Turn runs and seeds into metrics: draw, batch by size, train, measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from theory.batches import batch_weights
from theory.config import Run
from theory.data import Array, Sample, draw
from theory.dynamics import train
from theory.measures import (
    CURVES,
    early_speeds,
    learning_times,
    measure,
    predicted_ratio,
    recording_steps,
)
from theory.problem import padded, stack
from theory.race import predictions

Metrics = dict[str, Any]


def simulate_batches(run: Run, seeds: Sequence[int]) -> Iterator[dict[int, Metrics]]:
    """Yield {seed: metrics} for the seeds of one padded size after another; seeds >= 0.

    The metrics of a seed do not depend on the other seeds, to the last bit. Raises Diverged if η
    is too large.
    """
    drawn = sorted(((seed, draw(run, seed)) for seed in seeds), key=lambda pair: padded(pair[1]))
    for _, batch in groupby(drawn, key=lambda pair: padded(pair[1])):
        chosen, samples = zip(*batch, strict=True)
        yield dict(zip(chosen, _simulate([run] * len(chosen), chosen, samples), strict=True))


def simulate_side_by_side(runs: Sequence[Run], seed: int) -> list[Metrics]:
    """Train several runs of one seed as one batch and return their metrics.

    This is faster than one by one, and the metrics are the same up to rounding. Raises ValueError
    if networks, steps or batch sizes differ, Diverged if an η is too large.
    """
    if len({(run.network, run.optimiser.steps, run.optimiser.batch) for run in runs}) != 1:
        raise ValueError(
            "runs side by side need the same network, steps and batch; simulate them one by one"
        )
    return _simulate(runs, [seed] * len(runs), [draw(run, seed) for run in runs])


def _simulate(
    runs: Sequence[Run], seeds: Sequence[int], samples: Sequence[Sample]
) -> list[Metrics]:
    """Train one batch, a run with its seed and sample each, and return the metrics of each."""
    optimisers = [run.optimiser for run in runs]
    size = max(map(padded, samples))
    problem = stack(samples, runs[0].network, size=size)
    steps = recording_steps(optimisers[0].steps)
    recorded = set(steps)
    batch = optimisers[0].batch
    batches = batch_weights(samples, seeds, batch, size) if batch else None
    features = []
    rows = []
    for state in train(problem, optimisers, batches):
        features.append(state.features)
        if state.step in recorded:
            rows.append(measure(problem, samples, runs, state))
    peaks = np.stack(features, axis=1).max(axis=2)  # (R, T+1, 2)
    histories = zip(*rows, strict=True)
    return [_metrics(*one, steps) for one in zip(runs, samples, histories, peaks, strict=True)]


def _metrics(
    run: Run, sample: Sample, history: Sequence[dict[str, Any]], peaks: Array, steps: list[int]
) -> Metrics:
    """Return the metrics of one run; peaks: the largest alignments of every step (T+1, 2)."""
    return {
        "steps": steps,
        **{name: [values[name] for values in history] for name in CURVES},
        **learning_times(peaks),
        **early_speeds(peaks, run.optimiser.eta, run.network.power),
        "speed_ratio_predicted": predicted_ratio(sample, run.network),
        **predictions(run, sample),
        "slow_fraction": float(sample.slow.mean()),
        "examples": int(sample.multiplicities.sum()),
    }
