"""The stages early and select of a run, each from the artifacts folder if it is there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from empirical.config import Run, Selection
from empirical.data.split import Split
from empirical.runtime.artifacts import artifact, load_arrays, save_arrays
from empirical.runtime.machine import USUAL, Machine
from empirical.selection.early_training import Outputs, early_network, logits_of
from empirical.selection.rules import select


@dataclasses.dataclass(frozen=True)
class Selected:
    """slow: (n,) bool, by the run's rule. clustered, slow_test: by the rule ``cluster``, of training and test images, for measuring alone:
    the same groups whatever is augmented. early: outputs on the training set after ``steps`` steps, at training error ``error``.
    curve: (m, 2), the steps and training errors on the way.
    """

    slow: np.ndarray
    clustered: np.ndarray
    slow_test: np.ndarray
    early: Outputs
    steps: int
    error: float
    curve: np.ndarray


def selected(run: Run, seed: int, parts: Split, root: Path, machine: Machine = USUAL) -> Selected:
    """Stages early and select. What early training leaves is its logits, from which softmax and losses follow bit for bit."""
    recipe = run.training.early
    depends = (run.data, parts.content, run.early, recipe, seed)
    path = artifact(root, "early", ".npz", *depends)
    if (kept := load_arrays(path)) is None:
        trained = early_network(parts.train, run.early, recipe, seed, machine.on(run.data))
        kept = {
            "logits": logits_of(trained.network, parts.train),
            "test": logits_of(trained.network, parts.test),
            "steps": np.int64(trained.steps),
            "error": np.float64(trained.error),
            "curve": trained.curve,
        }
        save_arrays(path, **kept)
    outputs, labels = Outputs.of(kept["logits"], parts.train.labels), parts.train.labels
    path = artifact(root, "selection", ".npz", *depends, run.selection)
    if (masks := load_arrays(path)) is None:
        test, clusters = Outputs.of(kept["test"], parts.test.labels), Selection()
        masks = {
            "slow": select(
                outputs.features(run.selection.features),
                outputs.losses,
                labels,
                run.selection,
                seed,
            ),
            "clustered": select(outputs.probabilities, outputs.losses, labels, clusters, seed),
            "slow_test": select(test.probabilities, test.losses, parts.test.labels, clusters, seed),
        }
        save_arrays(path, **masks)
    return Selected(
        **masks,
        early=outputs,
        steps=int(kept["steps"]),
        error=float(kept["error"]),
        curve=kept["curve"],
    )
