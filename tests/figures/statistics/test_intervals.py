"""Means, Student's and bootstrap intervals, and paired differences over seeds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from figures.statistics.differences import difference_text, format_difference
from figures.statistics.intervals import (
    Estimate,
    bootstrap_interval,
    estimate,
    paired_estimate,
)

samples = arrays(float, st.integers(2, 30), elements=st.floats(-100, 100))


@given(samples)
def test_intervals_are_students(values):
    from scipy import stats

    got, n = estimate(values), len(values)
    assert got.mean == pytest.approx(values.mean(), abs=1e-9)
    assert got.half == pytest.approx(stats.t.ppf(0.975, n - 1) * stats.sem(values), abs=1e-9)


@given(samples, st.floats(-5, 5))
def test_paired_differences_are_free_of_what_seeds_share(values, shift):
    plain = dict(enumerate(values))
    difference = paired_estimate(
        {seed: value + shift for seed, value in plain.items()}, plain | {99: 0.0}
    )
    assert difference.mean == pytest.approx(shift, abs=1e-9)
    assert difference.half == pytest.approx(0, abs=1e-9)
    assert difference.n == len(values)


def test_one_seed_has_no_interval():
    assert np.isnan(estimate(np.array([1.0])).half)


# --- the bootstrap

few_samples = arrays(
    float, st.integers(2, 12), elements=st.floats(-50, 50).map(lambda x: round(x, 3))
)


@given(few_samples)
def test_the_bootstrap_stays_among_the_samples_and_around_their_mean(values):
    low, high = bootstrap_interval(values, np.random.default_rng(0), resamples=999)
    assert values.min() - 1e-9 <= low <= high + 1e-9 <= values.max() + 2e-9
    assert bootstrap_interval(values, np.random.default_rng(0), resamples=999) == (low, high)
    if np.ptp(values) > 0.01:
        assert high - low < 2 * estimate(values).half  # Student's is wider


@pytest.mark.slow
@given(few_samples, st.floats(-5, 5), st.sampled_from([-2.0, 0.5]))
def test_the_bootstrap_moves_with_the_samples(values, shift, scale):
    low, high = bootstrap_interval(values, np.random.default_rng(0), resamples=999)
    moved = bootstrap_interval(scale * values + shift, np.random.default_rng(0), resamples=999)
    assert moved == pytest.approx(
        sorted((scale * low + shift, scale * high + shift)), abs=1e-6, rel=0.02
    )


def test_the_bootstrap_of_three_is_nearly_their_range():
    assert bootstrap_interval(np.array([1.0, 2.0, 4.0]), np.random.default_rng(0)) == (1.0, 4.0)
    single = bootstrap_interval(np.array([1.0]), np.random.default_rng(0))
    assert all(math.isnan(end) for end in single)


# --- words


def test_differences_are_put_into_words():
    lower, unclear = estimate([-1.0, -1.1, -0.9]), estimate([-1.0, 1.1, 0.2])
    single = Estimate(-1.0, float("nan"), 1)
    parts = ("", "verdict", "words", "lower", "higher", "no-such")
    assert [difference_text(lower, part) for part in parts] == [
        r"$-1.00 \pm 0.25$",
        "lower",
        "lower than",
        "1",
        None,
        None,
    ]
    assert difference_text(unclear, "words") == "not clearly different from"
    assert difference_text(unclear, "lower") is difference_text(unclear, "higher") is None
    assert format_difference(single) == "$-1.00$"
    assert difference_text(single, "verdict") == "one seed"
    assert difference_text(single, "words") == "of one seed, hence not comparable with"
