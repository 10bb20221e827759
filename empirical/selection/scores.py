"""Score the training images of several seeds, and judge whether a selection means anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirical.config import DIGITS, Early, Run, StopName
from empirical.data.decoded import find_or_decode
from empirical.runtime.machine import Machine
from empirical.selection.knee import CEILING

if TYPE_CHECKING:
    import numpy as np

    from empirical.data.split import Split
    from empirical.selection.stage import Selected


PAPER_EPOCHS = {"cifar10": 8, "cifar100": 20, "tiny-imagenet": 10}


BUDGET = 100  # epochs of early training at most: those that the paper's runs spend at their first learning rate


BLUNT = 0.05  # training error below which outputs are all alike, of chance


@dataclasses.dataclass(frozen=True)
class Found:
    """The selection of one seed. parts: that seed's split; probability: (n,), of the image's own class."""

    seed: int
    parts: Split
    chosen: Selected
    probability: np.ndarray


def early_of(name: str, stop: StopName | None, epochs: int | None, error: float | None) -> Early:
    """When early training on this data set stops: what is given, and the data set's own for what is not."""
    library = name in DIGITS
    if stop is None:
        stop = (
            "epochs"
            if epochs is not None or name in PAPER_EPOCHS
            else "error"
            if library
            else "auto"
        )
    if epochs is None:
        epochs = PAPER_EPOCHS.get(name) if stop == "epochs" else None if library else BUDGET
    return Early(stop=stop, epochs=epochs, error=Early().error if error is None else error)


def compute(run: Run, seeds: int, machine: Machine, root: Path) -> tuple[Run, list[Found]]:
    """The run as its data are known on any machine, and the selection of each seed, from results in ``root`` where they are there."""
    if not run.data.from_library:
        find_or_decode(run.data, root)  # before torch is loaded: what is missing is told at once

    import numpy as np
    import torch

    from empirical.data import load, split
    from empirical.selection import stage

    torch.set_num_threads(1)  # the same numbers as in an experiment
    run = dataclasses.replace(run, data=load.identify_by_content(run.data, root))
    found = []
    for seed in range(seeds):
        parts = split.split_dataset(run.data, seed, root)
        chosen = stage.selected(run, seed, parts, root, machine)
        found.append(
            Found(
                seed,
                parts,
                chosen,
                chosen.early.probabilities[np.arange(len(parts.train)), parts.train.labels],
            )
        )
    return run, found


def agreement(found: Sequence[Found]) -> list[dict[str, Any]]:
    """For every two seeds what ``stability.compare`` says of the training images that both have."""
    from empirical.selection.agreement import Scores, pairwise

    return pairwise(
        [Scores(f.parts.train_indices, f.chosen.early.losses, f.chosen.slow) for f in found]
    )


def _unclear(f: Found) -> bool:
    """Whether outputs are all alike, or nearly chance, by the mean of the classes' errors: large classes alone may hide both."""
    import numpy as np

    labels = f.parts.train.labels
    chance = 1 - 1 / len(np.unique(labels))
    return not BLUNT * chance < f.chosen.early.balanced_error(labels) < CEILING * chance


def rows(f: Found) -> dict[str, list]:
    """The scores of one seed's training images by column, floats to as many digits as they have."""
    names = f.parts.train.classes
    return {
        "index": f.parts.train_indices.tolist(),
        "class": [names[label] for label in f.parts.train.labels],
        "loss": [float(str(value)) for value in f.chosen.early.losses],
        "probability": [float(str(value)) for value in f.probability],
        "slow": f.chosen.slow.astype(int).tolist(),
    }


NEAR = 0.9  # of chance


def near_chance(error: float, classes: int) -> bool:
    """Whether a class-balanced ``error`` says that hardly anything was learned: that outputs, and what is selected by them, say little.

    classes: at least 2; a constant guess is wrong by 1 - 1 / classes.
    """
    return error > NEAR * (1 - 1 / classes)


def unclear(chosen: Selected, labels: np.ndarray) -> bool:
    """Whether outputs are all alike, or nearly chance, by the mean of the classes' errors."""
    chance = 1 - 1 / len(set(labels.tolist()))
    return not BLUNT * chance < chosen.early.balanced_error(labels) < CEILING * chance
