"""How far selections agree: against definitions, against scikit-learn, and against what chance gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score, jaccard_score

from empirical.selection.agreement import (
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


@given(masks=pairs)
def test_two_masks(masks):
    a, b = masks
    assert jaccard(a, b) == jaccard(b, a)
    assert overlap(a, b) == overlap(b, a)
    if a.any() or b.any():
        assert jaccard(a, b) == pytest.approx(jaccard_score(a, b))
    if a.any() and b.any():
        assert jaccard(a, b) <= overlap(a, b) <= 1
        assert overlap(a, a | b) == 1
        assert jaccard(a, a) == 1
    if len(np.unique(np.concatenate([a, b]))) == 2:
        assert kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))
        assert kappa(a, b) == pytest.approx(kappa(~a, ~b))


def test_what_has_no_meaning_is_none():
    none, some, every = np.zeros(4, bool), np.arange(4) < 2, np.ones(4, bool)
    assert [
        jaccard(none, none),
        overlap(none, some),
        kappa(none, none),
        kappa(every, every),
    ] == 4 * [None]
    assert [
        chance_jaccard(4, 0, 0),
        chance_overlap(4, 0, 2),
        spearman(np.ones(4), np.arange(4.0)),
    ] == 3 * [None]
    assert [jaccard(none, some), kappa(none, some)] == [0, 0]
    assert by_class(some, np.array([0, 0, 2, 2]), 4) == [1, None, 0, None]


@pytest.mark.parametrize(
    ("n", "a", "b"), [(30, 10, 10), (30, 5, 20), (20, 20, 7), (12, 9, 8), (10, 0, 4)]
)
def test_chance_is_the_mean_over_random_subsets(n, a, b):
    rng = np.random.default_rng(0)
    first = np.arange(n) < a
    drawn = [np.isin(np.arange(n), rng.choice(n, b, replace=False)) for _ in range(4000)]
    assert chance_jaccard(n, a, b) == pytest.approx(
        np.mean([jaccard(first, s) for s in drawn]), abs=0.01
    )
    if a:
        assert chance_overlap(n, a, b) == pytest.approx(
            np.mean([overlap(first, s) for s in drawn]), abs=0.02
        )


def test_chance_at_paper_scale():
    """The larger the sets, the nearer to E|A and B| / E|A or B|."""
    assert chance_jaccard(50_000, 17_500, 15_000) == pytest.approx(5250 / (32_500 - 5250), abs=1e-4)


@given(
    values=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30).map(
        np.array
    )
)
@settings(deadline=None)
def test_rank_correlation_is_scipys_and_knows_order_alone(values):
    x, y = values.T.astype(float)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert spearman(x, y) is None
        return
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert spearman(np.exp(x), -(y**3)) == pytest.approx(-spearman(x, y))


def test_selections_are_compared_on_the_examples_that_both_have():
    losses = np.arange(6.0)
    first = Scores(np.array([5, 3, 9, 1, 7, 2]), losses, np.array([1, 0, 1, 1, 0, 0], bool))
    second = Scores(np.array([1, 2, 3, 20, 21, 5]), losses, np.array([0, 1, 0, 1, 1, 1], bool))
    told = compare(first, second)  # common: 1, 2, 3, 5; slow: {1, 5} and {2, 5}
    assert told["common"] == 4
    assert told["slow"] == [2, 2]
    assert told["jaccard"] == pytest.approx(1 / 3)
    assert told["overlap"] == told["overlap_chance"] == 0.5
    assert told["kappa"] == 0
    assert told["spearman"] == pytest.approx(spearmanr([3, 5, 1, 0], [0, 1, 2, 5]).statistic)
    assert compare(second, first)["jaccard"] == told["jaccard"]


def test_the_same_selection_agrees_with_itself_in_any_order():
    rng = np.random.default_rng(0)
    order = rng.permutation(50)
    one = Scores(np.arange(50), rng.random(50), rng.random(50) < 0.4)
    told = compare(one, Scores(one.indices[order], one.losses[order], one.slow[order]))
    assert [told[name] for name in ("jaccard", "overlap", "kappa", "spearman")] == pytest.approx(
        [1, 1, 1, 1]
    )


@pytest.mark.parametrize("common", [0, 1])
def test_without_common_examples_nothing_is_claimed(common):
    a = Scores(np.arange(3), np.arange(3.0), np.ones(3, bool))
    b = Scores(np.arange(3) + 3 - common, np.arange(3.0), np.ones(3, bool))
    told = compare(a, b)
    assert told["common"] == common
    assert {
        told[name]
        for name in ("jaccard", "jaccard_chance", "overlap", "overlap_chance", "kappa", "spearman")
    } == {None}
    assert told.keys() == compare(a, a).keys()
