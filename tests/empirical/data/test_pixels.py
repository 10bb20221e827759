"""Test the conversions between uint8 and [-1, 1]: exact formulas, layouts, and round trips."""

import numpy as np
import pytest
import torch

from empirical.data.images import Images
from empirical.data.pixels import as_pixels, as_uint8, normalised


@pytest.fixture
def stored():
    """Return 5 random images, (5, 7, 7, 3) uint8."""
    return np.random.default_rng(0).integers(0, 256, (5, 7, 7, 3), dtype=np.uint8)


def test_every_value_survives_a_round_trip():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(as_uint8(as_pixels(values)), values)


def test_values_are_rounded_and_clipped():
    values = np.float32([[[[-2, -1, 0, 1, 2, 1.4 / 127.5 - 1, 1.6 / 127.5 - 1]]]])
    assert as_uint8(values).ravel().tolist() == [0, 0, 128, 255, 255, 1, 2]


def test_numpy_and_torch_give_the_same_bits(stored):
    expected = stored.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - np.float32(1)
    pixels = as_pixels(stored)
    np.testing.assert_array_equal(pixels, expected)
    found = normalised(torch.from_numpy(stored).permute(0, 3, 1, 2))
    np.testing.assert_array_equal(found.numpy(), expected)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert found.numpy().strides == pixels.strides  # both keep the channels last in memory


def test_floats_are_returned_as_they_are(stored):
    pixels = as_pixels(stored)
    assert as_pixels(pixels) is pixels
    tensor = torch.from_numpy(pixels)
    assert normalised(tensor) is tensor


def test_images_give_the_same_pixels_and_keep_them(stored):
    images = Images(stored, np.zeros(5, np.int64), ("a",))
    np.testing.assert_array_equal(images.pixels, as_pixels(stored))
    assert images.pixels is images.pixels
    assert images.shape == (3, 7, 7)
