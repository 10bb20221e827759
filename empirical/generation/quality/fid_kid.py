"""FID and KID: how far the features of two sets of images lie apart. Both depend on n, which every result therefore says.

Features are (n, d) arrays of any network; numbers from different networks, or from different n, are not to be compared.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from empirical.config import require


@dataclasses.dataclass(frozen=True)
class Fid:
    """value: at least 0; n: rows of the first and of the second set. The estimate is too high at small n, by about d / n of a variance."""

    value: float
    n: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Kid:
    """value: the mean over ``subsets`` draws of ``size`` rows of each set, unbiased, and so below 0 at times; error: its standard error
    over the draws, which says nothing about other images, None of a single one; n: rows of both sets.
    """

    value: float
    error: float | None
    n: tuple[int, int]
    subsets: int
    size: int


def fid(real: np.ndarray, other: np.ndarray) -> Fid:
    """Frechet distance |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of Gaussians with the features' means and covariances (Heusel 2017).

    With S = A^T A, A the centred rows over sqrt(n - 1), the trace of the root is the sum of the singular values of A1 A2^T (n1, n2):
    nothing is inverted or rooted, and so it is exact for n < d as well. Where n > d, A is the (d, d) factor of its QR decomposition.
    Raises ValueError for arrays that are not (n, d) with n >= 2, the same d and finite numbers.
    """
    real, other = checked(real, other)
    shift = real.mean(0) - other.mean(0)  # (d,)
    a, b = factor(real), factor(other)
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    value = shift @ shift + (a**2).sum() + (b**2).sum() - 2 * cross
    return Fid(max(0.0, float(value)), (len(real), len(other)))


def factor(features: np.ndarray) -> np.ndarray:
    """A of at most d rows with A^T A the covariance (divided by n - 1)."""
    centred = (features - features.mean(0)) / np.sqrt(len(features) - 1)  # (n, d)
    return np.linalg.qr(centred, mode="r") if len(centred) > centred.shape[1] else centred


def kid(
    real: np.ndarray,
    other: np.ndarray,
    rng: np.random.Generator,
    subsets: int = 100,
    size: int = 1000,
) -> Kid:
    """Kernel distance (Binkowski et al. 2018): the unbiased squared maximum mean discrepancy, over random subsets without replacement.

    size: rows of a subset, at least 2, and all where a set has fewer. Raises ValueError as ``fid`` does.
    """
    real, other = checked(real, other)
    require(
        subsets >= 1 and size >= 2,
        "subsets, size of KID",
        (subsets, size),
        "subsets at least 1, size at least 2",
    )
    size = min(size, len(real), len(other))
    values = []
    for _ in range(
        subsets if size < max(len(real), len(other)) else 1
    ):  # one draw of all is all there is
        x, y = (part[rng.choice(len(part), size, replace=False)] for part in (real, other))
        values.append(discrepancy(x, y))
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return Kid(float(np.mean(values)), error, (len(real), len(other)), len(values), size)


def discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased squared MMD: mean of k(x, x') over x != x' + mean of k(y, y') over y != y' - 2 mean of k(x, y); k = (x.y / d + 1)^3."""
    n, m = len(x), len(y)
    within_x, within_y = kernel(x, x), kernel(y, y)
    first = (within_x.sum() - np.trace(within_x)) / (n * (n - 1))
    second = (within_y.sum() - np.trace(within_y)) / (m * (m - 1))
    return float(first + second - 2 * kernel(x, y).mean())


def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(x.y / d + 1)^3 of all pairs, (n, m)."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def checked(real: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64; ValueError unless (n, d) with n >= 2, of the same d, and finite."""
    real, other = np.asarray(real, np.float64), np.asarray(other, np.float64)
    fits = (
        real.ndim == other.ndim == 2
        and real.shape[1] == other.shape[1]
        and min(len(real), len(other)) >= 2
    )
    require(
        fits,
        "shape of features",
        (real.shape, other.shape),
        "(n, d) and (m, d) with n and m at least 2",
    )
    require(
        bool(np.isfinite(real).all() and np.isfinite(other).all()),
        "features",
        "not finite",
        "finite numbers",
    )
    return real, other
