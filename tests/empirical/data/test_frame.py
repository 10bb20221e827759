"""Whole images in squares and back: same size, same mean, nothing cropped."""

import numpy as np
import pytest
from PIL import Image

from empirical.data.sources.frame import frame_box, from_square, pad_to_square

SIZES = [(500, 375), (31, 977), (64, 64), (8, 5), (1000, 3), (1, 1), (33, 32)]


def gradient(width, height):
    """Return an image whose red rises from left to right, and green from top to bottom."""
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([red, green, np.full_like(red, 90)], -1).astype(np.uint8)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("side", [8, 32, 64])
def test_size_and_mean_come_back(width, height, side):
    image = gradient(width, height)
    square = pad_to_square(Image.fromarray(image), side)
    back = from_square(square, width, height)
    assert (square.shape, square.dtype) == ((side, side, 3), np.uint8)
    assert back.shape == image.shape
    assert np.abs(back.mean((0, 1)) - image.mean((0, 1))).max() < 2


def test_no_corner_is_cropped():
    image = np.zeros((40, 160, 3), np.uint8)
    image[:10, :10] = image[-10:, -10:] = 255
    back = from_square(pad_to_square(Image.fromarray(image), 64), 160, 40)
    assert back[2, 2].min() > 200
    assert back[-3, -3].min() > 200
    assert back[2, -3].max() < 50


def test_a_square_of_the_same_side_is_left_as_it_is():
    image = gradient(32, 32)
    square = pad_to_square(Image.fromarray(image), 32)
    np.testing.assert_array_equal(square, image)
    np.testing.assert_array_equal(from_square(square, 32, 32), image)


def test_the_rest_is_a_reflection():
    square = pad_to_square(Image.fromarray(gradient(32, 16)), 32)
    left, top, right, bottom = frame_box(32, 16, 32)
    assert (left, top, right, bottom) == (0, 8, 32, 24)
    np.testing.assert_array_equal(square[:8], square[8:16][::-1])
    np.testing.assert_array_equal(square[24:], square[16:24][::-1])
