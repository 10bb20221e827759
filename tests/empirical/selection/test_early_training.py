"""Test when early training stops: the knee of known curves, and the network of each way to stop."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from empirical.config import Data, Early, Training
from empirical.data.images import Images, tensors
from empirical.data.split import split_dataset
from empirical.runtime.seeding import stream
from empirical.selection import early_training
from empirical.selection.early_training import Outputs, early_network, logits_of
from empirical.selection.knee import CEILING, HALF, Knee, NoKnee
from empirical.selection.rules import select
from empirical.selection.verdict import verdict, warning
from empirical.training.evaluation import logits
from empirical.training.networks import classifier
from empirical.training.trainer import train_classifier

pytestmark = pytest.mark.slow


def drawn(curve, budget, chance=0.9, floor=0.0, step=1.0):
    """Feed a curve until no more is needed; return the knee and the time of the last value."""
    knee = Knee(chance, budget, floor)
    for i in range(1, round(budget / step) + 1):
        if knee.add(i * step, curve(i * step)):
            break
    return knee.knee(), i * step


@given(scale=st.floats(4, 30), budget=st.integers(100, 400))
@settings(deadline=None, max_examples=50)
def test_an_exponential_fall_has_its_knee_where_theory_says(scale, budget):
    found, stopped = drawn(lambda t: 0.9 * math.exp(-t / scale), budget)
    assert found == pytest.approx(scale * math.log(budget / scale), abs=1 + scale / 20)
    assert found < stopped <= found + 0.1 * budget + HALF + 1  # soon after, and not before


@given(
    corner=st.integers(5, 60),
    height=st.floats(0.1, 0.5),
    seed=st.integers(0, 99),
    noise=st.floats(0, 0.02),
)
@settings(deadline=None, max_examples=60)
def test_two_slopes_meet_at_the_knee_noise_or_not(corner, height, seed, noise):
    rng = np.random.default_rng(seed)

    def curve(t):
        fall = 0.9 - (0.9 - height) * min(t / corner, 1) - 0.0005 * max(t - corner, 0)
        return fall + noise * rng.uniform(-1, 1)

    found, _ = drawn(curve, 200)
    # before the corner D rises by (0.9 - height) / corner - 0.0045 a measurement, after it falls by
    # 0.004
    rise = (0.9 - height) / corner - 0.0045
    if rise > 0.001:
        assert corner - 2 - 2 * noise / rise <= found <= corner + 2 + 2 * noise / 0.004


def test_it_is_causal():
    """The values after the stop change nothing; another unit of time scales the knee."""
    curve = lambda t: 0.9 * math.exp(-t / 10)  # noqa: E731
    found, stopped = drawn(curve, 200)
    assert drawn(lambda t: curve(t) if t <= stopped else 5.0, 200) == (found, stopped)
    assert drawn(lambda t: curve(t / 7), 1400, step=7) == (7 * found, 7 * stopped)


def test_a_single_lucky_measurement_is_no_knee():
    curve = lambda t: 0.2 if t == 6 else 0.9 - 0.7 * min(t / 40, 1)  # noqa: E731
    assert 35 <= drawn(curve, 200)[0] <= 42


def test_nothing_is_chosen_near_chance():
    with pytest.raises(
        NoKnee,
        match=r"^the class-balanced training error is 0\.880 .* allowed: at most 0\.675 .*epochs",
    ) as error:
        drawn(lambda t: 0.88, 50)
    assert "\n" not in str(error.value)
    plateau = lambda t: 0.85 if t < 40 else max(0.3, 0.85 - 0.05 * (t - 40))  # noqa: E731
    found, _ = drawn(plateau, 100)
    assert plateau(found) <= CEILING * 0.9
    assert found >= 44


def test_nothing_is_chosen_below_the_floor():
    found, stopped = drawn(lambda t: 0.9 - 0.1 * t, 100, floor=0.15)
    assert found == stopped == 8  # 0.1, the first at most 0.15; the fall never slowed
    found, stopped = drawn(lambda t: max(0.3, 0.9 - 0.1 * t) if t < 9 else 0.0, 100, floor=0.15)
    assert found == 9 == stopped  # it slowed for too short a time to say so


@pytest.mark.parametrize("budget", [1, 2, 3, 4])
def test_short_budgets_end_with_what_there_is(budget):
    assert 1 <= drawn(lambda t: 0.5, budget)[0] <= budget


@given(errors=st.lists(st.floats(0, 1), min_size=1, max_size=60), floor=st.floats(0, 0.3))
@settings(deadline=None)
def test_the_knee_is_always_among_what_is_kept(errors, floor):
    """The knee is one of the candidates, whose weights are kept, whatever is measured."""
    knee, kept = Knee(0.9, len(errors), floor), set()
    for time, error in enumerate(errors, 1):
        kept.add(time)
        done = knee.add(time, error)
        kept &= knee.candidates
        assert len(kept) <= HALF + 1
        if done:
            break
    if knee.best is not None:
        assert knee.knee() in kept


def reference(images, config, training, seed):
    """Train early as when it was first recorded; the records' selections must not change."""
    network = classifier(images, training, seed)
    pixels, labels = tensors(images)
    rng = stream(seed, "early order")
    for step in train_classifier(network, pixels, labels, training, 4 * config.limit, rng):
        if step % config.every == 0 or step == config.limit:
            error = (logits(network, pixels).argmax(1) != labels).float().mean()
            if error <= config.error or step == config.limit:
                break
    outputs = logits(network, pixels)
    return (
        step,
        float(error),
        outputs.softmax(1).numpy(),
        F.cross_entropy(outputs, labels, reduction="none").numpy(),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed", "config"),
    [("noisy-digits", 0, Early()), ("digits", 1, Early(every=3, limit=8))],
)
def test_the_default_trains_as_it_always_did(name, seed, config):
    images = split_dataset(Data(name), seed).train
    steps, error, probabilities, losses = reference(images, config, Training(), seed)
    trained = early_network(images, config, Training(), seed)
    outputs = Outputs.of(logits_of(trained.network, images), images.labels)
    assert (trained.steps, trained.error) == (steps, pytest.approx(error, abs=1e-7))
    np.testing.assert_array_equal(outputs.probabilities, probabilities)
    np.testing.assert_array_equal(outputs.losses, losses)


