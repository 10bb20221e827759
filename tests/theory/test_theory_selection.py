"""Test clusters of outputs: they are the best two, and tell slow from fast examples."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from theory import Distribution, Method, Network, Optimiser
from theory.config import Selection
from theory.selection import select, selection, two_means


def spread(values, upper):
    """Return the sum of squared distances to the means of two clusters."""
    return sum(
        ((part - part.mean()) ** 2).sum() for part in (values[upper], values[~upper]) if len(part)
    )


@given(st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=2, max_size=9))
def test_no_other_cut_is_better(numbers):
    values = np.array(numbers)
    upper = two_means(values)
    if np.ptp(values) == 0:
        assert not upper.any()
        return
    assert 0 < upper.sum() < len(values)
    assert values[~upper].max() < values[upper].min()
    cuts = [low for low, high in pairwise(np.unique(values)) if low < high]
    best = min(spread(values, values > cut) for cut in cuts)
    assert spread(values, upper) <= best * (1 + 1e-9) + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_clusters_are_those_of_a_general_k_means(seed):
    values = np.random.default_rng(seed).beta(0.7, 0.7, 80)
    theirs = KMeans(2, n_init=20, random_state=0).fit(values[:, None])
    ours = two_means(values)
    assert spread(values, ours) <= theirs.inertia_ * (1 + 1e-9)  # theirs may be a local optimum
    high = theirs.labels_ == theirs.cluster_centers_[:, 0].argmax()
    assert (ours == high).mean() > 0.9


def test_the_lower_cluster_of_each_class_is_slow():
    labels = np.array([1.0, 1, 1, -1, -1, -1])
    logits = np.array([4.0, 3.9, 0.1, -0.2, -9, -8])
    assert select(labels, logits).tolist() == [False, False, True, True, False, False]
    assert not select(labels, 0 * logits).any()
    assert not select(np.array([1.0, -1]), np.array([1.0, 2])).any()


def test_selection_finds_the_slow_examples_once_the_fast_feature_is_learned():
    distribution = Distribution(n=60, d=4000, beta_d=0.3, sigma_p=0.8)
    network = Network(J=6, sigma_0=0.1)
    optimiser = Optimiser(steps=400)
    run = Selection("test", "small", distribution, network, optimiser, Method("original"))
    found = selection(run, 0)
    assert found["accuracy"][0] < 0.8
    assert max(found["accuracy"]) > 0.95
    assert found["early_step"] == 16
    assert np.mean(found["outputs_fast"]) > np.mean(found["outputs_slow"])
    assert len(found["outputs_slow"]) == round(60 * found["slow_fraction"])
    best = int(np.argmax(found["accuracy"]))
    share = found["slow_fraction"]
    both = share * found["selected_slow"][best] + (1 - share) * (1 - found["selected_fast"][best])
    assert found["accuracy"][best] == pytest.approx(both)


def test_selection_looks_at_the_originals():
    with pytest.raises(ValueError, match="method = 'tada'"):
        Selection(method=Method("tada"))
