"""The stages early and select of a run; a result found in the artifacts folder is used again."""

from __future__ import annotations

import dataclasses

import numpy as np

from empirical.config import Selection
from empirical.data.context import Context
from empirical.data.images import Images
from empirical.runtime.artifacts import artifact, load_arrays, save_arrays
from empirical.selection.early_training import Outputs, early_network, logits_of
from empirical.selection.rules import select
from empirical.selection.verdict import Verdict, verdict
from figures.records import Advance, no_progress


@dataclasses.dataclass(frozen=True)
class Selected:
    """Which images are slow, and the early outputs that decided it.

    slow: (n,) bool, training images selected by the run's rule. clustered and slow_test: (n,) and
    (m,) bool, training and test images selected by the rule ``cluster``; they only group
    measurements, so that the groups are the same whatever is augmented. early: outputs on the
    training images after ``steps`` steps. error: training error at that step, in [0, 1];
    balanced_error: the mean of the classes' errors. curve: (c, 2), steps and training errors on
    the way. verdict: whether these outputs can tell slow images from fast ones.
    """

    slow: np.ndarray
    clustered: np.ndarray
    slow_test: np.ndarray
    early: Outputs
    steps: int
    error: float
    balanced_error: float
    curve: np.ndarray
    verdict: Verdict


def selected(context: Context, advance: Advance = no_progress) -> Selected:
    """Train early and select, or read the results of both stages; return them.

    advance: called with the steps of early training done since the last call. Early training keeps
    its logits only: softmax and losses follow from them bit for bit. Raises NoKnee if early
    training was to stop by itself and nothing was learned.
    """
    run, seed, parts = context.run, context.seed, context.parts
    labels = parts.train.labels
    depends = (run.data, parts.content, run.early, run.training.early, seed)
    kept = early_outputs(context, depends, advance)
    early = Outputs.of(kept["logits"], labels)
    path = artifact(context.root, "select", ".npz", *depends, run.selection)
    if (masks := load_arrays(path)) is None:
        features = early.features(run.selection.features)
        test = Outputs.of(kept["test"], parts.test.labels)
        clusters = Selection()
        if run.selection.rule == "truth":
            slow = ~known_cues(parts.train)
        else:
            slow = select(features, early.losses, labels, run.selection, seed)
        masks = {
            "slow": slow,
            "clustered": select(early.probabilities, early.losses, labels, clusters, seed),
            "slow_test": select(test.probabilities, test.losses, parts.test.labels, clusters, seed),
        }
        save_arrays(path, **masks)
    balanced = early.balanced_error(labels)
    return Selected(
        **masks,
        early=early,
        steps=int(kept["steps"]),
        error=float(kept["error"]),
        balanced_error=balanced,
        curve=kept["curve"],
        verdict=verdict(balanced, len(np.unique(labels))),
    )


def known_cues(images: Images) -> np.ndarray:
    """Return which images have their cue, (n,) bool. Raises ValueError if it is not known."""
    if images.truth is None or not images.truth.has_cues:
        raise ValueError("selection.rule is 'truth'; allowed: with data.cue beside, patch, domino")
    return images.truth.present


def early_outputs(
    context: Context, depends: tuple, advance: Advance = no_progress
) -> dict[str, np.ndarray]:
    """Return the results of early training, from the artifacts folder or newly computed.

    logits: (n, classes) on training images. test: (m, classes) on test images. steps, error: 0-d
    arrays. curve: (c, 2). depends: all that the results depend on. advance: called at every step.
    """
    run, parts = context.run, context.parts
    path = artifact(context.root, "early", ".npz", *depends)
    if (kept := load_arrays(path)) is not None:
        return kept
    trained = early_network(
        parts.train, run.early, run.training.early, context.seed, context.device, advance
    )
    kept = {
        "logits": logits_of(trained.network, parts.train),
        "test": logits_of(trained.network, parts.test),
        "steps": np.array(trained.steps),
        "error": np.array(trained.error),
        "curve": trained.curve,
    }
    save_arrays(path, **kept)
    return kept
