"""Make variants of images with any backend, each variant with its own random generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from empirical.data.images import Images, tensors
from empirical.generation.checks import as_floats, check_made
from empirical.generation.diffusemix import diffuse_mix
from empirical.runtime.seeding import stream, torch_stream

BATCH = 64  # images of a call of a backend that has no attribute ``batch``


def make_variants(
    backend: Callable[..., Tensor],
    images: Images,
    sources: np.ndarray,
    copies: np.ndarray,
    seed: int,
    names: np.ndarray | None = None,
) -> np.ndarray:
    """Return variant number ``copies[i]`` of image ``sources[i]`` for all i.

    backend: a ``Backend``, or a function with its signature; one with a true attribute
    ``needs_truth`` is also given the known parts of the sources. sources, copies: (m,).
    names: (m,), the sources' numbers by which the noise is drawn, if ``images`` are some of many;
    None: ``sources``. Returns (m, channels, height, width) float32. Raises ValueError for what
    ``check_made`` refuses, such as values that are not a number.

    A variant depends only on (seed, source, copy), bit for bit: its noise has a generator of its
    own, and every call of the backend has the same shape, on which floating-point sums depend (the
    last batch is filled up with repeated images).
    """
    names = sources if names is None else names
    made = np.empty((len(sources), *images.shape), np.float32)
    start = 0
    while start < len(sources):
        batch = getattr(backend, "batch", BATCH)  # shrinks when a backend runs out of memory
        rows = np.minimum(np.arange(start, start + batch), len(sources) - 1)
        generators = [
            torch_stream(seed, "variant", int(i), int(c))
            for i, c in zip(names[rows], copies[rows], strict=True)
        ]
        chosen = images[sources[rows]]
        known = {"truth": chosen.truth} if getattr(backend, "needs_truth", False) else {}
        out = as_floats(backend(*tensors(chosen), generators, **known))[: len(sources) - start]
        check_made(out, chosen.pixels[: len(out)], exact=bool(known))
        made[start : start + batch] = out
        start += batch
    return made


def mix_with_sources(
    made: np.ndarray, images: Images, sources: np.ndarray, copies: np.ndarray, seed: int
) -> np.ndarray:
    """Return the DiffuseMix of each variant with its source, in the shape of ``made``.

    made: (m, channels, height, width), from ``make_variants`` with the same arguments. The result
    depends only on (seed, source, copy) and the variant.
    """
    rngs = [
        stream(seed, "diffusemix", int(i), int(c)) for i, c in zip(sources, copies, strict=True)
    ]
    return diffuse_mix(images[sources].pixels, made, rngs)
