"""Learning rates as functions of the step: a run that goes on from a checkpoint needs the number of its step and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from empirical.config import Training


def step_decay(step: int, steps: int) -> float:
    """Factor on the learning rate: 1, then 1/10 from half of the steps on, 1/100 from three quarters on (paper: 100, 150 of 200 epochs)."""
    return 1.0 if 2 * step < steps else 0.1 if 4 * step < 3 * steps else 0.01


def cosine(step: int, steps: int) -> float:
    """(1 + cos(pi step / steps)) / 2: 1 at the first step, near 0 at the last (Loshchilov and Hutter 2017)."""
    return (1 + math.cos(math.pi * step / steps)) / 2


def constant(step: int, steps: int) -> float:
    """1."""
    return 1.0


SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "step": step_decay,
    "cosine": cosine,
    "constant": constant,
}


def factor(config: Training, step: int, steps: int) -> float:
    """Factor on ``config.lr`` at ``step`` of 0, 1, ..., steps - 1, in (0, 1].

    Over the first w = round(warmup * steps) steps (step + 1) / w; then the schedule: the cosine over what is left, the decay at one half
    and three quarters of all steps, as without warm-up.
    """
    warm = round(config.warmup * steps)
    if step < warm:
        return (step + 1) / warm
    shift = warm if config.schedule == "cosine" else 0
    return SCHEDULES[config.schedule](step - shift, steps - shift)


def set_rate(base: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group, in place where it lives in a tensor, as a captured step needs it."""
    for group in base.param_groups:
        if hasattr(group["lr"], "fill_"):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
