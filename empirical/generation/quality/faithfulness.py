"""Measure whether variants show what their sources show, and how much they differ.

Images are (n, channels, height, width) float in [-1, 1]. Distances are root mean squares over the
numbers of an image (or of a row of features), so that they mean the same at every size. No array
of shape (n, n, d) is made.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from empirical.config import require

BLOCK = 1024  # rows whose distances to all others are in memory at once


def last_layer_features(network: nn.Module, pixels: Tensor, batch: int = 512) -> np.ndarray:
    """Return the inputs of the network's last linear layer, (n, d) float32, in evaluation mode.

    pixels: (n, channels, height, width), uint8 or float in [-1, 1]. The network is left in the mode
    it was in. Raises ValueError for a network without a linear layer.
    """
    from empirical.training.evaluation import logits

    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    require(bool(layers), "network", type(network).__name__, "one that ends in a linear layer")
    seen: list[Tensor] = []
    hook = layers[-1].register_forward_pre_hook(
        lambda layer, inputs: seen.append(inputs[0].detach().flatten(1).float().cpu())
    )
    try:
        logits(network, pixels.to(next(network.parameters()).device), batch)
    finally:
        hook.remove()
    return torch.cat(seen).numpy()


def as_rows(images: np.ndarray) -> np.ndarray:
    """Return images flattened to rows, (n, d) float64."""
    return np.asarray(images, np.float64).reshape(len(images), -1)


def nearest_rows(
    queries: np.ndarray, points: np.ndarray, skip: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return distance and index of the nearest of ``points`` for each query, both (n,).

    queries: (n, d). points: (m, d). skip: (n,), index of a point that is left out for each query;
    -1 for none. Distances are computed in blocks of queries.
    """
    centre = points.mean(0)  # centring keeps distances, and makes differences of squares accurate
    queries = queries - centre
    points = points - centre
    nearest = np.empty(len(queries), np.int64)
    squares = (points**2).sum(1)
    for start in range(0, len(queries), BLOCK):
        part = queries[start : start + BLOCK]
        apart = squares - 2 * part @ points.T  # (block, m): squared distances minus part's squares
        if skip is not None:
            left_out = skip[start : start + BLOCK]
            rows = np.flatnonzero(left_out >= 0)
            apart[rows, left_out[rows]] = np.inf
        nearest[start : start + BLOCK] = apart.argmin(1)
    return rms_distance(queries, points[nearest]), nearest


def rms_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the root mean square difference of the rows of x and y (n, d), (n,)."""
    return np.sqrt(((x - y) ** 2).mean(1))


def closeness(
    real: np.ndarray, variants: np.ndarray, sources: np.ndarray, quantile: float = 0.01
) -> dict[str, float | int]:
    """Compare variants with the real images; return distances and shares of variants.

    real, variants: rows (n, d) or images. sources: (m,), the index into ``real`` of each variant's
    source.

    own_nearest: share of variants to which no real image is nearer than their own source.
    own, other: median distance to the source, and to the nearest other real image.
    rms: root mean square distance to the source.
    threshold: the ``quantile``, in (0, 1), of the real images' distances to their nearest other.
    near_duplicates: share of variants closer than ``threshold`` to their source, almost copies.
    copied_others: share of variants closer than ``threshold`` to another real image than their
    source, as of a generator that repeats its training set.
    """
    require(0 < quantile < 1, "quantile", quantile, "(0, 1)")
    require(
        len(real) >= 2 and len(variants) >= 1,
        "number of real images, variants",
        (len(real), len(variants)),
        "at least 2 and 1",
    )
    require(
        len(sources) == len(variants),
        "number of sources",
        len(sources),
        f"one for each variant, {len(variants)}",
    )
    real = as_rows(real)
    variants = as_rows(variants)
    among, _ = nearest_rows(real, real, np.arange(len(real)))
    threshold = float(np.quantile(among, quantile))
    own = rms_distance(variants, real[sources])
    other, _ = nearest_rows(variants, real, sources)
    return {
        "variants": len(variants),
        "own_nearest": float((own <= other).mean()),
        "own": float(np.median(own)),
        "other": float(np.median(other)),
        "rms": float(np.sqrt((own**2).mean())),
        "threshold": threshold,
        "near_duplicates": float((own < threshold).mean()),
        "copied_others": float((other < threshold).mean()),
    }


def label_agreement(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images to which a classifier gives their source's label.

    outputs: (n, classes). labels: (n,). The classifier must not have been trained on the sources,
    or it recognises them instead of their class.
    """
    require(
        len(outputs) == len(labels) >= 1,
        "number of outputs, labels",
        (len(outputs), len(labels)),
        "as many, at least 1",
    )
    return float((outputs.argmax(1) == labels).mean())


def laplacian_variance(images: np.ndarray) -> np.ndarray:
    """Return the variance of the discrete Laplacian of each image, (n,): its edges and grain.

    The channels are averaged first. Raises ValueError for sides below 3.
    """
    grey = np.asarray(images, np.float64).mean(1)  # (n, height, width)
    require(min(grey.shape[1:]) >= 3, "sides of the images", grey.shape[1:], "at least 3")
    middle = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return (around - 4 * middle).var((1, 2))


def grain(variants: np.ndarray, real: np.ndarray) -> float:
    """Return the mean variance of the Laplacian of variants over that of real images.

    1: both are equally sharp or grainy. Below 1: the variants are smoother. Raises ValueError if
    all real images are flat.
    """
    usual = laplacian_variance(real).mean()
    require(
        usual > 0,
        "variance of the Laplacian of the real images",
        float(usual),
        "above 0: they are not all flat",
    )
    return float(laplacian_variance(variants).mean() / usual)


def diversity(variants: np.ndarray, sources: np.ndarray) -> float | None:
    """Return the root mean square distance between variants of the same source.

    The mean is over all pairs of all sources. None if no source has two variants. No pair is
    formed: over the pairs of k rows, squared distances sum to k times those to the mean.
    """
    rows = as_rows(variants)
    total = 0.0
    pairs = 0
    for source in np.unique(sources):
        group = rows[sources == source]
        k = len(group)
        total += k * ((group - group.mean(0)) ** 2).mean(1).sum()  # sum over pairs
        pairs += k * (k - 1) // 2
    return float(np.sqrt(total / pairs)) if pairs else None
