"""Training a classifier: one loop that yields, whatever the optimiser; the caller measures, logs or stops."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from empirical import optimisers
from empirical.config import Training


class Diverged(ArithmeticError):
    """The loss is no longer finite."""


def batches(n: int, size: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Indices in batches of ``size`` for ever, each epoch in a new order; a batch may span two epochs, so that none is smaller."""
    rest = np.empty(0, dtype=np.int64)
    while True:
        while len(rest) < size:
            rest = np.concatenate([rest, rng.permutation(n)])
        yield torch.from_numpy(rest[:size])
        rest = rest[size:]


def step_decay(step: int, steps: int) -> float:
    """Factor on the learning rate: 1, then 1/10 from half of the steps on, 1/100 from three quarters on."""
    return 1.0 if 2 * step < steps else 0.1 if 4 * step < 3 * steps else 0.01


def train(network: nn.Module, pixels: Tensor, labels: Tensor, config: Training, steps: int, rng: np.random.Generator) -> Iterator[int]:
    """Train in place for ``steps`` steps, yielding the number of steps done: 1, 2, ..., steps.

    pixels: (n, channels, height, width); labels: (n,), on the network's device. Raises Diverged when the loss is no longer finite.
    """
    optimiser, base = optimisers.build(network, config)
    schedule = torch.optim.lr_scheduler.LambdaLR(base, lambda step: step_decay(step, steps))
    network.train()
    order = batches(len(labels), config.batch, rng)
    for step in range(1, steps + 1):
        chosen = next(order).to(labels.device)
        x, y = pixels[chosen], labels[chosen]

        def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
            base.zero_grad(set_to_none=True)
            loss = F.cross_entropy(network(x), y)
            loss.backward()
            return loss.detach()

        loss = optimiser.step(closure)
        schedule.step()
        if step % 50 == 0 or step == steps:
            check_finite(loss, step, config)
        yield step


def check_finite(loss: Tensor, step: int, config: Training) -> None:
    if not torch.isfinite(loss):
        raise Diverged(f"training loss is {loss.item()} at step {step}: lower training.lr ({config.lr}) or training.rho ({config.rho})")
