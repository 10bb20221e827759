"""Mini-batches: which examples each step sees, drawn with replacement, one stream a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from theory.data import BATCHES, Array, Sample, stream
from theory.dynamics import padded


def entries(sample: Sample) -> NDArray[np.int_]:
    """The example behind each of the N' entries, copies counted one by one: originals, then further copies block by block.

    This is also the order of tada's examples, so that a draw which hits a copy in useful hits in tada the variant of the
    same original: (N',).
    """
    most = int(sample.multiplicities.max())
    blocks = [np.flatnonzero(sample.multiplicities > copies) for copies in range(most)]
    return np.concatenate(blocks)


def batch_weights(
    samples: Sequence[Sample], seeds: Sequence[int], batch: int, size: int | None = None
) -> Iterator[Array]:
    """Without end, the weights (R, N) of each step: how often B = ``batch`` >= 1 uniform draws of the N' entries hit an example, / B.

    The draws of a seed depend on the seed, B and N' alone; samples: one for each of R seeds >= 0,
    of one padded size N, or padded to ``size``.
    """
    listed = [entries(sample) for sample in samples]
    streams = [stream(seed, BATCHES) for seed in seeds]
    size = size or padded(samples[0])
    while True:
        hits = (
            owners[rng.integers(len(owners), size=batch)]
            for owners, rng in zip(listed, streams, strict=True)
        )
        yield np.stack([np.bincount(hit, minlength=size) for hit in hits]) / batch
