"""Test the training set of each method, and complete runs on a user's own images.

A training set is the originals, then copies or variants, all stored in one type.
"""

from dataclasses import replace

import numpy as np
import pytest
from image_files import own

from empirical import pipeline
from empirical.config import Data, Early, Generator, Method, Run, Selection, Training, Variants
from empirical.data.context import Context
from empirical.data.images import Images
from empirical.data.split import split_dataset
from empirical.methods import loss_weights
from empirical.runtime.machine import Machine
from empirical.selection import stage
from empirical.training.trainer import Diverged

SLOW = np.array([False, True, False, True])


@pytest.fixture
def stored(monkeypatch):
    """Return a function that makes the training set of four images with given variants."""

    def make(pixels, method, extra=None):
        originals = Images(pixels, np.array([0, 1, 2, 3]), tuple("abcd"))
        monkeypatch.setattr(pipeline, "load_or_make_variants", lambda *_: extra)
        parts = type("Parts", (), {"train": originals})
        return pipeline.training_set(Context(Run(method=method), 0, None).with_parts(parts), SLOW)

    return make


BYTES = np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3)


def test_variants_join_bytes_as_bytes_rounded_and_clipped(stored):
    extra = np.zeros((2, 3, 2, 2), np.float32)  # channels first, on the [-1, 1] scale: 127.5 each
    extra[0, :, 0, 0] = [-1.2, 1.7, 1.0]  # beyond the scale
    extra[1, :, 1, 0] = np.array([99.4, 99.6, 200.49]) / 127.5 - 1
    found = stored(BYTES, Method("tada", 2), extra)
    assert found.stored.dtype == np.uint8
    np.testing.assert_array_equal(found.stored[:4], BYTES)
    np.testing.assert_array_equal(found.stored[4, 0, 0], [0, 255, 255])
    np.testing.assert_array_equal(found.stored[5, 1, 0], [99, 100, 200])
    np.testing.assert_array_equal(found.labels, [0, 1, 2, 3, 1, 3])


def test_bytes_made_floats_and_bytes_again_are_the_same(stored):
    pixels = np.arange(256, dtype=np.uint8)[:192].reshape(4, 4, 4, 3)
    originals = Images(pixels, np.arange(4), tuple("abcd"))
    found = stored(pixels, Method("tada", 2), originals.pixels[SLOW])
    np.testing.assert_array_equal(found.stored[4:], pixels[SLOW])


def test_variants_join_floats_as_they_are(stored):
    pixels, extra = np.zeros((4, 1, 2, 2), np.float32), np.full((2, 1, 2, 2), 1.7, np.float32)
    found = stored(pixels, Method("tada", 2), extra)
    assert found.stored.dtype == np.float32
    np.testing.assert_array_equal(found.stored, np.concatenate([pixels, extra]))


def test_copies_are_the_slow_images_as_they_are_stored(stored):
    found = stored(BYTES, Method("useful", 3))
    assert found.stored.dtype == np.uint8
    np.testing.assert_array_equal(found.stored, BYTES[[0, 1, 2, 3, 1, 3, 1, 3]])
    np.testing.assert_array_equal(found.labels, [0, 1, 2, 3, 1, 3, 1, 3])


def test_a_larger_loss_of_slow_images_adds_none_and_keeps_the_mean_weight(stored):
    found = stored(BYTES, Method("reweighted", 3))
    np.testing.assert_array_equal(found.stored, BYTES)
    np.testing.assert_allclose(loss_weights(Method("reweighted", 3), SLOW), [0.5, 1.5, 0.5, 1.5])
    for name in ("original", "useful", "tada", "syn-all", "syn-rand"):
        assert loss_weights(Method(name, 3), SLOW) is None


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Make 48 colour images of two classes, 24 of them for training.

    Returns the run and the folder for artifacts.
    """
    root = tmp_path_factory.mktemp("pets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TADA_DATA", str(root))
        folder = own(root / "pets", counts=(24, 24), size=(8, 8))
        training = Training(steps=6, width=8, batch=8, augment="crop-flip-trivial")
        small = {
            "generator": Generator(channels=(8,), steps=2, batch=4),
            "variants": Variants(num_inference_steps=4),
            "early": Early(limit=4, every=4),
        }
        yield (
            Run(
                data=Data(f"folder:{folder}", train=24, validation=6, side=8),
                training=training,
                evaluations=3,
                **small,
            ),
            root / "artifacts",
        )


def result(pets, method, **changes):
    run, root = pets
    return pipeline.execute(
        Context(replace(run, method=method, **changes), 0, root, Machine(checkpoint=0))
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [Method("original"), Method("useful", 3), Method("reweighted", 3), Method("tada", 2)],
    ids=lambda method: method.name,
)
def test_complete_runs_on_own_images(pets, method, monkeypatch):
    seen, make = [], pipeline.training_set
    monkeypatch.setattr(
        pipeline, "training_set", lambda *arguments: seen.append(make(*arguments)) or seen[0]
    )
    found = result(pets, method)
    (images,), slow = seen, round(24 * found["slow_fraction"])
    assert 0 < slow < 24
    assert images.stored.dtype == np.uint8
    assert (
        found["examples"]
        == len(images)
        == 24 + {"useful": 2 * slow, "tada": slow}.get(method.name, 0)
    )
    originals = split_dataset(pets[0].data, 0, pets[1]).train
    np.testing.assert_array_equal(images.stored[:24], originals.stored)
    np.testing.assert_array_equal(images.labels[:24], originals.labels)
    assert found["steps"] == [2, 4, 6]
    assert len(found["train_error"]) == len(found["train_loss_slow"]) == 3
    assert len(found["test_error_by_class"]) == 2
    assert found["generated"] == (slow if method.generates else 0)
    assert found == result(pets, method)  # deterministic, stages kept
    assert not [path.name for path in pets[1].iterdir() if "checkpoint" in path.name]


def test_slow_and_fast_are_measured_on_the_same_images_whatever_is_augmented(pets):
    """With every image augmented there is still a slow and a fast group to measure."""
    found, usual = (
        result(pets, Method("original"), selection=selection)
        for selection in (Selection("all"), Selection())
    )
    assert found["slow_fraction"] == 1
    assert found["train_loss_slow"] == usual["train_loss_slow"]
    assert found["train_loss_fast"] == usual["train_loss_fast"]
    assert found["learning_gap"] == usual["learning_gap"] is not None


@pytest.mark.slow
def test_divergence_leaves_nothing_that_a_run_would_go_on_from(pets, monkeypatch):
    run, root = pets
    kept, diverging = stage.selected, replace(run, training=replace(run.training, lr=1e30))
    # early training has a rate that it survives
    monkeypatch.setattr(pipeline, "selected", lambda context: kept(context.with_run(run)))
    with pytest.raises(Diverged, match="training loss is nan at step"):
        pipeline.execute(Context(diverging, 0, root, Machine(checkpoint=0)))
    assert not [path.name for path in root.iterdir() if "checkpoint" in path.name]


def test_sharpness_is_measured_where_it_is_asked_for(pets):
    plain, sharp = (
        result(pets, Method("original")),
        result(pets, Method("original"), sharpness=True),
    )
    assert "sharpness" not in plain
    assert np.isfinite(sharp.pop("sharpness"))
    assert sharp == plain
