"""Test DiffuseMix: halves of source and variant, a fractal on top, independent of the batch."""

import numpy as np
import pytest

from empirical.generation.diffusemix import diffuse_mix, draw_fractal, draw_half
from empirical.runtime.seeding import stream


def rngs(n):
    return [stream(0, "diffusemix", i, 1) for i in range(n)]


def test_without_a_fractal_each_pixel_is_the_sources_or_the_variants_half_and_half():
    sources = np.ones((40, 3, 8, 8), np.float32)
    variants = -np.ones((40, 3, 8, 8), np.float32)
    mixed = diffuse_mix(sources, variants, rngs(40), weight=0)
    assert (mixed.mean((1, 2, 3)) == 0).all()
    assert len(np.unique(mixed[:, 0].reshape(40, -1), axis=0)) == 4  # left, right, top, bottom


def test_the_fractal_has_its_weight_and_the_range_stays():
    sources = stream(1).uniform(-1, 1, (10, 3, 8, 8)).astype(np.float32)
    mixed = diffuse_mix(sources, sources, rngs(10))
    apart = np.abs(mixed - np.float32(0.8) * sources)
    assert apart.max() <= 0.2 + 1e-6
    assert np.abs(mixed).max() <= 1
    assert mixed.dtype == np.float32


def test_an_image_depends_on_its_stream_alone():
    sources, variants = stream(1).uniform(-1, 1, (2, 6, 1, 8, 8)).astype(np.float32)
    whole = diffuse_mix(sources, variants, rngs(6))
    np.testing.assert_array_equal(diffuse_mix(sources[3:], variants[3:], rngs(6)[3:]), whole[3:])


def test_fractals_are_neither_flat_nor_alike():
    drawn = np.stack([draw_fractal(stream(0, i), 3, 32, 32) for i in range(30)])
    assert np.isfinite(drawn).all()
    assert np.abs(drawn).max() <= 1
    assert (drawn.std((2, 3)).max(1) > 0.1).all()
    assert np.abs(drawn[1:] - drawn[:-1]).mean((1, 2, 3)).min() > 0.1


def test_odd_sides_and_bad_input():
    assert draw_half(stream(0), 5, 7).shape == (5, 7)
    images = np.zeros((2, 1, 4, 4), np.float32)
    with pytest.raises(
        ValueError, match="number of generators is 1; allowed: one for each image, 2"
    ):
        diffuse_mix(images, images, rngs(1))
    with pytest.raises(ValueError, match="weight of the fractal is 2"):
        diffuse_mix(images, images, rngs(2), weight=2)
    with pytest.raises(ValueError, match="the same of both"):
        diffuse_mix(images, images[:1], rngs(2))
