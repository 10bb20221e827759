"""Settings of the selection: when early training stops, and which examples are slow-learnable."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from empirical.config.require import require, require_one_of

StopName = Literal["error", "epochs", "auto"]
RuleName = Literal["cluster", "high-loss", "misclassified", "random", "all", "truth"]
FeaturesName = Literal["softmax", "logits"]


@dataclasses.dataclass(frozen=True)
class Early:
    """Early training on the original images with the run's own recipe, and when it stops.

    Stop ``error``: when the training error is at most ``error``, or the budget is spent. On small
    data the training error, not the epoch, tells the right moment: at 0.15 the high-loss clusters
    hold about 30% of the noisy digits (the paper: 30-40%); much later all losses are near 0, and
    the clusters carry no information.

    Stop ``epochs``: after ``epochs`` epochs (paper: 8 on CIFAR-10, 20 on CIFAR-100, 10 on
    TinyImageNet).

    Stop ``auto``: where the fall of the class-balanced training error (the mean of the classes'
    errors) slows down, see ``empirical/selection/knee.py``, or when that error is at most the
    value of ``error``, whichever comes first.

    The budget of ``error`` and ``auto`` is ``epochs`` epochs, or ``limit`` steps if that is None.
    """

    error: float = 0.15  # training error at which to stop, (0, 1)
    # steps between two measurements of the training error, at least 1; it is measured at most four
    # times an epoch
    every: int = 2
    limit: int = 400  # largest number of steps if early.epochs is None, at least 1
    # stop at a training error, after some epochs, or where the training error levels off (auto)
    stop: StopName = "error"
    # number of epochs if early.stop is epochs, otherwise the largest number, at least 1; None: use
    # early.limit
    epochs: int | None = None
    # training images on which the error is measured, at least 100, drawn by seed if there are more
    sample: int = 5_000

    def __post_init__(self) -> None:
        require(0 < self.error < 1, "early.error", self.error, "(0, 1)")
        intervals = (self.every, self.limit)
        require(min(intervals) >= 1, "early.every, limit", intervals, "at least 1")
        require_one_of("early.stop", self.stop, get_args(StopName))
        require(self.epochs is None or self.epochs >= 1, "early.epochs", self.epochs, "at least 1")
        given = self.stop != "epochs" or self.epochs is not None
        require(given, "early.epochs of early.stop epochs", self.epochs, "a number")
        require(self.sample >= 100, "early.sample", self.sample, "at least 100")


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which examples are slow-learnable, by a network's outputs at the end of early training.

    Rule ``cluster``: split the outputs of each class into two clusters and take the one of higher
    mean loss (the paper's rule). ``high-loss``: take the highest losses. ``misclassified``: take
    the examples that the network gets wrong. ``random``: take random examples. ``all``: take all.
    ``truth``: take the images without their cue (data with a planted cue only).

    The rules ``high-loss`` and ``random`` take as many examples as ``cluster`` would, so that rules
    are compared at equal numbers, or the given ``fraction``. They take them from all examples
    together, so that classes that are learned late contribute more, or ``per_class``. Per class,
    the highest losses are nearly the same examples as the cluster (Jaccard index 0.8-0.95 on
    digits; 0.45-0.65 over all classes together), so that is hardly another rule.
    """

    rule: RuleName = "cluster"  # rule that decides which examples are slow-learnable
    features: FeaturesName = "softmax"  # outputs of the network that are clustered
    # share of the examples that high-loss and random take, (0, 1]; None: as many as cluster takes
    fraction: float | None = None
    per_class: bool = False  # let high-loss and random take their number from each class

    def __post_init__(self) -> None:
        require_one_of("selection.rule", self.rule, get_args(RuleName))
        require_one_of("selection.features", self.features, get_args(FeaturesName))
        share = self.fraction
        require(share is None or 0 < share <= 1, "selection.fraction", share, "(0, 1]")
        counted = self.rule in ("high-loss", "random")
        of = f"of rule {self.rule}"
        require(
            share is None or counted,
            f"selection.fraction {of}",
            share,
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
        """True if clusters decide which examples are taken, or how many."""
        counted = self.rule in ("high-loss", "random")
        return self.rule == "cluster" or (counted and self.fraction is None)

    @property
    def label(self) -> str:
        """The rule and the settings that differ from the default, such as ``cluster-logits``."""
        words: list[str] = [self.rule]
        if self.features == "logits":
            words.append("logits")
        if self.per_class:
            words.append("per-class")
        if self.fraction is not None:
            words.append(f"{self.fraction:g}")
        return "-".join(words)
