"""Compute FID and KID: distances between the features of two sets of images.

Features are (n, d) arrays of any network. Both distances depend on the network and on n, so only
numbers of the same network and the same n can be compared; every result carries its n.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from empirical.config import require


@dataclasses.dataclass(frozen=True)
class Fid:
    """A Frechet distance.

    value: at least 0. n: rows of the first and of the second set. The estimate is too high for
    small n, by about d / n of a variance.
    """

    value: float
    n: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Kid:
    """A kernel distance.

    value: mean over ``subsets`` draws of ``size`` rows of each set. It is unbiased, so it may be
    negative. error: its standard error over the draws, which does not account for other images;
    None for a single draw. n: rows of both sets.
    """

    value: float
    error: float | None
    n: tuple[int, int]
    subsets: int
    size: int


def fid(real: np.ndarray, other: np.ndarray) -> Fid:
    """Return the Frechet distance between two sets of features (Heusel et al. 2017).

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), for Gaussians with the means m and covariances S of
    the features. With S = A^T A, A the centred rows over sqrt(n - 1), the trace of the root is the
    sum of the singular values of A1 A2^T (n1, n2). No matrix is inverted or rooted, so the result
    is exact for n < d as well. Where n > d, A is the (d, d) factor of its QR decomposition.
    real, other: (n, d). Raises ValueError unless n >= 2, d is the same and all numbers are finite.
    """
    real, other = check_features(real, other)
    shift = real.mean(0) - other.mean(0)  # (d,)
    a = covariance_factor(real)
    b = covariance_factor(other)
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    value = shift @ shift + (a**2).sum() + (b**2).sum() - 2 * cross
    return Fid(max(0.0, float(value)), (len(real), len(other)))


def covariance_factor(features: np.ndarray) -> np.ndarray:
    """Return A with A^T A the covariance (divided by n - 1): at most d rows, d columns."""
    centred = (features - features.mean(0)) / np.sqrt(len(features) - 1)  # (n, d)
    if len(centred) <= centred.shape[1]:
        return centred
    return np.asarray(np.linalg.qr(centred, mode="r"))


def kid(
    real: np.ndarray,
    other: np.ndarray,
    rng: np.random.Generator,
    subsets: int = 100,
    size: int = 1000,
) -> Kid:
    """Return the kernel distance between two sets of features (Binkowski et al. 2018).

    It is the unbiased squared maximum mean discrepancy, averaged over random subsets drawn without
    replacement.
    real, other: (n, d). subsets: number of draws; one if it takes all rows of both sets. size: rows
    of a subset, at least 2; all rows of the smaller set if it has fewer. Raises ValueError as
    ``fid`` does.
    """
    real, other = check_features(real, other)
    require(
        subsets >= 1 and size >= 2,
        "subsets, size of KID",
        (subsets, size),
        "subsets at least 1, size at least 2",
    )
    size = min(size, len(real), len(other))
    draws = subsets if size < max(len(real), len(other)) else 1  # all draws of all rows are equal
    values = []
    for _ in range(draws):
        x, y = (part[rng.choice(len(part), size, replace=False)] for part in (real, other))
        values.append(squared_mmd(x, y))
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return Kid(float(np.mean(values)), error, (len(real), len(other)), len(values), size)


def squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Return the unbiased squared maximum mean discrepancy of x (n, d) and y (m, d).

    Mean of k(x, x') over x != x' + mean of k(y, y') over y != y' - 2 mean of k(x, y), with
    k = (x.y / d + 1)^3.
    """
    n = len(x)
    m = len(y)
    within_x = cubic_kernel(x, x)
    within_y = cubic_kernel(y, y)
    first = (within_x.sum() - np.trace(within_x)) / (n * (n - 1))
    second = (within_y.sum() - np.trace(within_y)) / (m * (m - 1))
    return float(first + second - 2 * cubic_kernel(x, y).mean())


def cubic_kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return (x.y / d + 1)^3 of all pairs of rows, (n, m)."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def check_features(real: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets as float64.

    Raises ValueError unless both are (n, d) with n >= 2, the same d, and finite numbers.
    """
    real = np.asarray(real, np.float64)
    other = np.asarray(other, np.float64)
    require(
        real.ndim == other.ndim == 2
        and real.shape[1] == other.shape[1]
        and min(len(real), len(other)) >= 2,
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
