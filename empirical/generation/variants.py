"""Variants of real images: noise to a strength, denoise with the generator. One random generator per variant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from empirical.data.images import Images, tensors
from empirical.generation.diffusemix import mix
from empirical.runtime.seeding import stream, torch_stream

BATCH = 64  # images of an evaluation by a model that does not say how many it is best given


def make_variants(
    way: Callable[[Tensor, Tensor, list[torch.Generator]], Tensor],
    images: Images,
    sources: np.ndarray,
    copies: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Variant number ``copies[i]`` of image ``sources[i]``, for all i: (m, channels, height, width) float32. way: a ``Backend``.

    A variant is a function of (seed, source, copy) alone, bit for bit: its noise has a generator of its own, and every
    evaluation has the same shape, on which float sums depend: the last batch is filled up.
    """
    made, start = np.empty((len(sources), *images.shape), np.float32), 0
    while start < len(sources):
        batch = getattr(way, "batch", BATCH)  # less from then on where the memory did not do
        rows = np.minimum(np.arange(start, start + batch), len(sources) - 1)
        generators = [
            torch_stream(seed, "variant", int(i), int(c))
            for i, c in zip(sources[rows], copies[rows], strict=True)
        ]
        made[start : start + batch] = way(*tensors(images[sources[rows]]), generators)[
            : len(sources) - start
        ].numpy()
        start += batch
    return made


def mixed(
    made: np.ndarray, images: Images, sources: np.ndarray, copies: np.ndarray, seed: int
) -> np.ndarray:
    """DiffuseMix of each of ``made``, which ``make_variants`` made, with its source; a function of (seed, source, copy) alone."""
    rngs = [
        stream(seed, "diffusemix", int(i), int(c)) for i, c in zip(sources, copies, strict=True)
    ]
    return mix(images[sources].pixels, made, rngs)
