"""Whether variants still show what their sources show, and how much they differ from them and from each other.

Images are (n, channels, height, width) float on the [-1, 1] scale. Distances are root mean squares over an image's numbers (or over a
row of features), so that they mean the same at every size. Nothing of size (n, n, d) is ever made.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from empirical.config import require

BLOCK = 1024  # rows whose distances to all others are held at once


def features(network: nn.Module, pixels: Tensor, batch: int = 512) -> np.ndarray:
    """What goes into the last linear layer, (n, d) float32, in evaluation mode; the network is left in the mode it was in.

    pixels: (n, channels, height, width), uint8 or float on the [-1, 1] scale. Raises ValueError for a network without a linear layer.
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


def flat(images: np.ndarray) -> np.ndarray:
    """(n, d) float64 rows."""
    return np.asarray(images, np.float64).reshape(len(images), -1)


def nearest(
    queries: np.ndarray, points: np.ndarray, skip: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest of ``points`` (m, d), and its index, for each of ``queries`` (n, d), in blocks.

    skip: (n,) an index for each query that does not count; -1 for none.
    """
    centre = points.mean(0)  # distances stay, and the differences of large squares become small
    queries, points = queries - centre, points - centre
    found = np.empty(len(queries), np.int64)
    squares = (points**2).sum(1)
    for start in range(0, len(queries), BLOCK):
        part = queries[start : start + BLOCK]
        apart = (
            squares - 2 * part @ points.T
        )  # (block, m): squared distances up to the query's own square
        if skip is not None:
            left_out = skip[start : start + BLOCK]
            rows = np.flatnonzero(left_out >= 0)
            apart[rows, left_out[rows]] = np.inf
        found[start : start + BLOCK] = apart.argmin(1)
    return rms(queries, points[found]), found


def rms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Root mean square difference of rows, (n,)."""
    return np.sqrt(((x - y) ** 2).mean(1))


def closeness(
    real: np.ndarray, variants: np.ndarray, sources: np.ndarray, quantile: float = 0.01
) -> dict[str, float | int]:
    """Variants against the real images; ``sources[i]``, an index into ``real``, is where variant i comes from. Rows (n, d) or images.

    own_nearest: share of variants to which no real image is nearer than their own source. own, other: median distances to the source and to
    the nearest other real image. rms: root mean square distance to the source.
    near_duplicates: share of variants that lie closer to their source than real images lie to each other: below ``threshold``, the
    ``quantile`` (in (0, 1)) of the real images' distances to their nearest other. Such a variant is a copy in all but name.
    copied_others: share that lie within that threshold of a real image other than their source: a generator that repeats its training set.
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
    real, variants = flat(real), flat(variants)
    among, _ = nearest(real, real, np.arange(len(real)))
    threshold = float(np.quantile(among, quantile))
    own, (other, _) = rms(variants, real[sources]), nearest(variants, real, sources)
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


def agreement(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of images that a classifier gives their source's label. outputs: (n, classes); labels: (n,).

    The classifier must have been trained on images that are none of the sources, or it recognises them instead of the class.
    """
    require(
        len(outputs) == len(labels) >= 1,
        "number of outputs, labels",
        (len(outputs), len(labels)),
        "as many, at least 1",
    )
    return float((outputs.argmax(1) == labels).mean())


def laplacian_variance(images: np.ndarray) -> np.ndarray:
    """Variance of the discrete Laplacian of each image's mean over channels, (n,): edges and grain. Sides at least 3."""
    grey = np.asarray(images, np.float64).mean(1)  # (n, height, width)
    require(min(grey.shape[1:]) >= 3, "sides of the images", grey.shape[1:], "at least 3")
    middle = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return (around - 4 * middle).var((1, 2))


def grain(variants: np.ndarray, real: np.ndarray) -> float:
    """Mean variance of the Laplacian over that of real images: 1 where both are as sharp (or grainy), below where variants are smooth."""
    usual = laplacian_variance(real).mean()
    require(
        usual > 0,
        "variance of the Laplacian of the real images",
        float(usual),
        "above 0: they are not all flat",
    )
    return float(laplacian_variance(variants).mean() / usual)


def diversity(variants: np.ndarray, sources: np.ndarray) -> float | None:
    """Root mean square distance between variants of one source, over all pairs and sources; None where no source has two.

    Summed over the pairs of k rows, squared distances are k times the squared distances to the mean: no pair is looked at.
    """
    rows, total, pairs = flat(variants), 0.0, 0
    for source in np.unique(sources):
        group = rows[sources == source]
        k = len(group)
        total += k * ((group - group.mean(0)) ** 2).mean(1).sum()  # sum over pairs
        pairs += k * (k - 1) // 2
    return float(np.sqrt(total / pairs)) if pairs else None
