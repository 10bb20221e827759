"""Test the digits: their scale, noise drawn once, disjoint and reproducible splits."""

import numpy as np
import pytest

from empirical.config import Data
from empirical.config.data import NOISY_DIGITS
from empirical.data.load import load_digits
from empirical.data.split import split_dataset


def test_clean_digits_are_those_of_scikit_learn():
    from sklearn import datasets

    images = load_digits(Data("digits"))
    assert images.pixels.shape == (1797, 1, 8, 8)
    np.testing.assert_array_equal((images.pixels[:, 0] + 1) * 8, datasets.load_digits().images)
    assert images.pixels.min() == -1
    assert images.pixels.max() == 1


def test_noise_is_drawn_once_per_image_with_the_stated_deviation():
    noise = load_digits(Data("noisy-digits")).pixels - load_digits(Data("digits")).pixels
    np.testing.assert_array_equal(
        noise, load_digits(Data("noisy-digits")).pixels - load_digits(Data("digits")).pixels
    )
    assert noise.std() == pytest.approx(NOISY_DIGITS, rel=0.01)
    assert abs(noise.mean()) < 0.01
    assert (
        np.abs(np.corrcoef(noise[:200].reshape(200, -1)) - np.eye(200)).max() < 0.7
    )  # 64 pixels: no two images share theirs


@pytest.mark.parametrize("name", ["digits", "noisy-digits"])
def test_splits_are_disjoint_whole_and_reproducible(name):
    config = Data(name, train=400, validation=200)
    parts, again, other = (
        split_dataset(config, 3),
        split_dataset(config, 3),
        split_dataset(config, 4),
    )
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [400, 200, 1197]
    rows = np.concatenate(
        [part.pixels.reshape(len(part), -1) for part in (parts.train, parts.validation, parts.test)]
    )
    everything = load_digits(Data(name)).pixels.reshape(1797, -1)
    np.testing.assert_array_equal(np.sort(rows, 0), np.sort(everything, 0))
    found = load_digits(Data(name)).pixels[parts.train_indices]
    np.testing.assert_array_equal(found, parts.train.pixels)
    np.testing.assert_array_equal(parts.train.pixels, again.train.pixels)
    assert len(np.intersect1d(parts.train_indices, other.train_indices)) < 200
    np.testing.assert_array_equal(
        parts.validation.pixels, other.validation.pixels
    )  # no seed tests on what another may look at
