"""Holm's correction against statsmodels' definition, written out, and its limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from figures.statistics.holm import holm_intervals
from figures.statistics.intervals import estimate


def rejected_by_holm(p, alpha):
    """Return which hypotheses are rejected, by adjusted p values."""
    order = np.argsort(p, kind="stable")
    m, adjusted, running = len(p), np.empty(len(p)), 0.0
    for rank, i in enumerate(order):
        running = max(running, (m - rank) * p[i])
        adjusted[i] = min(1.0, running)
    return adjusted <= alpha


@given(seed=st.integers(0, 10**6), m=st.integers(1, 8), n=st.integers(3, 20))
def test_an_interval_excludes_zero_exactly_if_holm_rejects(seed, m, n):
    rng = np.random.default_rng(seed)
    samples = [rng.normal(rng.uniform(-1.5, 1.5), 1, n) for _ in range(m)]
    p = np.array([ttest_1samp(sample, 0).pvalue for sample in samples])
    found = holm_intervals(samples)
    assert [each.excludes_zero for each in found] == rejected_by_holm(p, 0.05).tolist()
    for each, sample in zip(found, samples, strict=True):
        plain = estimate(sample)
        assert each.mean == pytest.approx(plain.mean)
        assert each.half >= plain.half * (1 - 1e-12)


def test_one_comparison_is_not_corrected():
    sample = np.array([0.1, 0.4, -0.2, 0.6])
    (found,) = holm_intervals([sample])
    assert found.half == pytest.approx(estimate(sample).half)


def test_samples_that_say_nothing_take_no_part():
    sample = np.array([0.1, 0.4, -0.2, 0.6])
    alone, empty, single = holm_intervals([sample, np.array([]), np.array([1.0])])
    assert alone.half == pytest.approx(estimate(sample).half)
    assert (empty.n, single.n) == (0, 1)
    assert np.isnan(empty.half)
    assert np.isnan(single.half)
    same, zero = holm_intervals([np.ones(5), np.zeros(5)])
    assert same.excludes_zero
    assert not zero.excludes_zero
