"""Test every optimiser against the textbook and against torch's.

Also weight decay, resuming, gradient accumulation and autocast. ``test_sam.py`` tests SAM further.
"""

import io

import pytest
import torch
from stepping import ALL, Spy, closure_of, equal, network, run, settings
from torch import nn
from torch.nn import functional as F

from empirical.training import optimisers
from empirical.training.networks import Shape, build


def textbook(model, config, x, y, steps):
    """Apply the update rules to one vector of all parameters, in double precision; return it."""
    named = dict(model.named_parameters())
    sizes = [p.numel() for p in named.values()]
    matrix = torch.cat(
        [torch.full((p.numel(),), float(p.ndim == 2)) for p in named.values()]
    ).double()
    weight = torch.cat(
        [torch.full((p.numel(),), float("weight" in name)) for name, p in named.items()]
    ).double()
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


@pytest.mark.parametrize(
    "config", [*map(settings, ALL), settings("sgd", nesterov=True), settings("sam", nesterov=True)]
)
def test_every_optimiser_is_the_textbooks(problem, config):
    model = network(norm=True)
    expected = textbook(network(norm=True), config, *problem, 10)
    run(model, config, problem, 10)
    found = torch.cat([p.detach().flatten() for p in model.parameters()])
    # the gradient of a bias before batch norm is a rounding error, by which AdamW moves it
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-8)


def test_adamw_is_torchs_own_but_for_what_does_not_decay(problem):
    ours, theirs = network(), network()
    run(ours, settings("adamw"), problem, 10)
    groups = [
        {"params": [theirs[0].weight, theirs[2].weight]},
        {"params": [theirs[0].bias, theirs[2].bias], "weight_decay": 0.0},
    ]
    oracle = torch.optim.AdamW(groups, lr=0.1, weight_decay=0.05, foreach=False, fused=False)
    for _ in range(10):
        oracle.step(closure_of(theirs, oracle, *problem))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.slow
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
    layers = {
        n
        for n, m in model.named_modules()
        if isinstance(m, nn.Linear | nn.Conv2d | nn.MultiheadAttention)
    }
    matrices = {f"{n}.{w}" for n in layers for w in ("weight", "in_proj_weight")} & {
        n for n, _ in model.named_parameters()
    }
    assert kept == {n for n, _ in model.named_parameters()} - matrices


@pytest.mark.parametrize("optimiser", ALL)
def test_weights_come_back_bit_for_bit_where_they_were(problem, optimiser):
    model, same = network(norm=True), network(norm=True)
    addresses = [p.data_ptr() for p in model.parameters()]
    stepper, base = optimisers.build(model, settings(optimiser))
    for group in base.param_groups:
        group["lr"] = 0.0
    stepper.step(closure_of(model, base, *problem))
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True)
    )
    assert [p.data_ptr() for p in model.parameters()] == addresses


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


@pytest.mark.parametrize("optimiser", ["sam", "asam", "sam-adamw"])
def test_under_bf16_autocast_gradients_and_radius_are_single_precision(problem, optimiser):
    model = network(norm=True).float()
    x, y = problem[0].float(), problem[1]
    stepper, base = optimisers.build(model, settings(optimiser))

    def loss(outputs, labels):
        assert outputs.dtype == torch.bfloat16
        return F.cross_entropy(outputs.float(), labels)

    spy = Spy(model, optimisers.gradients_of(model, base, loss, [(x, y)]))
    with torch.autocast("cpu", torch.bfloat16):
        values = [stepper.step(spy) for _ in range(10)]
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in model.parameters())
    assert model[1].num_batches_tracked == 10
    assert values[-1] < values[0]
    if optimiser != "asam":
        assert (spy.seen[1] - spy.seen[0]).norm() == pytest.approx(0.2, rel=1e-5)


@pytest.mark.parametrize("optimiser", ALL)
def test_a_learning_rate_in_a_tensor_gives_the_same_steps(problem, optimiser):
    config = settings(optimiser, lr=0.125)
    ours, captured = network(), network()
    run(ours, config, problem, 5)
    run(captured, config, problem, 5, optimisers.build(captured, config, capturable=True))
    assert equal(ours, captured)
