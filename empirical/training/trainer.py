"""Training a classifier: one loop that yields, whatever the optimiser; the caller measures, logs, keeps checkpoints or stops."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from empirical.config import Training
from empirical.training import optimisers, schedules
from empirical.training.augmentation import Augmenter

WARM = (
    10  # steps of this process before one is captured: libraries choose their kernels in the first
)
CHECK = 50  # steps between looks at the loss, which make the host wait for the device


class Diverged(ArithmeticError):
    """The loss is no longer finite."""


class Order:
    """Which of n images each step trains on: epochs of all, each in a new order; a batch may span two, so that none is smaller.

    Steps are asked for in rising order; a step may be asked for without those before it.
    """

    def __init__(
        self, n: int, size: int, rng: np.random.Generator, device: torch.device | str = "cpu"
    ) -> None:
        self.n, self.size, self.rng, self.device = n, size, rng, device
        self.epochs: dict[int, Tensor] = {}

    def batch(self, step: int) -> Tensor:
        """The images of step 0, 1, ...: indices (size,) on the device."""
        first, last = step * self.size, (step + 1) * self.size
        parts = []
        for number in range(first // self.n, (last - 1) // self.n + 1):
            start = number * self.n
            parts.append(self.epoch(number)[max(first - start, 0) : last - start])
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def epoch(self, number: int) -> Tensor:
        """The order of one epoch (n,); those before the last are forgotten."""
        for new in range(max(self.epochs, default=-1) + 1, number + 1):
            self.epochs[new] = torch.from_numpy(self.rng.permutation(self.n)).to(self.device)
            self.epochs.pop(new - 2, None)
        return self.epochs[number]


def batches(n: int, size: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """The batches of ``Order`` one after another, for ever."""
    order = Order(n, size, rng)
    return (order.batch(step) for step in count())


class Trainer:
    """A classifier in training, which can be stopped after any step and go on elsewhere as if it had not been.

    network: trained in place, on the images' device. images: (n, channels, side, side), uint8 or float on the [-1, 1] scale; labels: (n,).
    rng: of the order and the augmentation, the same whenever the run goes on. No step reads a value from the device but every 50th.
    compile, cuda_graph: see ``machine.py``.
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
    ) -> None:
        self.network, self.labels, self.config, self.steps = network, labels, config, steps
        self.optimiser, self.base = optimisers.build(network, config, capturable=cuda_graph)
        self.loss = functools.partial(F.cross_entropy, label_smoothing=config.label_smoothing)
        self.augmenter = Augmenter(
            images, config.augment, int(rng.spawn(1)[0].integers(2**62))
        )  # a stream of its own: the order stays
        self.order = Order(len(labels), config.batch, rng, images.device)
        self.step = 0
        self.value = torch.zeros((), device=images.device)  # loss of the last step
        self.total = torch.zeros(
            (), device=images.device
        )  # of the steps since ``asked``, when the mean was last asked for
        self.asked = 0
        self.cuda_graph, self.graph, self.warm = cuda_graph, None, 0
        if compile:
            network.compile()
        network.train()

    def run(self) -> Iterator[int]:
        """Train to the end, yielding the number of steps done. Raises Diverged when the loss is no longer finite."""
        while self.step < self.steps:
            self._once()
            if self.step % CHECK == 0 or self.step == self.steps:
                check_finite(self.value, self.step, self.config)
            yield self.step

    def mean_loss(self) -> float:
        """Mean loss of the steps since this was last asked, before an interruption or after it."""
        mean = self.total.item() / max(1, self.step - self.asked)
        self.total.zero_()
        self.asked = self.step
        return mean

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on beside the settings and data."""
        parts = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        return {"step": self.step, **parts, "total": self.total, "asked": self.asked}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another trainer of the same settings, data and rng stood, captured or not."""
        own = [
            {name: value for name, value in group.items() if name != "params"}
            for group in self.base.param_groups
        ]
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for group, settings in zip(self.base.param_groups, own, strict=True):
            group.update(settings)  # a rate that a captured step reads stays the tensor that is set
        self.total.copy_(state["total"])
        self.step, self.asked = state["step"], state["asked"]
        self.graph, self.warm = None, 0  # a graph would go on with what the optimiser held before

    def _once(self) -> None:
        chosen = self.order.batch(self.step)
        rows = self.augmenter.rows(chosen, self.step * self.config.batch)
        schedules.set_rate(
            self.base, self.config.lr * schedules.factor(self.config, self.step, self.steps)
        )
        if not self.cuda_graph or self.warm < WARM:
            self.value = self._update(chosen, rows)
            self.warm += 1
        else:
            self._replay(chosen, rows)
        self.total += self.value
        self.step += 1

    def _update(self, chosen: Tensor, rows: Tensor) -> Tensor:
        x, y = self.augmenter.batch(chosen, rows), self.labels[chosen]
        parts = list(
            zip(x.chunk(self.config.gradient_accumulation), y.chunk(self.config.gradient_accumulation), strict=True)
        )
        return self.optimiser.step(
            optimisers.gradients_of(self._forward, self.base, self.loss, parts)
        )

    def _forward(self, x: Tensor) -> Tensor:
        if self.config.precision == "float32":
            return self.network(x)
        with torch.autocast(
            x.device.type, torch.bfloat16, cache_enabled=False
        ):  # a captured step may not keep what it casts
            return self.network(x).float()

    def _replay(self, chosen: Tensor, rows: Tensor) -> None:
        """The step as one CUDA graph, captured the first time; it reads its images from where they stood then."""
        if self.graph is None:
            self.chosen, self.rows, self.graph = (
                chosen.clone(),
                rows.clone(),
                torch.cuda.CUDAGraph(),
            )
            self.base.zero_grad(set_to_none=True)
            with torch.cuda.graph(self.graph):
                self.value = self._update(self.chosen, self.rows)
        self.chosen.copy_(chosen)
        self.rows.copy_(rows)
        self.graph.replay()


def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    config: Training,
    steps: int,
    rng: np.random.Generator,
) -> Iterator[int]:
    """Train in place for ``steps`` steps, yielding the number of steps done: 1, 2, ..., steps. See ``Trainer``."""
    return Trainer(network, images, labels, config, steps, rng).run()


def check_finite(loss: float | Tensor, step: int, config: Training) -> None:
    """Raise Diverged unless the loss is finite."""
    if not math.isfinite(loss):
        raise Diverged(
            f"training loss is {float(loss)} at step {step}: lower training.lr ({config.lr}) or training.rho ({config.rho})"
        )
