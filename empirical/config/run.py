"""Settings of the runs that end in a record: a classifier, a gallery, an agreement of seeds."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal, get_args

from empirical.config.data import Data
from empirical.config.generation import Generator, Variants
from empirical.config.require import require, require_one_of
from empirical.config.selection import Early, Selection
from empirical.config.training import Training

MethodName = Literal["original", "useful", "reweighted", "tada", "syn-all", "syn-rand"]
FACTORED = ("useful", "reweighted", "tada")  # methods that depend on k


@dataclasses.dataclass(frozen=True)
class Method:
    """How the training set is made.

    Method ``original``: no change. ``useful`` and ``tada``: a slow-learnable example appears k
    times, itself and k - 1 copies (USEFUL) or generated variants (TADA). ``reweighted``: the loss
    of a slow-learnable example counts k times, and no image is added; losses are divided by their
    mean weight. ``syn-all``: one variant of every example is added. ``syn-rand``: one variant of
    each example of a random subset, which is as large as the slow-learnable one.
    """

    name: MethodName = "tada"  # method that makes the training set
    # times that a slow-learnable example appears with useful and tada, or counts with reweighted,
    # at least 1
    k: int = 2

    def __post_init__(self) -> None:
        require_one_of("method.name", self.name, get_args(MethodName))
        require(self.k >= 1, "method.k", self.k, "at least 1")

    @property
    def label(self) -> str:
        """The name, followed by k if the method uses it: ``tada-2``, ``syn-all``."""
        return f"{self.name}-{self.k}" if self.name in FACTORED else self.name

    @property
    def generates(self) -> bool:
        """True if the method needs generated variants."""
        return self.name in ("tada", "syn-all", "syn-rand")


def _check_known_noise(
    data: Data, generator: Generator, variants: Variants, selection: Selection
) -> None:
    """Raise ValueError where settings need known noise or cues that the data do not have."""
    ideal = generator.kind == "ideal"
    allowed = "with noisy-digits, or with data.pixel_noise"
    fits = data.known_noise or not ideal
    require(fits, "generator.kind on data without known noise", generator.kind, allowed)
    plain = not (ideal and (variants.mix or variants.from_noise))
    mixed = (variants.mix, variants.from_noise)
    require(plain, "variants.mix, from_noise of generator.kind ideal", mixed, "neither")
    names = ", ".join(variants.dials)
    allowed = "none of these with another generator.kind than ideal"
    require(ideal or not names, "variants", names, allowed)
    known = selection.rule != "truth" or data.cue != "none"
    require(known, "selection.rule truth of data.cue", data.cue, "beside, patch, domino")


@dataclasses.dataclass(frozen=True)
class Run:
    """One classifier and the stages that lead to it.

    Stages with equal settings (early, select, generator, variants) are computed once for all runs.
    """

    experiment: str = "custom"  # name of the experiment, under which records are kept
    method: Method = Method()
    data: Data = Data()
    training: Training = Training()
    early: Early = Early()
    generator: Generator = Generator()
    variants: Variants = Variants()
    # count epochs as if the training set were that of this method, so that, for example, the
    # original set is trained for as many steps; None: that of the run's own method
    length_of: Method | None = None
    # how many times the classifier is evaluated on its original training images, evenly spaced over
    # the training, at least 1
    evaluations: int = 20
    sharpness: bool = False  # measure the largest eigenvalue of the loss's Hessian at the end
    # measure at each evaluation what the classifier responds to: cue, image, own or fresh noise;
    # only for images whose noise is known
    responses: bool = False
    selection: Selection = Selection()
    metric: ClassVar = "test_error"  # the number in a record on which machines should agree

    def __post_init__(self) -> None:
        require(self.evaluations >= 1, "evaluations", self.evaluations, "at least 1")
        _check_known_noise(self.data, self.generator, self.variants, self.selection)
        measured = self.data.known_noise or not self.responses
        allowed = "False for images whose noise is not known"
        require(measured, f"responses of {self.data.name}", self.responses, allowed)

    @property
    def generates(self) -> bool:
        """True if the run needs generated variants."""
        return self.method.generates

    @property
    def label(self) -> str:
        """The first part of the record's file name, for readers.

        Method, optimiser, steps or epochs; then selection, network and variants if they are not
        the default.
        """
        budget = "steps" if self.training.steps else "epochs"
        longer = f"-as-{self.length_of.label}" if self.length_of else ""
        chosen = f"-{self.selection.label}" if self.selection != Selection() else ""
        network = f"-{self.training.network}" if self.training.network != Training.network else ""
        variants = self.variants.label if self.method.generates else ""
        trained = f"{self.method.label}-{self.training.optimiser}-{budget}{longer}"
        label = f"{trained}{chosen}{network}{variants}"
        return label.replace(":", "-").replace("/", "-")  # timm:NAME has characters of paths


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Pictures of slow and fast images, and of variants at several strengths, with faithfulness."""

    experiment: str  # name of the experiment, under which records are kept
    data: Data = Data()
    training: Training = Training()
    early: Early = Early()
    generator: Generator = Generator()
    variants: Variants = Variants()
    strengths: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  # each in (0, 1]
    label: str = "sheet"  # first part of the record's file name
    selection: Selection = Selection()
    sample: int | None = None  # number of images whose variants are measured; None: all
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
    """How far the first ``seeds`` seeds agree on which images are slow, for each selection rule."""

    experiment: str  # name of the experiment, under which records are kept
    data: Data = Data()
    training: Training = Training()
    early: Early = Early()
    selections: tuple[Selection, ...] = (Selection(),)  # rules, at least one
    seeds: int = 3  # number of seeds, at least 2
    label: str = "stability"  # first part of the record's file name
    metric: ClassVar = "kappa"
    generates: ClassVar = False

    def __post_init__(self) -> None:
        require(self.seeds >= 2, "seeds", self.seeds, "at least 2")
        require(len(self.selections) >= 1, "selections", self.selections, "at least one")

    def by(self, rule: Selection) -> Run:
        """Return a run that selects by this rule."""
        return Run(
            self.experiment,
            data=self.data,
            training=self.training,
            early=self.early,
            selection=rule,
        )


Recorded = Run | Gallery | SelectionAgreement  # settings of whatever ends in a record
