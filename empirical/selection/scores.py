"""Select the slow images of several seeds, and score every training image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirical.config import DIGITS, Early, Run, StopName
from empirical.data.decoded import find_or_decode
from empirical.runtime.machine import Machine

if TYPE_CHECKING:
    import numpy as np

    from empirical.data.split import Split
    from empirical.selection.stage import Selected

PAPER_EPOCHS = {"cifar10": 8, "cifar100": 20, "tiny-imagenet": 10}  # of early training
BUDGET = 100  # epochs of early training, at most: the paper's runs at their first learning rate


@dataclasses.dataclass(frozen=True)
class SeedSelection:
    """The selection of one seed.

    parts: the split of that seed. probability: (n,), the early network's probability of the true
    class of each training image.
    """

    seed: int
    parts: Split
    chosen: Selected
    probability: np.ndarray


def early_settings(
    name: str, stop: StopName | None, epochs: int | None, error: float | None
) -> Early:
    """Return when early training on a data set stops; None means the data set's own setting.

    Without a setting: the paper's epochs on CIFAR and TinyImageNet, a training error on digits,
    ``auto`` with at most 100 epochs on other images.
    """
    library = name in DIGITS
    if stop is None:
        if epochs is not None or name in PAPER_EPOCHS:
            stop = "epochs"
        else:
            stop = "error" if library else "auto"
    if epochs is None and stop == "epochs":
        epochs = PAPER_EPOCHS.get(name)
    elif epochs is None and not library:
        epochs = BUDGET
    return Early(stop=stop, epochs=epochs, error=Early().error if error is None else error)


def compute(run: Run, seeds: int, machine: Machine, root: Path) -> tuple[Run, list[SeedSelection]]:
    """Return the selections of seeds 0, ..., seeds - 1, each from ``root`` if it is there.

    The run is returned with its data identified by their content, as on any other machine.
    """
    if not run.data.from_library:
        find_or_decode(run.data, root)  # before torch is loaded: missing data are reported at once

    import numpy as np
    import torch

    from empirical.data.context import Context
    from empirical.data.load import identify_by_content
    from empirical.selection.stage import selected

    torch.set_num_threads(1)  # the same numbers as in an experiment
    run = dataclasses.replace(run, data=identify_by_content(run.data, root))
    found = []
    for seed in range(seeds):
        context = Context(run, seed, root, machine)
        parts, chosen = context.parts, selected(context)
        probability = chosen.early.probabilities[np.arange(len(parts.train)), parts.train.labels]
        found.append(SeedSelection(seed, parts, chosen, probability))
    return run, found


def agreement(found: Sequence[SeedSelection]) -> list[dict[str, Any]]:
    """Compare every two seeds on the training images that both have."""
    from empirical.selection.agreement import Scores, pairwise

    return pairwise(
        [Scores(f.parts.train_indices, f.chosen.early.losses, f.chosen.slow) for f in found]
    )


def columns(found: SeedSelection) -> dict[str, list]:
    """Return the scores of one seed's training images, a list for each column.

    index, class (its name), loss, probability of the class, slow (0 or 1). Floats have the digits
    of float32.
    """
    names = found.parts.train.classes
    return {
        "index": found.parts.train_indices.tolist(),
        "class": [names[label] for label in found.parts.train.labels],
        "loss": [float(str(value)) for value in found.chosen.early.losses],
        "probability": [float(str(value)) for value in found.probability],
        "slow": found.chosen.slow.astype(int).tolist(),
    }
