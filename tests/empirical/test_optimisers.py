"""SAM and ASAM against an independent implementation, the textbook and the theory's SAM on the same loss; their care for batch norm;
decay, accumulation, resuming, and what a captured step must not do."""

import contextlib
import copy
import dataclasses
import io

import numpy as np
import pytest
import torch
from nothing_read import NothingRead
from torch import nn
from torch.nn import functional as F

from empirical import optimisers
from empirical.config import Training
from empirical.networks import Shape, build
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


ALL = ("sgd", "sam", "asam", "adamw", "sam-adamw", "asam-adamw")


def settings(optimiser, **more):
    return dataclasses.replace(SETTINGS, optimiser=optimiser, eta=0.1, weight_decay=0.05, **more)


def run(model, config, problem, steps, stepper=None):
    stepper, base = stepper or optimisers.build(model, config)
    for _ in range(steps):
        stepper.step(closure_of(model, base, *problem))
    return stepper, base


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_asam_is_pytorch_optimizers_on_weights_alone(problem):
    from pytorch_optimizer import SAM as Oracle

    def bare():
        with construction(0, "test"):
            return nn.Sequential(nn.Linear(6, 8, bias=False), nn.Tanh(), nn.Linear(8, 3, bias=False)).double()

    ours, theirs = bare(), bare()
    config = dataclasses.replace(SETTINGS, optimiser="asam", rho=0.5, eta=0.0)
    oracle = Oracle(theirs.parameters(), torch.optim.SGD, rho=0.5, adaptive=True, lr=0.1, momentum=0.9, weight_decay=5e-4)
    for _ in range(20):
        F.cross_entropy(theirs(problem[0]), problem[1]).backward()
        oracle.first_step(zero_grad=True)
        F.cross_entropy(theirs(problem[0]), problem[1]).backward()
        oracle.second_step(zero_grad=True)
    run(ours, config, problem, 20)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def textbook(model, config, x, y, steps):
    """The update rules in plain sums over one long vector of all parameters, in double precision."""
    named = dict(model.named_parameters())
    sizes = [p.numel() for p in named.values()]
    matrix = torch.cat([torch.full((p.numel(),), float(p.ndim == 2)) for p in named.values()]).double()
    weight = torch.cat([torch.full((p.numel(),), float("weight" in name)) for name, p in named.items()]).double()
    w = torch.cat([p.detach().flatten() for p in named.values()])
    momentum = square = torch.zeros_like(w)

    def gradient(w):
        pieces = zip(named.items(), w.split(sizes), strict=True)
        parts = {name: piece.view(p.shape).clone().requires_grad_() for (name, p), piece in pieces}
        loss = F.cross_entropy(torch.func.functional_call(model, parts, (x,)), y)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(parts.values()))])

    for t in range(1, steps + 1):
        g = gradient(w)
        if config.optimiser.startswith("sam"):
            g = gradient(w + config.rho * g / (g**2).sum().sqrt())
        elif config.optimiser.startswith("asam"):
            unit = weight * (w.abs() + config.eta) + (1 - weight)
            g = gradient(w + config.rho * unit**2 * g / ((unit * g) ** 2).sum().sqrt())
        if config.base == "sgd":
            g = g + config.weight_decay * w
            momentum = config.momentum * momentum + g if t > 1 else g
            w = w - config.lr * (g + config.momentum * momentum if config.nesterov else momentum)
        else:
            one, two = config.betas
            momentum, square = one * momentum + (1 - one) * g, two * square + (1 - two) * g**2
            step = momentum / (1 - one**t) / ((square / (1 - two**t)).sqrt() + 1e-8)
            w = w - config.lr * (config.weight_decay * matrix * w + step)
    return w


@pytest.mark.parametrize("config", [*map(settings, ALL), settings("sgd", nesterov=True), settings("sam", nesterov=True)])
def test_every_optimiser_is_the_textbooks(problem, config):
    model = network(norm=True)
    expected = textbook(network(norm=True), config, *problem, 10)
    run(model, config, problem, 10)
    torch.testing.assert_close(torch.cat([p.detach().flatten() for p in model.parameters()]), expected, rtol=1e-9, atol=1e-11)


def test_adamw_is_torchs_own_but_for_what_does_not_decay(problem):
    ours, theirs = network(), network()
    run(ours, settings("adamw"), problem, 10)
    groups = [{"params": [theirs[0].weight, theirs[2].weight]}, {"params": [theirs[0].bias, theirs[2].bias], "weight_decay": 0.0}]
    oracle = torch.optim.AdamW(groups, lr=0.1, weight_decay=0.05, foreach=False, fused=False)
    for _ in range(10):
        oracle.step(closure_of(theirs, oracle, *problem))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("vit-s", {"class_token", "encoder.pos_embedding"}),
        ("swin-t", {"features.1.0.attn.relative_position_bias_table"}),
        ("convnext-t", {"features.1.0.layer_scale"}),
        ("resnet18", {"bn1.weight", "fc.bias"}),
    ],
)
def test_adamw_lets_matrices_and_filters_decay_alone(name, plain):
    model = build(name, Shape(3, 32, 10), 0)
    decaying, rest = optimisers.decay_groups(model, 0.05)
    assert (decaying["weight_decay"], rest["weight_decay"]) == (0.05, 0.0)
    assert len(decaying["params"]) + len(rest["params"]) == len(list(model.parameters()))
    kept = {n for n, p in model.named_parameters() if any(p is q for q in rest["params"])}
    assert plain <= kept
    layers = {n for n, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.MultiheadAttention)}
    matrices = {f"{n}.{w}" for n in layers for w in ("weight", "in_proj_weight")} & {n for n, _ in model.named_parameters()}
    assert kept == {n for n, _ in model.named_parameters()} - matrices


