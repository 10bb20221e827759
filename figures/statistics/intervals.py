"""Compute means over seeds with 95% intervals: Student's, and the bootstrap's beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Mean over n seeds with its 95% interval. ``mean`` and ``half`` are floats or arrays.

    mean: NaN for n = 0.
    half: half the width of the interval by Student's t with n - 1 degrees of freedom; NaN for
        n < 2.
    """

    mean: Any
    half: Any
    n: int

    @property
    def low(self) -> Any:
        """Lower end of the interval."""
        return self.mean - self.half

    @property
    def high(self) -> Any:
        """Upper end of the interval."""
        return self.mean + self.half

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval of a single value does not contain 0."""
        return bool(self.low > 0 or self.high < 0)


def estimate(samples: ArrayLike) -> Estimate:
    """Return mean and interval over the first axis of ``samples``, the seeds: (n, ...) -> (...)."""
    from scipy.special import stdtrit

    values = np.asarray(samples, float)
    n = len(values)
    unknown = np.full(values.shape[1:], np.nan)
    if n < 2:
        return Estimate(values.mean(0) if n else unknown, unknown, n)
    return Estimate(values.mean(0), stdtrit(n - 1, 0.975) * values.std(0, ddof=1) / np.sqrt(n), n)


def seed_differences(samples: Mapping[int, float], baseline: Mapping[int, float]) -> np.ndarray:
    """Return ``samples`` minus ``baseline`` for the seeds that both have, sorted by seed: (n,)."""
    return np.array(
        [samples[seed] - baseline[seed] for seed in sorted(samples.keys() & baseline.keys())]
    )


def paired_estimate(samples: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate:
    """Return the mean difference over the seeds that both have, from mappings seed -> value."""
    return estimate(seed_differences(samples, baseline))


def bootstrap_interval(
    samples: ArrayLike, rng: np.random.Generator, resamples: int = 9_999
) -> tuple[float, float]:
    """Return the percentile bootstrap 95% interval of the mean; ``rng`` draws the resamples.

    Both ends are NaN for n < 2. The interval cannot leave the range of the samples and is
    therefore too narrow for few: for three seeds it is their range, and Student's interval is
    about three times as wide. Student's decides everywhere; the bootstrap stands beside it
    because it does not assume a normal distribution.
    """
    from scipy.stats import bootstrap

    values = np.asarray(samples, float)
    if len(values) < 2:
        return float("nan"), float("nan")
    interval = bootstrap(
        (values,), np.mean, n_resamples=resamples, method="percentile", rng=rng
    ).confidence_interval
    return float(interval.low), float(interval.high)