@pytest.fixture(scope="module")
def images():
    return split_dataset(Data(train=200), 0).train


SMALL = Training(width=8)


def test_early_training_stops_at_the_given_error(images):
    for error in (0.5, 0.2):
        trained = early_network(images, Early(error=error, every=1), SMALL, 0)
        measured = (logits_of(trained.network, images).argmax(1) != images.labels).mean()
        assert trained.error == measured <= error
        assert (trained.curve[:-1, 1] > error).all()
        assert trained.curve[-1].tolist() == [trained.steps, measured]


def test_early_training_lasts_the_given_epochs(images):
    trained = early_network(images, Early(stop="epochs", epochs=3, error=0.9, limit=1), SMALL, 0)
    assert trained.steps == round(3 * 200 / 64)
    assert trained.curve[:, 0].tolist() == [2, 4, 6, 8, 9]
    budget = Early(error=0.001, epochs=3, limit=1)  # in epochs
    assert early_network(images, budget, SMALL, 0).steps == 9


@pytest.mark.slow
def test_auto_goes_back_to_the_weights_of_the_knee(images):
    """The network equals that of a training of so many steps, batch norm included."""
    config = Early(stop="auto", error=0.001, limit=120)
    trained = early_network(images, config, SMALL, 0)
    # it went on until it saw that the fall slows, but not to the end
    assert trained.steps < trained.curve[-1, 0] < 120
    same = early_network(
        images, dataclasses.replace(config, stop="error", limit=trained.steps), SMALL, 0
    )
    for name, value in same.network.state_dict().items():
        assert torch.equal(value, trained.network.state_dict()[name]), name
    assert (logits_of(trained.network, images).argmax(1) != images.labels).mean() == trained.error


@pytest.mark.slow
def test_auto_finds_slow_images_where_the_fixed_error_does():
    images = split_dataset(Data(), 0).train
    fixed, auto = (
        early_network(images, Early(stop=stop), Training(), 0) for stop in ("error", "auto")
    )
    assert abs(auto.steps - fixed.steps) <= 4
    outputs = Outputs.of(logits_of(auto.network, images), images.labels)
    slow = select(outputs.probabilities, outputs.losses, images.labels)
    assert 0.1 < slow.mean() < 0.6
    assert outputs.losses[slow].mean() > 1.5 * outputs.losses[~slow].mean()


def test_auto_refuses_a_network_that_learned_nothing(images):
    with pytest.raises(NoKnee):
        early_network(images, Early(stop="auto", limit=6), dataclasses.replace(SMALL, lr=1e-6), 0)


