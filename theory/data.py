"""Draw examples and initial weights exactly, without forming a vector of dimension d.

Only inner products matter, and the inner products of m Gaussian vectors in D = d-2 dimensions (the
complement of v_e and v_d) have a known law. Stacked as rows, G = L Q with a rotation Q, and the
factor L has independent entries: standard normal below the diagonal, and on the diagonal, in row
i = 0, 1, ..., chi with D-i degrees of freedom (Bartlett 1933). The rows of L are the vectors
themselves in rotated coordinates, so L is sufficient, at a cost that does not depend on d.

A seed feeds independent streams: labels and presence of the fast feature; the originals' noise and
the weights beside the features; the weights along the features; the variants' noise; the random
subset; mini-batches; which variants have the fast feature. All methods of a seed share the
originals and the initial weights bit for bit. The c-th variant of slow example i is the same vector
in tada at every k; the first variants, c = 1, are also those of syn-all and, at k = 2, of syn-rand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from theory.config import Distribution, Method, Run

Array = NDArray[np.float64]
# purposes of random streams
LABELS, ORIGINALS, FEATURES, VARIANTS, SUBSET, BATCHES, PRESENCE = range(7)


@dataclass(frozen=True)
class Sample:
    """Examples with multiplicities, originals first, and initial weights, of one seed.

    N examples with Q noise patches each, J neurons; r <= d-2 coordinates span all noise patches
    and the weights beside the features.
    """

    labels: Array  # (N,) ±1
    multiplicities: Array  # (N,)
    strengths: Array  # (N, 2): of the fast and the slow feature, without the label
    # (N, Q, r); for orthogonal patches only their norms (N, Q), where patch q of example i lies
    # along coordinate i Q + q
    noise: Array
    feature_weights: Array  # (J, 2): <w_j(0), v_e>, <w_j(0), v_d>
    other_weights: Array  # (J, r)
    slow: NDArray[np.bool_]  # (n,): originals without the fast feature

    @property
    def orthogonal(self) -> bool:
        """Whether the noise patches are orthogonal to one another by construction."""
        return self.noise.ndim == 2


def stream(seed: int, purpose: int) -> np.random.Generator:
    """Return the random generator of one purpose; seed: a whole number >= 0."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose,)))


def bartlett(rng: np.random.Generator, rows: Array, start: int, dimension: int) -> None:
    """Write rows start, start + 1, ... of L for standard Gaussian vectors into ``rows``, all zero.

    The vectors have D = ``dimension`` >= 1 dimensions. Row i holds i normals and one chi with D-i
    degrees of freedom if i < D, and D normals otherwise.
    """
    for i, row in enumerate(rows, start):
        rng.standard_normal(out=row[: min(i, dimension)])
        if i < dimension:
            row[i] = rng.chisquare(dimension - i)  # the square, to be rooted below
    own = np.arange(min(len(rows), max(0, dimension - start)))  # rows that have a chi
    rows[own, start + own] = np.sqrt(rows[own, start + own])


@lru_cache(maxsize=4)  # shared by the methods of a seed
def original_rows(seed: int, originals: int, dimension: int) -> Array:
    """Return the rows of L of the originals, read-only: (m, min(m, dimension))."""
    rows = np.zeros((originals, min(originals, dimension)))
    bartlett(stream(seed, ORIGINALS), rows, 0, dimension)
    rows.flags.writeable = False
    return rows


@lru_cache(maxsize=4)  # shared by the runs of a sweep that have the same noise
def gaussian_factor(seed: int, originals: int, variants: int, dimension: int) -> Array:
    """Return L for ``originals`` + ``variants`` = m vectors, read-only: (m, min(m, dimension)).

    The rows of the originals do not depend on the number of variants.
    """
    total = originals + variants
    factor = np.zeros((total, min(total, dimension)))  # (m, r)
    first = original_rows(seed, originals, dimension)
    factor[:originals, : first.shape[1]] = first
    bartlett(stream(seed, VARIANTS), factor[originals:], originals, dimension)
    factor.flags.writeable = False
    return factor


def augmentation(
    method: Method, slow: NDArray[np.bool_], seed: int
) -> tuple[Array, NDArray[np.int_], NDArray[np.bool_]]:
    """Return which examples a method adds: (multiplicities, sources, kept).

    multiplicities: of the originals (n,). sources: the originals of the variants, in the order in
    which these are drawn (V,). kept: the variants that are used (V,). Slow examples come first and
    copies come in blocks, so that the rows that methods share are the same rows.
    """
    multiplicities = np.ones(len(slow))
    order = np.argsort(~slow, kind="stable")
    all_targets = {"tada": order[: slow.sum()], "syn-all": order, "syn-rand": order}
    targets = all_targets.get(method.name, order[:0])
    sources = np.tile(targets, method.k - 1)
    kept = np.ones(len(sources), bool)
    if method.name == "useful":
        multiplicities[slow] = method.k
    if method.name == "syn-rand":
        subset = stream(seed, SUBSET).permutation(len(slow))[: slow.sum()]
        kept = np.isin(sources, subset)
    return multiplicities, sources, kept


