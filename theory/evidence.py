"""Read numbers by seed from the records of experiments; compute means, intervals and levels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from figures.records import Record, read
from theory.experiments import find, record_path

BySeed = dict[int, float]
Array = NDArray[np.float64]
ALPHA = 0.05  # probability that any bound of a claim is taken for respected by chance, at most


@dataclass(frozen=True)
class Outcome:
    """What became of a run within ``steps`` steps, and what the race law predicts of it."""

    steps: int
    time: float | None  # step at which the slow feature was learned; None: not within the run
    predicted: float | None  # step at which it is to be learned; None: never
    ratio: float | None  # S; None: infinite
    factor: float | None  # k_eff

    @property
    def in_time(self) -> bool:
        """Whether the law at finite time is right about the run."""
        expected = self.predicted is not None and self.predicted <= self.steps
        return expected == (self.time is not None)

    @property
    def at_last(self) -> bool:
        """Whether k_eff S > 1, the law at convergence, is right about the run."""
        expected = self.ratio is None or (self.factor or 0.0) * self.ratio > 1
        return expected == (self.time is not None)

    @property
    def pace(self) -> float | None:
        """Measured over predicted time to learn; None if either is 0 or beyond the run."""
        if not self.time or not self.predicted or self.predicted > self.steps:
            return None
        return self.time / self.predicted


def _flat(values: Any) -> list:
    """Return a number as a list of one, and nested lists as one list."""
    if not isinstance(values, list):
        return [values]
    return [value for part in values for value in _flat(part)]


class Evidence:
    """Records of the runs of several experiments, read from below ``root``.

    A run is named by its experiment's name and its label. Raises RecordError if a record is
    missing.
    """

    def __init__(self, root: Path, seeds: Mapping[str, int]) -> None:
        """Read the records; seeds: number of seeds of each experiment, from its first one on."""
        self.runs: dict[tuple[str, str], list[Record]] = {
            (name, run.label): [
                read(record_path(run, seed, root)) for seed in find(name).chosen(count)
            ]
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

    def steps_to(
        self, experiment: str, label: str, level: float, curve: str = "test_error"
    ) -> BySeed:
        """Return, by seed, the steps until a curve is at most ``level``.

        Linear between recorded steps; the number of all steps if it is not reached.
        """
        return {
            record.seed: first_crossing(record.metrics["steps"], record.metrics[curve], level)
            for record in self.runs[experiment, label]
        }

    def learned(self, experiment: str, label: str) -> BySeed:
        """Return, by seed, 100 if the run learned the slow feature, else 0."""
        return {
            record.seed: 100.0 * (record.metrics["time_slow"] is not None)
            for record in self.runs[experiment, label]
        }

    def labels(self, experiment: str) -> list[str]:
        """Return the labels of an experiment's runs, in their order."""
        return [label for name, label in self.runs if name == experiment]

    def outcomes(self, experiment: str, label: str) -> dict[int, list[Outcome]]:
        """Return, by seed, what became of each run of a label beside the race law's prediction.

        One run, or all those of a sweep, without runs that the law does not cover.
        """
        found = {}
        for record in self.runs[experiment, label]:
            steps = record.config["optimiser"]["steps"]
            names = ("time_slow", "race_steps", "race_ratio", "race_factor")
            runs = zip(*(_flat(record.metrics[name]) for name in names), strict=True)
            # k_eff is None where a run of a sweep diverged, and where the law does not cover it
            found[record.seed] = [Outcome(steps, *run) for run in runs if run[-1] is not None]
        return found


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


def mean_by_seed(
    samples: Iterable[Mapping[int, Sequence[Outcome]]], value: Callable[[Outcome], float | None]
) -> BySeed:
    """Return, by seed, the mean of a value of all runs of several samples.

    Runs without the value (None), and seeds without such a run, are left out.
    """
    found: dict[int, list[float]] = {}
    for sample in samples:
        for seed, outcomes in sample.items():
            numbers = (value(outcome) for outcome in outcomes)
            found.setdefault(seed, []).extend(float(x) for x in numbers if x is not None)
    return {seed: float(np.mean(values)) for seed, values in found.items() if values}


def holm_levels(samples: Sequence[BySeed], bounds: Sequence[float]) -> list[float]:
    """Return at which level each mean is to be judged against its bound: Holm's method (1979).

    The sample with the smallest p value (two-sided t test of mean = bound) is judged at
    ``ALPHA``/m, the next at ``ALPHA``/(m-1), and so on; from the first that is not rejected on, all
    have its level. So all intervals that leave out their bounds are right about the side, together,
    with probability 1 - ``ALPHA``.
    """
    values = [
        p_value(np.array(list(sample.values())) - bound)
        for sample, bound in zip(samples, bounds, strict=True)
    ]
    levels = [ALPHA] * len(values)
    level, rejecting = ALPHA, True
    for rank, i in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if rejecting:
            level = ALPHA / (len(values) - rank)
            rejecting = values[i] <= level
        levels[i] = level
    return levels


def p_value(values: Array) -> float:
    """Return the two-sided p value of the t test that the mean of the values (n,), n >= 2, is 0."""
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if spread == 0:
        return float(mean == 0)
    return float(2 * stdtr(len(values) - 1, -abs(mean) * np.sqrt(len(values)) / spread))


def interval(sample: BySeed, level: float = 0.05) -> tuple[float, float, float]:
    """Return the mean over seeds and both ends of its interval of 1 - ``level`` (Student's t).

    Raises ValueError for fewer than 2 seeds.
    """
    values = np.array(list(sample.values()))
    if len(values) < 2:
        raise ValueError(
            f"got {len(values)} seeds with a measurement; "
            "an interval needs at least 2: use more seeds"
        )
    half = stdtrit(len(values) - 1, 1 - level / 2) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)
