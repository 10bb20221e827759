"""Means with 95% intervals over seeds: Student's, and the bootstrap's beside it."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Estimate:
    """mean (NaN for n = 0), and half: half the width of its 95% interval (Student's t over n seeds; NaN for n < 2).

    Arrays over further axes, or floats.
    """

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
        return Estimate(
            values.mean(0) if n else np.full(values.shape[1:], np.nan),
            np.full(values.shape[1:], np.nan),
            n,
        )
    return Estimate(values.mean(0), stdtrit(n - 1, 0.975) * values.std(0, ddof=1) / np.sqrt(n), n)


def paired(samples: dict[int, float], baseline: dict[int, float]) -> Estimate:
    """The mean difference over the seeds that both have; dicts from seed to value."""
    return estimate(paired_samples(samples, baseline))


def bootstrap(
    samples: np.ndarray, rng: np.random.Generator, resamples: int = 9_999
) -> tuple[float, float]:
    """Percentile bootstrap 95% interval of the mean over seeds, (NaN, NaN) for n < 2; ``rng`` draws the resamples.

    It cannot leave the range of the samples, and so is too narrow for few: of three seeds it is their range, where Student's interval is
    about three times as wide. Student's decides everywhere; this one stands beside it, as it does not rest on normality.
    """
    from scipy.stats import bootstrap as resample

    values = np.asarray(samples, float)
    if len(values) < 2:
        return float("nan"), float("nan")
    found = resample(
        (values,), np.mean, n_resamples=resamples, method="percentile", rng=rng
    ).confidence_interval
    return float(found.low), float(found.high)


def paired_samples(samples: dict[int, float], baseline: dict[int, float]) -> np.ndarray:
    """The differences of the seeds that both have, (n,), by seed."""
    return np.array(
        [samples[seed] - baseline[seed] for seed in sorted(samples.keys() & baseline.keys())]
    )
