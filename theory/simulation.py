"""From runs and seeds to metrics: draw, batch by size, train, measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from theory.batches import batch_weights
from theory.config import Run
from theory.data import Array, Sample, draw
from theory.dynamics import padded, stack, train
from theory.measures import (
    CURVES,
    early_speeds,
    learning_times,
    measure,
    predicted_ratio,
    recording_steps,
)

Metrics = dict[str, Any]


def simulate_batches(run: Run, seeds: Sequence[int]) -> Iterator[dict[int, Metrics]]:
    """Yield {seed: metrics} for the seeds of one padded size after another; seeds >= 0.

    The metrics of a seed do not depend, to the last bit, on the other seeds. Raises Diverged if η is too large.
    """
    drawn = sorted(((seed, draw(run, seed)) for seed in seeds), key=lambda pair: padded(pair[1]))
    for _, batch in groupby(drawn, key=lambda pair: padded(pair[1])):
        chosen, samples = zip(*batch, strict=True)
        yield dict(zip(chosen, _simulate([run] * len(chosen), chosen, samples), strict=True))


def simulate_side_by_side(runs: Sequence[Run], seed: int) -> list[Metrics]:
    """The metrics of several runs of one seed, trained as one batch: faster than one by one, and the same but for rounding.

    Raises ValueError if networks, steps or mini-batches differ, Diverged if an η is too large.
    """
    if len({(run.network, run.optimiser.steps, run.optimiser.batch) for run in runs}) != 1:
        raise ValueError(
            "runs side by side need the same network, steps and batch; simulate them one by one"
        )
    return _simulate(runs, [seed] * len(runs), [draw(run, seed) for run in runs])


def _simulate(
    runs: Sequence[Run], seeds: Sequence[int], samples: Sequence[Sample]
) -> list[Metrics]:
    optimisers, size = [run.optimiser for run in runs], max(map(padded, samples))
    problem, steps = (
        stack(samples, runs[0].network, size=size),
        recording_steps(optimisers[0].steps),
    )
    batches = (
        batch_weights(samples, seeds, optimisers[0].batch, size) if optimisers[0].batch else None
    )
    recorded, features, rows = set(steps), [], []
    for state in train(problem, optimisers, batches):
        features.append(state.features)
        if state.step in recorded:
            rows.append(measure(problem, samples, runs, state))
    paths, histories = (
        np.stack(features, axis=1).max(axis=2),
        zip(*rows, strict=True),
    )  # (R, T+1, 2)
    return [_metrics(*one, steps) for one in zip(runs, samples, histories, paths, strict=True)]


def _metrics(
    run: Run, sample: Sample, history: Sequence[dict[str, Any]], peaks: Array, steps: list[int]
) -> Metrics:
    return {
        "steps": steps,
        **{name: [values[name] for values in history] for name in CURVES},
        **learning_times(peaks),
        **early_speeds(peaks, run.optimiser.eta, run.network.power),
        "speed_ratio_predicted": predicted_ratio(sample, run.network),
        "slow_fraction": float(sample.slow.mean()),
        "examples": int(sample.multiplicities.sum()),
    }
