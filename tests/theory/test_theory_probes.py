"""Test probes against explicit vectors and autograd, closed forms against brute force."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import weight_space
from hypothesis import given
from hypothesis import strategies as st

from theory import Distribution, Method, Network, Optimiser
from theory.closed_forms import noise_alignment_ratio, shared_noise, slow_gradient_variance
from theory.config import Probe
from theory.data import draw
from theory.dynamics import State, gradient, train
from theory.probes import factors, mean_alignment, probe, squares
from theory.problem import stack


@given(st.floats(0.05, 1.0), st.integers(2, 20), st.floats(0.0, 3.0))
def test_variants_align_less_exactly_below_the_boundary(slow, k, s):
    if abs(s**4 - (k + 1)) > 1e-6:
        assert (noise_alignment_ratio(slow, k, s) < 1) == (s**4 < k + 1)
    assert noise_alignment_ratio(slow, k, (k + 1) ** 0.25) == pytest.approx(1)
    assert noise_alignment_ratio(slow, 1, s) == noise_alignment_ratio(0.0, k, s) == 1


@given(st.integers(2, 6), st.integers(1, 9), st.integers(1, 8))
def test_shared_noise_is_the_probability_of_a_common_owner(k, slow, batch):
    n = 10
    owners = np.r_[np.arange(n), np.tile(np.arange(slow), k - 1)]
    same = (owners[:, None] == owners).mean() - 1 / len(owners)
    assert shared_noise(slow / n, k, n, batch) == pytest.approx((1 - 1 / batch) * same, abs=1e-15)


@pytest.mark.parametrize("d", [5, 12])
def test_variance_of_one_gradient_is_that_of_monte_carlo(d):
    rng = np.random.default_rng(0)
    draws, D = 1_000_000, d - 2
    distribution = Distribution(d=d, sigma_p=0.8)
    network = Network(J=3, sigma_0=0.3)
    x = 0.8 / np.sqrt(d) * rng.standard_normal((draws, D))
    c = 0.3 * (rng.standard_normal((draws, D)) * x).sum(1)
    squared = 3 * (1.5 * c**2) ** 2 * (x**2).sum(1)  # J = 3 neurons
    expected = slow_gradient_variance(distribution, network)
    assert squared.mean() == pytest.approx(expected, abs=5 * squared.std() / np.sqrt(draws))


@pytest.mark.parametrize(
    "change", [{"network": Network(power=5)}, {"distribution": Distribution(noise_patches=2)}]
)
def test_variance_of_what_it_does_not_know_is_refused(change):
    with pytest.raises(ValueError, match="power 3, noise_patches 1"):
        slow_gradient_variance(**{"distribution": Distribution(), "network": Network(), **change})


def explicit(sample, network):
    """Return the gradient of every example's own loss (N, J, 2 + r), by autograd."""
    x = weight_space.patches(sample)
    weights = weight_space.initial_weights(sample)
    rows = []
    for i in range(len(sample.labels)):
        w = weights.clone().requires_grad_()
        logit = ((x[i] @ w.T) ** network.power).sum()
        (g,) = torch.autograd.grad(torch.nn.functional.softplus(-sample.labels[i] * logit), w)
        rows.append(g.numpy())
    return np.array(rows)


@pytest.mark.slow
@pytest.mark.parametrize("method", [Method("useful", k=3), Method("tada", k=3, fidelity=0.7)])
def test_squares_are_those_of_every_pair_of_draws(tiny, method):
    run = tiny(method, network=Network(J=4, sigma_0=0.5))
    sample = draw(run, 0)
    copies = sample.multiplicities.astype(int)
    g = np.repeat(explicit(sample, run.network), copies, axis=0)  # (N', J, 2 + r)
    single, mean = squares(stack([sample], run.network))
    assert single == pytest.approx((g**2).sum((1, 2)).mean(), rel=1e-10)
    pairs = (((g[:, None] + g) / 2) ** 2).sum((2, 3)).mean()  # all batches of two
    assert single / 2 + mean / 2 == pytest.approx(pairs, rel=1e-10)


@pytest.mark.parametrize("method", [Method("useful", k=3), Method("tada", k=3, scale=1.7)])
def test_noise_alignment_is_the_mean_over_entries(tiny, method):
    run = tiny(method, network=Network(J=4, sigma_0=0.5))
    sample = draw(run, 1)
    copies = sample.multiplicities.astype(int)
    x = weight_space.patches(sample)
    w = weight_space.initial_weights(sample).requires_grad_()
    (g,) = torch.autograd.grad(weight_space.loss(w, x, sample, run.network), w)
    w = w.detach()
    entries = [
        y * float(-g[j] @ patch[2])
        for y, patch, m in zip(sample.labels, x, copies, strict=True)
        for j in range(4)
        if y * float(w[j] @ patch[2]) > 0
        for _ in range(m)
    ]
    assert mean_alignment(stack([sample], run.network)) == pytest.approx(np.mean(entries), rel=1e-9)


def test_sam_factor_is_exact_while_the_sigmoid_is_frozen(tiny):
    run = tiny(network=Network(J=4, sigma_0=1e-3))
    sample = draw(run, 0)
    problem = stack([sample], run.network)
    state = next(train(problem, run.optimiser))
    for rho in (1e-4, 1e-3):
        values = factors(problem, state, rho, sample.slow)
        for part in ("fast", "slow", "noise_slow", "noise_fast"):
            assert values[part] == pytest.approx(values[f"{part}_predicted"], rel=1e-6)
            assert abs(values[part] - 1) > 1e-4
    assert factors(problem, state, 0.0, sample.slow)["noise_slow"] == 1


