"""DiffuseMix (Islam et al., CVPR 2024): join half of an image with half of its variant.

A fractal is blended in. The paper takes its fractals from a collection; here each is computed as a
window of a Julia set z <- z^2 + c, with c near the boundary of the Mandelbrot set, where the set
shows structure at every size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from empirical.config import require

WEIGHT = 0.2  # weight of the fractal, as in the paper
ROUNDS = 48  # maximal number of iterations of the map
ESCAPED = 16.0  # |z| beyond which a point counts as escaped


def diffuse_mix(
    sources: np.ndarray,
    variants: np.ndarray,
    rngs: Sequence[np.random.Generator],
    weight: float = WEIGHT,
) -> np.ndarray:
    """Return (1 - weight) * hybrid + weight * fractal for every image.

    The hybrid joins one half of ``sources[i]`` with the other half of ``variants[i]``: left and
    right or top and bottom, in either order.
    sources, variants: (n, channels, height, width) float32 in [-1, 1], and so is the result.
    rngs: one generator for each image, such as ``stream(seed, "diffusemix", source, copy)``, so
    that an image does not depend on its batch. weight: [0, 1]. Raises ValueError if the shapes
    differ, or the number of generators does.
    """
    require(
        sources.shape == variants.shape and sources.ndim == 4,
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
        hybrid = np.where(draw_half(rng, *sources.shape[2:]), sources[i], variants[i])
        mixed[i] = (1 - weight) * hybrid + weight * draw_fractal(rng, *sources.shape[1:])
    return mixed


def draw_half(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return a mask of one half of an image, (height, width) bool.

    True on the left, right, top or bottom half, each with probability 1/4.
    """
    upright, first = rng.integers(0, 2, 2)
    row, column = np.ogrid[:height, :width]
    before = row < height // 2 if upright else column < width // 2
    return np.broadcast_to(before if first else ~before, (height, width))


def draw_fractal(rng: np.random.Generator, channels: int, height: int, width: int) -> np.ndarray:
    """Return a coloured window of a random Julia set, (channels, height, width) in [-1, 1].

    c = 1.05 (e^it / 2 - e^2it / 4) lies just outside the main cardioid of the Mandelbrot set.
    Colours are cosines of the smooth escape time, with a phase and a frequency for each channel.
    Returns float32.
    """
    turn = np.exp(1j * rng.uniform(0, 2 * np.pi))
    c = 1.05 * (turn / 2 - turn**2 / 4)
    span = rng.uniform(0.6, 2.4)
    x = rng.uniform(-0.5, 0.5)
    y = rng.uniform(-0.5, 0.5)
    real = x + span * np.linspace(-0.5, 0.5, width)
    imaginary = y + span * np.linspace(-0.5, 0.5, height)
    z = real[None] + 1j * imaginary[:, None]  # (height, width)
    time = np.full(z.shape, float(ROUNDS))
    size = np.ones(z.shape)
    inside = np.ones(z.shape, bool)
    for step in range(ROUNDS):
        z[inside] = z[inside] ** 2 + c
        out = inside & (abs(z) > ESCAPED)
        time[out] = step
        size[out] = abs(z[out])
        inside &= ~out
    excess = np.log2(np.log(np.maximum(size, ESCAPED)) / np.log(ESCAPED))
    smooth = np.where(inside, ROUNDS, time + 1 - excess)
    phase = rng.uniform(0, 2 * np.pi, (channels, 1, 1))
    rate = rng.uniform(0.2, 0.8, (channels, 1, 1))
    return np.cos(rate * smooth + phase).astype(np.float32)
