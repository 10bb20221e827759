"""Test how far selections agree: against closed forms, and against what chance gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from empirical.selection.agreement import (
    MEASURES,
    Scores,
    by_class,
    chance_jaccard,
    chance_overlap,
    compare,
    jaccard,
    kappa,
    overlap,
    spearman,
)

pairs = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*2 * [st.lists(st.booleans(), min_size=n, max_size=n).map(np.array)])
)


def ratio(part, total):
    return part / total if total else None


def closed_jaccard(a, b):
    """Return |A and B| / |A or B|."""
    return ratio((a & b).sum(), (a | b).sum())


def closed_kappa(a, b):
    """Return (p - e) / (1 - e); see ``kappa``."""
    p, x, y = (a == b).mean(), a.mean(), b.mean()
    e = x * y + (1 - x) * (1 - y)
    return ratio(p - e, 1 - e)


def closed_spearman(x, y):
    """Return the correlation of the ranks."""
    ranks = np.stack([rankdata(x), rankdata(y)])
    ranks -= ranks.mean(1, keepdims=True)
    return ratio((ranks[0] * ranks[1]).sum(), np.sqrt((ranks**2).sum(1).prod()))


def agrees(found, expected):
    """Return whether both are None, or they differ by at most 1e-12."""
    if found is None or expected is None:
        return found is expected
    return abs(found - expected) <= 1e-12


@pytest.mark.slow
@given(masks=pairs)
@settings(deadline=None)
def test_two_masks(masks):
    a, b = masks
    assert agrees(jaccard(a, b), closed_jaccard(a, b))
    assert agrees(kappa(a, b), closed_kappa(a, b))
    assert jaccard(a, b) == jaccard(b, a)
    assert overlap(a, b) == overlap(b, a)
    if a.any() and b.any():
        assert jaccard(a, b) <= overlap(a, b) <= 1
        assert overlap(a, a | b) == 1
        assert jaccard(a, a) == 1
    if kappa(a, b) is not None:
        assert agrees(kappa(a, b), kappa(~a, ~b))


def test_measures_that_are_not_defined_are_none():
    none, some, every = np.zeros(4, bool), np.arange(4) < 2, np.ones(4, bool)
    assert jaccard(none, none) is None
    assert overlap(none, some) is None
    assert kappa(none, none) is None
    assert kappa(every, every) is None
    assert chance_jaccard(4, 0, 0) is None
    assert chance_overlap(4, 0, 2) is None
    assert spearman(np.ones(4), np.arange(4.0)) is None
    assert spearman(np.arange(4.0), np.ones(4)) is None
    assert [jaccard(none, some), kappa(none, some)] == [0, 0]
    assert by_class(some, np.array([0, 0, 2, 2]), 4) == [1, None, 0, None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "a", "b"), [(30, 10, 10), (30, 5, 20), (20, 20, 7), (12, 9, 8), (10, 0, 4)]
)
def test_chance_is_the_mean_over_random_subsets(n, a, b):
    rng = np.random.default_rng(0)
    first = np.arange(n) < a
    drawn = [np.isin(np.arange(n), rng.choice(n, b, replace=False)) for _ in range(4000)]
    mean = np.mean([closed_jaccard(first, s) for s in drawn])
    assert chance_jaccard(n, a, b) == pytest.approx(mean, abs=0.01)
    if a:
        mean = np.mean([overlap(first, s) for s in drawn])
        assert chance_overlap(n, a, b) == pytest.approx(mean, abs=0.02)


@pytest.mark.slow
def test_chance_at_paper_scale():
    """For large sets the expected ratio is near the ratio of the expected sizes."""
    assert chance_jaccard(50_000, 17_500, 15_000) == pytest.approx(5250 / (32_500 - 5250), abs=1e-4)


@given(
    values=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30).map(
        np.array
    )
)
@settings(deadline=None)
def test_rank_correlation_depends_on_the_order_only(values):
    x, y = values.T.astype(float)
    assert agrees(spearman(x, y), closed_spearman(x, y))
    if spearman(x, y) is not None:
        assert agrees(spearman(np.exp(x), -(y**3)), -spearman(x, y))


def test_selections_are_compared_on_their_common_examples():
    losses = np.arange(6.0)
    first = Scores(np.array([5, 3, 9, 1, 7, 2]), losses, np.array([1, 0, 1, 1, 0, 0], bool))
    second = Scores(np.array([1, 2, 3, 20, 21, 5]), losses, np.array([0, 1, 0, 1, 1, 1], bool))
    found = compare(first, second)  # common: 1, 2, 3, 5; slow: {1, 5} and {2, 5}
    assert found["common"] == 4
    assert found["slow"] == [2, 2]
    assert found["jaccard"] == pytest.approx(1 / 3)
    assert found["overlap"] == found["overlap_chance"] == 0.5
    assert found["kappa"] == 0
    assert found["spearman"] == pytest.approx(spearmanr([3, 5, 1, 0], [0, 1, 2, 5]).statistic)
    assert compare(second, first)["jaccard"] == found["jaccard"]


def test_a_selection_agrees_with_itself_in_any_order():
    rng = np.random.default_rng(0)
    order = rng.permutation(50)
    one = Scores(np.arange(50), rng.random(50), rng.random(50) < 0.4)
    found = compare(one, Scores(one.indices[order], one.losses[order], one.slow[order]))
    for name in ("jaccard", "overlap", "kappa", "spearman"):
        assert found[name] == pytest.approx(1)


@pytest.mark.parametrize("common", [0, 1])
def test_without_common_examples_all_measures_are_none(common):
    a = Scores(np.arange(3), np.arange(3.0), np.ones(3, bool))
    b = Scores(np.arange(3) + 3 - common, np.arange(3.0), np.ones(3, bool))
    found = compare(a, b)
    assert found["common"] == common
    assert {found[name] for name in MEASURES} == {None}
    assert found.keys() == compare(a, a).keys()
