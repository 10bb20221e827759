"""Examples and initial weights, drawn exactly and without ever forming a vector of dimension d.

Only inner products matter, and those of m Gaussian vectors in D = d-2 dimensions (the complement of v_e and v_d) have a
known law: stacked as rows, G = L Q with Q a rotation, and the factor L has independent entries, standard normal below
the diagonal and chi with D-i degrees of freedom at row i = 0, 1, ... of it (Bartlett 1933). Rows of L are the vectors
themselves in rotated coordinates, so L is all one needs, at a cost that does not depend on d.

A seed feeds independent streams: labels and presence; originals' noise and the weights beside the features; weights
along the features; variants' noise; the random subset; mini-batches. All methods of a seed share originals and initial weights bit
for bit. The c-th variant of slow example i is the same vector in tada at every k; the first variants, c = 1, are also
those of syn-all, and at k = 2 of syn-rand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from theory.config import Distribution, Method, Run

Array = NDArray[np.float64]
LABELS, ORIGINALS, FEATURES, VARIANTS, SUBSET, BATCHES = range(6)


@dataclass(frozen=True)
class Sample:
    """One seed's examples with multiplicities, originals first, and initial weights.

    N examples, Q noise patches each, J neurons; r <= d-2 coordinates span all noise patches and weights beside the features.
    """

    labels: Array  # (N,) ±1
    multiplicities: Array  # (N,)
    strengths: Array  # (N, 2): of the fast and the slow feature, without the label
    noise: Array  # (N, Q, r); orthogonal patches: their norms (N, Q), patch q of example i lying along coordinate i Q + q
    feature_weights: Array  # (J, 2): <w_j(0), v_e>, <w_j(0), v_d>
    other_weights: Array  # (J, r)
    slow: NDArray[np.bool_]  # (n,): originals without the fast feature

    @property
    def orthogonal(self) -> bool:
        """Whether the noise patches are orthogonal to one another by construction."""
        return self.noise.ndim == 2


def stream(seed: int, purpose: int) -> np.random.Generator:
    """The generator of one purpose; seed: a whole number >= 0."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose,)))


def bartlett_rows(
    rng: np.random.Generator, start: int, stop: int, dimension: int
) -> Iterator[Array]:
    """Rows start..stop-1 of L for standard Gaussian vectors in D = ``dimension`` >= 1 dimensions, each without trailing zeros.

    Row i holds i normals and one chi with D-i degrees of freedom if i < D, and D normals from there on.
    """
    for i in range(start, stop):
        normals = rng.standard_normal(min(i, dimension))
        yield (
            normals if i >= dimension else np.append(normals, np.sqrt(rng.chisquare(dimension - i)))
        )


@lru_cache(maxsize=4)  # the runs of a sweep over anything but the noise share it
def gaussian_factor(seed: int, originals: int, variants: int, dimension: int) -> Array:
    """L for ``originals`` + ``variants`` vectors, read-only; the first rows do not depend on how many variants follow."""
    total = originals + variants
    factor = np.zeros((total, min(total, dimension)))  # (m, r)
    for purpose, start, stop in ((ORIGINALS, 0, originals), (VARIANTS, originals, total)):
        for i, row in enumerate(
            bartlett_rows(stream(seed, purpose), start, stop, dimension), start
        ):
            factor[i, : len(row)] = row
    factor.flags.writeable = False
    return factor


def augmentation(
    method: Method, slow: NDArray[np.bool_], seed: int
) -> tuple[Array, NDArray[np.int_], NDArray[np.bool_]]:
    """(multiplicities of the originals (n,), sources of the variants in the order they are drawn (V,), which are kept (V,)).

    Slow examples come first and copies come in blocks, so that what methods share stands at the same rows.
    """
    ones, order = np.ones(len(slow)), np.argsort(~slow, kind="stable")
    targets = {"tada": order[: slow.sum()], "syn-all": order, "syn-rand": order}.get(
        method.name, order[:0]
    )
    sources = np.tile(targets, method.k - 1)
    if method.name == "useful":
        ones[slow] = method.k
    if method.name == "syn-rand":
        return (
            ones,
            sources,
            np.isin(sources, stream(seed, SUBSET).permutation(len(slow))[: slow.sum()]),
        )
    return ones, sources, np.ones(len(sources), bool)


