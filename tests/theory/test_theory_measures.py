"""Test measures against brute force, and closed forms against simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaincc

from theory import Distribution, Method, Network, Optimiser, Run, simulate
from theory.closed_forms import balancing_factor, growth_rate, speed_ratio
from theory.data import draw
from theory.dynamics import train
from theory.measures import (
    CURVES,
    early_speeds,
    learning_times,
    loss,
    measure,
    noise_memorised,
    recording_steps,
)
from theory.population import (
    chi_tail,
    error_at,
    error_rates,
    noise_covariance,
    symmetric_error_at,
    symmetric_root,
)
from theory.problem import stack


def monte_carlo(features, covariance, distribution, network, fast, draws=400_000):
    """Return the share of test examples with y f < 0, drawn one by one."""

    def sigma(z):
        return (np.maximum(z, 0) if network.rectified else z) ** network.power

    rng = np.random.default_rng(1)
    y = rng.choice((-1.0, 1.0), draws)
    root = np.linalg.cholesky(covariance)
    z = rng.standard_normal((draws, distribution.noise_patches, len(features))) @ root.T
    logit = sigma(z).sum((1, 2)) + sigma(y[:, None] * distribution.beta_d * features[:, 1]).sum(1)
    if fast:
        logit += sigma(y[:, None] * distribution.beta_e * features[:, 0]).sum(1)
    return (y * logit < 0).mean()


@pytest.mark.slow
@pytest.mark.parametrize("noise_patches", [1, 2])
@pytest.mark.parametrize(
    "network",
    [Network(J=5), Network(J=3, power=5), Network(J=4, power=2, rectified=True), Network(J=1)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_error_rate_is_that_of_monte_carlo(network, noise_patches, sign):
    distribution = Distribution(noise_patches=noise_patches)
    rng = np.random.default_rng(network.J)
    features = sign * rng.normal(0.4, 0.6, (network.J, 2))  # sign -1: margins below 0
    mixing = rng.normal(0, 0.5, (network.J, network.J))
    covariance = mixing @ mixing.T + 0.2 * np.eye(network.J)
    rates = error_rates(features, covariance, distribution, network)
    for rate, fast in zip(rates, (True, False), strict=True):
        share = monte_carlo(features, covariance, distribution, network, fast)
        assert rate == pytest.approx(share, abs=0.01)
    assert any(0.02 < rate < 0.98 for rate in rates)


@given(scale=st.floats(0.1, 10), seed=st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_error_rate_depends_only_on_the_direction_of_the_weights(scale, seed):
    rng = np.random.default_rng(seed)
    network = Network(J=3)
    features = rng.normal(size=(3, 2))
    mixing = rng.normal(size=(3, 3))
    one = error_rates(features, mixing @ mixing.T, Distribution(), network)
    scaled = error_rates(scale * features, scale**2 * mixing @ mixing.T, Distribution(), network)
    opposite = error_rates(-features, mixing @ mixing.T, Distribution(), network)
    np.testing.assert_allclose(scaled, one, rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.add(one, opposite), 1.0, rtol=0, atol=1e-9)


def test_error_rate_without_noise_is_zero_or_one():
    weights = np.array([[1.0, 0.5], [0.2, 0.1]])
    assert error_rates(weights, np.zeros((2, 2)), Distribution(), Network(J=2)) == (0.0, 0.0)
    assert error_rates(-weights, np.zeros((2, 2)), Distribution(), Network(J=2)) == (1.0, 1.0)


@pytest.mark.parametrize("dof", [1, 2, 3, 4, 7, 10, 33, 60, 61])
def test_the_tail_of_chi_is_the_incomplete_gamma_function(dof):
    x = np.concatenate(([0.0], np.geomspace(1e-9, 600, 400)))
    np.testing.assert_allclose(chi_tail(dof, x), gammaincc(dof / 2, x), rtol=1e-12, atol=1e-250)
    assert chi_tail(dof, np.array([np.inf])) == 0
    assert chi_tail(dof, np.zeros(1)) == 1


@pytest.mark.parametrize("margin", [0.7, 0.0, -0.2])
def test_opposite_directions_count_alike_where_the_activation_is_odd(margin):
    noise = np.random.default_rng(0).standard_normal(500)
    both = np.concatenate((noise, -noise))
    assert symmetric_error_at(margin, noise, 4, 3) == pytest.approx(
        error_at(margin, both, 4, 3), rel=1e-12
    )


def test_noise_covariance_is_that_of_the_weights(tiny):
    run = tiny(Method("tada", k=2))
    sample = draw(run, 0)
    problem = stack([sample], run.network)
    *_, state = train(problem, run.optimiser)
    coefficients = state.coefficients[0][:, : len(sample.labels)]  # (J, N)
    weights = sample.other_weights + coefficients @ sample.noise[:, 0]  # (J, r)
    expected = 1.5**2 / 200 * weights @ weights.T
    covariance = noise_covariance(problem, state, [run.distribution])[0]
    np.testing.assert_allclose(covariance, expected, rtol=1e-9, atol=1e-15)
    root = symmetric_root(expected)
    np.testing.assert_allclose(root @ root, expected, rtol=1e-9, atol=1e-15)


def test_curves_are_what_their_names_say(tiny):
    run = tiny(Method("useful", k=3), optimiser=Optimiser(steps=60))
    sample = draw(run, 0)
    problem = stack([sample], run.network)
    *_, state = train(problem, run.optimiser)
    (values,) = measure(problem, [sample], [run], state)
    weights = sample.other_weights + state.coefficients[0][:, :24] @ sample.noise[:, 0]
    noise = sample.labels * ((sample.noise[:, 0] @ weights.T) ** 3).sum(1)  # (n,)
    feature = (sample.strengths**3 * (state.features[0] ** 3).sum(0)).sum(1)
    margins = feature + noise
    assert tuple(values) == CURVES
    assert values["fast_alignment"] == max(w[0] for w in state.features[0])
    assert values["slow_alignment"] == max(w[1] for w in state.features[0])
    assert values["noise_memorised_slow"] == pytest.approx(noise[sample.slow].mean(), rel=1e-9)
    assert values["noise_memorised_fast"] == pytest.approx(noise[~sample.slow].mean(), rel=1e-9)
    mean_loss = np.average(np.log1p(np.exp(-margins)), weights=np.where(sample.slow, 3, 1))
    assert values["loss"] == pytest.approx(mean_loss, rel=1e-9)
    error = 0.7 * values["test_error_fast"] + 0.3 * values["test_error_slow"]
    assert values["test_error"] == pytest.approx(error)
    assert loss(problem, state)[0] == values["loss"]
    memorised = noise_memorised(problem, state)[0, :24]
    np.testing.assert_allclose(memorised, noise, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    ("alpha", "missing"), [(1.0, "noise_memorised_slow"), (1e-9, "noise_memorised_fast")]
)
def test_the_mean_over_no_examples_is_none(tiny, alpha, missing):
    distribution = Distribution(n=8, d=50, alpha=alpha)
    metrics = simulate(tiny(distribution=distribution, optimiser=Optimiser(steps=5)))
    assert set(metrics[missing]) == {None}
    assert metrics["slow_fraction"] == round(1 - alpha)


def test_a_rectified_network_without_positive_labels_has_no_predicted_ratio():
    rectified = Run(
        distribution=Distribution(n=1, d=50),
        network=Network(rectified=True),
        optimiser=Optimiser(steps=2),
    )
    ratios = {
        draw(rectified, seed).labels[0]: simulate(rectified, seed)["speed_ratio_predicted"]
        for seed in range(6)
    }
    assert ratios[-1.0] is None
    assert ratios[1.0] is not None


@given(steps=st.integers(1, 10**6))
def test_recording_steps_begin_at_zero_and_end_at_the_last(steps):
    recorded = recording_steps(steps)
    assert recorded[0] == 0
    assert recorded[-1] == steps
    assert recorded == sorted(set(recorded))
    assert len(recorded) <= 41


def test_times_are_first_steps_at_the_threshold():
    peaks = np.array([[0.1, 0.1], [0.5, 0.2], [0.9, 0.3], [0.4, 0.4]])
    assert learning_times(peaks) == {"time_fast": 1, "time_slow": None}
    assert learning_times(np.array([[0.6, 0.0]])) == {"time_fast": 0, "time_slow": None}


@pytest.mark.parametrize("power", [2, 3, 5])
def test_growth_rate_inverts_the_flow(power):
    c, a, h = 0.2, 0.7, 1e-4
    for _ in range(10_000):  # midpoint rule for c' = a c^(q-1), to time 1
        middle = c + h / 2 * a * c ** (power - 1)
        c += h * a * middle ** (power - 1)
    assert growth_rate(0.2, c, 1.0, power) == pytest.approx(a, rel=1e-6)


def test_speeds_are_those_at_the_first_doubling():
    time = 0.1 * np.arange(40)[:, None]  # (T+1, 1)
    # c' = a c², a = 1.0 and 0.4
    peaks = 1 / (1 / np.array([0.2, 0.1]) - np.array([1.0, 0.4]) * time)
    peaks[30:] = 9.0  # what comes later does not matter
    assert early_speeds(peaks, 0.1, 3) == pytest.approx(
        {"speed_fast": 1.0, "speed_slow": 0.4, "speed_ratio": 2.5}
    )


@pytest.mark.parametrize(
    "path", [[[0.0, 0.1], [1.0, 1.0]], [[0.1, 0.1], [0.15, 0.1]], [[0.1, -0.1], [0.3, 0.1]]]
)
def test_speeds_that_cannot_be_measured_are_none(path):
    assert set(early_speeds(np.array(path), 0.1, 3).values()) == {None}


def test_speed_ratio_balances_at_its_factor():
    distribution = Distribution(alpha=0.8, beta_e=1.0, beta_d=0.5)
    assert speed_ratio(distribution, 1) == pytest.approx(6.4)
    assert balancing_factor(distribution) == pytest.approx(28)
    assert speed_ratio(distribution, balancing_factor(distribution)) == pytest.approx(1)
    assert speed_ratio(distribution, 5, fidelity=0.0) == pytest.approx(6.4)


NETWORKS = (
    Network(J=10, sigma_0=0.02),
    Network(J=10, sigma_0=0.2, power=5),
    Network(J=10, power=3, rectified=True),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    NETWORKS,
    ids=lambda network: f"power {network.power}{' rectified' * network.rectified}",
)
@pytest.mark.parametrize(
    "method",
    [Method(), Method("useful", k=4), Method("tada", k=4), Method("tada", k=4, fidelity=0.7)],
    ids=repr,
)
def test_measured_speeds_are_the_closed_form_of_the_sample(network, method):
    distribution = Distribution(d=10**6, sigma_p=0.5)
    optimiser = Optimiser(eta=0.02, steps=6000)
    metrics = simulate(Run("test", "speeds", distribution, network, optimiser, method))
    assert metrics["speed_ratio"] == pytest.approx(metrics["speed_ratio_predicted"], rel=0.02)
    assert metrics["speed_slow"] > 0


@pytest.mark.parametrize("name", ["useful", "tada"])
def test_sample_ratio_tends_to_the_closed_form(name):
    distribution = Distribution(n=1500, d=3, alpha=0.6)
    method = Method(name, k=3, fidelity=1.0 if name == "useful" else 0.8)
    optimiser = Optimiser(eta=1e-3, steps=1)
    metrics = simulate(Run("test", "ratio", distribution, Network(J=2), optimiser, method))
    expected = speed_ratio(distribution, 3, fidelity=method.fidelity)
    assert metrics["speed_ratio_predicted"] == pytest.approx(expected, rel=0.06)