def unbalanced(n, share=0.9, noise=0.6, seed=0):
    """Return images of noisy bars, lying and standing; ``share`` of them lie."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) >= round(share * n)).astype(np.int64)
    bars = np.zeros((2, 1, 8, 8), np.float32)
    bars[0, :, 3:5], bars[1, :, :, 3:5] = 1, 1
    pixels = (bars[labels] + noise * rng.standard_normal((n, 1, 8, 8))).astype(np.float32)
    return Images(pixels, labels, ("lying", "standing"))


def test_auto_is_not_fooled_by_a_class_that_nearly_all_images_are_of():
    """The guess that all bars lie has an error of 10%, below the floor of 15%, from the start."""
    images = unbalanced(300)
    plain = early_network(images, Early(every=1), SMALL, 0)
    assert plain.steps <= 2
    stopped = Outputs.of(logits_of(plain.network, images), images.labels)
    assert verdict(stopped.balanced_error(images.labels), 2) == "near chance"
    auto = early_network(images, Early(stop="auto", every=1), SMALL, 0)
    outputs = Outputs.of(logits_of(auto.network, images), images.labels)
    assert auto.steps > plain.steps
    assert outputs.balanced_error(images.labels) <= CEILING / 2
    # the reported error is the share of images, as with the other ways to stop
    assert auto.error == (outputs.logits.argmax(1) != images.labels).mean()


@pytest.mark.slow
def test_auto_measures_every_class_of_a_sample():
    """Of 400 images 3 belong to the second class.

    A sample of 100 that is drawn as for the other ways to stop lacks it for some seeds.
    """
    images = unbalanced(400, 1 - 3 / 400)
    config = Early(stop="auto", sample=100)
    drawn = [
        images.labels[early_training._sample(images.labels, config, seed)] for seed in range(20)
    ]
    assert all(len(labels) == 100 and labels.sum() == 1 for labels in drawn)
    others = [
        images.labels[early_training._sample(images.labels, Early(sample=100), seed)]
        for seed in range(20)
    ]
    assert min(labels.sum() for labels in others) == 0
    trained = early_network(images, config, SMALL, 1)
    assert np.isfinite(trained.curve).all()


@pytest.mark.parametrize(
    ("error", "classes", "expected"),
    [
        (0.9, 10, "near chance"),
        (0.675, 10, "near chance"),
        (0.67, 10, "informative"),
        (0.046, 10, "informative"),
        (0.045, 10, "near zero"),
        (0.0, 10, "near zero"),
        (0.375, 2, "near chance"),
        (0.37, 2, "informative"),
        (0.025, 2, "near zero"),
    ],
)
def test_a_selection_is_judged_by_the_error_in_units_of_chance(error, classes, expected):
    found = verdict(error, classes)
    assert found == expected
    line = warning(found, error)
    assert (line is None) == (expected == "informative")
    if line:
        assert expected in line
        assert f"{error:.1%}" in line


@pytest.mark.slow
def test_a_large_set_is_measured_on_a_sample_four_times_an_epoch(images, monkeypatch):
    seen = []
    monkeypatch.setattr(
        early_training,
        "logits",
        lambda network, pixels: seen.append(len(pixels)) or logits(network, pixels),
    )
    config = Early(stop="epochs", epochs=2, sample=100)
    small_batches = dataclasses.replace(SMALL, batch=5)
    trained = early_network(images, config, small_batches, 0)
    assert trained.curve[:, 0].tolist() == list(range(10, 81, 10))  # an epoch has 40 steps
    assert seen == 8 * [100]
    whole = early_network(images, dataclasses.replace(config, sample=200), small_batches, 0)
    assert abs(whole.error - trained.error) < 0.15
    # measuring changes nothing
    assert torch.equal(whole.network[0].weight, trained.network[0].weight)


def test_stored_bytes_and_floats_train_alike():
    rng = np.random.default_rng(0)
    stored = Images(
        rng.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8), np.arange(60) % 3, ("a", "b", "c")
    )
    floats = Images(np.ascontiguousarray(stored.pixels), stored.labels, stored.classes)
    config, training = Early(limit=5, every=5, error=0.01), Training(width=8, batch=16)
    one, two = (
        logits_of(early_network(each, config, training, 0).network, each)
        for each in (stored, floats)
    )
    np.testing.assert_allclose(one, two, atol=1e-5)


BAD = [
    {"stop": "never"},
    {"stop": "epochs"},
    {"stop": "auto", "epochs": 0},
    {"stop": "epochs", "epochs": 0},
    {"sample": 10},
]


@pytest.mark.parametrize("words", BAD, ids=str)
def test_bad_settings_are_refused(words):
    with pytest.raises(ValueError, match=r"^early\..*; allowed: "):
        Early(**words)
