"""The training loop: batches, schedule, equal starts, determinism, divergence."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empirical import schedules, training
from empirical.config import Data, Training
from empirical.data import split, tensors
from empirical.networks import classifier, logits
from empirical.training import Diverged, batches, train


@given(n=st.integers(1, 50), size=st.integers(1, 70), seed=st.integers(0, 9))
def test_every_epoch_shows_every_example_once(n, size, seed):
    order = batches(n, size, np.random.default_rng(seed))
    drawn = torch.cat([next(order) for _ in range(n)])  # size epochs of n
    assert drawn.shape == (n * size,)
    for epoch in drawn.view(size, n):
        assert sorted(epoch.tolist()) == list(range(n))


def trained(config, seed=0, steps=12):
    images = split(Data(train=60), 0).train
    network = classifier(images, config, seed)
    for _ in train(network, *tensors(images), config, steps, np.random.default_rng(seed)):
        pass
    return logits(network, tensors(images)[0])


@pytest.mark.parametrize("optimiser", ["sgd", "sam"])
def test_the_same_run_gives_the_same_bits(optimiser):
    config = Training(optimiser=optimiser, width=4)
    assert torch.equal(trained(config), trained(config))
    assert not torch.equal(trained(config), trained(config, seed=1))


def test_augmentation_has_a_stream_of_its_own():
    plain, cropped = Training(width=4), Training(width=4, augment="crop-flip")
    assert torch.equal(trained(cropped), trained(cropped))
    assert not torch.equal(trained(plain), trained(cropped))


def test_the_order_is_the_same_with_augmentation(monkeypatch):
    seen = []
    monkeypatch.setattr(
        training.Augmenter, "rows", lambda self, chosen, position: seen.append((position, chosen)) or chosen.new_zeros(1, 6)
    )
    images, config = split(Data(train=60), 0).train, Training(width=4, augment="crop-flip")
    next(train(classifier(images, config, 0), *tensors(images), config, 3, np.random.default_rng(5)))
    ((position, first),) = seen
    assert position == 0
    assert torch.equal(first, next(batches(60, config.batch, np.random.default_rng(5))))


def test_the_rate_of_each_step_is_the_schedules(monkeypatch):
    seen = []
    monkeypatch.setattr(schedules, "set_rate", lambda base, rate: seen.append(rate))
    config = Training(width=4, lr=0.5, warmup=0.25)
    trained(config, steps=8)
    assert seen == [0.5 * schedules.factor(config, step, 8) for step in range(8)]


@pytest.mark.parametrize("settings", [{"smoothing": 0.1}, {"schedule": "cosine"}, {"warmup": 0.5}, {"nesterov": True}, {"accumulate": 2}])
def test_every_setting_of_the_recipe_is_heeded(settings):
    assert not torch.equal(trained(Training(width=4)), trained(Training(width=4, **settings)))


def test_first_weights_depend_on_the_seed_alone_and_leave_the_global_state_alone():
    images = split(Data(train=60), 0).train
    before = torch.random.get_rng_state()
    one, same, other = (classifier(images, Training(width=4, optimiser=o), seed) for o, seed in (("sgd", 3), ("sam", 3), ("sgd", 4)))
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = list(zip(one.state_dict().values(), same.state_dict().values(), other.state_dict().values(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


def test_training_learns():
    images = split(Data("digits", train=100), 0).train
    config = Training(width=8)
    network = classifier(images, config, 0)
    for _ in train(network, *tensors(images), config, 60, np.random.default_rng(0)):
        pass
    assert (logits(network, tensors(images)[0]).argmax(1) == tensors(images)[1]).float().mean() > 0.95


def test_divergence_is_told_not_recorded():
    images = split(Data(train=60), 0).train
    config = Training(width=4, lr=1e25)
    with pytest.raises(Diverged, match=r"lower training\.lr \(1e\+25\)"):
        for _ in train(classifier(images, config, 0), *tensors(images), config, 50, np.random.default_rng(0)):
            pass


def test_resnet8_has_eight_layers():
    images = split(Data(train=60), 0).train
    network = classifier(images, Training(width=16), 0)
    weights = [p for name, p in network.named_parameters() if p.ndim > 1 and "downsample" not in name]
    assert len(weights) == 8
    assert sum(p.numel() for p in network.parameters()) == 77_754
