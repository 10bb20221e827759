"""DiffuseMix (Islam et al., CVPR 2024): half of the source beside half of its variant, with a little of a fractal.

The paper draws its fractals from a collection; here each is computed: a window of a Julia set z <- z^2 + c near the boundary of the
Mandelbrot set, where there is something to see at every size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from empirical.config import require

WEIGHT = 0.2  # of the fractal, as in the paper
ROUNDS = 48  # iterations of the map at most
ESCAPED = 16.0  # |z| beyond which a point never comes back


def mix(
    sources: np.ndarray,
    variants: np.ndarray,
    rngs: Sequence[np.random.Generator],
    weight: float = WEIGHT,
) -> np.ndarray:
    """(1 - weight) * hybrid + weight * fractal, (n, channels, height, width) float32 in and out on the [-1, 1] scale.

    The hybrid joins half of ``sources[i]`` and the other half of ``variants[i]``, left and right or top and bottom, either way round. rngs:
    one generator for each image, such as ``stream(seed, "diffusemix", source, copy)``: an image never depends on its batch.
    weight: [0, 1]. Raises ValueError for arrays of different shapes, or another number of generators.
    """
    same = sources.shape == variants.shape and sources.ndim == 4
    require(
        same,
        "shape of sources, variants",
        (sources.shape, variants.shape),
        "(n, channels, height, width), the same of both",
    )
    require(
        len(rngs) == len(sources),
        "number of generators",
        len(rngs),
        f"one for each image, {len(sources)}",
    )
    require(0 <= weight <= 1, "weight of the fractal", weight, "[0, 1]")
    mixed = np.empty(sources.shape, np.float32)
    for i, rng in enumerate(rngs):
        hybrid = np.where(half(rng, *sources.shape[2:]), sources[i], variants[i])
        mixed[i] = (1 - weight) * hybrid + weight * fractal(rng, *sources.shape[1:])
    return mixed


def half(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Where the source stays, (height, width) bool: left, right, top or bottom, each with probability 1/4."""
    upright, first = rng.integers(0, 2, 2)
    row, column = np.ogrid[:height, :width]
    before = row < height // 2 if upright else column < width // 2
    return np.broadcast_to(before if first else ~before, (height, width))


def fractal(rng: np.random.Generator, channels: int, height: int, width: int) -> np.ndarray:
    """A coloured window of a random Julia set, (channels, height, width) float32 in [-1, 1].

    c lies just outside the main cardioid of the Mandelbrot set, (e^it / 2 - e^2it / 4) * 1.05; colours are cosines of the smooth time
    of escape, with a phase and a frequency for each channel.
    """
    turn = np.exp(1j * rng.uniform(0, 2 * np.pi))
    c = 1.05 * (turn / 2 - turn**2 / 4)
    span, x, y = rng.uniform(0.6, 2.4), rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)
    z = (x + span * np.linspace(-0.5, 0.5, width))[None] + 1j * (
        y + span * np.linspace(-0.5, 0.5, height)
    )[:, None]
    time, size = np.full(z.shape, float(ROUNDS)), np.ones(z.shape)
    inside = np.ones(z.shape, bool)
    for step in range(ROUNDS):
        z[inside] = z[inside] ** 2 + c
        out = inside & (abs(z) > ESCAPED)
        time[out], size[out] = step, abs(z[out])
        inside &= ~out
    smooth = np.where(
        inside, ROUNDS, time + 1 - np.log2(np.log(np.maximum(size, ESCAPED)) / np.log(ESCAPED))
    )
    phase, rate = (
        rng.uniform(0, 2 * np.pi, (channels, 1, 1)),
        rng.uniform(0.2, 0.8, (channels, 1, 1)),
    )
    return np.cos(rate * smooth + phase).astype(np.float32)
