"""Test the closed forms of the early phase against their differential equation and samples."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import Distribution, Method, Network, Run, simulate
from theory.closed_forms import early_alignment, early_time, growth_rate, growth_rates, speed_ratio
from theory.data import draw

METHODS = (
    Method("original"),
    Method("useful", k=4),
    Method("tada", k=3, fidelity=0.6),
    Method("tada", k=4, targeting=0.3),
    Method("syn-all", k=3, fidelity=0.6, targeting=0.5),
    Method("syn-rand", k=4, fidelity=0.6),
)
STARTS, RATES = st.floats(0.01, 0.5), st.floats(0.01, 5.0)


@given(STARTS, RATES, st.floats(0.0, 0.9), st.sampled_from([2, 3, 4, 5, 7]))
def test_alignment_obeys_its_equation(start, rate, share, power):
    time = share * early_time(start, 2.0, rate, power)
    here = early_alignment(start, rate, time, power)
    h = 1e-5 * early_time(start, 2.0, rate, power)
    later = early_alignment(start, rate, time + h, power)
    earlier = early_alignment(start, rate, max(time - h, 0.0), power)
    slope = (later - earlier) / (h + min(h, time))
    assert early_alignment(start, rate, 0.0, power) == pytest.approx(start)
    assert slope == pytest.approx(rate * here ** (power - 1), rel=2e-3)


@given(STARTS, RATES, st.floats(1.01, 20.0), st.sampled_from([2, 3, 4, 5]))
def test_time_and_rate_are_each_others_inverse(start, rate, times, power):
    time = early_time(start, times * start, rate, power)
    assert early_alignment(start, rate, time, power) == pytest.approx(times * start, rel=1e-9)
    assert growth_rate(start, times * start, time, power) == pytest.approx(rate)


def test_the_cubic_in_closed_form_and_its_explosion():
    assert early_alignment(0.1, 2.0, 3.0) == pytest.approx(0.1 / (1 - 2.0 * 0.1 * 3.0))
    assert early_alignment(0.1, 2.0, 5.0) == math.inf
    assert early_alignment(0.1, 2.0, 50.0) == math.inf
    assert early_time(0.1, 0.5, 0.0) == math.inf


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize(
    "network", [Network(), Network(power=2, rectified=True)], ids=["cubic", "rectified"]
)
def test_rates_are_the_mean_of_what_samples_give(method, network):
    """Compare with (q/2) Σ_i m_i s_i^q / N' of a large sample; if rectified, over label +1."""
    run = Run(
        distribution=Distribution(n=3000, d=10, alpha=0.7, beta_e=1.3),
        network=replace(network, J=1),
        method=method,
    )
    sample = draw(run, 0)
    q = network.power
    counted = sample.labels > 0 if network.rectified else np.ones(len(sample.labels))
    seen = sample.multiplicities * counted
    pulls = (seen[:, None] * sample.strengths**q).sum(axis=0)
    measured = q / 2 * pulls / sample.multiplicities.sum()
    np.testing.assert_allclose(growth_rates(run.distribution, network, method), measured, rtol=0.05)


@given(st.floats(0.05, 0.95), st.integers(1, 9), st.floats(0.1, 1.0))
def test_their_ratio_is_the_speed_ratio(alpha, k, fidelity):
    distribution = Distribution(alpha=alpha)
    method = Method("tada", k=k, fidelity=fidelity)
    fast, slow = growth_rates(distribution, Network(), method)
    assert fast / slow == pytest.approx(speed_ratio(distribution, k, fidelity=fidelity))
    given_fraction = growth_rates(Distribution(), Network(), method, 1 - alpha)
    assert given_fraction == pytest.approx((fast, slow))


def test_training_follows_the_closed_form_early_on(tiny):
    """Compare within 2% until the fast feature has grown by half, at small steps and weights."""
    run = tiny(Method("tada", k=4), network=Network(J=10, sigma_0=0.02))
    run = replace(run, optimiser=replace(run.optimiser, eta=0.05, steps=2000))
    metrics = simulate(run, 0)
    rates = growth_rates(run.distribution, run.network, run.method, metrics["slow_fraction"])
    fast = np.array(metrics["fast_alignment"])
    early = fast < 1.5 * fast[0]
    assert early.sum() > 5
    for curve, rate in zip(("fast_alignment", "slow_alignment"), rates, strict=True):
        simulated = np.array(metrics[curve])[early]
        closed = [
            early_alignment(simulated[0], rate, 0.05 * step)
            for step, shown in zip(metrics["steps"], early, strict=True)
            if shown
        ]
        np.testing.assert_allclose(simulated, closed, rtol=0.02)
