"""Test training in coordinates against autograd in weight space and finite differences."""

from dataclasses import replace

import numpy as np
import pytest
import weight_space

from theory import Distribution, Method, Network, Optimiser
from theory.data import draw
from theory.dynamics import Diverged, gradient, train
from theory.measures import loss
from theory.problem import leading, padded, stack


def last(states):
    """Return the last of the states."""
    *_, state = states
    return state


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimiser",
    [Optimiser("gd", eta=0.3, steps=200), Optimiser("sam", eta=0.3, rho=0.2, steps=200)],
)
@pytest.mark.parametrize(
    "network",
    [
        Network(J=4, sigma_0=0.1),
        Network(J=4, sigma_0=0.3, power=5),
        Network(J=4, power=2, rectified=True),
    ],
)
@pytest.mark.parametrize(
    "method", [Method("useful", k=3), Method("tada", k=3, kappa=0.5, scale=0.7, fidelity=0.8)]
)
@pytest.mark.parametrize("orthogonal", [False, True])
def test_coordinates_agree_with_autograd_in_weight_space(
    tiny, optimiser, network, method, orthogonal
):
    distribution = Distribution(n=24, d=200, alpha=0.7, noise_patches=2, orthogonal=orthogonal)
    method = replace(method, kappa=0.0 if orthogonal else method.kappa)
    run = tiny(method, network=network, optimiser=optimiser, distribution=distribution)
    sample = draw(run, 3)
    problem = stack([sample], network)
    weights = weight_space.train(sample, network, optimiser)
    expected = weight_space.patches(sample)[:, 2:] @ weights.T  # (N, Q, J)

    state = last(train(problem, optimiser))
    projections = state.projections.reshape(network.J, 2, padded(sample))  # (J, Q, padded N)
    projections = projections[:, :, : len(sample.labels)]  # (J, Q, N)

    moved = weights - weight_space.initial_weights(sample)
    assert moved.abs().max() > 0.01, "nothing was learned"
    np.testing.assert_allclose(state.features[0], weights[:, :2], rtol=0, atol=1e-10)
    np.testing.assert_allclose(projections, expected.numpy().transpose(2, 1, 0), rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        loss(problem, state)[0],
        weight_space.loss(weights, weight_space.patches(sample), sample, network),
        rtol=0,
        atol=1e-10,
    )


def test_gradient_is_the_derivative_of_the_loss(tiny):
    sample = draw(tiny(Method("useful", k=2)), 0)
    problem = stack([sample], tiny().network)
    rng = np.random.default_rng(0)
    h = 1e-6
    features = rng.normal(size=problem.features.shape)
    projections = rng.normal(size=problem.projections.shape)

    def value(features, projections):
        logits = gradient(problem, features, projections).logits
        return (problem.weights * np.logaddexp(0, -problem.labels * logits)).sum()

    g = gradient(problem, features, projections)
    for _ in range(5):
        a = rng.normal(size=features.shape)
        b = rng.normal(size=projections.shape)
        above = value(features + h * a, projections + h * b)
        below = value(features - h * a, projections - h * b)
        slope = (above - below) / (2 * h)
        assert (g.features * a).sum() + (g.noise * b).sum() == pytest.approx(slope, rel=1e-6)


def test_sam_of_radius_zero_is_gradient_descent_bit_for_bit(tiny):
    run = tiny(Method("tada", k=3))
    problem = stack([draw(run, 0)], run.network)
    ours = last(train(problem, Optimiser("sam", rho=0.0, steps=100)))
    gd = last(train(problem, Optimiser("gd", rho=0.3, steps=100)))
    apart = last(train(problem, Optimiser("sam", rho=0.3, steps=100)))
    assert all(np.array_equal(a, b) for a, b in zip(ours[1:], gd[1:], strict=True))
    assert not np.array_equal(apart.features, gd.features)


def test_sam_survives_a_gradient_of_zero(tiny):
    run = tiny()
    sample = draw(run, 0)
    still = replace(
        sample, feature_weights=0 * sample.feature_weights, other_weights=0 * sample.other_weights
    )
    state = last(train(stack([still], run.network), Optimiser("sam", steps=3)))
    assert not state.features.any()
    assert not state.projections.any()


