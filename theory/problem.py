"""State a training problem in coordinates that do not contain the patch dimension d.

Every gradient lies in the span of v_e, v_d and the noise patches ξ_i. Hence
w_j = <w_j,v_e> v_e + <w_j,v_d> v_d + w_j^⊥, with

    w_j^⊥ = w_j^⊥(0) + Σ_i A_ji ξ_i,
    c_ji = <w_j, ξ_i> = c_ji(0) + (A K)_ji,   K_il = <ξ_i, ξ_l>.

R runs of one size train together, each with J neurons, N examples (padded with examples of weight
0) and Q noise patches per example; M = Q N noise patches, ordered patch by patch. Runs that share
their noise patches share K, and one product serves all of them.

Where d is far below M, K has a low rank and is large: x K is then (x X) Xᵀ with the patches X as
rows, in r <= d - 2 coordinates, and K is never formed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import DTypeLike

from theory.config import Network
from theory.data import Array, Sample

PAD = 16  # pad to a multiple of 16 numbers: whole cache lines, so that all runs are aligned alike

Activation = Callable[[Array], Array]


@dataclass(frozen=True)
class Problem:
    """R training problems of equal size, in one floating-point type.

    F = 2 features; 4 if the activation is not odd.
    """

    activation: Activation
    power: int  # q
    labels: Array  # (R, N) ±1
    weights: Array  # (R, N) multiplicities / their sum N'; 0 at padding
    # (R, F, N) y β^q of fast and slow; if not odd, β^q where the label is +1, then where it is -1
    strengths: Array
    features: Array  # (R, J, 2) at step 0
    projections: Array  # (R, J, M) c at step 0
    others: Array  # (R, J, J) <w_j, w_l> beside the features at step 0
    # for G groups of R/G runs each: K (G, M, M); its diagonal (G, M) if the patches are orthogonal;
    # or, if 2 r <= M, the patches X themselves (G, M, r), of which K is X Xᵀ
    gram: Array

    @property
    def factored(self) -> bool:
        """Whether ``gram`` holds the patches X in place of K."""
        return self.gram.ndim == 3 and self.gram.shape[1] != self.gram.shape[2]

    def patch_squares(self) -> Array:
        """Return |ξ|² of every noise patch (G, M), 0 at padding."""
        if self.gram.ndim == 2:
            return self.gram
        if self.factored:
            return (self.gram**2).sum(axis=2)
        return np.diagonal(self.gram, axis1=1, axis2=2)


def activation(network: Network) -> Activation:
    """Return z -> σ'(z)/q for σ(z) = z^q, or max(z, 0)^q if rectified; σ(z) is z times it."""

    def slope(z: Array) -> Array:
        return reduce(np.multiply, (z,) * (network.power - 1))

    def rectified(z: Array) -> Array:
        return slope(np.maximum(z, 0.0))

    return rectified if network.rectified else slope


def padded(sample: Sample) -> int:
    """Return N, the number of examples rounded up to a multiple of 16.

    Samples of equal N may train in one batch.
    """
    return -(-len(sample.labels) // PAD) * PAD


def stack(
    samples: Sequence[Sample],
    network: Network,
    dtype: DTypeLike = np.float64,
    size: int | None = None,
) -> Problem:
    """Return the training problems of samples of equal ``padded`` size, or all padded to ``size``.

    ``size`` is rounded up to a multiple of 16. Successive samples with the same noise share a Gram
    matrix if they come in groups of equal length. Raises ValueError if ``size`` is None and the
    padded sizes differ.
    """
    if size is None and len({padded(sample) for sample in samples}) != 1:
        sizes = sorted({padded(sample) for sample in samples})
        raise ValueError(f"a batch needs samples of one padded size, got {sizes}")
    size = -(-(size or padded(samples[0])) // PAD) * PAD
    coordinates = zip(*(_coordinates(sample, network, size) for sample in samples), strict=True)
    grams = _grams([samples[i] for i in leading(samples)], size)
    parts = [np.stack(column).astype(dtype) for column in (*coordinates, grams)]
    return Problem(activation(network), network.power, *parts)


def leading(samples: Sequence[Sample]) -> list[int]:
    """Return the indices at which groups of the same noise begin.

    If the groups are not equally long, every index is returned.
    """
    starts = [
        i
        for i, sample in enumerate(samples)
        if i == 0 or not np.array_equal(sample.noise, samples[i - 1].noise)
    ]
    lengths = {end - start for start, end in zip(starts, [*starts[1:], len(samples)], strict=True)}
    return starts if len(lengths) == 1 else list(range(len(samples)))


def _coordinates(sample: Sample, network: Network, size: int) -> tuple[Array, ...]:
    """Return the parts of a Problem from ``labels`` to ``others``, for one sample padded to N."""
    extra = size - len(sample.labels)
    labels = np.pad(sample.labels, (0, extra), constant_values=1.0)  # (N,)
    weights = np.pad(sample.multiplicities / sample.multiplicities.sum(), (0, extra))  # (N,)
    strengths = np.pad(sample.strengths**network.power, ((0, extra), (0, 0))).T  # (2, N)
    split = np.concatenate((strengths * (labels > 0), strengths * (labels < 0)))  # (4, N)
    strengths = split if network.rectified else split[:2] - split[2:]  # (F, N)
    others = sample.other_weights  # (J, r)
    if sample.orthogonal:
        own = others[:, : sample.noise.size].reshape(-1, *sample.noise.shape)  # (J, n, Q)
        along = own * sample.noise  # (J, n, Q)
    else:
        along = np.tensordot(others, sample.noise, (1, 2))  # (J, n, Q)
    along = np.pad(along, ((0, 0), (0, extra), (0, 0)))  # (J, N, Q)
    projections = along.swapaxes(1, 2).reshape(len(others), -1)  # (J, M)
    return labels, weights, strengths, sample.feature_weights, projections, others @ others.T


def _grams(samples: Sequence[Sample], size: int) -> list[Array]:
    """Return what ``Problem.gram`` holds of each sample: (M,), (M, M) or (M, r) each."""
    patches = [_patches(sample, size) for sample in samples]
    if samples[0].orthogonal:
        return [norms**2 for norms in patches]
    width = max(rows.shape[1] for rows in patches)
    if 2 * width <= len(patches[0]):
        return [np.pad(rows, ((0, 0), (0, width - rows.shape[1]))) for rows in patches]
    return [rows @ rows.T for rows in patches]


def _patches(sample: Sample, size: int) -> Array:
    """Return the noise patches as rows (M, r), or only their norms (M,) if they are orthogonal."""
    others = ((0, 0),) * (sample.noise.ndim - 1)
    noise = np.pad(sample.noise, ((0, size - len(sample.noise)), *others))  # (N, Q, ...)
    noise = noise.swapaxes(0, 1)  # (Q, N, ...)
    return noise.reshape(-1, *noise.shape[2:])
