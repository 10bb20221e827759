"""Early training: a classifier on the originals, stopped while its outputs tell slow examples from fast ones."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from empirical.config import Early, Training
from empirical.data import Images, on_device
from empirical.knee import Knee
from empirical.networks import classifier, logits
from empirical.seeding import stream
from empirical.training import train

MEASURED = 4  # times an epoch at most


@dataclasses.dataclass(frozen=True)
class Trained:
    """network: as it was after ``steps`` steps, with training error ``error``; curve: (m, 2), steps and errors, some past the stop."""

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


def early_network(images: Images, config: Early, training: Training, seed: int, device: torch.device | str = "cpu") -> Trained:
    """A classifier trained on the originals until ``config`` says stop.

    The training error is measured in evaluation mode on images as they are stored, on all or on ``config.sample`` of them drawn by seed,
    every ``config.every`` steps but at most four times an epoch. Raises NoKnee if ``auto`` finds that nothing was learned.
    """
    network = classifier(images, training, seed).to(device)
    pixels, labels = on_device(images, device)
    n, epoch = len(labels), len(labels) / training.batch
    budget = config.limit if config.epochs is None else max(1, round(config.epochs * epoch))
    every = max(config.every, int(epoch) // MEASURED)
    seen, truth = pixels, labels
    if n > config.sample:
        drawn = torch.from_numpy(np.sort(stream(seed, "early sample").choice(n, config.sample, replace=False))).to(device)
        seen, truth = pixels[drawn], labels[drawn]
    knee = Knee(1 - np.bincount(images.labels).max() / n, budget, config.error) if config.stop == "auto" else None
    curve, kept = [], {}
    for step in train(network, pixels, labels, training, 4 * budget, stream(seed, "early order")):  # 4: the rate never decays by steps
        if step % every and step != budget:
            continue
        curve.append((step, float((logits(network, seen).argmax(1) != truth).sum()) / len(truth)))
        if knee is not None:
            kept[step] = {name: value.clone() for name, value in network.state_dict().items()}
            stop = knee.add(*curve[-1])
            kept = {time: state for time, state in kept.items() if time in knee.open}
        else:
            stop = config.stop == "error" and curve[-1][1] <= config.error
        if stop or step == budget:
            break
    if knee is not None:
        step = int(knee.knee())
        network.load_state_dict(kept[step])
    return Trained(network, step, dict(curve)[step], np.array(curve))


def logits_of(network: nn.Module, images: Images) -> np.ndarray:
    """Logits (n, classes) float32 of all images."""
    pixels, _ = on_device(images, next(network.parameters()).device)
    return logits(network, pixels).cpu().numpy()
