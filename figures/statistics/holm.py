"""Correct several comparisons that are judged together, by the method of Holm (1979)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from figures.statistics.intervals import Estimate

ALPHA = 0.05  # probability that any of the comparisons is called different by chance, at most


def holm_intervals(families: Sequence[np.ndarray], alpha: float = ALPHA) -> list[Estimate]:
    """Return mean and corrected interval of each sample, in the order given.

    families: one array of paired differences (n,) for each comparison. The comparison of the
    smallest p value (two-sided t test) is judged at the level alpha / m, the next at
    alpha / (m - 1), and so on; from the first that is not rejected on, all have its level. So an
    interval excludes 0 exactly if Holm's method rejects, and all intervals that exclude 0 are right
    about the sign with probability 1 - alpha. Samples of fewer than two values, which take no part
    in the correction, have no interval (NaN).
    """
    from scipy.stats import t

    judged = [i for i, sample in enumerate(families) if len(sample) > 1]
    p = {i: p_value(families[i]) for i in judged}
    levels: dict[int, float] = {}
    level, rejecting = alpha / max(1, len(judged)), True
    for rank, i in enumerate(sorted(judged, key=p.__getitem__)):
        if rejecting:
            level = alpha / (len(judged) - rank)
            rejecting = p[i] <= level
        levels[i] = level
    found = []
    for i, sample in enumerate(families):
        n = len(sample)
        mean = float(np.mean(sample)) if n else float("nan")
        half = float("nan")
        if i in levels:
            half = float(t.ppf(1 - levels[i] / 2, n - 1) * np.std(sample, ddof=1) / np.sqrt(n))
        found.append(Estimate(mean, half, n))
    return found


def p_value(sample: np.ndarray) -> float:
    """Return the two-sided p value of the t test that the mean is 0: (n,), n at least 2.

    Equal values have p = 0 unless all of them are 0.
    """
    from scipy.stats import t

    mean, spread = np.mean(sample), np.std(sample, ddof=1)
    if spread == 0:
        return float(mean == 0)
    n = len(sample)
    return float(2 * t.sf(abs(mean) / (spread / np.sqrt(n)), n - 1))
