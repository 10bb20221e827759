"""Read numbers by seed from the records of experiments; compute means and 95% intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from figures.records import Record, read
from theory.experiments import find, record_path

BySeed = dict[int, float]


class Evidence:
    """Records of the runs of several experiments, read from below ``root``.

    A run is named by its experiment's name and its label. Raises RecordError if a record is
    missing.
    """

    def __init__(self, root: Path, seeds: Mapping[str, int]) -> None:
        """Read the records; seeds: number of seeds of each experiment, counted from seed 0."""
        self.runs: dict[tuple[str, str], list[Record]] = {
            (name, run.label): [read(record_path(run, seed, root)) for seed in range(count)]
            for name, count in seeds.items()
            for run in find(name).runs
        }

    def number(self, experiment: str, label: str, metric: str, factor: float = 1.0) -> BySeed:
        """Return a number by seed, or a curve's last value, times ``factor``.

        Seeds at which it could not be measured (None) are left out.
        """
        numbers = {}
        for record in self.runs[experiment, label]:
            value = record.metrics[metric]
            value = value[-1] if isinstance(value, list) else value
            if value is not None:
                numbers[record.seed] = factor * value
        return numbers

    def steps_to(self, experiment: str, label: str, error: float) -> BySeed:
        """Return, by seed, the steps until the test error is at most ``error``.

        Linear between recorded steps; the number of all steps if it is not reached.
        """
        steps = {}
        for record in self.runs[experiment, label]:
            metrics = record.metrics
            steps[record.seed] = first_crossing(metrics["steps"], metrics["test_error"], error)
        return steps


def first_crossing(steps: list[int], curve: list[float], level: float) -> float:
    """Return the first step at which the curve is at most ``level``, linear between ``steps``.

    If the curve never is, return the last step.
    """
    below = np.asarray(curve) <= level
    if not below.any():
        return float(steps[-1])
    i = int(below.argmax())
    if i == 0:
        return float(steps[0])
    share = (curve[i - 1] - level) / (curve[i - 1] - curve[i])
    return steps[i - 1] + share * (steps[i] - steps[i - 1])


def paired(function: Callable[..., float], *samples: BySeed) -> BySeed:
    """Apply ``function`` to the samples' values, for each seed that all samples have."""
    seeds = sorted(set.intersection(*(set(sample) for sample in samples)))
    return {seed: function(*(sample[seed] for sample in samples)) for seed in seeds}


def difference(one: BySeed, other: BySeed) -> BySeed:
    """Return one - other, seed by seed."""
    return paired(lambda a, b: a - b, one, other)


def cross_fitted(samples: Iterable[BySeed]) -> BySeed:
    """Return the sample of least mean, chosen on seeds other than those it is measured on.

    For even seeds it is chosen by the odd ones, and for odd seeds by the even ones. Choice and
    measurement share no seed, so that the minimum of many samples is not biased by chance. All
    samples have the same seeds, of both kinds.
    """
    samples = list(samples)

    def mean_without(parity: int, sample: BySeed) -> float:
        return float(np.mean([value for seed, value in sample.items() if seed % 2 != parity]))

    best = []
    for parity in (0, 1):
        means = [mean_without(parity, sample) for sample in samples]
        best.append(samples[int(np.argmin(means))])
    return {seed: best[seed % 2][seed] for seed in samples[0]}


def interval(sample: BySeed) -> tuple[float, float, float]:
    """Return the mean over seeds and both ends of its 95% interval (Student's t).

    Raises ValueError for fewer than 2 seeds.
    """
    values = np.array(list(sample.values()))
    if len(values) < 2:
        raise ValueError(
            f"got {len(values)} seeds with a measurement; "
            "an interval needs at least 2: use more seeds"
        )
    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)
