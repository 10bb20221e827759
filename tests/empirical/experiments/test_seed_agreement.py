"""Agreement of seeds and rules, as recorded: equal to ``select`` and to plain sets."""

import numpy as np
import pytest

from empirical.config import Data, Selection, SelectionAgreement, Training
from empirical.data.context import Context
from empirical.data.split import split_dataset
from empirical.experiments import seed_agreement
from empirical.selection import stage

pytestmark = pytest.mark.slow

RULES = (Selection(), Selection("misclassified"))
ASKED = SelectionAgreement(
    "x",
    Data("digits", train=120, validation=0),
    Training(steps=2, width=8),
    selections=RULES,
    seeds=3,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="module")
def metrics(root):
    return seed_agreement.execute(ASKED, root)


def slow(root, rule, seed):
    """Return the slow images and all training images, as sets of places in the data set."""
    parts = split_dataset(ASKED.data, seed, root)
    chosen = stage.selected(Context(ASKED.by(rule), seed, root).with_parts(parts)).slow
    return set(parts.train_indices[chosen].tolist()), set(parts.train_indices.tolist())


@pytest.mark.slow
def test_two_seeds_are_compared_on_the_images_that_both_train_on(root, metrics):
    assert metrics["rules"] == ["cluster", "misclassified"]
    for rule, pairs in zip(RULES, metrics["between_seeds"], strict=True):
        assert [pair["seeds"] for pair in pairs] == [[0, 1], [0, 2], [1, 2]]
        for pair in pairs:
            (one, seen), (other, also) = (slow(root, rule, seed) for seed in pair["seeds"])
            common = seen & also
            assert 0 < pair["common"] == len(common) < 120
            assert pair["slow"] == [len(one & common), len(other & common)]
            if one & common or other & common:
                assert pair["jaccard"] == len(one & other) / len((one | other) & common)


@pytest.mark.slow
def test_a_rule_is_compared_with_the_first_on_all_images_of_each_seed(root, metrics):
    assert all(pair["jaccard"] == 1 and pair["common"] == 120 for pair in metrics["with_first"][0])
    for seed, pair in enumerate(metrics["with_first"][1]):
        (first, _), (other, _) = (slow(root, rule, seed) for rule in RULES)
        assert pair["jaccard"] == len(first & other) / len(first | other)


@pytest.mark.slow
def test_kappa_is_the_mean_between_seeds(metrics):
    for kappa, pairs in zip(metrics["kappa"], metrics["between_seeds"], strict=True):
        assert kappa == pytest.approx(np.mean([pair["kappa"] for pair in pairs]))


def test_progress_adds_up(root):
    done = []
    seed_agreement.execute(ASKED, root, done.append)
    assert sum(done) == pytest.approx(1)
