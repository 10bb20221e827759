"""Measure during training what a classifier responds to: the cue, the image, or the noise.

These are the theory's feature and noise alignments, measured on real images and networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from empirical.runtime.seeding import stream
from empirical.training.evaluation import History, logits

if TYPE_CHECKING:
    from empirical.data.images import Images

IMAGES = 200  # training images that each response is averaged over, at most


class ResponseHistory(History):
    """A history that also holds the network's mean responses at each evaluation.

    The response to an input is the logit of its class minus the mean of all logits.
    """

    def __init__(self, slow: np.ndarray, probes: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """Begin empty. probes: name -> inputs (n, channels, height, width) and labels (n,)."""
        super().__init__(slow)
        self.probes = probes
        self.responses: dict[str, list[float]] = {name: [] for name in probes}

    def add(self, step: int, network: nn.Module, images: Tensor, labels: Tensor) -> None:
        """Evaluate the network after ``step`` steps."""
        super().add(step, network, images, labels)
        for name, (inputs, truth) in self.probes.items():
            outputs = logits(network, inputs)  # (n, classes)
            centred = outputs - outputs.mean(1, keepdim=True)
            own = centred.gather(1, truth[:, None])
            self.responses[name].append(own.mean().item())

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {**super().state_dict(), "responses": self.responses}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of ``state_dict``."""
        super().load_state_dict(state)
        self.responses = {name: list(values) for name, values in state["responses"].items()}

    def metrics(self) -> dict[str, Any]:
        """Return the history's metrics, and a curve ``response_NAME`` for each probe."""
        curves = {f"response_{name}": values for name, values in self.responses.items()}
        return {**super().metrics(), **curves}


def probes_of(
    images: Images, seed: int, device: torch.device | str
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the inputs whose responses are measured: name -> inputs and labels, on the device.

    They are made from training images of known noise. cue: only the cue. image: only the clean
    image. own_noise and fresh_noise: only noise, that of the training image or new noise of the
    same size. own and fresh: the clean image with either noise. All of them come from up to 200
    images without their cue (from all images if there are no cues), drawn by seed.
    """
    truth = images.truth
    assert truth is not None
    rng = stream(seed, "responses")
    slow = np.flatnonzero(~truth.present)
    chosen = np.sort(rng.choice(slow, min(len(slow), IMAGES), replace=False))
    clean = truth.image[chosen]
    own = images.pixels[chosen] - clean
    fresh = (truth.noise * rng.standard_normal(own.shape)).astype(np.float32)
    made = {
        "image": clean,
        "own_noise": own,
        "fresh_noise": fresh,
        "own": clean + own,
        "fresh": clean + fresh,
    }
    if truth.has_cues:
        made["cue"] = truth.cue[chosen]
    labels = torch.from_numpy(images.labels[chosen]).to(device)
    return {name: (torch.from_numpy(inputs).to(device), labels) for name, inputs in made.items()}
