"""Choose the slow images: by early training here, or by the outputs of another model."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirical.selection.knee import NoKnee
from empirical.selection.verdict import warning
from empirical.training.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from empirical.data.context import Context


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which of n training images are slow.

    slow: (n,) bool. losses, probabilities: (n,), of the label; None if not known. about: entries of
    the manifest. lines: what to print.
    """

    slow: np.ndarray
    losses: np.ndarray | None
    probabilities: np.ndarray | None
    about: dict[str, Any]
    lines: tuple[str, ...]


def choose_early(context: Context) -> Choice:
    """Train a classifier early and select by its outputs.

    Raises ValueError if its training error does not fall in time.
    """
    import numpy as np

    from empirical.selection import stage

    run = context.run
    count = len(context.parts.train)
    most = max(1, round((run.early.epochs or 0) * count / run.training.batch))
    try:
        with progress_bar("early training, at most", most, "step") as bar:
            chosen = stage.selected(context, bar.update)
    except NoKnee as error:
        raise ValueError(
            str(error).split(": raise ")[0] + f": raise --epochs ({run.early.epochs})"
        ) from None
    lines = [
        f"early training: {chosen.steps:,} steps, training error {chosen.error:.1%}; "
        f"slow: {chosen.slow.mean():.1%} of the images"
    ]
    if line := warning(chosen.verdict, chosen.balanced_error):
        lines.append(line)
    about = {
        "selection": run.selection,
        "early_steps": chosen.steps,
        "early_error": chosen.error,
        "early_error_balanced": chosen.balanced_error,
        "selection_verdict": chosen.verdict,
    }
    own = chosen.early.probabilities[np.arange(count), context.parts.train.labels]
    return Choice(chosen.slow, chosen.early.losses, own, about, tuple(lines))


def choose_by_outputs(context: Context, path: Path, files: Sequence[str]) -> Choice:
    """Select by the outputs of another model, or take the selection that a file holds.

    files: paths of the training images in the folder. Raises ValueError as ``read_outputs`` does,
    and if the outputs are not finite.
    """
    import numpy as np

    from empirical.own_images.api import slow_indices
    from empirical.own_images.outputs import read_outputs

    train = context.parts.train
    found = read_outputs(path, files, train.classes, train.labels)
    about: dict[str, Any] = {"outputs": path.name}
    if found.values is None:
        assert found.slow is not None
        slow, losses, own = found.slow, found.losses, found.probabilities
        how = "as the file says"
    else:
        slow = np.zeros(len(train), bool)
        rule = context.run.selection
        slow[slow_indices(found.values, train.labels, rule=rule, seed=context.seed)] = True
        about["selection"] = rule
        own = label_probabilities(found.values, train.labels)
        losses = -np.log(own.clip(np.finfo(np.float32).tiny))
        how = f"rule {rule.rule}"
    unused = f"; {found.unused:,} rows of other images not used" if found.unused else ""
    line = f"outputs of {path}: slow: {slow.mean():.1%} of the images, {how}{unused}"
    return Choice(slow, losses, own, about, (line,))


def label_probabilities(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the probability of the label, (n,). values: (n, classes) logits or probabilities."""
    import numpy as np

    if values.min() >= 0 and np.abs(values.sum(1) - 1).max() < 0.01:
        return values[np.arange(len(labels)), labels]
    shifted = np.exp(values - values.max(1, keepdims=True))
    return shifted[np.arange(len(labels)), labels] / shifted.sum(1)