def labels_and_strengths(distribution: Distribution, seed: int) -> tuple[Array, Array]:
    """y (n,) and the strengths of both features (n, 2); a fast feature once present stays present as α grows."""
    rng = stream(seed, LABELS)
    labels = rng.choice((-1.0, 1.0), distribution.n)
    present = rng.random(distribution.n) < distribution.alpha
    return labels, np.stack(
        (distribution.beta_e * present, np.full(distribution.n, distribution.beta_d)), axis=1
    )


def draw(run: Run, seed: int) -> Sample:
    """The examples and initial weights of a run; the same for the same distribution, network, method and seed.

    Raises ValueError if more orthogonal patches are asked for than there are dimensions.
    """
    method, network = run.method, run.network
    labels, strengths = labels_and_strengths(run.distribution, seed)
    slow = strengths[:, 0] == 0
    multiplicities, sources, kept = augmentation(method, slow, seed)
    noise, weights = (_orthogonal if run.distribution.orthogonal else _gaussian)(
        run, seed, sources, kept
    )
    sources = sources[kept]
    return Sample(
        labels=np.concatenate((labels, labels[sources])),
        multiplicities=np.concatenate((multiplicities, np.ones(len(sources)))),
        strengths=np.concatenate((strengths, method.fidelity * strengths[sources])),
        noise=noise,
        feature_weights=network.sigma_0 * stream(seed, FEATURES).standard_normal((network.J, 2)),
        other_weights=network.sigma_0 * weights,
        slow=slow,
    )


def _gaussian(
    run: Run, seed: int, sources: NDArray[np.int_], kept: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Noise patches (N, Q, r) and standard normal weights (J, r) beside the features."""
    distribution, method = run.distribution, run.method
    n, Q, J = distribution.n, distribution.noise_patches, run.network.J
    factor = gaussian_factor(seed, n * Q + J, len(sources) * Q, distribution.d - 2)  # (m, r)
    noise, weights, fresh = np.split(factor, (n * Q, n * Q + J))
    noise = (distribution.sigma_p / np.sqrt(distribution.d) * noise).reshape(n, Q, -1)
    fresh = (distribution.sigma_p / np.sqrt(distribution.d) * fresh).reshape(
        len(sources), Q, noise.shape[-1]
    )
    variants = (
        method.kappa * noise[sources[kept]]
        + np.sqrt(1 - method.kappa**2) * method.scale * fresh[kept]
    )  # (V, Q, r)
    return np.concatenate((noise, variants)), weights


def _orthogonal(
    run: Run, seed: int, sources: NDArray[np.int_], kept: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Norms of the noise patches (N, Q) and standard normal weights (J, N Q + J): along each patch, then Bartlett rows beside them all.

    Weights along the features and the originals' patches are the same under every method.
    """
    distribution, Q, J = run.distribution, run.distribution.noise_patches, run.network.J
    patches, dimension = (distribution.n + len(sources)) * Q, distribution.d - 2
    if patches >= dimension:
        raise ValueError(
            f"{patches} orthogonal noise patches do not fit: d = {distribution.d}; allowed: d above {patches + 2}"
        )
    own, fresh = (
        stream(seed, ORIGINALS),
        stream(seed, VARIANTS).standard_normal((J, len(sources), Q)),
    )
    along = own.standard_normal((J, distribution.n * Q))
    rest = np.zeros((J, min(J, dimension - patches)))
    for row, entries in zip(rest, bartlett_rows(own, 0, J, dimension - patches), strict=True):
        row[: len(entries)] = entries
    sizes = np.concatenate((np.ones(distribution.n), np.full(kept.sum(), run.method.scale)))  # (N,)
    norms = distribution.sigma_p * np.repeat(sizes[:, None], Q, axis=1)  # (N, Q)
    return norms, np.concatenate((along, fresh[:, kept].reshape(J, -1), rest), axis=1)
