"""SAM against an independent implementation, against the theory's SAM on the same loss, and its care for batch norm."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from empirical import optimisers
from empirical.config import Training
from empirical.seeding import construction


def network(norm=False):
    layers = [nn.Linear(6, 8), *([nn.BatchNorm1d(8)] if norm else []), nn.Tanh(), nn.Linear(8, 3)]
    with construction(0, "test"):
        built = nn.Sequential(*layers).double()
        for parameter in built.parameters():
            nn.init.normal_(parameter, std=0.5)
    return built


def closure_of(model, base, x, y):
    def closure():
        base.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss.detach()

    return closure


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.standard_normal((16, 6))), torch.from_numpy(rng.integers(0, 3, 16))


SETTINGS = Training(optimiser="sam", lr=0.1, momentum=0.9, weight_decay=5e-4, rho=0.2)


def test_sam_is_pytorch_optimizers_sam(problem):
    from pytorch_optimizer import SAM as Oracle

    ours, theirs = network(), network()
    sam, base = optimisers.build(ours, SETTINGS)
    oracle = Oracle(theirs.parameters(), torch.optim.SGD, rho=0.2, lr=0.1, momentum=0.9, weight_decay=5e-4)
    for _ in range(20):
        sam.step(closure_of(ours, base, *problem))
        F.cross_entropy(theirs(problem[0]), problem[1]).backward()
        oracle.first_step(zero_grad=True)
        F.cross_entropy(theirs(problem[0]), problem[1]).backward()
        oracle.second_step(zero_grad=True)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)  # theirs computes the norm in single precision


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
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())  # in the second pass too: not 0/0
        loss = 0.0 * sum(p.sum() for p in model.parameters())
        loss.backward()
        return loss.detach()

    sam.step(closure)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


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


def theory_network(sample):
    """The two-layer CNN of the theory in weight space: patches (N, P, D) in explicit coordinates, and the weights (J, D) to train."""
    count = len(sample.labels)
    features = sample.strengths[:, :, None] * np.eye(2)[None] * sample.labels[:, None, None]  # (N, 2, 2): y beta v
    features = np.concatenate([features, np.zeros((count, 2, sample.noise.shape[-1]))], axis=2)
    noise = np.concatenate([np.zeros((count, sample.noise.shape[1], 2)), sample.noise], axis=2)
    patches = torch.from_numpy(np.concatenate([features, noise], axis=1))
    return patches, nn.Parameter(torch.from_numpy(np.concatenate([sample.feature_weights, sample.other_weights], axis=1)))


def test_sam_is_the_theorys_sam_on_the_same_loss():
    from theory import Distribution, Method, Network, Optimiser, Run
    from theory.data import draw
    from theory.dynamics import stack, train

    steps = 100
    run = Run("test", "sam", Distribution(n=20, d=50), Network(J=4, sigma_0=0.2), Optimiser("sam", 0.1, 0.3, steps), Method("tada", 3))
    sample = draw(run, 0)
    patches, weights = theory_network(sample)
    holder = nn.ParameterList([weights])
    sam, base = optimisers.build(holder, Training(optimiser="sam", lr=0.1, momentum=0.0, weight_decay=0.0, rho=0.3))
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
