"""Train a classifier early: stop while its outputs tell slow examples from fast ones."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from empirical.config import Early, Training
from empirical.data.images import Images, on_device
from empirical.data.split import draw_stratified
from empirical.runtime.seeding import stream
from empirical.selection.knee import Knee
from empirical.training.evaluation import balanced_error, logits
from empirical.training.networks import classifier
from empirical.training.trainer import train_classifier
from figures.records import Advance, no_progress

MEASURED = 4  # measurements of the training error per epoch, at most


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of early training.

    network: with the weights that it had after ``steps`` steps. error: training error at that step,
    in [0, 1]. curve: (m, 2), steps and training errors, some of them after ``steps``. Errors are
    shares of the images, even if the stop ``auto`` went by the class-balanced error.
    """

    network: nn.Module
    steps: int
    error: float
    curve: np.ndarray


@dataclasses.dataclass(frozen=True)
class Outputs:
    """A network's outputs on n images, all float32.

    logits and probabilities: (n, classes). losses: (n,), cross-entropy.
    """

    logits: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, labels: np.ndarray) -> Outputs:
        """Compute probabilities and losses from the logits; equal logits give equal bits."""
        outputs = torch.from_numpy(values)
        losses = F.cross_entropy(outputs, torch.from_numpy(labels), reduction="none")
        return cls(values, outputs.softmax(1).numpy(), losses.numpy())

    def features(self, name: str) -> np.ndarray:
        """Return the outputs that ``Selection.features`` names: ``logits`` or ``softmax``."""
        return self.logits if name == "logits" else self.probabilities

    def balanced_error(self, labels: np.ndarray) -> float:
        """Return the mean of the classes' errors, in [0, 1]. labels: (n,)."""
        return balanced_error(self.logits.argmax(1) != labels, labels)


def early_network(
    images: Images,
    config: Early,
    training: Training,
    seed: int,
    device: torch.device | str = "cpu",
    advance: Advance = no_progress,
) -> Trained:
    """Train a classifier on the originals until ``config`` says stop; return it.

    The training error is measured in evaluation mode on images without augmentation, either all or
    ``config.sample`` of them drawn by seed, every ``config.every`` steps but at most four times an
    epoch. ``auto`` goes by the class-balanced training error, and raises NoKnee if nothing was
    learned. advance: called at every step.
    """
    network = classifier(images, training, seed).to(device)
    pixels, labels = on_device(images, device)
    epoch = len(labels) / training.batch  # steps
    budget = config.limit if config.epochs is None else max(1, round(config.epochs * epoch))
    every = max(config.every, int(epoch) // MEASURED)
    seen, truth = pixels, labels
    if len(labels) > config.sample:
        drawn = torch.from_numpy(_sample(images.labels, config, seed)).to(device)
        seen, truth = pixels[drawn], labels[drawn]
    known = truth.cpu().numpy()
    chance = 1 - 1 / len(np.unique(known))
    knee = Knee(chance, budget, config.error) if config.stop == "auto" else None
    curve: list[tuple[int, float]] = []
    kept: dict[float, dict[str, Tensor]] = {}  # weights at the times that may be the knee
    longer = 4 * budget  # so that the learning rate is not yet decayed within the budget
    order = stream(seed, "early order")
    for step in train_classifier(network, pixels, labels, training, longer, order):
        advance(1)
        if step % every and step != budget:
            continue
        wrong = logits(network, seen).argmax(1) != truth
        curve.append((step, float(wrong.sum()) / len(truth)))
        if knee is not None:
            kept[step] = {name: value.clone() for name, value in network.state_dict().items()}
            stop = knee.add(step, balanced_error(wrong.cpu().numpy(), known))
            kept = {time: state for time, state in kept.items() if time in knee.candidates}
        else:
            stop = config.stop == "error" and curve[-1][1] <= config.error
        if stop or step == budget:
            break
    if knee is not None:
        step = int(knee.knee())
        network.load_state_dict(kept[step])
    return Trained(network, step, dict(curve)[step], np.array(curve))


def _sample(labels: np.ndarray, config: Early, seed: int) -> np.ndarray:
    """Return the indices of the images on which the training error is measured.

    For ``auto``, where classes count alike, each class has its share, at least one image.
    """
    rng = stream(seed, "early sample")
    if config.stop == "auto":
        return draw_stratified(labels, np.arange(len(labels)), config.sample, rng)
    return np.sort(rng.choice(len(labels), config.sample, replace=False))


def logits_of(network: nn.Module, images: Images) -> np.ndarray:
    """Return the network's logits on all images: (n, classes) float32."""
    pixels, _ = on_device(images, next(network.parameters()).device)
    return logits(network, pixels).cpu().numpy()
