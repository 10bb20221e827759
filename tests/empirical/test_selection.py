"""Selection recovers a planted slow subset; the training set of each method is what its definition says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirical.config import Data, Early, Method, Training
from empirical.data import split, tensors
from empirical.networks import logits
from empirical.selection import Outputs, early_network, outputs_of, select
from empirical.training_set import additions, size


def planted(rng, labels, slow, classes=4):
    """Outputs of a network that is sure of the fast examples and unsure of the slow ones."""
    scores = rng.normal(0, 0.3, (len(labels), classes))
    scores[np.arange(len(labels)), labels] += np.where(slow, 0.3, 4.0)
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return Outputs(probabilities, -np.log(probabilities[np.arange(len(labels)), labels]))


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_slow_subset_is_found(seed):
    rng = np.random.default_rng(seed)
    labels, slow = rng.integers(0, 4, 200), rng.random(200) < 0.35
    np.testing.assert_array_equal(select(planted(rng, labels, slow), labels, seed), slow)


def test_clusters_are_made_per_class():
    """A class that is worse known than the others as a whole still has its own fast half."""
    rng = np.random.default_rng(0)
    labels, slow = np.repeat([0, 1], 100), np.tile(np.repeat([True, False], 50), 2)
    outputs = planted(rng, labels, slow)
    worse = outputs.probabilities.copy()
    worse[labels == 1] = 0.5 * worse[labels == 1] + 0.125
    losses = -np.log(worse[np.arange(200), labels])
    np.testing.assert_array_equal(select(Outputs(worse, losses), labels, 0), slow)


def test_a_class_without_differences_or_of_one_example_has_no_slow_one():
    labels = np.array([0, 0, 0, 1])
    same = Outputs(np.full((4, 2), 0.5), np.full(4, np.log(2)))
    assert not select(same, labels, 0).any()


def test_early_training_stops_at_the_error_it_is_told():
    images = split(Data(train=200), 0).train
    for error in (0.5, 0.2):
        network, steps = early_network(images, Early(error=error, every=1), Training(width=8), 0)
        wrong = (logits(network, tensors(images)[0]).argmax(1) != tensors(images)[1]).float().mean()
        assert wrong <= error
        before, _ = early_network(images, Early(error=error, every=1, limit=steps - 1), Training(width=8), 0)
        assert (logits(before, tensors(images)[0]).argmax(1) != tensors(images)[1]).float().mean() > error


def test_slow_digits_have_the_higher_losses():
    images = split(Data(), 0).train
    network, _ = early_network(images, Early(), Training(), 0)
    outputs = outputs_of(network, images)
    slow = select(outputs, images.labels, 0)
    assert 0.1 < slow.mean() < 0.6
    assert outputs.losses[slow].mean() > 1.5 * outputs.losses[~slow].mean()
    np.testing.assert_allclose(outputs.losses, -np.log(outputs.probabilities[np.arange(400), images.labels]), rtol=1e-4, atol=1e-6)


masks = st.lists(st.booleans(), min_size=1, max_size=30).map(np.array)


@given(slow=masks, k=st.integers(1, 6))
def test_what_each_method_adds(slow, k):
    for name in ("useful", "tada"):
        sources, copies = additions(Method(name, k), slow, 0)
        assert sorted(zip(sources, copies, strict=True)) == [(i, c) for i in np.flatnonzero(slow) for c in range(1, k)]
    assert len(additions(Method("original"), slow, 0)[0]) == 0
    sources, copies = additions(Method("syn-all"), slow, 0)
    assert sources.tolist() == list(range(len(slow)))
    assert set(copies) == {1}
    sources, copies = additions(Method("syn-rand"), slow, 0)
    assert len(set(sources)) == len(sources) == slow.sum()
    assert size(Method("tada", k), slow) == len(slow) + (k - 1) * slow.sum()
    assert size(Method("syn-rand"), slow) == size(Method("tada", 2), slow)


def test_the_random_subset_is_random_and_fixed_by_the_seed():
    slow = np.arange(200) < 60
    chosen = [set(additions(Method("syn-rand"), slow, seed)[0]) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert 5 < len(chosen[0] & set(range(60))) < 40  # 18 expected: it knows nothing of slow
