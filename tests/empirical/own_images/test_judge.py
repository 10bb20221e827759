"""The judge: folds, trials, verdicts on noise and on faithful variants, and what is held out."""

import numpy as np
import pytest
import torch

from empirical.config import Data, Run, Training
from empirical.data.context import Context
from empirical.data.images import Images
from empirical.data.split import Split
from empirical.generation.quality import cross_fit
from empirical.generation.quality.cross_fit import FOLDS, deal_folds
from empirical.own_images.judge import (
    LEAST_STEPS,
    TRIALS,
    draw_trials,
    judge_recipe,
    judge_variants,
)


def rng():
    return np.random.default_rng(0)


def test_folds_have_every_class_alike():
    labels = np.repeat([0, 1, 2], [40, 9, 3])
    folds = deal_folds(labels, rng())
    assert sorted(np.unique(folds)) == list(range(FOLDS))
    for c in range(3):
        counts = np.bincount(folds[labels == c], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1


def test_trials_are_recognised_and_spread_over_the_classes():
    labels = np.repeat([0, 1, 2], [500, 40, 5])
    recognised = np.arange(545) % 2 == 0
    chosen = draw_trials(recognised, labels, rng())
    assert recognised[chosen].all()
    assert len(np.unique(chosen)) == len(chosen) == TRIALS
    counts = np.bincount(labels[chosen])
    assert counts[2] == recognised[labels == 2].sum()  # all there are
    assert counts[1] == 20  # all of them as well
    assert len(draw_trials(np.zeros(545, bool), labels, rng())) == 0


@pytest.mark.parametrize("answer", [0, 1, 2])
def test_one_answer_to_all_reaches_chance_and_no_more(answer):
    labels = np.repeat([0, 1, 2], [80, 15, 5])
    sources = np.arange(100)
    made = np.full(100, answer)  # as of noise
    verdict = judge_variants(made, sources, labels, np.ones(100, bool))
    assert verdict.share == pytest.approx(1 / 3)
    assert verdict.bound == pytest.approx(2 / 3)
    assert not verdict.passed


def test_faithful_variants_pass_and_only_recognised_sources_count():
    labels = np.repeat([0, 1], 10)
    sources = np.repeat(np.arange(20), 2)
    recognised = np.arange(20) % 2 == 0
    preferred = np.where(recognised, labels, 1 - labels)[sources]
    verdict = judge_variants(preferred, sources, labels, recognised)
    assert (verdict.share, verdict.count, verdict.passed) == (1.0, 20, True)
    none = judge_variants(preferred, sources, labels, recognised & (labels == 0))
    assert none.share is None
    assert not none.passed


@pytest.mark.parametrize(("count", "steps"), [(25, LEAST_STEPS), (2000, 1440), (50_000, 5860)])
def test_a_judge_trains_as_long_as_its_images_need(count, steps):
    assert judge_recipe(count, None, True, False).steps == steps


@pytest.fixture
def context(tmp_path):
    """Return a context whose images are noise, with labels that mean nothing."""
    pixels = rng().integers(0, 256, (48, 8, 8, 3), dtype=np.uint8)
    images = Images(pixels, np.arange(48) % 2, ("a", "b"))
    parts = Split(images, images[:0], images[:2], np.arange(48), np.arange(0), "x")
    data = Data("folder:x", None, 0, 8)
    return Context(Run("augment", data=data), 0, tmp_path).with_parts(parts)


@pytest.mark.slow
def test_no_image_is_judged_by_a_network_that_learned_it(context, monkeypatch):
    """A network that knows noise by heart is at chance on noise that it has not seen."""
    recipe = Training(steps=150, width=8, batch=16)
    judge = cross_fit.cross_fit(context, recipe)
    images = context.parts.train
    held_out = (judge.probabilities.argmax(1) == images.labels).mean()
    learned = np.mean(
        [
            (cross_fit.predict(net, images.stored[judge.folds != fold]).argmax(1))
            == images.labels[judge.folds != fold]
            for fold, net in enumerate(judge.networks)
        ]
    )
    assert learned > 0.9
    assert held_out < 0.75
    monkeypatch.setattr(cross_fit, "train_folds", lambda *_: pytest.fail("it trained again"))
    again = cross_fit.cross_fit(context, recipe)
    np.testing.assert_array_equal(again.probabilities, judge.probabilities)
    made = again.preferred(images.stored[:5], np.arange(5))
    np.testing.assert_array_equal(made, judge.probabilities[:5].argmax(1))
    floats = torch.from_numpy(images.stored[:5]).permute(0, 3, 1, 2) / 127.5 - 1
    np.testing.assert_array_equal(again.preferred(floats.numpy(), np.arange(5)), made)