def test_copies_are_multiplicities(tiny):
    run = tiny(Method("useful", k=3))
    sample = draw(run, 1)
    copies = np.repeat(np.arange(len(sample.labels)), sample.multiplicities.astype(int))
    repeated = replace(
        sample,
        labels=sample.labels[copies],
        strengths=sample.strengths[copies],
        noise=sample.noise[copies],
        multiplicities=np.ones(len(copies)),
    )
    assert len(copies) > len(sample.labels)
    a, b = (last(train(stack([s], run.network), run.optimiser)) for s in (sample, repeated))
    np.testing.assert_allclose(a.features, b.features, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("optimiser", [Optimiser(steps=60), Optimiser("sam", steps=60)])
@pytest.mark.parametrize(
    "network", [Network(J=1), Network(J=5), Network(J=3, power=3, rectified=True)]
)
def test_bits_do_not_depend_on_the_batch(tiny, optimiser, network):
    run = tiny(Method("tada", k=3), network=network, optimiser=optimiser)
    drawn = [draw(run, seed) for seed in range(12)]
    samples = [sample for sample in drawn if padded(sample) == padded(drawn[0])]
    assert len(samples) >= 4
    together = last(train(stack(samples, network), optimiser))
    for r, sample in enumerate(samples):
        alone = last(train(stack([sample], network), optimiser))
        for a, b in zip(alone[1:], together[1:], strict=True):
            np.testing.assert_array_equal(a[0], b[r])


def strengths_and_steps(tiny):
    """Return six runs of one seed in two groups that share their noise, and their optimisers."""
    methods = [
        Method("tada", k=3, scale=scale, fidelity=fidelity)
        for scale in (1.0, 0.5)
        for fidelity in (1.0, 0.6, 0.3)
    ]
    optimisers = [
        Optimiser(name, eta=eta, rho=0.3, steps=80)
        for name, eta in zip(("gd", "sam", "gd") * 2, (0.1, 0.2, 0.3) * 2, strict=True)
    ]
    return [draw(tiny(method), 1) for method in methods], optimisers


def test_runs_that_share_their_noise_share_a_gram_matrix_and_are_none_the_worse(tiny):
    samples, optimisers = strengths_and_steps(tiny)
    shared = stack(samples, tiny().network)
    together = last(train(shared, optimisers))
    assert (leading(samples), len(shared.gram), len(shared.labels)) == ([0, 3], 2, 6)
    for r, (sample, optimiser) in enumerate(zip(samples, optimisers, strict=True)):
        alone = last(train(stack([sample], tiny().network), optimiser))
        np.testing.assert_allclose(together.features[r], alone.features[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            together.projections[r], alone.projections[0], rtol=0, atol=1e-12
        )


def test_groups_of_unequal_length_share_nothing(tiny):
    samples, _ = strengths_and_steps(tiny)
    assert leading(samples[:4]) == [0, 1, 2, 3]
    assert leading(samples[:1]) == [0]


def test_single_precision_is_near(tiny):
    samples, optimisers = strengths_and_steps(tiny)
    single, double = (
        last(train(stack(samples, tiny().network, dtype), optimisers))
        for dtype in (np.float32, np.float64)
    )
    assert single.projections.dtype == single.features.dtype == single.logits.dtype == np.float32
    apart = np.abs(single.projections - double.projections).max()
    assert 0 < apart < 1e-5


def test_more_padding_changes_rounding_alone(tiny):
    sample = draw(tiny(Method("useful", k=2)), 0)
    plain, wide = (
        last(train(stack([sample], tiny().network, size=size), tiny().optimiser))
        for size in (None, 64)
    )
    np.testing.assert_allclose(
        plain.projections[0, :, :24], wide.projections[0, :, :24], rtol=0, atol=1e-12
    )
    assert not wide.projections[0, :, 24:].any()


def test_a_run_that_diverges_may_rest_while_the_others_go_on(tiny):
    run = tiny(distribution=Distribution(n=24, d=200, sigma_p=5.0))
    samples = [draw(run, seed) for seed in (0, 1, 2)]
    optimisers = [Optimiser(eta=eta, steps=80) for eta in (0.02, 50.0, 0.01)]
    states = list(train(stack(samples, run.network), optimisers, go_on=True))
    assert states[-1].diverged.tolist() == [False, True, False]
    assert not states[0].diverged.any()
    assert all(np.isfinite(array).all() for state in states for array in state[1:])
    for r in (0, 2):
        alone = last(train(stack([samples[r]], run.network), optimisers[r]))
        np.testing.assert_array_equal(states[-1].projections[r], alone.projections[0])
    with pytest.raises(Diverged, match="eta = 50"):
        list(train(stack(samples, run.network), optimisers))


def test_states_are_never_overwritten(tiny):
    run = tiny()
    states = train(stack([draw(run, 0)], run.network), run.optimiser)
    first = next(states)
    kept = [array.copy() for array in first[1:]]
    last(states)
    assert all(np.array_equal(a, b) for a, b in zip(first[1:], kept, strict=True))


@pytest.mark.parametrize("eta", [50.0, 1e9, 1e300])
@pytest.mark.parametrize("name", ["gd", "sam"])
def test_a_step_size_too_large_is_named(tiny, eta, name):
    run = tiny(
        distribution=Distribution(n=24, d=200, sigma_p=5.0), optimiser=Optimiser(name, eta=eta)
    )
    seen = []
    with pytest.raises(Diverged, match="eta = "):
        seen.extend(
            state.logits for state in train(stack([draw(run, 0)], run.network), run.optimiser)
        )
    assert seen
    assert np.abs(seen).max() < 1e3


def test_a_batch_of_unequal_sizes_is_refused(tiny):
    run = tiny()
    large = tiny(distribution=Distribution(n=40, d=200))
    with pytest.raises(ValueError, match=r"\[32, 48\]"):
        stack([draw(run, 0), draw(large, 0)], run.network)
