"""Means with 95% intervals over seeds."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Estimate:
    """mean, and half: half the width of its 95% interval (Student's t over n seeds; NaN for n < 2). Arrays over further axes, or floats."""

    mean: np.ndarray
    half: np.ndarray
    n: int

    @property
    def low(self) -> np.ndarray:
        return self.mean - self.half

    @property
    def high(self) -> np.ndarray:
        return self.mean + self.half

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return bool(self.low > 0 or self.high < 0)


def estimate(samples: np.ndarray) -> Estimate:
    """Over the first axis, the seeds."""
    from scipy.special import stdtrit

    values = np.asarray(samples, float)
    n = len(values)
    if n < 2:
        return Estimate(values.mean(0), np.full(values.shape[1:], np.nan), n)
    return Estimate(values.mean(0), stdtrit(n - 1, 0.975) * values.std(0, ddof=1) / np.sqrt(n), n)


def paired(samples: dict[int, float], baseline: dict[int, float]) -> Estimate:
    """The mean difference over the seeds that both have; dicts from seed to value."""
    seeds = sorted(samples.keys() & baseline.keys())
    return estimate(np.array([samples[s] - baseline[s] for s in seeds]))
