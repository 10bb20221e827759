"""Deal training images into folds, and judge each by a classifier that did not train on it.

One classifier for each fold trains on the images of all others. It judges the images of its fold,
and all variants of these (cross-fitting).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from empirical.config import Training
from figures.records import Advance, no_progress

if TYPE_CHECKING:
    import torch
    from torch import nn

    from empirical.data.context import Context
    from empirical.data.images import Images

FOLDS = 4


def deal_folds(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the fold of each image, (n,) in 0..FOLDS-1; each class is spread evenly."""
    folds = np.empty(len(labels), np.int64)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    folds[order] = np.arange(len(labels)) % FOLDS
    return folds


@dataclasses.dataclass(frozen=True)
class Judge:
    """Classifiers of all folds, and what they say of the images that they did not train on.

    networks: one for each fold, on their device. folds: (n,), the fold of each training image.
    probabilities: (n, classes) float32, of each image by the classifier of its fold.
    """

    networks: Sequence[nn.Module]
    folds: np.ndarray
    probabilities: np.ndarray

    def preferred(self, pixels: np.ndarray, sources: np.ndarray) -> np.ndarray:
        """Return the preferred class of each variant, (m,).

        pixels: (m, side, side, 3) uint8, or float (m, channels, side, side) in [-1, 1], at the side
        that the classifiers were trained on. sources: (m,), training images they are variants of.
        """
        found = np.empty(len(sources), np.int64)
        for fold, network in enumerate(self.networks):
            rows = np.flatnonzero(self.folds[sources] == fold)
            if len(rows):
                found[rows] = predict(network, pixels[rows]).argmax(1)
        return found


def predict(network: nn.Module, stored: np.ndarray) -> np.ndarray:
    """Return a network's probabilities of stored images: (n, classes) float32."""
    import torch

    from empirical.training.evaluation import logits

    images = torch.from_numpy(np.ascontiguousarray(stored))
    if images.dtype == torch.uint8:
        images = images.permute(0, 3, 1, 2)
    images = images.to(next(network.parameters()).device)
    return logits(network, images).softmax(1).cpu().numpy()


def train_folds(
    images: Images,
    recipe: Training,
    seed: int,
    device: torch.device,
    advance: Advance = no_progress,
) -> dict[str, torch.Tensor]:
    """Return the weights of all classifiers, named ``FOLD.NAME``. advance: called at every step."""
    from empirical.data.images import on_device
    from empirical.runtime.seeding import stream
    from empirical.training.networks import classifier
    from empirical.training.trainer import train_classifier

    folds = deal_folds(images.labels, stream(seed, "judge folds"))
    pixels, labels = on_device(images, device)
    weights: dict[str, torch.Tensor] = {}
    for fold in range(FOLDS):
        network = classifier(images, recipe, seed).to(device)
        rows = np.flatnonzero(folds != fold)
        order = stream(seed, "judge order", fold)
        own = (pixels[rows], labels[rows])
        for _ in train_classifier(network, *own, recipe, recipe.steps or 1, order):
            advance(1)
        weights |= {f"{fold}.{name}": value for name, value in network.state_dict().items()}
    return weights


def cross_fit(context: Context, recipe: Training, advance: Advance = no_progress) -> Judge:
    """Return the judge of the run's training images; its weights are kept in the artifacts."""
    from empirical.runtime.artifacts import artifact, load_weights, save_weights
    from empirical.runtime.seeding import stream
    from empirical.training.networks import classifier

    images, seed = context.parts.train, context.seed
    depends = (context.run.data, context.parts.content, recipe, seed)
    path = artifact(context.root, "cross-fit", ".safetensors", *depends)
    if (weights := load_weights(path)) is None:
        weights = train_folds(images, recipe, seed, context.device, advance)
        save_weights(path, weights)
    folds = deal_folds(images.labels, stream(seed, "judge folds"))
    networks = []
    probabilities = np.empty((len(images), len(images.classes)), np.float32)
    for fold in range(FOLDS):
        network = classifier(images, recipe, seed).to(context.device)
        head = f"{fold}."
        own = {k.removeprefix(head): v for k, v in weights.items() if k.startswith(head)}
        network.load_state_dict(own)
        networks.append(network.eval())
        rows = np.flatnonzero(folds == fold)
        if len(rows):
            probabilities[rows] = predict(network, images.stored[rows])
    return Judge(networks, folds, probabilities)
