"""Test the training loop: batches, schedule, equal starts, precision, divergence."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empirical.config import Data, Training
from empirical.data.images import tensors
from empirical.data.split import split_dataset
from empirical.training import schedules
from empirical.training.augmentation import Augmenter
from empirical.training.evaluation import logits
from empirical.training.networks import classifier
from empirical.training.trainer import EAGER_STEPS, Diverged, Order, Trainer, train_classifier


@given(n=st.integers(1, 50), size=st.integers(1, 70), seed=st.integers(0, 9))
def test_every_epoch_shows_every_example_once(n, size, seed):
    order = Order(n, size, np.random.default_rng(seed))
    drawn = torch.cat([order.batch(step) for step in range(n)])  # size epochs of n
    assert drawn.shape == (n * size,)
    for epoch in drawn.view(size, n):
        assert sorted(epoch.tolist()) == list(range(n))


@given(
    n=st.integers(1, 30),
    size=st.integers(1, 70),
    seed=st.integers(0, 9),
    jumps=st.lists(st.integers(0, 12), min_size=1, max_size=5),
)
def test_a_batch_asked_for_out_of_the_middle_is_the_one_in_turn(n, size, seed, jumps):
    """Try small batches that span two epochs, and large ones that span many; leave steps out."""
    steps = sorted(set(np.cumsum(jumps).tolist()))
    in_turn, out_of_the_middle = (Order(n, size, np.random.default_rng(seed)) for _ in range(2))
    sequence = [in_turn.batch(step) for step in range(steps[-1] + 1)]
    for step in steps:
        assert torch.equal(out_of_the_middle.batch(step), sequence[step])
    assert len(in_turn.epochs) <= 2  # what is over is forgotten


def trained(config, seed=0, steps=12):
    images = split_dataset(Data(train=60), 0).train
    network = classifier(images, config, seed)
    for _ in train_classifier(
        network, *tensors(images), config, steps, np.random.default_rng(seed)
    ):
        pass
    return logits(network, tensors(images)[0])


@pytest.mark.slow
@pytest.mark.parametrize("optimiser", ["sgd", "sam"])
def test_the_same_run_gives_the_same_bits(optimiser):
    config = Training(optimiser=optimiser, width=8)
    assert torch.equal(trained(config), trained(config))
    assert not torch.equal(trained(config), trained(config, seed=1))


@pytest.mark.slow
def test_augmentation_has_a_stream_of_its_own():
    plain, cropped = Training(width=8), Training(width=8, augment="crop-flip")
    assert torch.equal(trained(cropped), trained(cropped))
    assert not torch.equal(trained(plain), trained(cropped))


def test_the_order_is_the_same_with_augmentation(monkeypatch):
    seen = []

    def rows(self, chosen, position):
        seen.append((position, chosen))
        return chosen.new_zeros(len(chosen), 6)

    monkeypatch.setattr(Augmenter, "rows", rows)
    images = split_dataset(Data(train=60), 0).train
    config = Training(width=8, augment="crop-flip", batch=16)
    network = classifier(images, config, 0)
    list(train_classifier(network, *tensors(images), config, 5, np.random.default_rng(5)))
    # its position in the stream of epochs, which depends on the step only
    assert [position for position, _ in seen] == [0, 16, 32, 48, 64]
    order = Order(60, 16, np.random.default_rng(5))
    for step, (_, chosen) in enumerate(seen):
        assert torch.equal(chosen, order.batch(step))


def test_the_rate_of_each_step_is_the_schedules(monkeypatch):
    seen = []
    monkeypatch.setattr(schedules, "set_rate", lambda base, rate: seen.append(rate))
    config = Training(width=8, lr=0.5, warmup=0.25)
    trained(config, steps=8)
    assert seen == [0.5 * schedules.factor(config, step, 8) for step in range(8)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"label_smoothing": 0.1},
        {"schedule": "cosine"},
        {"warmup": 0.5},
        {"nesterov": True},
        {"gradient_accumulation": 2},
    ],
)
def test_every_setting_of_the_recipe_is_heeded(settings):
    assert not torch.equal(trained(Training(width=8)), trained(Training(width=8, **settings)))


def test_bfloat16_is_near_float32_and_keeps_weights_and_momentum_in_float32():
    full, half = Training(width=8), Training(width=8, precision="bfloat16")
    images = split_dataset(Data(train=60), 0).train
    one, other = (
        Trainer(classifier(images, c, 0), *tensors(images), c, 9, np.random.default_rng(0))
        for c in (full, half)
    )
    for each in (one, other):
        next(each.run())
    assert one.value != other.value
    assert abs(one.value - other.value) < 0.02
    assert other.value.dtype == torch.float32
    assert {p.dtype for p in other.network.parameters()} == {torch.float32}
    assert {state["momentum_buffer"].dtype for state in other.base.state.values()} == {
        torch.float32
    }
    weights, others = (
        torch.cat([p.detach().flatten() for p in each.network.parameters()])
        for each in (one, other)
    )
    assert 0 < (weights - others).norm() / weights.norm() < 0.02


def test_first_weights_depend_on_the_seed_alone_and_leave_the_global_state_alone():
    images = split_dataset(Data(train=60), 0).train
    before = torch.random.get_rng_state()
    one, same, other = (
        classifier(images, Training(width=8, optimiser=o), seed)
        for o, seed in (("sgd", 3), ("sam", 3), ("sgd", 4))
    )
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = list(
        zip(
            one.state_dict().values(),
            same.state_dict().values(),
            other.state_dict().values(),
            strict=True,
        )
    )
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


def test_training_learns():
    images = split_dataset(Data("digits", train=100), 0).train
    config = Training(width=8)
    network = classifier(images, config, 0)
    for _ in train_classifier(network, *tensors(images), config, 60, np.random.default_rng(0)):
        pass
    pixels, labels = tensors(images)
    assert (logits(network, pixels).argmax(1) == labels).float().mean() > 0.95


def test_divergence_is_raised_not_recorded():
    images = split_dataset(Data(train=60), 0).train
    config = Training(width=8, lr=1e25)
    network = classifier(images, config, 0)
    with pytest.raises(Diverged, match=r"lower training\.lr \(1e\+25\)"):
        list(train_classifier(network, *tensors(images), config, 50, np.random.default_rng(0)))


def test_resnet8_has_eight_layers():
    images = split_dataset(Data(train=60), 0).train
    network = classifier(images, Training(width=16), 0)
    weights = [
        p for name, p in network.named_parameters() if p.ndim > 1 and "downsample" not in name
    ]
    assert len(weights) == 8
    assert sum(p.numel() for p in network.parameters()) == 77_754


def test_a_step_is_captured_only_after_eager_ones_in_the_same_process(monkeypatch):
    kinds = []
    update = Trainer._update

    def eager(self, *batch):
        kinds.append("eager")
        return update(self, *batch)

    def captured(self, *batch):
        kinds.append("captured")
        self.value = update(self, *batch)

    monkeypatch.setattr(Trainer, "_update", eager)
    monkeypatch.setattr(Trainer, "_replay", captured)

    def new_trainer():
        images = split_dataset(Data(train=60), 0).train
        config = Training(width=8)
        network = classifier(images, config, 0)
        rng = np.random.default_rng(0)
        return Trainer(network, *tensors(images), config, 40, rng, cuda_graph=True)

    first = new_trainer()
    steps = first.run()
    for _ in range(15):
        next(steps)
    assert kinds == ["eager"] * EAGER_STEPS + ["captured"] * 5
    kinds.clear()
    again = new_trainer()
    again.load_state_dict(first.state_dict())
    steps = again.run()
    for _ in range(12):
        next(steps)
    assert kinds == ["eager"] * EAGER_STEPS + ["captured"] * 2


def test_a_whole_number_is_a_rate():
    assert torch.isfinite(trained(Training(width=8, lr=1), steps=3)).all()


@pytest.mark.slow
@pytest.mark.parametrize("parts", [1, 2])
def test_a_weight_of_two_is_the_image_twice(parts):
    """One full-batch step without batch norm's dependence on the batch: equal gradients."""
    images, labels = tensors(split_dataset(Data(train=20), 0).train)
    twice = torch.cat([torch.arange(20), torch.tensor([3, 7])])
    weights = torch.ones(20)
    weights[[3, 7]] = 2.0
    config = Training(batch=20, gradient_accumulation=parts, weight_decay=0.0)

    def stepped(pixels, names, batch, weights=None):
        linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(images[0].numel(), 10))
        torch.nn.init.zeros_(linear[1].weight)
        torch.nn.init.zeros_(linear[1].bias)
        settings = dataclasses.replace(config, batch=batch)
        rng = np.random.default_rng(0)
        for _ in Trainer(linear, pixels, names, settings, 1, rng, weights=weights).run():
            pass
        return linear[1].weight

    copied = stepped(images[twice], labels[twice], 22)
    weighted = stepped(images, labels, 20, weights * 20 / 22)
    torch.testing.assert_close(weighted, copied)
    assert not torch.allclose(weighted, stepped(images, labels, 20))
