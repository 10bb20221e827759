"""Test SAM and ASAM against an independent implementation and the theory's SAM on the same loss.

Also their radius, their guard at zero gradient, their treatment of batch norm, and that a step can
be captured.
"""

import contextlib
import copy
import dataclasses

import numpy as np
import pytest
import torch
from nothing_read import NothingRead
from stepping import SETTINGS, Spy, closure_of, network, run, settings
from torch import nn
from torch.nn import functional as F

from empirical.config import Training
from empirical.runtime.seeding import construction
from empirical.training import optimisers


@pytest.mark.slow
def test_sam_is_pytorch_optimizers_sam(problem):
    from pytorch_optimizer import SAM as Oracle

    ours, theirs = network(), network()
    sam, base = optimisers.build(ours, SETTINGS)
    oracle = Oracle(
        theirs.parameters(), torch.optim.SGD, rho=0.2, lr=0.1, momentum=0.9, weight_decay=5e-4
    )
    for _ in range(20):
        sam.step(closure_of(ours, base, *problem))
        F.cross_entropy(theirs(problem[0]), problem[1]).backward()
        oracle.first_step(zero_grad=True)
        F.cross_entropy(theirs(problem[0]), problem[1]).backward()
        oracle.second_step(zero_grad=True)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        # theirs computes the norm in single precision
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_asam_is_pytorch_optimizers_on_weights_alone(problem):
    from pytorch_optimizer import SAM as Oracle

    def bare():
        with construction(0, "test"):
            return nn.Sequential(
                nn.Linear(6, 8, bias=False), nn.Tanh(), nn.Linear(8, 3, bias=False)
            ).double()

    ours, theirs = bare(), bare()
    config = dataclasses.replace(SETTINGS, optimiser="asam", rho=0.5, eta=0.0)
    oracle = Oracle(
        theirs.parameters(),
        torch.optim.SGD,
        rho=0.5,
        adaptive=True,
        lr=0.1,
        momentum=0.9,
        weight_decay=5e-4,
    )
    for _ in range(20):
        F.cross_entropy(theirs(problem[0]), problem[1]).backward()
        oracle.first_step(zero_grad=True)
        F.cross_entropy(theirs(problem[0]), problem[1]).backward()
        oracle.second_step(zero_grad=True)
    run(ours, config, problem, 20)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_radius_zero_is_sgd_bit_for_bit(problem):
    ours, theirs = network(), network()
    sam, base = optimisers.build(ours, dataclasses.replace(SETTINGS, rho=0.0))
    sgd, _ = optimisers.build(theirs, dataclasses.replace(SETTINGS, optimiser="sgd"))
    for _ in range(10):
        sam.step(closure_of(ours, base, *problem))
        sgd.step(closure_of(theirs, sgd, *problem))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_zero_gradient_moves_nothing():
    model = network()
    before = copy.deepcopy(model.state_dict())
    sam, base = optimisers.build(model, dataclasses.replace(SETTINGS, weight_decay=0.0))

    def closure():
        base.zero_grad()
        # in the second pass too: the perturbation is not 0/0
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
        loss = 0.0 * sum(p.sum() for p in model.parameters())
        loss.backward()
        return loss.detach()

    sam.step(closure)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_asams_guard_at_zero_gradient():
    model = network()
    sam, base = optimisers.build(model, settings("asam"))

    def closure():
        base.zero_grad()
        (0.0 * sum(p.sum() for p in model.parameters())).backward()
        return torch.tensor(0.0)

    spy = Spy(model, closure)
    sam.step(spy)
    assert torch.equal(*spy.seen)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_batch_norm_sees_each_batch_once(problem):
    ours, theirs = network(norm=True), network(norm=True)
    sam, base = optimisers.build(ours, SETTINGS)
    sam.step(closure_of(ours, base, *problem))
    theirs(problem[0])  # one pass at the unperturbed weights
    assert torch.equal(ours[1].running_mean, theirs[1].running_mean)
    assert torch.equal(ours[1].running_var, theirs[1].running_var)
    assert ours[1].num_batches_tracked == 1
    assert ours[1].track_running_stats


