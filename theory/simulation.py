"""From a run and its seeds to metrics: draw, batch by size, train, measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from theory.batches import batch_weights
from theory.config import MiniBatch, Run
from theory.data import Array, Sample, draw
from theory.dynamics import padded, stack, train
from theory.measures import CURVES, alignment, early_speeds, learning_times, measure, predicted_ratio, recording_steps

Metrics = dict[str, Any]


def simulate_batches(run: Run, seeds: Sequence[int]) -> Iterator[dict[int, Metrics]]:
    """Yield {seed: metrics} for the seeds of one padded size after another; seeds >= 0.

    The metrics of a seed do not depend, to the last bit, on the other seeds. Raises Diverged if η is too large.
    """
    drawn = sorted(((seed, draw(run, seed)) for seed in seeds), key=lambda pair: padded(pair[1]))
    for _, batch in groupby(drawn, key=lambda pair: padded(pair[1])):
        chosen, samples = zip(*batch, strict=True)
        yield dict(zip(chosen, _simulate(run, chosen, samples), strict=True))


def _simulate(run: Run, seeds: Sequence[int], samples: Sequence[Sample]) -> list[Metrics]:
    problem, steps = stack(samples, run.network), recording_steps(run.optimiser.steps)
    batches = batch_weights(samples, seeds, run.optimiser.batch) if isinstance(run.optimiser, MiniBatch) else None
    recorded, peaks, rows = set(steps), [], []
    for state in train(problem, run.optimiser, batches):
        peaks.append(alignment(state))
        if state.step in recorded:
            rows.append(measure(problem, samples, run, state))
    paths, histories = np.stack(peaks, axis=1), zip(*rows, strict=True)  # (R, T+1, 2)
    return [_metrics(run, *one, steps) for one in zip(samples, histories, paths, strict=True)]


def _metrics(run: Run, sample: Sample, history: Sequence[dict[str, Any]], peaks: Array, steps: list[int]) -> Metrics:
    return {
        "steps": steps,
        **{name: [values[name] for values in history] for name in CURVES},
        **learning_times(peaks),
        **early_speeds(peaks, run.optimiser.eta, run.network.power),
        "speed_ratio_predicted": predicted_ratio(sample, run.network),
        "slow_fraction": float(sample.slow.mean()),
        "examples": int(sample.multiplicities.sum()),
    }
