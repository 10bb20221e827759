"""Early training, and which examples are slow-learnable."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
from torch import nn
from torch.nn import functional as F

from empirical.config import Early, Training
from empirical.data import Images, tensors
from empirical.networks import classifier, logits
from empirical.seeding import stream
from empirical.training import train


@dataclasses.dataclass(frozen=True)
class Outputs:
    """A network's view of a set of images early in training. probabilities: (n, classes) softmax; losses: (n,) cross-entropy."""

    probabilities: np.ndarray
    losses: np.ndarray


def early_network(images: Images, config: Early, training: Training, seed: int) -> tuple[nn.Module, int]:
    """A classifier trained on the originals until its training error is at most ``config.error``, and the steps this took."""
    network = classifier(images, training, seed)
    pixels, labels = tensors(images)
    for step in train(network, pixels, labels, training, 4 * config.limit, stream(seed, "early order")):  # 4: the rate never decays
        if step % config.every == 0 or step == config.limit:
            error = (logits(network, pixels).argmax(1) != labels).float().mean()
            if error <= config.error or step == config.limit:
                break
    return network, step


def outputs_of(network: nn.Module, images: Images) -> Outputs:
    pixels, labels = tensors(images)
    outputs = logits(network, pixels)
    return Outputs(outputs.softmax(1).numpy(), F.cross_entropy(outputs, labels, reduction="none").numpy())


def select(outputs: Outputs, labels: np.ndarray, seed: int) -> np.ndarray:
    """Which examples are slow: per class, k-means with two clusters on the softmax outputs; the cluster of higher mean loss.

    labels: (n,). Returns (n,) bool. A class whose outputs do not differ has no slow example.
    Source: Nguyen et al., arXiv 2505.21574, and USEFUL (arXiv 2404.17768).
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    slow = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            continue
        state = int(stream(seed, "clusters", int(label)).integers(2**31))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters: handled below
            clusters = KMeans(2, n_init=10, random_state=state).fit_predict(outputs.probabilities[members].astype(np.float64))
        means = [outputs.losses[members[clusters == c]].mean() if np.any(clusters == c) else -np.inf for c in (0, 1)]
        if np.isfinite(means).all():
            slow[members[clusters == np.argmax(means)]] = True
    return slow
