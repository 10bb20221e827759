"""When early training stops, and which examples are then slow-learnable."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from empirical.config.require import require

StopName = Literal["error", "epochs", "auto"]
RuleName = Literal["cluster", "high-loss", "misclassified", "random", "all"]


@dataclasses.dataclass(frozen=True)
class Early:
    """Early training on the originals with the run's own recipe, and when it stops.

    ``error``: once the training error is at most ``error``, or the budget is spent. On small data the moment is set by the training
    error, not by an epoch: 0.15 leaves about 30% of the noisy digits in the high-loss clusters (the paper: 30-40%); much later every loss
    is near 0 and the clusters say nothing.
    ``epochs``: after ``epochs`` epochs (paper: 8 on CIFAR-10, 20 on CIFAR-100, 10 on TinyImageNet).
    ``auto``: where the fall of the class-balanced training error (the mean of the classes' errors) slows within the budget, see
    ``empirical/selection/knee.py``, or where it comes down to ``error`` if that is before.
    The budget of ``error`` and ``auto`` is ``epochs`` epochs if given, else ``limit`` steps.
    """

    error: float = 0.15  # training error at which to stop, (0, 1)
    every: int = 2  # steps between measurements of the training error, which is measured four times an epoch at most
    limit: int = 400  # steps at most, where ``epochs`` is not given
    stop: StopName = "error"
    epochs: int | None = None  # epochs at most; of ``epochs``, exactly
    sample: int = (
        5_000  # training images that the error is measured on, drawn by seed where there are more
    )

    def __post_init__(self) -> None:
        require(0 < self.error < 1, "early.error", self.error, "(0, 1)")
        require(
            self.every >= 1 and self.limit >= 1,
            "early.every, limit",
            (self.every, self.limit),
            "at least 1",
        )
        require(
            self.stop in get_args(StopName), "early.stop", self.stop, ", ".join(get_args(StopName))
        )
        require(self.epochs is None or self.epochs >= 1, "early.epochs", self.epochs, "at least 1")
        require(
            self.stop != "epochs" or self.epochs is not None,
            "early.epochs of early.stop epochs",
            self.epochs,
            "a number",
        )
        require(self.sample >= 100, "early.sample", self.sample, "at least 100")


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which examples are slow-learnable, by a network's outputs at the end of early training.

    ``cluster``: per class, two clusters of the outputs; the one of higher mean loss (the paper's). ``high-loss``: the highest losses.
    ``misclassified``: those that the network gets wrong. ``random``: any. ``all``: every one.
    Of high-loss and random examples as many are taken as ``cluster`` takes, so that rules are compared at equal numbers, or ``fraction``.
    They are taken from all examples together, so that classes that are learned late have more, or ``per_class``. The highest losses of
    each class, as many as its cluster, are nearly the cluster (Jaccard index 0.8-0.95 on digits; of all 0.45-0.65): hardly another rule.
    """

    rule: RuleName = "cluster"
    features: Literal["softmax", "logits"] = "softmax"  # outputs that are clustered
    fraction: float | None = (
        None  # of high-loss and random: this share, (0, 1]; None: as many as cluster takes
    )
    per_class: bool = False  # of high-loss and random: take the number from each class

    def __post_init__(self) -> None:
        require(
            self.rule in get_args(RuleName),
            "selection.rule",
            self.rule,
            ", ".join(get_args(RuleName)),
        )
        require(
            self.features in ("softmax", "logits"),
            "selection.features",
            self.features,
            "softmax, logits",
        )
        require(
            self.fraction is None or 0 < self.fraction <= 1,
            "selection.fraction",
            self.fraction,
            "(0, 1]",
        )
        counted, of = self.rule in ("high-loss", "random"), f"of rule {self.rule}"
        require(
            self.fraction is None or counted,
            f"selection.fraction {of}",
            self.fraction,
            "none, as its number is given",
        )
        require(
            counted or not self.per_class,
            f"selection.per_class {of}",
            self.per_class,
            "False, as there is no number to share out",
        )
        require(
            self.features == "softmax" or self.clusters,
            f"selection.features {of}",
            self.features,
            "softmax, as nothing is clustered",
        )

    @property
    def clusters(self) -> bool:
        """Whether clusters decide: which examples are taken, or how many."""
        return self.rule == "cluster" or (
            self.rule in ("high-loss", "random") and self.fraction is None
        )

    @property
    def label(self) -> str:
        """In a few words, with what differs from the default."""
        said = [
            self.rule,
            *(["logits"] if self.features == "logits" else []),
            *(["per-class"] if self.per_class else []),
        ]
        return "-".join([*said, *([f"{self.fraction:g}"] if self.fraction is not None else [])])
