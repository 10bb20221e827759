"""What the records of the experiments say: numbers by seed, and means with 95% intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from figures.records import Record, read
from theory.experiments import find, record_path

BySeed = dict[int, float]


class Evidence:
    """Numbers of the runs below ``root``; an experiment is named by a word, a run by its label. RecordError where one is missing."""

    def __init__(self, root: Path, seeds: Mapping[str, int]) -> None:
        """seeds: experiment -> how many, from seed 0 on."""
        self.runs: dict[tuple[str, str], list[Record]] = {
            (name, run.label): [read(record_path(run, seed, root)) for seed in range(count)]
            for name, count in seeds.items()
            for run in find(name).runs
        }

    def number(self, experiment: str, label: str, metric: str, factor: float = 1.0) -> BySeed:
        """A number, or a curve's last value, times ``factor``; without the seeds at which it could not be measured."""
        values = {record.seed: record.metrics[metric] for record in self.runs[experiment, label]}
        values = {
            seed: value[-1] if isinstance(value, list) else value for seed, value in values.items()
        }
        return {seed: factor * value for seed, value in values.items() if value is not None}

    def steps_to(self, experiment: str, label: str, error: float) -> BySeed:
        """Steps until the test error is at most ``error``, linear between recorded steps; all steps where it is not reached."""
        metrics = {record.seed: record.metrics for record in self.runs[experiment, label]}
        return {
            seed: first_crossing(m["steps"], m["test_error"], error) for seed, m in metrics.items()
        }


def first_crossing(steps: list[int], curve: list[float], level: float) -> float:
    """Where the curve first is at most ``level``, linear between ``steps``; the last step if nowhere."""
    below = np.asarray(curve) <= level
    if not below.any():
        return float(steps[-1])
    i = int(below.argmax())
    if i == 0:
        return float(steps[0])
    share = (curve[i - 1] - level) / (curve[i - 1] - curve[i])
    return steps[i - 1] + share * (steps[i] - steps[i - 1])


def paired(function: Callable[..., float], *samples: BySeed) -> BySeed:
    """``function`` of the values of each seed that all samples have."""
    seeds = sorted(set.intersection(*(set(sample) for sample in samples)))
    return {seed: function(*(sample[seed] for sample in samples)) for seed in seeds}


def difference(one: BySeed, other: BySeed) -> BySeed:
    """one - other, seed by seed."""
    return paired(lambda a, b: a - b, one, other)


def cross_fitted(samples: Iterable[BySeed]) -> BySeed:
    """The sample of least mean, chosen for even seeds by the odd ones and for odd seeds by the even ones.

    Choice and measurement share no seed, so that the least of many is not flattered by chance. All samples have the same
    seeds, of both kinds.
    """
    samples = list(samples)
    means = [
        [
            np.mean([value for seed, value in sample.items() if seed % 2 != half])
            for sample in samples
        ]
        for half in (0, 1)
    ]
    return {seed: samples[int(np.argmin(means[seed % 2]))][seed] for seed in samples[0]}


def interval(sample: BySeed) -> tuple[float, float, float]:
    """Mean over seeds, and both ends of its 95% interval (Student's t). ValueError for fewer than 2 seeds."""
    values = np.array(list(sample.values()))
    if len(values) < 2:
        raise ValueError(
            f"got {len(values)} seeds with a measurement; an interval needs at least 2: use more seeds"
        )
    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)
