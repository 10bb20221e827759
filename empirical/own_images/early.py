"""Say how networks are trained on images of one's own, by default."""

from __future__ import annotations

import dataclasses
import math

from empirical.config import AugmentName, Training
from empirical.config.recipes import PAPER_SGD
from empirical.selection.scores import BUDGET

STEPS = 400  # early training may last so many steps, also where 100 epochs are fewer
SIDES = {True: 32, False: 64}  # default limit of the side, in pixels, on a CPU or not


def network_recipe(network: str | None, on_cpu: bool, flip: bool) -> Training:
    """Return the paper's training on a GPU, a small network in small batches on a CPU.

    network: None: by device.
    """
    base = Training(network="resnet8") if on_cpu else PAPER_SGD
    augment: AugmentName = "crop-flip" if flip else "crop"
    return dataclasses.replace(base, network=network or base.network, augment=augment)


def early_epochs(count: int, batch: int) -> int:
    """Return the most epochs of early training: 100, or as many as make 400 steps.

    count: training images. batch: images in a step.
    """
    return max(BUDGET, math.ceil(STEPS * batch / count))