def test_batch_norm_is_thawed_when_the_second_pass_fails(problem):
    model = network(norm=True)
    sam, base = optimisers.build(model, SETTINGS)
    calls = []

    def closure():
        calls.append(None)
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return closure_of(model, base, *problem)()

    with pytest.raises(RuntimeError, match="out of memory"):
        sam.step(closure)
    assert model[1].track_running_stats


def test_frozen_layers_and_norms_stay_as_they_are(problem):
    model = network(norm=True)
    model[0].weight.requires_grad_(False)
    model.append(nn.BatchNorm1d(3, track_running_stats=False).double())
    before = model[0].weight.clone()
    run(model, settings("sam-adamw"), problem, 3)
    run(model, settings("sam"), problem, 3)
    assert torch.equal(model[0].weight, before)
    assert not model[-1].track_running_stats
    assert model[1].num_batches_tracked == 6


@pytest.mark.parametrize("optimiser", ["sam", "sam-adamw"])
def test_the_radius_is_taken_over_all_parameters_of_all_groups(problem, optimiser):
    model = network(norm=True)
    sam, base = optimisers.build(model, settings(optimiser))
    spy = Spy(model, closure_of(model, base, *problem))
    sam.step(spy)
    first, second = spy.seen
    assert (second - first).norm() == pytest.approx(0.2, rel=1e-12)
    sizes = [p.numel() for p in model.parameters()]
    moved = [part.norm() > 0 for part in (second - first).split(sizes)]
    assert sum(moved) >= len(moved) - 1  # a bias before batch norm has no gradient


def theory_network(sample):
    """Return the theory's two-layer CNN in weight space.

    Patches (N, P, D) in explicit coordinates, and the weights (J, D) to train.
    """
    count = len(sample.labels)
    signs = sample.labels[:, None, None]
    features = sample.strengths[:, :, None] * np.eye(2)[None] * signs  # (N, 2, 2): y beta v
    features = np.concatenate([features, np.zeros((count, 2, sample.noise.shape[-1]))], axis=2)
    noise = np.concatenate([np.zeros((count, sample.noise.shape[1], 2)), sample.noise], axis=2)
    patches = torch.from_numpy(np.concatenate([features, noise], axis=1))
    weights = np.concatenate([sample.feature_weights, sample.other_weights], axis=1)
    return patches, nn.Parameter(torch.from_numpy(weights))


def test_sam_is_the_theorys_sam_on_the_same_loss():
    from theory import Distribution, Method, Network, Optimiser, Run
    from theory.data import draw
    from theory.dynamics import train
    from theory.problem import stack

    steps = 100
    run = Run(
        "test",
        "sam",
        Distribution(n=20, d=50),
        Network(J=4, sigma_0=0.2),
        Optimiser("sam", 0.1, 0.3, steps),
        Method("tada", 3),
    )
    sample = draw(run, 0)
    patches, weights = theory_network(sample)
    holder = nn.ParameterList([weights])
    sam, base = optimisers.build(
        holder, Training(optimiser="sam", lr=0.1, momentum=0.0, weight_decay=0.0, rho=0.3)
    )
    labels, counts = torch.from_numpy(sample.labels), torch.from_numpy(sample.multiplicities)

    def closure():
        base.zero_grad()
        logits = torch.einsum("npd,jd->npj", patches, weights).pow(3).sum((1, 2))
        loss = (counts / counts.sum() * F.softplus(-labels * logits)).sum()
        loss.backward()
        return loss.detach()

    for _ in range(steps):
        sam.step(closure)
    *_, last = train(stack([sample], run.network), run.optimiser)
    assert np.abs(last.features[0] - sample.feature_weights).max() > 0.05  # it has moved
    np.testing.assert_allclose(weights.detach()[:, :2], last.features[0], rtol=0, atol=1e-10)


def test_the_check_for_reading_works():
    with pytest.raises(AssertionError, match="_local_scalar_dense"), NothingRead():
        float(torch.ones(1) + 1)


@pytest.mark.parametrize("optimiser", ["sam", "asam"])
def test_no_value_is_read_by_the_host(problem, optimiser):
    model = network()
    stepper, base = optimisers.build(model, settings(optimiser))
    base.step = contextlib.nullcontext  # torch's own step is not looked at
    with NothingRead():
        stepper.step(closure_of(model, base, *problem))
