"""Train a classifier with one loop that yields after every step, whatever the optimiser.

The caller evaluates, logs, keeps checkpoints or stops.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from empirical.config import Training
from empirical.training import optimisers, schedules
from empirical.training.augmentation import Augmenter

EAGER_STEPS = 10  # of a process before one is captured: libraries choose their kernels in the first
CHECK_EVERY = 50  # steps between two reads of the loss, for which the host waits for the device


Weighted = tuple[Tensor, Tensor]  # labels and the weights of their losses


class Diverged(ArithmeticError):
    """The loss is no longer finite."""


class Order:
    """The order in which n images are trained on: epochs of all images, each newly shuffled.

    A batch of ``size`` images may span two epochs or more, so that all batches are equally large.
    Ask for steps in increasing order; steps may be left out.
    """

    def __init__(
        self, n: int, size: int, rng: np.random.Generator, device: torch.device | str = "cpu"
    ) -> None:
        self.n = n
        self.size = size
        self.rng = rng
        self.device = device
        self.epochs: dict[int, Tensor] = {}

    def batch(self, step: int) -> Tensor:
        """Return the indices of the images of step 0, 1, ...: (size,) on the device."""
        first = step * self.size
        last = first + self.size
        parts = []
        for number in range(first // self.n, (last - 1) // self.n + 1):
            start = number * self.n
            parts.append(self.epoch(number)[max(first - start, 0) : last - start])
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def epoch(self, number: int) -> Tensor:
        """Return the order of one epoch (n,). Only the last two epochs are kept."""
        for new in range(max(self.epochs, default=-1) + 1, number + 1):
            self.epochs[new] = torch.from_numpy(self.rng.permutation(self.n)).to(self.device)
            self.epochs.pop(new - 2, None)
        return self.epochs[number]


class Trainer:
    """A classifier in training, which can be stopped after any step and resumed bit for bit.

    network: trained in place, on the images' device. images: (n, channels, side, side), uint8 or
    float on the [-1, 1] scale. labels: (n,). rng: for the order and the augmentation; pass an equal
    one when the run is resumed. compile, cuda_graph: see ``empirical/runtime/machine.py``. weights:
    of the images' losses, (n,), on their device; None if all count alike. Only every 50th step
    reads a value from the device.
    """

    def __init__(
        self,
        network: nn.Module,
        images: Tensor,
        labels: Tensor,
        config: Training,
        steps: int,
        rng: np.random.Generator,
        compile: bool = False,
        cuda_graph: bool = False,
        weights: Tensor | None = None,
    ) -> None:
        self.network = network
        self.labels = labels
        self.config = config
        self.steps = steps
        self.optimiser, self.base = optimisers.build(network, config, capturable=cuda_graph)
        loss = functools.partial(F.cross_entropy, label_smoothing=config.label_smoothing)
        self.loss = loss if weights is None else functools.partial(weighted_mean, loss)
        self.weights = weights
        own = rng.spawn(1)[0]  # a stream of its own, so that augmentation does not change the order
        self.augmenter = Augmenter(images, config.augment, int(own.integers(2**62)))
        self.order = Order(len(labels), config.batch, rng, images.device)
        self.step = 0
        self.value = torch.zeros((), device=images.device)  # loss of the last step
        self.total = torch.zeros((), device=images.device)  # loss summed over the steps ...
        self.asked = 0  # ... since this one, when ``mean_loss`` was last called
        self.cuda_graph = cuda_graph
        self.graph: torch.cuda.CUDAGraph | None = None
        self.warm = 0  # eager steps of this process
        if compile:
            network.compile()
        network.train()

    def run(self) -> Iterator[int]:
        """Train to the end, yielding the number of steps done after each step.

        Raises Diverged if the loss is not finite.
        """
        while self.step < self.steps:
            self._once()
            if self.step % CHECK_EVERY == 0 or self.step == self.steps:
                check_finite(self.value, self.step, self.config)
            yield self.step

    def mean_loss(self) -> float:
        """Return the mean loss of the steps since the last call, across interruptions."""
        mean = self.total.item() / max(1, self.step - self.asked)
        self.total.zero_()
        self.asked = self.step
        return mean

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next steps depend on besides the settings and the data."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "total": self.total,
            "asked": self.asked,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from another trainer of the same settings, data and rng, captured or not."""
        own = [
            {name: value for name, value in group.items() if name != "params"}
            for group in self.base.param_groups
        ]
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for group, settings in zip(self.base.param_groups, own, strict=True):
            group.update(settings)  # the tensor from which a captured step reads its rate stays
        self.total.copy_(state["total"])
        self.step = state["step"]
        self.asked = state["asked"]
        self.graph = None  # a graph would use the memory of the optimiser's former state
        self.warm = 0

    def _once(self) -> None:
        """Do one step."""
        chosen = self.order.batch(self.step)
        rows = self.augmenter.rows(chosen, self.step * self.config.batch)
        factor = schedules.factor(self.config, self.step, self.steps)
        schedules.set_rate(self.base, self.config.lr * factor)
        if not self.cuda_graph or self.warm < EAGER_STEPS:
            self.value = self._update(chosen, rows)
            self.warm += 1
        else:
            self._replay(chosen, rows)
        self.total += self.value
        self.step += 1

    def _update(self, chosen: Tensor, rows: Tensor) -> Tensor:
        """Update the weights on a batch; return its loss."""
        x = self.augmenter.batch(chosen, rows)
        y = self.labels[chosen]
        count = self.config.gradient_accumulation
        targets: Sequence[Tensor | Weighted] = y.chunk(count)
        if self.weights is not None:
            weights = self.weights[chosen].chunk(count)
            targets = list(zip(y.chunk(count), weights, strict=True))
        parts = list(zip(x.chunk(count), targets, strict=True))
        closure = optimisers.gradients_of(self._forward, self.base, self.loss, parts)
        return self.optimiser.step(closure)

    def _forward(self, x: Tensor) -> Tensor:
        """Return the network's outputs in float32, computed in the precision of the settings."""
        if self.config.precision == "float32":
            return self.network(x)
        # a captured step may not keep the weights that it casts, hence no cache
        with torch.autocast(x.device.type, torch.bfloat16, cache_enabled=False):
            return self.network(x).float()

    def _replay(self, chosen: Tensor, rows: Tensor) -> None:
        """Do the update as one CUDA graph, which is captured the first time.

        The graph reads ``chosen`` and ``rows`` from the memory that they had at that time.
        """
        if self.graph is None:
            self.chosen = chosen.clone()
            self.rows = rows.clone()
            self.graph = torch.cuda.CUDAGraph()
            self.base.zero_grad(set_to_none=True)
            with torch.cuda.graph(self.graph):
                self.value = self._update(self.chosen, self.rows)
        self.chosen.copy_(chosen)
        self.rows.copy_(rows)
        self.graph.replay()


def weighted_mean(loss: Callable[..., Tensor], outputs: Tensor, target: Weighted) -> Tensor:
    """Return the mean of the images' losses times their weights. target: labels, weights."""
    labels, weights = target
    return (weights * loss(outputs, labels, reduction="none")).mean()


def train_classifier(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    config: Training,
    steps: int,
    rng: np.random.Generator,
) -> Iterator[int]:
    """Train in place, yielding the number of steps done: 1, 2, ..., steps. See ``Trainer``."""
    return Trainer(network, images, labels, config, steps, rng).run()


def check_finite(loss: float | Tensor, step: int, config: Training) -> None:
    """Raise Diverged unless the loss is finite."""
    if not math.isfinite(loss):
        raise Diverged(
            f"training loss is {float(loss)} at step {step}: "
            f"lower training.lr ({config.lr}) or training.rho ({config.rho})"
        )
