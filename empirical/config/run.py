"""One run: a method on a data set, and all that leads to it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal, get_args

from empirical.config.data import Data
from empirical.config.generation import Generator, Variants
from empirical.config.require import require
from empirical.config.selection import Early, Selection
from empirical.config.training import Training

MethodName = Literal["original", "useful", "tada", "syn-all", "syn-rand"]


@dataclasses.dataclass(frozen=True)
class Method:
    """How the training set is made. ``k``: a slow example appears k times, itself and k - 1 copies (USEFUL) or variants (TADA).

    Syn-all adds one variant of every example, Syn-rand one of each of a random subset as large as the slow one.
    """

    name: MethodName = "tada"
    k: int = 2

    def __post_init__(self) -> None:
        require(
            self.name in get_args(MethodName),
            "method.name",
            self.name,
            ", ".join(get_args(MethodName)),
        )
        require(self.k >= 1, "method.k", self.k, "at least 1")

    @property
    def label(self) -> str:
        return f"{self.name}-{self.k}" if self.name in ("useful", "tada") else self.name

    @property
    def generates(self) -> bool:
        return self.name in ("tada", "syn-all", "syn-rand")


@dataclasses.dataclass(frozen=True)
class Run:
    """One classifier, and all that leads to it. Stages with equal settings (early, generator, variants) are computed once for all runs.

    ``length_of``: count an epoch as if the training set were this method's: the original set given as many steps as that method.
    """

    experiment: str = "custom"
    method: Method = Method()
    data: Data = Data()
    training: Training = Training()
    early: Early = Early()
    generator: Generator = Generator()
    variants: Variants = Variants()
    length_of: Method | None = None
    evaluations: int = (
        20  # times the classifier is looked at on its training originals, evenly over the run
    )
    sharpness: bool = False  # measure the largest eigenvalue of the Hessian at the end
    selection: Selection = Selection()
    metric: ClassVar = "test_error"  # the number in the record that machines should agree on

    def __post_init__(self) -> None:
        require(self.evaluations >= 1, "evaluations", self.evaluations, "at least 1")

    @property
    def generates(self) -> bool:
        return self.method.generates

    @property
    def label(self) -> str:
        """What a reader finds the record by: method, optimiser, budget, then what is not usual in selection, network, variants."""
        budget = "steps" if self.training.steps else "epochs"
        longer = f"-as-{self.length_of.label}" if self.length_of else ""
        chosen = f"-{self.selection.label}" if self.selection != Selection() else ""
        network = f"-{self.training.network}" if self.training.network != Training.network else ""
        variants = self.variants.label if self.method.generates else ""
        label = f"{self.method.label}-{self.training.optimiser}-{budget}{longer}{chosen}{network}{variants}"
        return label.replace(":", "-").replace("/", "-")  # it is part of a file's name; timm:NAME


@dataclasses.dataclass(frozen=True)
class Gallery:
    """What there is to look at: slow and fast images, and variants of some of them at several strengths, with how faithful they are."""

    experiment: str
    data: Data = Data()
    training: Training = Training()
    early: Early = Early()
    generator: Generator = Generator()
    variants: Variants = Variants()
    strengths: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    label: str = "sheet"
    selection: Selection = Selection()
    sample: int | None = None  # images whose variants are measured, drawn by seed; None: all
    metric: ClassVar = "losses"
    generates: ClassVar = True

    def __post_init__(self) -> None:
        require(self.sample is None or self.sample >= 1, "sample", self.sample, "at least 1")
        require(
            len(self.strengths) >= 1 and all(0 < s <= 1 for s in self.strengths),
            "strengths",
            self.strengths,
            "numbers in (0, 1]",
        )


@dataclasses.dataclass(frozen=True)
class SelectionAgreement:
    """How far the first ``seeds`` seeds agree on which images are slow, by each of some rules."""

    experiment: str
    data: Data = Data()
    training: Training = Training()
    early: Early = Early()
    selections: tuple[Selection, ...] = (Selection(),)
    seeds: int = 3
    label: str = "stability"
    metric: ClassVar = "kappa"
    generates: ClassVar = False

    def __post_init__(self) -> None:
        require(self.seeds >= 2, "seeds", self.seeds, "at least 2")
        require(len(self.selections) >= 1, "selections", self.selections, "at least one")

    def by(self, rule: Selection) -> Run:
        """A run that selects by this rule."""
        return Run(
            self.experiment,
            data=self.data,
            training=self.training,
            early=self.early,
            selection=rule,
        )


Recorded = Run | Gallery | SelectionAgreement  # what ends in a record of its own
