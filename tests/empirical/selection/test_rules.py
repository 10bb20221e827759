"""Test the selection rules on planted slow subsets, and the additions of each method."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from empirical.config import Method, Run, Selection
from empirical.methods import additions, training_set_size
from empirical.runtime.seeding import stream
from empirical.selection.rules import select

LOGITS = Selection(features="logits")


def planted(rng, labels, slow, classes=4):
    """Return logits, probabilities and losses of a network that is sure of fast examples only."""
    logits = rng.normal(0, 0.3, (len(labels), classes))
    logits[np.arange(len(labels)), labels] += np.where(slow, 0.3, 4.0)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return logits, probabilities, -np.log(probabilities[np.arange(len(labels)), labels])


def mixed(seed, n=300, classes=5):
    """Return logits, probabilities, losses and labels without clear clusters."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(0, 1.5, (n, classes))
    logits[np.arange(n), labels] += rng.gamma(2, 1, n)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return logits, probabilities, -np.log(probabilities[np.arange(n), labels]), labels


def reference(probabilities, losses, labels, seed):
    """Select by the rule ``cluster`` as when it was first recorded.

    The records' selections must not change.
    """
    slow = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            continue
        state = int(stream(seed, "clusters", int(label)).integers(2**31))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clusters = KMeans(2, n_init=10, random_state=state).fit_predict(
                probabilities[members].astype(np.float64)
            )
        means = [
            losses[members[clusters == c]].mean() if np.any(clusters == c) else -np.inf
            for c in (0, 1)
        ]
        if np.isfinite(means).all():
            slow[members[clusters == np.argmax(means)]] = True
    return slow


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_default_selects_what_it_always_did(seed, kind):
    _, probabilities, losses, labels = mixed(seed)
    probabilities, losses = probabilities.astype(kind), losses.astype(kind)
    np.testing.assert_array_equal(
        select(probabilities, losses, labels, seed=seed),
        reference(probabilities, losses, labels, seed),
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_slow_subset_is_found(seed):
    rng = np.random.default_rng(seed)
    labels, slow = rng.integers(0, 4, 200), rng.random(200) < 0.35
    logits, probabilities, losses = planted(rng, labels, slow)
    np.testing.assert_array_equal(select(probabilities, losses, labels, seed=seed), slow)
    np.testing.assert_array_equal(select(logits, losses, labels, LOGITS, seed), slow)
    np.testing.assert_array_equal(
        select(probabilities, losses, labels, Selection("high-loss", per_class=True), seed), slow
    )


def test_clusters_are_made_per_class():
    """A class that is learned less than the others still has its own fast half."""
    rng = np.random.default_rng(0)
    labels, slow = np.repeat([0, 1], 100), np.tile(np.repeat([True, False], 50), 2)
    _, worse, _ = planted(rng, labels, slow)
    worse[labels == 1] = 0.1 * worse[labels == 1] + 0.225
    losses = -np.log(worse[np.arange(200), labels])
    np.testing.assert_array_equal(select(worse, losses, labels), slow)
    np.testing.assert_array_equal(
        select(worse, losses, labels, Selection("high-loss", per_class=True)), slow
    )
    of_all = select(worse, losses, labels, Selection("high-loss"))
    assert of_all.sum() == slow.sum()
    assert of_all[labels == 1].sum() > 50
    assert losses[of_all].min() >= losses[~of_all].max()


@pytest.mark.parametrize("rule", ["high-loss", "random"])
def test_as_many_as_the_clusters_take_of_each_class_or_in_all(rule):
    _, probabilities, losses, labels = mixed(0)
    clustered = select(probabilities, losses, labels)
    of_each, of_all = (
        select(probabilities, losses, labels, Selection(rule, per_class=p)) for p in (True, False)
    )
    counts = np.bincount(labels[clustered], minlength=5)
    np.testing.assert_array_equal(np.bincount(labels[of_each], minlength=5), counts)
    assert of_all.sum() == clustered.sum()
    assert np.bincount(labels[of_all], minlength=5).tolist() != counts.tolist()
    assert of_each.tolist() != of_all.tolist()


@given(
    fraction=st.floats(0.01, 1),
    rule=st.sampled_from(["high-loss", "random"]),
    seed=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_a_given_fraction_is_taken(fraction, rule, seed):
    _, probabilities, losses, labels = mixed(seed)
    of_each = select(
        probabilities, losses, labels, Selection(rule, fraction=fraction, per_class=True), seed
    )
    sizes = np.bincount(labels, minlength=5)
    assert np.bincount(labels[of_each], minlength=5).tolist() == [
        round(fraction * n) for n in sizes
    ]
    of_all = select(probabilities, losses, labels, Selection(rule, fraction=fraction), seed)
    assert of_all.sum() == round(fraction * 300)
    if rule == "high-loss" and 0 < of_all.sum() < 300:
        assert losses[of_all].min() > losses[~of_all].max()
        for c in range(5):
            inside, outside = losses[of_each & (labels == c)], losses[~of_each & (labels == c)]
            assert min(inside, default=np.inf) > max(outside, default=-np.inf)


@given(
    seed=st.integers(0, 20),
    power=st.floats(0.2, 3),
    fraction=st.floats(0.05, 0.95),
    per_class=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_high_loss_knows_the_order_of_losses_alone(seed, power, fraction, per_class):
    _, probabilities, losses, labels = mixed(seed, 60)
    rule = Selection("high-loss", fraction=fraction, per_class=per_class)
    np.testing.assert_array_equal(
        select(probabilities, losses**power - 7, labels, rule),
        select(probabilities, losses, labels, rule),
    )


RULES = [
    Selection(),
    LOGITS,
    Selection("high-loss", fraction=0.3),
    Selection("high-loss"),
    Selection("misclassified"),
    Selection("all"),
]


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.label)
@pytest.mark.parametrize("seed", range(3))
def test_order_and_names_do_not_matter(rule, seed):
    """Shuffled examples have the shuffled mask, and classes may be renumbered.

    The clusters must be clear for that, because the starts of k-means are random.
    """
    rng = np.random.default_rng(seed)
    labels, slow = rng.integers(0, 4, 200), rng.random(200) < 0.35
    logits, probabilities, losses = planted(rng, labels, slow)
    outputs = logits if rule.features == "logits" else probabilities
    mask = select(outputs, losses, labels, rule)
    order, names = rng.permutation(200), rng.permutation(4)
    np.testing.assert_array_equal(
        select(outputs[order], losses[order], labels[order], rule), mask[order]
    )
    renamed = np.empty_like(outputs)
    renamed[:, names] = outputs
    np.testing.assert_array_equal(select(renamed, losses, names[labels], rule), mask)


def test_all_misclassified_and_random():
    logits, probabilities, losses, labels = mixed(1)
    assert select(probabilities, losses, labels, Selection("all")).all()
    for outputs in (logits, probabilities):
        np.testing.assert_array_equal(
            select(outputs, losses, labels, Selection("misclassified")), outputs.argmax(1) != labels
        )
    sure = np.eye(5)[labels]
    assert not select(sure, losses, labels, Selection("misclassified")).any()
    half = Selection("random", fraction=0.5)
    masks = [select(probabilities, losses, labels, half, seed) for seed in (0, 0, 1)]
    assert masks[0].tolist() == masks[1].tolist() != masks[2].tolist()
    high = select(probabilities, losses, labels, Selection("high-loss", fraction=0.5))
    assert 0.35 < high[masks[0]].mean() < 0.65  # random knows nothing of losses


@pytest.mark.parametrize(
    "rule",
    [Selection(), Selection("high-loss"), Selection("random", per_class=True)],
    ids=lambda rule: rule.label,
)
def test_a_class_without_differences_or_of_one_example_has_no_slow_one(rule):
    labels = np.array([0, 0, 0, 1])
    assert not select(np.full((4, 2), 0.5), np.full(4, np.log(2)), labels, rule).any()


def test_no_examples_no_slow_ones():
    for rule in RULES:
        assert select(np.empty((0, 3)), np.empty(0), np.empty(0, int), rule).shape == (0,)


LABELS, EVEN = np.array([0, 1, 0]), np.full((3, 2), 0.5)
BAD = [
    (EVEN, [0.1, np.nan, np.inf], LABELS, "2 of 3 losses are NaN or infinite"),
    (np.array([[0.5, 0.5], [np.nan, 0.5], [0, 1]]), [1, 1, 1], LABELS, "1 of 6 outputs are NaN"),
    (EVEN, [0.1, 0.2], LABELS, "shapes of outputs, losses, labels"),
    (EVEN[0], [0.1, 0.2], LABELS[:2], "shapes of outputs, losses, labels"),
    (EVEN, [0.1, 0.2, 0.3], LABELS.astype(float), "kind of labels is 'float64'; allowed: integers"),
    (EVEN, [0.1, 0.2, 0.3], LABELS + 1, r"smallest and largest label is \(1, 2\); allowed: 0..1"),
    (4 * EVEN, [0.1, 0.2, 0.3], LABELS, "set selection.features to logits"),
    (EVEN.astype(str), [0.1, 0.2, 0.3], LABELS, "kind of outputs"),
]


@pytest.mark.parametrize(("outputs", "losses", "labels", "message"), BAD, ids=range(len(BAD)))
def test_arrays_that_cannot_be_used_are_refused_in_one_line(outputs, losses, labels, message):
    with pytest.raises(ValueError, match=message) as error:
        select(outputs, losses, labels)
    assert "\n" not in str(error.value)


SETTINGS = [
    {"rule": "best"},
    {"features": "pixels"},
    {"rule": "high-loss", "fraction": 0.0},
    {"rule": "random", "fraction": 1.1},
    {"rule": "cluster", "fraction": 0.3},
    {"rule": "misclassified", "features": "logits"},
    {"rule": "high-loss", "fraction": 0.3, "features": "logits"},
    {"rule": "cluster", "per_class": True},
]


@pytest.mark.parametrize("words", SETTINGS, ids=str)
def test_settings_without_a_meaning_are_refused(words):
    with pytest.raises(ValueError, match=r"^selection\..*; allowed: "):
        Selection(**words)


def test_the_rule_is_part_of_a_runs_name_unless_it_is_the_papers():
    assert Run().label == "tada-2-sgd-steps"
    assert (
        Run(selection=Selection("high-loss", fraction=0.3)).label
        == "tada-2-sgd-steps-high-loss-0.3"
    )
    labels = {
        rule.label for rule in (*RULES, Selection("random"), Selection("random", per_class=True))
    }
    assert len(labels) == len(RULES) + 2


@pytest.mark.slow
def test_no_torch_is_needed():
    """A user who has outputs of their own model does not wait for the import of torch."""
    call = "select(np.eye(2), np.ones(2), np.arange(2))"
    code = (
        "import sys, numpy as np; from empirical.selection.rules import select; "
        f"print({call}, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[False False] False\n"


masks = st.lists(st.booleans(), min_size=1, max_size=30).map(np.array)


@given(slow=masks, k=st.integers(1, 6))
def test_what_each_method_adds(slow, k):
    for name in ("useful", "tada"):
        sources, copies = additions(Method(name, k), slow, 0)
        assert sorted(zip(sources, copies, strict=True)) == [
            (i, c) for i in np.flatnonzero(slow) for c in range(1, k)
        ]
    assert len(additions(Method("original"), slow, 0)[0]) == 0
    sources, copies = additions(Method("syn-all"), slow, 0)
    assert sources.tolist() == list(range(len(slow)))
    assert set(copies) == {1}
    sources, copies = additions(Method("syn-rand"), slow, 0)
    assert len(set(sources)) == len(sources) == slow.sum()
    assert training_set_size(Method("tada", k), slow) == len(slow) + (k - 1) * slow.sum()
    assert training_set_size(Method("syn-rand"), slow) == training_set_size(Method("tada", 2), slow)


def test_the_random_subset_is_random_and_fixed_by_the_seed():
    slow = np.arange(200) < 60
    chosen = [set(additions(Method("syn-rand"), slow, seed)[0]) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert 5 < len(chosen[0] & set(range(60))) < 40  # 18 expected: it knows nothing of slow
