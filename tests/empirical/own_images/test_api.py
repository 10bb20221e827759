"""Test the functions for your own arrays and model against the stages of a run."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from image_files import pictures

from empirical.config import Data, Early, Generator, Run, Selection, Training, Variants
from empirical.data.context import Context
from empirical.data.pixels import as_uint8
from empirical.data.split import split_dataset
from empirical.generation.backends import resolve
from empirical.generation.stage import load_or_make_variants
from empirical.own_images import api
from empirical.own_images.api import slow_indices, variants_of
from empirical.own_images.arrays import normalised_range
from empirical.selection import stage

SMALL = Generator(channels=(8,), steps=2, batch=4)
RUN = Run(
    data=Data("digits", train=100),
    training=Training(width=8),
    early=Early(limit=30, every=5),
    generator=SMALL,
    variants=Variants(0.1),
)


class Darker:
    """A backend that subtracts 0.1, and up to 0.01 more by the generator of each image."""

    kind = "darker"
    steps = 1

    def __call__(self, pixels, labels, generators):
        return (
            pixels
            - 0.1
            - 0.01
            * torch.stack([torch.rand((), generator=g) for g in generators])[:, None, None, None]
        )


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """Return a folder for results, the split of seed 0, and its selection."""
    root = tmp_path_factory.mktemp("stages")
    parts = split_dataset(RUN.data, 0)
    return root, parts, stage.selected(Context(RUN, 0, root).with_parts(parts))


RULES = [
    "cluster",
    "misclassified",
    "high-loss",
    Selection("cluster", "logits"),
    Selection("random", fraction=0.3),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: rule if isinstance(rule, str) else rule.label
)
def test_slow_indices_are_those_of_a_run(stages, rule):
    root, parts, chosen = stages
    selection = rule if isinstance(rule, Selection) else Selection(rule)
    slow = np.flatnonzero(
        stage.selected(
            Context(dataclasses.replace(RUN, selection=selection), 0, root).with_parts(parts)
        ).slow
    )
    assert 0 < len(slow) < 100
    np.testing.assert_array_equal(
        slow_indices(chosen.early.logits, parts.train.labels, rule=rule), slow
    )
    outputs = torch.from_numpy(chosen.early.logits).requires_grad_()
    np.testing.assert_array_equal(
        slow_indices(outputs, torch.from_numpy(parts.train.labels), rule=rule), slow
    )
    if selection.features == "softmax":
        np.testing.assert_array_equal(
            slow_indices(chosen.early.probabilities, parts.train.labels, rule=rule), slow
        )


def test_losses_of_ones_own_decide_where_given():
    outputs = np.full((6, 2), 0.5)
    assert slow_indices(
        outputs,
        [0, 0, 0, 1, 1, 1],
        losses=[1, 5, 2, 0, 3, 4],
        rule=Selection("high-loss", fraction=0.5),
    ).tolist() == [
        1,
        4,
        5,
    ]


def test_a_certain_mistake_has_a_finite_loss():
    assert slow_indices(
        [[1.0, 0.0], [0.9, 0.1]], [1, 1], rule=Selection("high-loss", fraction=0.5)
    ).tolist() == [0]


@pytest.mark.slow
def test_variants_are_those_of_a_run(stages):
    root, parts, chosen = stages
    slow = np.flatnonzero(chosen.slow)
    expected = load_or_make_variants(
        Context(RUN, 0, root).with_parts(parts), np.tile(slow, 2), np.repeat([1, 2], len(slow))
    )
    images, labels, sources = variants_of(
        parts.train.pixels, parts.train.labels, slow, 3, SMALL, parts.train.classes, strength=0.1
    )
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(sources, np.tile(slow, 2))
    np.testing.assert_array_equal(labels, parts.train.labels[sources])


def test_images_keep_their_kind_and_layout():
    pixels = pictures(6, 8)
    labels = np.array([0, 1, 2, 0, 1, 2])
    images, new, sources = variants_of(pixels, labels, [4, 1], generator=Darker())
    assert (images.dtype, images.shape, new.tolist(), sources.tolist()) == (
        np.uint8,
        (2, 8, 8, 3),
        [1, 1],
        [1, 4],
    )
    below = np.rint(pixels[[1, 4]].clip(14) - images.clip(0).astype(float))
    assert 12 <= below[pixels[[1, 4]] > 30].min() <= below[pixels[[1, 4]] > 30].max() <= 15
    floats = (pixels.transpose(0, 3, 1, 2) / 127.5 - 1).astype(np.float32)
    as_floats, _, _ = variants_of(
        torch.from_numpy(floats), torch.from_numpy(labels), [4, 1], generator=Darker()
    )
    assert as_floats.dtype == np.float32
    np.testing.assert_allclose(as_uint8(as_floats).astype(int), images, atol=1)
    # an image's variant does not depend on the others
    one, _, _ = variants_of(pixels, labels, [4], generator=Darker())
    np.testing.assert_array_equal(one[0], images[1])
    none, new, sources = variants_of(pixels, labels, [], generator=Darker())
    assert (none.shape, len(new), len(sources)) == ((0, 8, 8, 3), 0, 0)


def test_a_model_that_is_there_is_asked_for_as_the_settings_say(monkeypatch):
    asked = []
    monkeypatch.setattr(resolve, "load_backend", lambda *words: (asked.append(words), Darker())[1])
    variants_of(
        pictures(4, 8),
        [0, 1, 0, 1],
        [0],
        generator="a/model",
        classes=("cat", "dog"),
        strength=0.3,
        guidance=3.0,
    )
    ((which, level, classes, shape, device),) = asked
    assert (which.model, level, classes, shape) == (
        "a/model",
        Variants(0.3, guidance=3.0),
        ("cat", "dog"),
        (3, 8, 8),
    )
    assert device == torch.device("cpu")


@pytest.mark.slow
def test_without_a_generator_a_small_one_is_trained(monkeypatch):
    monkeypatch.setattr(api, "default_generator", lambda device: SMALL)
    images, _, _ = variants_of(pictures(4, 8), [0, 1, 0, 1], [0, 3], strength=0.1)
    assert (images.dtype, images.shape) == (np.uint8, (2, 8, 8, 3))


GOOD = {"images": pictures(4, 8), "labels": [0, 1, 0, 1], "indices": [0], "generator": Darker()}
UNIT = GOOD["images"].transpose(0, 3, 1, 2) / np.float32(255)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NORMALISED = (UNIT - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
BAD = [
    ({"k": 1}, "k is 1; allowed: at least 2"),
    (
        {"images": pictures(4, 8)[:, :4]},
        "images is 'uint8 (4, 4, 8, 3)'; allowed: (n, side, side, 3) uint8",
    ),
    (
        {"images": pictures(4, 8).astype(float).transpose(0, 3, 1, 2)},
        "floats from 0 to 255, and their range is not plain; allowed: [-1, 1], or say "
        "value_range=(0, 255)",
    ),
    ({"images": UNIT}, "say value_range=(0, 1), or value_range=(-1, 1) if black is -1"),
    ({"images": NORMALISED}, "value_range=normalised_range(mean, std)"),
    ({"images": UNIT, "value_range": (0, 255)}, "value_range of floats from 0"),
    ({"images": NORMALISED * 30, "value_range": (-1, 1)}, "value_range of floats from -6"),
    ({"images": UNIT, "value_range": (1, 0)}, "allowed: (low, high), low < high"),
    ({"images": UNIT, "value_range": ((0, 0), 1)}, "a number, or 3, one for each channel"),
    ({"value_range": (0, 255)}, "value_range of uint8 images is (0, 255); allowed: none"),
    ({"images": UNIT * np.nan}, "smallest, largest pixel is (nan, nan); allowed: finite"),
    ({"labels": [0, 1]}, "labels is 'int64 (2,)'; allowed: (4,) integers"),
    (
        {"labels": [0, 1, 2, 3], "classes": ("a", "b")},
        "smallest and largest label is (0, 3); allowed: 0..1",
    ),
    ({"indices": [4]}, "indices is [4]; allowed: numbers from 0 to 3"),
    ({"indices": [True, False, True, True]}, "indices is 'bool (4,)'; allowed: (m,) integers"),
    ({"indices": [1, 1]}, "no two alike"),
    ({"generator": "a/model"}, "classes of a generator that is there is None"),
    ({"strength": 0.0}, "variants.strength is 0.0; allowed: (0, 1]"),
]


@pytest.mark.parametrize(
    ("change", "said"), BAD, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_mistake_is_told_in_one_line(change, said):
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        variants_of(**{**GOOD, **change})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("images", "value_range"),
    [
        (UNIT, (0, 1)),
        (UNIT * 255, (0, 255)),
        (UNIT * 2 - 1, None),
        (UNIT * 2 - 1, (-1, 1)),
        (NORMALISED, normalised_range(MEAN, STD)),
        (torch.from_numpy(NORMALISED), normalised_range(torch.tensor(MEAN), STD)),
        (NORMALISED.astype(np.float16), normalised_range(MEAN, STD)),
    ],
)
def test_variants_are_the_same_in_every_range(images, value_range):
    expected, _, _ = variants_of(GOOD["images"], [0, 1, 0, 1], [0, 2], generator=Darker())
    made, _, _ = variants_of(
        images, [0, 1, 0, 1], [0, 2], generator=Darker(), value_range=value_range
    )
    if isinstance(images, np.ndarray):
        assert made.dtype == images.dtype
    low, high = (-1, 1) if value_range is None else value_range
    low, high = (np.reshape(np.asarray(end, float), (-1, 1, 1)) for end in (low, high))
    back = (made - low) / (high - low) * 255
    np.testing.assert_allclose(back.clip(0, 255).transpose(0, 2, 3, 1), expected, atol=0.7)


def test_bytes_may_have_their_channels_first():
    images = pictures(4, 8)
    expected, _, _ = variants_of(images, [0, 1, 0, 1], [1], generator=Darker())
    first = torch.from_numpy(images).permute(0, 3, 1, 2)
    made, _, _ = variants_of(first, [0, 1, 0, 1], [1], generator=Darker())
    np.testing.assert_array_equal(made.transpose(0, 2, 3, 1), expected)
    none, _, _ = variants_of(first, [0, 1, 0, 1], [], generator=Darker())
    assert none.shape == (0, 3, 8, 8)


@pytest.mark.parametrize(
    "form",
    [
        np.asarray,
        torch.from_numpy,
        lambda a: torch.from_numpy(a).float().bfloat16() if a.dtype == np.float32 else a.tolist(),
        lambda a: a.tolist() if a.ndim < 3 else a,
        lambda a: list(torch.from_numpy(a)),
        lambda a: a[::-1][::-1],
        lambda a: a[::-1].copy()[::-1],  # negative strides
        lambda a: np.lib.stride_tricks.as_strided(a, writeable=False),
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: a.astype(np.int16) if a.dtype == np.uint8 else a,
    ],
)
def test_arrays_may_come_in_any_form(form):
    outputs = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    labels = np.array([0, 1, 2, 0, 1, 2])
    rounded = torch.from_numpy(outputs).bfloat16().float().numpy()
    slow = slow_indices(rounded, labels, losses=rounded[:, 0] ** 2)
    assert len(slow)
    found = slow_indices(form(rounded), form(labels), losses=form(rounded[:, 0] ** 2))
    np.testing.assert_array_equal(found, slow)
    images = pictures(6, 8)
    expected, _, _ = variants_of(images, labels, slow, generator=Darker())
    made, _, _ = variants_of(form(images), form(labels), form(slow), generator=Darker())
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize(
    ("outputs", "labels", "said"),
    [
        (np.zeros((3, 2)), [0, 1], "shapes of outputs and labels"),
        (np.zeros((2, 2)), [0, 2], "smallest and largest label is (0, 2); allowed: 0..1"),
        (np.full((2, 2), np.nan), [0, 1], "outputs that are NaN or infinite is 4; allowed: none"),
        (np.zeros((0, 2)), [], "shapes of outputs and labels"),
    ],
)
def test_outputs_that_cannot_be_used_are_told(outputs, labels, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        slow_indices(outputs, labels)
