"""Early training: a classifier on the originals, stopped while its outputs tell slow examples from fast ones."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from empirical.config import Early, Training
from empirical.data.images import Images, on_device
from empirical.data.split import draw_stratified
from empirical.runtime.seeding import stream
from empirical.selection.knee import Knee
from empirical.training.evaluation import balanced_error, logits
from empirical.training.networks import classifier
from empirical.training.trainer import train

MEASURED = 4  # times an epoch at most


@dataclasses.dataclass(frozen=True)
class Trained:
    """network: as it was after ``steps`` steps, with training error ``error``; curve: (m, 2), steps and errors, some past the stop.

    Errors are shares of the images, however ``auto`` weighs classes.
    """

    network: nn.Module
    steps: int
    error: float
    curve: np.ndarray


@dataclasses.dataclass(frozen=True)
class Outputs:
    """A network's view of a set of images. logits and probabilities: (n, classes); losses: (n,) cross-entropy; all float32."""

    logits: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, labels: np.ndarray) -> Outputs:
        """All of it follows from the logits, bit for bit."""
        outputs = torch.from_numpy(values)
        losses = F.cross_entropy(outputs, torch.from_numpy(labels), reduction="none")
        return cls(values, outputs.softmax(1).numpy(), losses.numpy())

    def features(self, name: str) -> np.ndarray:
        """What ``Selection.features`` names."""
        return self.logits if name == "logits" else self.probabilities

    def balanced_error(self, labels: np.ndarray) -> float:
        """Mean over the classes of the error in each; labels: (n,)."""
        return balanced_error(self.logits.argmax(1) != labels, labels)


def early_network(
    images: Images, config: Early, training: Training, seed: int, device: torch.device | str = "cpu"
) -> Trained:
    """A classifier trained on the originals until ``config`` says stop.

    The training error is measured in evaluation mode on images as they are stored, on all or on ``config.sample`` of them drawn by seed,
    every ``config.every`` steps but at most four times an epoch. ``auto`` goes by the class-balanced training error. Raises NoKnee if it
    finds that nothing was learned.
    """
    network = classifier(images, training, seed).to(device)
    pixels, labels = on_device(images, device)
    n, epoch = len(labels), len(labels) / training.batch
    budget = config.limit if config.epochs is None else max(1, round(config.epochs * epoch))
    every = max(config.every, int(epoch) // MEASURED)
    seen, truth = pixels, labels
    if n > config.sample:
        drawn = torch.from_numpy(_sample(images.labels, config, seed)).to(device)
        seen, truth = pixels[drawn], labels[drawn]
    known = truth.cpu().numpy()
    knee = (
        Knee(1 - 1 / len(np.unique(known)), budget, config.error) if config.stop == "auto" else None
    )
    curve, kept = [], {}
    for step in train(
        network, pixels, labels, training, 4 * budget, stream(seed, "early order")
    ):  # 4: the rate never decays by steps
        if step % every and step != budget:
            continue
        wrong = logits(network, seen).argmax(1) != truth
        curve.append((step, float(wrong.sum()) / len(truth)))
        if knee is not None:
            kept[step] = {name: value.clone() for name, value in network.state_dict().items()}
            stop = knee.add(step, balanced_error(wrong.cpu().numpy(), known))
            kept = {time: state for time, state in kept.items() if time in knee.open}
        else:
            stop = config.stop == "error" and curve[-1][1] <= config.error
        if stop or step == budget:
            break
    if knee is not None:
        step = int(knee.knee())
        network.load_state_dict(kept[step])
    return Trained(network, step, dict(curve)[step], np.array(curve))


def _sample(labels: np.ndarray, config: Early, seed: int) -> np.ndarray:
    """Which images the training error is measured on; of every class its share, at least one, where classes count alike."""
    rng = stream(seed, "early sample")
    if config.stop == "auto":
        return draw_stratified(labels, np.arange(len(labels)), config.sample, rng)
    return np.sort(rng.choice(len(labels), config.sample, replace=False))


def logits_of(network: nn.Module, images: Images) -> np.ndarray:
    """Logits (n, classes) float32 of all images."""
    pixels, _ = on_device(images, next(network.parameters()).device)
    return logits(network, pixels).cpu().numpy()
