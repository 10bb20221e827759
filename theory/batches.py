"""Draw mini-batches with replacement, from one random stream per seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from theory.data import BATCHES, Array, Sample, stream
from theory.problem import padded

BLOCK = 2**17  # numbers of the mini-batches that are drawn at once: about a megabyte


def entries(sample: Sample) -> NDArray[np.int_]:
    """Return the example behind each of the N' entries, where every copy is an entry: (N',).

    The originals come first, then the further copies, block by block. The examples of tada have
    the same order, so that a draw of a copy in useful is, in tada, a draw of the variant of the
    same original.
    """
    most = int(sample.multiplicities.max())
    blocks = [np.flatnonzero(sample.multiplicities > copies) for copies in range(most)]
    return np.concatenate(blocks)


def batch_weights(
    samples: Sequence[Sample], seeds: Sequence[int], batch: int, size: int | None = None
) -> Iterator[Array]:
    """Yield, without end, the example weights (R, N) of each step's mini-batch.

    The weight of an example is the share of the B = ``batch`` >= 1 uniform draws from the N'
    entries that hit it. samples: one for each of the R ``seeds`` >= 0, all of one padded size N;
    with ``size``, all are padded to that size. The draws of a seed depend only on the seed, B
    and N'. Many steps are drawn at once, which gives the numbers that one after another gives.
    """
    listed = [entries(sample) for sample in samples]
    streams = [stream(seed, BATCHES) for seed in seeds]
    size = size or padded(samples[0])
    steps = max(1, BLOCK // (len(samples) * (size + batch)))  # drawn at once
    places = size * np.arange(steps)[:, None]  # (steps, 1), where the entries of each step begin
    while True:
        block = np.empty((steps, len(samples), size))
        for r, (owners, rng) in enumerate(zip(listed, streams, strict=True)):
            hits = owners[rng.integers(len(owners), size=(steps, batch))]  # (steps, B)
            hits += places
            counts = np.bincount(hits.ravel(), minlength=steps * size)
            block[:, r] = counts.reshape(steps, size)
        block /= batch
        yield from block
