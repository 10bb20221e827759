"""Compute learning rates as functions of the step.

They depend on nothing but the step, so a run resumed from a checkpoint needs only its number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from empirical.config import ScheduleName, Training


def step_decay(step: int, steps: int) -> float:
    """Return 1, from one half of the steps on 1/10, from three quarters on 1/100.

    The paper: after 100 and 150 of 200 epochs.
    """
    if 2 * step < steps:
        return 1.0
    return 0.1 if 4 * step < 3 * steps else 0.01


def cosine(step: int, steps: int) -> float:
    """Return (1 + cos(pi step / steps)) / 2 (Loshchilov and Hutter 2017).

    It is 1 at step 0 and near 0 at the last step.
    """
    return (1 + math.cos(math.pi * step / steps)) / 2


def constant(step: int, steps: int) -> float:
    """Return 1."""
    return 1.0


SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "step": step_decay,
    "cosine": cosine,
    "constant": constant,
}


def with_warmup(schedule: ScheduleName, step: int, steps: int, warmup: int) -> float:
    """Return the factor on the learning rate at ``step`` of 0, 1, ..., steps - 1, in (0, 1].

    warmup: number of steps of a linear rise, (step + 1) / warmup; at least 0. The schedule follows:
    the cosine over the remaining steps, the decay at one half and three quarters of all steps.
    """
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "cosine":
        return cosine(step - warmup, max(1, steps - warmup))
    return SCHEDULES[schedule](step, steps)


def factor(config: Training, step: int, steps: int) -> float:
    """Return the factor on ``config.lr`` at ``step`` of 0, 1, ..., steps - 1, in (0, 1]."""
    return with_warmup(config.schedule, step, steps, round(config.warmup * steps))


def set_rate(base: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every parameter group.

    A rate that is stored in a tensor is changed in place, because a captured step reads it there.
    """
    for group in base.param_groups:
        if hasattr(group["lr"], "fill_"):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
