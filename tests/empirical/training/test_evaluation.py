"""Test what is measured: learning times, errors by group and class, sharpness.

Also that a measure is None where there is nothing to average.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn
from torch.nn import functional as F

from empirical.training.evaluation import (
    History,
    balanced_error,
    learning,
    mean,
    sharpness,
)
from empirical.training.evaluation import test_errors as errors_on  # pytest would collect test_*

STEPS = (10, 20, 30, 40)
# right (1) or wrong (0) at the four evaluations: first learned, learned for good, never, forgotten
TABLE = {
    "1111": (0.25, 0.25, False, 0),
    "0000": (1.0, 1.0, True, 0),
    "0011": (0.75, 0.75, False, 0),
    "0001": (1.0, 1.0, False, 0),
    "1011": (0.25, 0.75, False, 1),
    "1010": (0.25, 1.0, True, 2),
    "0110": (0.5, 1.0, True, 1),
}


def test_learning_of_a_table_by_hand():
    right = np.array([[digit == "1" for digit in row] for row in TABLE]).T  # (T, n)
    found = learning(right, STEPS)
    for name, expected in zip(
        ("first_learned", "learned", "never_learned", "forgotten"),
        zip(*TABLE.values(), strict=True),
        strict=True,
    ):
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def literally(row, steps):
    """Return the measures of one image, computed as they are defined."""
    end, T = steps[-1], len(steps)
    first = next((steps[t] / end for t in range(T) if row[t]), 1.0)
    learned = next((steps[t] / end for t in range(T) if all(row[t:])), 1.0)
    return first, learned, not row[-1], sum(bool(row[t] and not row[t + 1]) for t in range(T - 1))


@given(data=st.data(), count=st.integers(1, 7), n=st.integers(1, 6))
def test_learning_is_its_definition(data, count, n):
    right = data.draw(arrays(bool, (count, n)))
    steps = np.cumsum(data.draw(arrays(int, count, elements=st.integers(1, 9)))).tolist()
    found = learning(right, steps)
    names = ("first_learned", "learned", "never_learned", "forgotten")
    for i in range(n):
        expected = literally(right[:, i].tolist(), steps)
        assert tuple(found[name][i] for name in names) == expected
    assert (found["first_learned"] <= found["learned"]).all()


class Fixed(nn.Module):
    """A network with fixed outputs that keeps the mode in which it is called."""

    def __init__(self, outputs):
        super().__init__()
        self.outputs = torch.tensor(outputs)
        self.modes = []

    def forward(self, x):
        self.modes.append(self.training)
        return self.outputs


IMAGES, LABELS = torch.zeros(4, 1, 2, 2), torch.tensor([0, 1, 0, 1])
SLOW = np.array([True, True, False, False])


def history(slow=SLOW):
    """Evaluate four images three times: right are image 2, then all but 3, then all but 1."""
    seen = History(slow)
    for step, right in ((2, [0, 0, 1, 0]), (5, [1, 1, 1, 0]), (8, [1, 0, 1, 1])):
        network = Fixed(
            [
                [2.0, 0.0] if (y == 0) == bool(r) else [0.0, 2.0]
                for y, r in zip(LABELS.tolist(), right, strict=True)
            ]
        )
        seen.add(step, network, IMAGES, LABELS)
        assert network.modes == [False]
        assert network.training
    return seen


def test_history_by_group():
    found = history().metrics()
    assert found["steps"] == [2, 5, 8]
    assert found["train_error"] == [0.75, 0.25, 0.25]
    assert found["train_error_slow"] == [1.0, 0.0, 0.5]
    assert found["train_error_fast"] == [0.5, 0.5, 0.0]
    good, bad = np.log1p(np.exp([-2.0, 2.0]))
    np.testing.assert_allclose(
        found["train_loss"],
        [(3 * bad + good) / 4, (3 * good + bad) / 4, (3 * good + bad) / 4],
        rtol=1e-6,
    )
    np.testing.assert_allclose(found["train_loss_slow"], [bad, good, (good + bad) / 2], rtol=1e-6)
    assert found["learned_slow"] == (5 / 8 + 1) / 2
    assert found["learned_fast"] == (2 / 8 + 1) / 2
    assert found["learning_gap"] == found["learned_slow"] - found["learned_fast"] == 3 / 16
    assert (found["first_learned_slow"], found["first_learned_fast"]) == (5 / 8, (2 / 8 + 1) / 2)
    assert (found["never_learned"], found["never_learned_slow"], found["never_learned_fast"]) == (
        0.25,
        0.5,
        0.0,
    )
    assert (found["forgotten_slow"], found["forgotten_fast"]) == (0.5, 0.0)


@pytest.mark.parametrize(
    ("slow", "empty"), [(np.ones(4, bool), "fast"), (np.zeros(4, bool), "slow")]
)
def test_a_group_without_members_has_no_numbers(slow, empty):
    found = history(slow).metrics()
    assert found["learning_gap"] is None
    assert found["learned_" + empty] is None
    assert found["train_error_" + empty] == [None] * 3
    full = "slow" if empty == "fast" else "fast"
    assert found["train_error_" + full] == found["train_error"]


@pytest.mark.parametrize("count", [0, 3])
def test_a_history_goes_on_from_what_was_kept(tmp_path, count):
    one, other = history(), History(SLOW)
    if not count:
        one = History(SLOW)
    torch.save(one.state_dict(), tmp_path / "kept.pt")
    other.load_state_dict(torch.load(tmp_path / "kept.pt", weights_only=True))
    for seen in (one, other):
        seen.add(9, Fixed([[1.0, 0.0]] * 4), IMAGES, LABELS)
    assert one.metrics() == other.metrics()
    assert len(other.steps) == count + 1
    assert other.right[0].dtype == bool
    assert other.losses[0].dtype == np.float32


def test_test_errors_by_group_and_class():
    network = Fixed(np.eye(3)[[0, 0, 1, 1]])  # predicts 0, 0, 1, 1
    labels = torch.tensor([0, 1, 1, 1])
    found = errors_on(network, IMAGES, labels, np.array([False, True, True, False]), 3)
    assert found == {
        "test_error": 0.25,
        "test_error_slow": 0.5,
        "test_error_fast": 0.0,
        "test_error_by_class": [0.0, 1 / 3, None],  # no image of the last class
    }
    assert errors_on(network, IMAGES, LABELS, np.zeros(4, bool), 3)["test_error_slow"] is None


def test_in_the_balanced_error_classes_count_alike():
    errors, labels = np.array([False] * 8 + [True, True]), np.array([0] * 9 + [1])
    assert balanced_error(errors, labels) == pytest.approx((1 / 9 + 1) / 2)
    # no image of classes 1 and 2: they do not count
    assert balanced_error(errors, 3 * labels) == pytest.approx((1 / 9 + 1) / 2)
    assert balanced_error(labels != 0, labels) == 0.5  # a constant guess


def test_the_mean_is_taken_in_double_precision():
    values = np.full(10_000_019, 0.1, np.float32)
    assert mean(values) == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    assert mean(values[:0]) is None


def generator(seed):
    return torch.Generator().manual_seed(seed)


def tiny(seed, width=3, scale=1.0):
    """Return a smooth network in double precision, images and labels.

    The network has dropout, which evaluation mode switches off.
    """
    rng = generator(seed)
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(4, width), nn.Tanh(), nn.Dropout(0.5), nn.Linear(width, 3)
    ).double()
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=rng, dtype=torch.float64))
    images = torch.randn(6, 1, 2, 2, generator=rng, dtype=torch.float64)
    return network, images, torch.arange(6) % 3


def explicit_hessian(network, images, labels):
    """Return the Hessian (m, m) of the mean loss in evaluation mode."""
    network.eval()
    names, weights = zip(*network.named_parameters(), strict=True)
    sizes = [p.numel() for p in weights]

    def loss(flat):
        parts = {
            name: part.view_as(p)
            for name, part, p in zip(names, flat.split(sizes), weights, strict=True)
        }
        return F.cross_entropy(torch.func.functional_call(network, parts, (images,)), labels)

    flat = torch.cat([p.detach().flatten() for p in weights])
    return torch.func.jacrev(torch.func.jacrev(loss))(flat)


def eigenvalues(network, images, labels):
    """Return the eigenvalues of the Hessian, ascending."""
    return torch.linalg.eigvalsh(explicit_hessian(network, images, labels))


@pytest.mark.parametrize("seed", range(4))
def test_sharpness_is_the_largest_eigenvalue_of_the_hessian(seed):
    network, images, labels = tiny(seed)
    for training in (True, False):
        network.train(training)
        found = sharpness(network, images, labels, generator(1))
        precise = sharpness(network, images, labels, generator(1), tolerance=1e-8)
        assert all(module.training is training for module in network.modules())
        values = eigenvalues(network, images, labels)
        expected = values[values.abs().argmax()].item()
        assert found == pytest.approx(expected, rel=1e-2)
        assert precise == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("chunk", [1, 4, 6, 100])
def test_sharpness_in_chunks_is_that_of_one_pass(chunk):
    """Batch norm in evaluation mode treats every image alike; no batch is larger than a chunk."""
    network, images, labels = tiny(0, width=5)
    network.insert(2, nn.BatchNorm1d(5).double())
    network[2].running_mean.fill_(0.3)
    seen = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    found = sharpness(network, images, labels, generator(1), chunk=chunk)
    assert max(seen) == min(chunk, 6)
    values = eigenvalues(network, images, labels)
    assert found == pytest.approx(values[values.abs().argmax()].item(), rel=1e-2)
    once = sharpness(network, images, labels, generator(1), chunk=6)
    assert found == pytest.approx(once, rel=1e-9)


def test_a_thousand_images_are_not_differentiated_at_once():
    network, seen = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Tanh()), []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    images = torch.randn(600, 1, 2, 2, generator=generator(0))
    sharpness(network, images, torch.arange(600) % 2, generator(0))
    assert seen[:3] == [250, 250, 100]
    assert set(seen) == {250, 100}


class Saddle(nn.Module):
    """A network with outputs (-a w²/2, 0) at w = 0.

    For a > 0 the loss of class 1 falls along w, so its curvature is negative.
    """

    def __init__(self, a):
        super().__init__()
        self.a = torch.tensor(a, dtype=torch.float64)
        self.w = nn.Parameter(torch.zeros(len(a), dtype=torch.float64))

    def forward(self, x):
        return torch.stack([-(self.a * self.w**2).sum() / 2, torch.zeros(())]).expand(len(x), 2)


def test_a_negative_curvature_keeps_its_sign():
    """At w = 0 the loss log(1 + exp(-w'Aw/2)) has the Hessian -A/2."""
    found = sharpness(Saddle([3.0, 1.0]), torch.zeros(2, 1), torch.tensor([1, 1]), generator(0))
    assert found == pytest.approx(-1.5)


def test_a_flat_loss_has_no_sharpness_and_a_broken_one_no_number():
    flat = sharpness(Saddle([0.0] * 9), torch.zeros(2, 1), torch.tensor([1, 1]), generator(0))
    assert flat == 0.0
    broken = Saddle([np.nan] * 9)
    assert np.isnan(sharpness(broken, torch.zeros(2, 1), torch.tensor([1, 1]), generator(0)))


@pytest.mark.parametrize("seed", range(3))
def test_sharpness_is_that_of_power_iteration(seed):
    """Compare with v <- Hv / |Hv|, iterated until it does not change, on the explicit Hessian."""
    network, images, labels = tiny(seed, width=8)
    network.eval()
    hessian = explicit_hessian(network, images, labels)
    direction = torch.randn(len(hessian), generator=generator(2), dtype=torch.float64)
    for _ in range(3000):
        direction = hessian @ direction
        direction /= direction.norm()
    found = sharpness(network, images, labels, generator(1))
    assert found == pytest.approx((direction @ hessian @ direction).item(), rel=1e-2)


def test_a_compiled_network_is_measured_too():
    """Measure a compiled network without compilation, which cannot be differentiated twice.

    Here the compiler is a stand-in that refuses.
    """

    def refuse(graph, examples):
        raise AssertionError("compiled")

    network, images, labels = tiny(0)
    plain = sharpness(network, images, labels, generator(1))
    network.compile(backend=refuse)
    assert sharpness(network, images, labels, generator(1)) == plain


def test_sharpness_does_not_touch_the_network_and_is_fixed_by_its_generator():
    network, images, labels = tiny(0)
    before = [p.clone() for p in network.parameters()]
    first, same, other = (sharpness(network, images, labels, generator(s)) for s in (1, 1, 2))
    assert first == same
    assert other == pytest.approx(first, rel=1e-2)
    assert all(
        torch.equal(p, q) and p.grad is None
        for p, q in zip(network.parameters(), before, strict=True)
    )