class Watch:
    """A closure that notes the distance of the weights from where they were first."""

    def __init__(self, model, closure):
        self.model, self.closure, self.seen = model, closure, []

    def __call__(self):
        self.seen.append(torch.cat([p.detach().flatten() for p in self.model.parameters()]))
        return self.closure()


@pytest.mark.parametrize("optimiser", ["sam", "sam-adamw"])
def test_the_radius_is_taken_over_all_parameters_of_all_groups(problem, optimiser):
    model = network(norm=True)
    sam, base = optimisers.build(model, settings(optimiser))
    watch = Watch(model, closure_of(model, base, *problem))
    sam.step(watch)
    first, second = watch.seen
    assert (second - first).norm() == pytest.approx(0.2, rel=1e-12)
    moved = [part.norm() > 0 for part in (second - first).split([p.numel() for p in model.parameters()])]
    assert sum(moved) >= len(moved) - 1  # a bias before batch norm has no gradient


@pytest.mark.parametrize("optimiser", ALL)
def test_weights_come_back_bit_for_bit_where_they_were(problem, optimiser):
    model, same = network(norm=True), network(norm=True)
    addresses = [p.data_ptr() for p in model.parameters()]
    stepper, base = optimisers.build(model, settings(optimiser))
    for group in base.param_groups:
        group["lr"] = 0.0
    stepper.step(closure_of(model, base, *problem))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True))
    assert [p.data_ptr() for p in model.parameters()] == addresses


def test_asams_guard_at_zero_gradient():
    model = network()
    sam, base = optimisers.build(model, settings("asam"))
    watch = Watch(model, lambda: (base.zero_grad(), (0.0 * sum(p.sum() for p in model.parameters())).backward(), torch.tensor(0.0))[2])
    sam.step(watch)
    assert torch.equal(*watch.seen)
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize("optimiser", ALL)
def test_training_goes_on_from_a_checkpoint_with_the_same_bits(problem, optimiser):
    straight, first, second = network(norm=True), network(norm=True), network(norm=True)
    run(straight, settings(optimiser), problem, 8)
    stepper, _ = run(first, settings(optimiser), problem, 5)
    file = io.BytesIO()
    torch.save({"network": first.state_dict(), "optimiser": stepper.state_dict()}, file)
    file.seek(0)
    kept = torch.load(file, weights_only=True)
    second.load_state_dict(kept["network"])
    pair = optimisers.build(second, settings(optimiser))
    run(second, settings(optimiser), problem, 0, pair)
    pair[0].load_state_dict(kept["optimiser"])
    run(second, settings(optimiser), problem, 3, pair)
    assert equal(straight, second)
    fresh = network(norm=True)
    fresh.load_state_dict(kept["network"])
    run(fresh, settings(optimiser), problem, 3)
    assert not equal(straight, fresh)  # so the optimiser's state matters


@pytest.mark.parametrize("optimiser", ["sgd", "sam", "asam-adamw"])
def test_micro_batches_add_up_to_the_batch(problem, optimiser):
    x, y = problem
    whole, parted = network(), network()
    run(whole, settings(optimiser), problem, 5)
    stepper, base = optimisers.build(parted, settings(optimiser))
    parts = [(x[:5], y[:5]), (x[5:6], y[5:6]), (x[6:], y[6:])]  # of different sizes
    passes = []
    parted.register_forward_hook(lambda *_: passes.append(None))
    for _ in range(5):
        loss = stepper.step(optimisers.gradients_of(parted, base, F.cross_entropy, parts))
    assert len(passes) == 5 * 3 * (1 if optimiser == "sgd" else 2)
    assert loss < F.cross_entropy(network()(x), y)
    for a, b in zip(whole.parameters(), parted.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


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


@pytest.mark.parametrize("optimiser", ["sam", "asam", "sam-adamw"])
def test_under_bf16_autocast_gradients_and_radius_are_single_precision(problem, optimiser):
    model = network(norm=True).float()
    x, y = problem[0].float(), problem[1]
    stepper, base = optimisers.build(model, settings(optimiser))

    def loss(outputs, labels):
        assert outputs.dtype == torch.bfloat16
        return F.cross_entropy(outputs.float(), labels)

    watch = Watch(model, optimisers.gradients_of(model, base, loss, [(x, y)]))
    with torch.autocast("cpu", torch.bfloat16):
        values = [stepper.step(watch) for _ in range(10)]
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in model.parameters())
    assert model[1].num_batches_tracked == 10
    assert values[-1] < values[0]
    if optimiser != "asam":
        assert (watch.seen[1] - watch.seen[0]).norm() == pytest.approx(0.2, rel=1e-5)


def test_the_watch_for_reading_sees_it():
    with pytest.raises(AssertionError, match="_local_scalar_dense"), NothingRead():
        float(torch.ones(1) + 1)


@pytest.mark.parametrize("optimiser", ["sam", "asam"])
def test_no_value_is_read_by_the_host(problem, optimiser):
    model = network()
    stepper, base = optimisers.build(model, settings(optimiser))
    base.step = contextlib.nullcontext  # torch's own step is not looked at
    with NothingRead():
        stepper.step(closure_of(model, base, *problem))


@pytest.mark.parametrize("optimiser", ALL)
def test_a_learning_rate_in_a_tensor_gives_the_same_steps(problem, optimiser):
    config = settings(optimiser, lr=0.125)
    ours, captured = network(), network()
    run(ours, config, problem, 5)
    run(captured, config, problem, 5, optimisers.build(captured, config, capturable=True))
    assert equal(ours, captured)