def state_at(problem, features):
    """Return the state at initialisation with the given features; its logits are not used."""
    projections = problem.projections
    return State(0, features, 0 * projections, projections, problem.labels, np.zeros(1, bool))


def test_sam_factor_is_the_ratio_of_gradients_in_weight_space(tiny):
    run = tiny(network=Network(J=4, sigma_0=0.3))
    sample = draw(run, 0)
    rho = 0.2
    problem = stack([sample], run.network)
    x = weight_space.patches(sample)
    weights = weight_space.initial_weights(sample)

    def slope(at):
        at = at.clone().requires_grad_()
        return torch.autograd.grad(weight_space.loss(at, x, sample, run.network), at)[0]

    g = slope(weights)
    sharp = slope(weights + rho * g / g.norm())
    positive = weights[:, 1] > 0
    ratio = float(sharp[positive, 1].sum() / g[positive, 1].sum())
    values = factors(problem, state_at(problem, problem.features), rho, sample.slow)
    assert values["slow"] == pytest.approx(ratio, rel=1e-9)
    ours = gradient(problem, problem.features, problem.projections).features[0, :, 1]
    assert ours == pytest.approx(g[:, 1].numpy(), rel=1e-9)


def test_sam_factor_of_a_feature_that_no_neuron_learns_is_none(tiny):
    run = tiny()
    sample = draw(run, 0)
    problem = stack([sample], run.network)
    opposed = state_at(problem, -np.abs(problem.features))
    values = factors(problem, opposed, 0.1, sample.slow)
    assert values["fast"] is values["slow_predicted"] is None
    assert values["noise_slow"] is not None


def test_noise_of_slow_and_of_fast_examples_is_told_apart(tiny):
    run = tiny(network=Network(J=4, sigma_0=0.3))
    sample = draw(run, 0)
    problem = stack([sample], run.network)
    start = state_at(problem, problem.features)
    apart = factors(problem, start, 0.2, sample.slow)
    swapped = factors(problem, start, 0.2, ~sample.slow)
    assert apart["noise_slow"] == pytest.approx(swapped["noise_fast"])
    assert apart["noise_fast"] == pytest.approx(swapped["noise_slow"])
    assert apart["noise_fast"] != pytest.approx(apart["noise_slow"])


@pytest.mark.slow
def test_sam_shrinks_the_noise_of_slow_examples_until_they_are_fitted():
    run = Probe(optimiser=Optimiser("sam", steps=1000), quantity="sam-factor")
    values = probe(run, 4)
    assert values["deepest"] < values["value"] < values["worst"] < 1 < values["worst_fast"]
    assert 1 - values["deepest"] == pytest.approx(1 - values["deepest_predicted"], rel=0.1)


@pytest.mark.parametrize("label", ["original", "useful", "tada"])
def test_the_identity_of_the_clocks_is_exact(tiny, label):
    small = tiny(Method(label, k=3), optimiser=Optimiser(eta=0.02, steps=400))
    parts = (small.distribution, small.network, small.optimiser, small.method)
    values = probe(Probe("claims", "x", *parts, "race-identity"), 0)
    assert values["value"] < 1e-12
    assert values["riccati"] == pytest.approx(1, abs=0.02)
    assert values["factor"] == (3 if label == "tada" else 1)


def test_a_record_averages_its_draws(tiny):
    small = tiny(Method("tada", k=3))
    parts = (small.distribution, small.network, small.optimiser, small.method)
    base = Probe("claims", "x", *parts, "gradient-variance")
    three = probe(replace(base, draws=3), 2)
    ones = [probe(base, seed) for seed in (6, 7, 8)]
    assert three["value"] == pytest.approx(np.mean([one["value"] for one in ones]))
    assert len({one["value"] for one in ones}) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [({"quantity": "magic"}, "quantity = 'magic'"), ({"draws": 0}, "draws = 0")],
)
def test_a_probe_out_of_range_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Probe(**change)


def mean_of(run, seeds):
    """Return the means of the measured and the predicted value over the seeds."""
    values = [probe(run, seed) for seed in range(seeds)]
    return (np.mean([v[name] for v in values]) for name in ("value", "predicted"))


@pytest.mark.slow
@pytest.mark.parametrize(("k", "scale"), [(2, 1.0), (3, 1.6), (6, 0.5)])
def test_measured_noise_alignment_is_the_closed_form(k, scale):
    run = Probe(
        distribution=Distribution(d=5000),
        method=Method("tada", k=k, scale=scale),
        quantity="noise-alignment",
    )
    measured, predicted = mean_of(run, 30)
    assert measured == pytest.approx(predicted, rel=0.06)


@pytest.mark.slow
def test_measured_variance_is_the_closed_form():
    run = Probe(method=Method("tada", k=5), quantity="gradient-variance", draws=10)
    measured, predicted = mean_of(run, 20)
    assert measured == pytest.approx(predicted, rel=0.1)


@pytest.mark.slow
def test_speed_is_even_at_the_balancing_factor():
    run = Probe(
        method=Method("useful", k=28), optimiser=Optimiser(steps=1000), quantity="speed-ratio"
    )
    measured, predicted = mean_of(run, 8)
    assert measured == pytest.approx(predicted, rel=0.1)
    assert 0.7 < measured < 1.4