def labels_and_strengths(distribution: Distribution, seed: int) -> tuple[Array, Array]:
    """Return the labels y (n,) and the strengths of both features (n, 2).

    An example that has the fast feature at one α has it at every larger α.
    """
    rng = stream(seed, LABELS)
    labels = rng.choice((-1.0, 1.0), distribution.n)
    present = rng.random(distribution.n) < distribution.alpha
    fast = distribution.beta_e * present
    slow = np.full(distribution.n, distribution.beta_d)
    return labels, np.stack((fast, slow), axis=1)


def variant_strengths(run: Run, originals: Array, sources: NDArray[np.int_], seed: int) -> Array:
    """Return the strengths of both features in every variant (V, 2).

    originals: the strengths in the originals (n, 2). sources: the original of each variant (V,).
    """
    method = run.method
    strengths = originals[sources]
    if method.targeting < 1:
        follows, has = stream(seed, PRESENCE).random((len(sources), 2)).T
        anew = run.distribution.beta_e * (has < run.distribution.alpha)
        strengths[:, 0] = np.where(follows < method.targeting, strengths[:, 0], anew)
    return method.fidelity * strengths


def draw(run: Run, seed: int) -> Sample:
    """Draw the examples and initial weights of a run.

    They depend only on its distribution, network and method, and on the seed. Raises ValueError if
    d is too small for the orthogonal patches.
    """
    method = run.method
    network = run.network
    labels, strengths = labels_and_strengths(run.distribution, seed)
    slow = strengths[:, 0] == 0
    multiplicities, sources, kept = augmentation(method, slow, seed)
    noise_and_weights = _orthogonal if run.distribution.orthogonal else _gaussian
    noise, weights = noise_and_weights(run, seed, sources, kept)
    added = variant_strengths(run, strengths, sources, seed)[kept]
    sources = sources[kept]
    return Sample(
        labels=np.concatenate((labels, labels[sources])),
        multiplicities=np.concatenate((multiplicities, np.ones(len(sources)))),
        strengths=np.concatenate((strengths, added)),
        noise=noise,
        feature_weights=network.sigma_0 * stream(seed, FEATURES).standard_normal((network.J, 2)),
        other_weights=network.sigma_0 * weights,
        slow=slow,
    )


def _gaussian(
    run: Run, seed: int, sources: NDArray[np.int_], kept: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Return noise patches (N, Q, r) and standard normal weights (J, r) beside the features."""
    distribution = run.distribution
    n, Q, J = distribution.n, distribution.noise_patches, run.network.J
    factor = gaussian_factor(seed, n * Q + J, len(sources) * Q, distribution.d - 2)  # (m, r)
    noise, weights, fresh = np.split(factor, (n * Q, n * Q + J))
    scale = distribution.sigma_p / np.sqrt(distribution.d)
    noise = (scale * noise).reshape(n, Q, -1)
    fresh = (scale * fresh).reshape(len(sources), Q, noise.shape[-1])
    kappa = run.method.kappa
    old = kappa * noise[sources[kept]]  # (V, Q, r)
    new = np.sqrt(1 - kappa**2) * run.method.scale * fresh[kept]  # (V, Q, r)
    return np.concatenate((noise, old + new)), weights


def _orthogonal(
    run: Run, seed: int, sources: NDArray[np.int_], kept: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Return norms of the noise patches (N, Q) and standard normal weights (J, N Q + J).

    The weights stand along each patch first, then, as Bartlett rows, beside all patches. Weights
    along the features and along the originals' patches are the same under every method.
    """
    distribution = run.distribution
    Q, J = distribution.noise_patches, run.network.J
    patches = (distribution.n + len(sources)) * Q
    dimension = distribution.d - 2
    if patches >= dimension:
        raise ValueError(
            f"{patches} orthogonal noise patches do not fit: d = {distribution.d}; "
            f"allowed: d above {patches + 2}"
        )
    own = stream(seed, ORIGINALS)
    fresh = stream(seed, VARIANTS).standard_normal((J, len(sources), Q))
    along = own.standard_normal((J, distribution.n * Q))
    rest = np.zeros((J, min(J, dimension - patches)))
    bartlett(own, rest, 0, dimension - patches)
    sizes = np.concatenate((np.ones(distribution.n), np.full(kept.sum(), run.method.scale)))  # (N,)
    norms = distribution.sigma_p * np.repeat(sizes[:, None], Q, axis=1)  # (N, Q)
    return norms, np.concatenate((along, fresh[:, kept].reshape(J, -1), rest), axis=1)
