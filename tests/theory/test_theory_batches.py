"""Test mini-batches: even draws, paired between copies and variants, and exact training."""

from dataclasses import replace
from itertools import islice, repeat

import numpy as np
import pytest
import torch
import weight_space

from theory import Method, Network, Optimiser, simulate
from theory.batches import batch_weights, entries
from theory.data import BATCHES, draw, stream
from theory.dynamics import train
from theory.problem import padded, stack


def test_entries_list_copies_where_variants_stand(tiny):
    useful, tada = (draw(tiny(Method(name, k=4)), 0) for name in ("useful", "tada"))
    owners = entries(useful)
    assert 0 < useful.slow.sum() < 24
    np.testing.assert_array_equal(np.bincount(owners), useful.multiplicities)
    np.testing.assert_array_equal(entries(tada), np.arange(len(tada.labels)))
    np.testing.assert_array_equal(useful.labels[owners], tada.labels)
    np.testing.assert_array_equal(useful.strengths[owners], tada.strengths)
    related = draw(tiny(Method("tada", k=4, kappa=0.999)), 0).noise[:, 0, :24]
    assert (np.abs(useful.noise[owners, 0, :24] - related) < 0.1).all()


@pytest.mark.parametrize("name", ["useful", "tada"])
def test_every_entry_is_drawn_equally_often(tiny, name):
    sample = draw(tiny(Method(name, k=3)), 1)
    problem = stack([sample], Network(J=4))
    steps, batch = 4000, 7
    drawn = np.array(list(islice(batch_weights([sample], [1], batch), steps)))[:, 0]  # (steps, N)
    np.testing.assert_allclose(drawn.sum(axis=1), 1)
    assert set(np.unique(np.round(drawn * batch, 9))) <= set(range(batch + 1))
    p = problem.weights[0]
    error = np.sqrt(p * (1 - p) / (steps * batch))
    assert (np.abs(drawn.mean(axis=0) - p) <= 5 * error).all()
    single = drawn[:, 0].var()  # with replacement: binomial
    assert single == pytest.approx(p[0] * (1 - p[0]) / batch, rel=0.15)


@pytest.mark.slow
def test_training_agrees_with_explicit_sgd_in_weight_space(tiny):
    run = tiny(Method("useful", k=3))
    seed, steps, B = 2, 60, 5
    sample = draw(run, seed)
    x = weight_space.patches(sample)
    weights = weight_space.initial_weights(sample)
    rng = stream(seed, BATCHES)
    labels = torch.tensor(sample.labels)
    for _ in range(steps):
        chosen = entries(sample)[rng.integers(int(sample.multiplicities.sum()), size=B)]
        w = weights.clone().requires_grad_()
        logits = ((x[chosen] @ w.T) ** 3).sum((1, 2))
        loss = torch.nn.functional.softplus(-labels[chosen] * logits).mean()
        weights = weights - 0.3 * torch.autograd.grad(loss, w)[0]

    optimiser = Optimiser(eta=0.3, steps=steps, batch=B)
    *_, state = train(stack([sample], run.network), optimiser, batch_weights([sample], [seed], B))
    np.testing.assert_allclose(state.features[0], weights[:, :2], rtol=0, atol=1e-10)
    expected = (x[:, 2] @ weights.T).numpy().T
    np.testing.assert_allclose(state.projections[0][:, : len(labels)], expected, rtol=0, atol=1e-10)


def test_the_full_batch_in_every_step_is_gradient_descent(tiny):
    run = tiny(Method("tada", k=2))
    problem = stack([draw(run, 0)], run.network)
    *_, plain = train(problem, run.optimiser)
    *_, ours = train(problem, run.optimiser, repeat(problem.weights))
    np.testing.assert_array_equal(plain.projections, ours.projections)


def test_distance_from_gradient_descent_falls_with_the_batch(tiny):
    run = tiny(Method("tada", k=3))
    exact = np.array(simulate(run, 0)["noise_memorised_fast"])

    def distance(batch):
        metrics = simulate(replace(run, optimiser=Optimiser(steps=200, batch=batch)), 0)
        return np.abs(np.array(metrics["noise_memorised_fast"]) - exact).max()

    assert 0 < distance(3200) < distance(2) / 10  # as 1/sqrt(B): 40 times less


def test_bits_do_not_depend_on_companions(tiny):
    run = tiny(Method("tada", k=3), optimiser=Optimiser(steps=40, batch=4))
    samples = {seed: draw(run, seed) for seed in range(10)}
    same = [seed for seed, sample in samples.items() if padded(sample) == padded(samples[0])]
    together = list(islice(batch_weights([samples[s] for s in same], same, 4), 20))
    assert len(same) > 2
    for r, seed in enumerate(same):
        alone = list(islice(batch_weights([samples[seed]], [seed], 4), 20))
        np.testing.assert_array_equal([step[r] for step in together], [step[0] for step in alone])


@pytest.mark.parametrize("batch", [0, -3, 2.5])
def test_a_mini_batch_has_a_size(batch):
    with pytest.raises(ValueError, match=f"batch = {batch}"):
        Optimiser(batch=batch)


def test_blocks_of_steps_are_the_steps_one_after_another(tiny, monkeypatch):
    monkeypatch.setattr("theory.batches.BLOCK", 500)  # a few steps at a time
    samples = [
        draw(tiny(Method(name, k=3)), seed) for seed, name in ((0, "useful"), (1, "original"))
    ]
    drawn = islice(batch_weights(samples, [0, 1], 3, size=64), 50)
    streams = [stream(seed, BATCHES) for seed in (0, 1)]
    for step in drawn:
        for weights, sample, rng in zip(step, samples, streams, strict=True):
            hits = entries(sample)[rng.integers(int(sample.multiplicities.sum()), size=3)]
            np.testing.assert_array_equal(weights, np.bincount(hits, minlength=64) / 3)
