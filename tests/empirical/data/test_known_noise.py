"""Images of known noise: what they are made of, and who has a cue."""

import dataclasses
import re

import numpy as np
import pytest

from empirical.config import Data
from empirical.data.known_noise import patterns, plant
from empirical.data.split import split_dataset

CUED = Data("noisy-digits", train=100, validation=50, cue="beside")


def made(cue="none", n=40, channels=3, side=16, **changes):
    config = Data("cifar10", train=20, side=side, cue=cue, pixel_noise=0.5, **changes)
    rng = np.random.default_rng(0)
    pixels = rng.uniform(-1, 1, (n, channels, side, side)).astype(np.float32)
    labels = np.arange(n) % 10
    return (pixels, labels, *plant(pixels, labels, np.arange(n), "train", config))


@pytest.mark.parametrize("cue", ["none", "beside", "patch", "domino"])
def test_pixels_are_clean_image_cue_and_noise(cue):
    pixels, _, noisy, truth = made(cue, n=400)
    rest = noisy - truth.image - truth.present[:, None, None, None] * truth.cue
    assert rest.std() == pytest.approx(0.5, rel=0.01)
    assert abs(rest.mean()) < 0.01
    np.testing.assert_array_equal(noisy, truth.clean + np.float32(0.5) * (rest / np.float32(0.5)))
    height = {"none": 16, "beside": 18, "patch": 16, "domino": 32}[cue]
    assert noisy.shape == truth.image.shape == truth.cue.shape == (400, 3, height, 16)
    kept = truth.image[:, :, height - 16 :]
    outside = np.ones((16, 16), bool)
    if cue == "patch":
        outside[:4, :4] = False
    np.testing.assert_array_equal(kept[..., outside], pixels[..., outside])
    assert not (truth.image * truth.cue).any()  # each has its own place


@pytest.mark.slow
@pytest.mark.parametrize("cue", ["beside", "patch", "domino"])
@pytest.mark.parametrize("share", [0.25, 0.8])
def test_the_cue_is_there_in_its_share_and_tells_the_class(cue, share):
    _, labels, _, truth = made(cue, n=2000, side=8, cue_share=share, cue_strength=0.5)
    assert truth.present.mean() == pytest.approx(share, abs=0.04)
    assert np.abs(truth.cue).max() == pytest.approx(0.5)
    if cue != "domino":
        for label in range(10):
            mine = truth.cue[labels == label]
            np.testing.assert_array_equal(mine, np.broadcast_to(mine[0], mine.shape))


def test_patterns_differ_between_classes():
    found = patterns(10, 1, 2, 8).reshape(10, -1)
    assert set(np.unique(found)) == {-1, 1}
    assert len({tuple(row) for row in found}) == 10


def test_an_image_is_the_same_in_any_company():
    _, _, whole, truth = made("patch", n=30)
    config = Data("cifar10", train=20, side=16, cue="patch", pixel_noise=0.5)
    numbers = np.array([7, 21, 3])
    rng = np.random.default_rng(0)
    pixels = rng.uniform(-1, 1, (30, 3, 16, 16)).astype(np.float32)
    some, part = plant(pixels[numbers], (np.arange(30) % 10)[numbers], numbers, "train", config)
    np.testing.assert_array_equal(some[:, 1:], whole[numbers][:, 1:])
    np.testing.assert_array_equal(part.present, truth.present[numbers])
    other, _ = plant(pixels[numbers], np.zeros(3, int), numbers, "test", config)
    assert not np.array_equal(other, some)  # test images have noise of their own


def test_a_split_of_cued_digits_knows_its_truth():
    parts = split_dataset(CUED, 0)
    for images in (parts.train, parts.validation, parts.test):
        assert images.shape == (1, 10, 8)
        assert images.truth is not None
        rest = images.pixels - images.truth.clean
        assert rest.std() == pytest.approx(0.5, rel=0.05)
    some = parts.train[np.array([3, 5])]
    np.testing.assert_array_equal(some.truth.image, parts.train.truth.image[[3, 5]])


def test_noisy_digits_stay_as_they_are_and_know_their_noise():
    parts = split_dataset(Data("noisy-digits", train=100), 0)
    clean = split_dataset(Data("digits", train=100), 0)
    np.testing.assert_array_equal(parts.train.truth.image, clean.train.pixels)
    assert not parts.train.truth.has_cues
    assert clean.train.truth is None
    noise = parts.train.pixels - parts.train.truth.clean
    assert noise.std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cue": "sideways"}, "data.cue is 'sideways'; allowed: none, beside, patch, domino"),
        ({"cue": "beside", "cue_share": 1.0}, "data.cue_share is 1.0; allowed"),
        ({"cue": "beside", "cue_share": 0.0}, "data.cue_share is 0.0; allowed"),
        ({"cue": "beside", "cue_strength": 0.0}, "data.cue_strength is 0.0; allowed"),
        ({"pixel_noise": 0.5}, "data.pixel_noise of noisy-digits is 0.5; allowed: none"),
        ({"name": "digits", "pixel_noise": -1.0}, "data.pixel_noise is -1.0; allowed: above 0"),
        ({"name": "digits", "cue": "beside"}, "data.cue of digits without pixel_noise"),
    ],
)
def test_bad_noise_and_cues_are_one_line(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        dataclasses.replace(Data("noisy-digits", train=100), **changes)
    assert "\n" not in str(error.value)


def test_dominoes_need_ten_classes_at_most():
    config = Data("cifar100", train=20, side=16, cue="domino", pixel_noise=0.5)
    pixels = np.zeros((20, 3, 16, 16), np.float32)
    with pytest.raises(ValueError, match=r"data\.cue domino got 20 classes"):
        plant(pixels, np.arange(20), np.arange(20), "train", config)
