"""What a run is: frozen dataclasses, checked once. They are the command line, the record and the cache key; nothing heavy is imported."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from empirical.networks import NETWORKS, TIMM

DIGITS = ("digits", "noisy-digits")
DATA_NAMES = (*DIGITS, "cifar10", "cifar100", "tiny-imagenet")
MethodName = Literal["original", "useful", "tada", "syn-all", "syn-rand"]
OptimiserName = Literal["sgd", "sam", "asam", "adamw", "sam-adamw", "asam-adamw"]
ScheduleName = Literal["step", "cosine", "constant"]
AugmentName = Literal["none", "crop", "crop-flip", "trivial", "crop-flip-trivial"]
PrecisionName = Literal["float32", "bfloat16"]
SamplerName = Literal["ddpm", "ddim"]
StopName = Literal["error", "epochs", "auto"]
RuleName = Literal["cluster", "high-loss", "misclassified", "random", "all"]


def require(condition: bool, name: str, got: object, allowed: str) -> None:
    """Raise ValueError in the one form that every bad setting is reported in."""
    if not condition:
        raise ValueError(f"{name} is {got!r}; allowed: {allowed}")


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set and its split. Training images, and of digits the test images, are drawn per seed; the validation images are the same
    for all. Where a data set lies on this machine is no part of it.

    Settings are chosen on the validation images, never on test images; nothing is trained on them.
    """

    name: str = "noisy-digits"  # digits, noisy-digits, cifar10, cifar100, tiny-imagenet, or folder:PATH for images of your own
    train: int | None = 400  # training images, at least 20; None: all but the validation images (not for digits)
    validation: int = 200  # held out of training and test
    side: int | None = None  # average pixels down to this side; of folder:PATH, the side to resize to (64 if None)
    classes: tuple[str, ...] | None = None  # these classes alone
    skip_unreadable: bool = False  # leave out files that cannot be read as images, instead of stopping
    content: str | None = None  # digest of the images, or how it begins: a run with others is refused

    def __post_init__(self) -> None:
        known = self.name in DATA_NAMES or (self.name.startswith("folder:") and len(self.name) > len("folder:"))
        require(known, "data.name", self.name, f"{', '.join(DATA_NAMES)}, folder:PATH")
        require(self.train is None or self.train >= 20, "data.train", self.train, "at least 20")
        require(self.validation >= 0, "data.validation", self.validation, "at least 0")
        require(self.side is None or self.side >= 4, "data.side", self.side, "at least 4")
        distinct = self.classes is None or len(set(self.classes)) == len(self.classes) >= 2
        require(distinct, "data.classes", self.classes, "at least two different classes")
        if self.from_library:
            require(self.train is not None, f"data.train of {self.name}", self.train, "a number, as the other images are for testing")
            plain = (self.side, self.classes, self.content) == (None, None, None)
            require(plain, "data.side, classes, content", (self.side, self.classes, self.content), f"none of them for {self.name}")

    @property
    def from_library(self) -> bool:
        """Whether the images are part of a library: nothing to look for, nothing to decode."""
        return self.name in DIGITS


@dataclasses.dataclass(frozen=True)
class Training:
    """Classifier training. SGD with momentum, the learning rate divided by 10 at one half and three quarters (paper: 100 and 150 of 200).

    Exactly one of ``steps`` and ``epochs`` is set: equal gradient steps for every method, or equal epochs over sets of different size.
    SAM and ASAM step with SGD, or with AdamW where the name says so, and take two gradients a step. ``empirical/recipes.py`` has the
    paper's settings.
    """

    network: str = "resnet8"  # a name of empirical/networks.py, or timm:NAME
    optimiser: OptimiserName = "sgd"
    steps: int | None = 250
    epochs: int | None = None
    width: int = 16  # channels of the first of three stages of resnet8 and resnet20
    batch: int = 64
    accumulate: int = 1  # micro-batches that a batch is worked through in, so that it need not fit the memory
    lr: float = 0.1
    schedule: ScheduleName = "step"
    warmup: float = 0.0  # fraction of the steps in which the learning rate rises to its full height, [0, 1)
    momentum: float = 0.9  # SGD
    nesterov: bool = False  # SGD
    betas: tuple[float, float] = (0.9, 0.999)  # AdamW
    weight_decay: float = 5e-4  # of all parameters (SGD); decoupled, of weight matrices and filters alone (AdamW)
    rho: float = 0.1  # radius of SAM and ASAM
    eta: float = 0.01  # ASAM: perturbations are measured in units of |w| + eta
    smoothing: float = 0.0  # share of the label spread over all classes, [0, 1)
    augment: AugmentName = "none"
    precision: PrecisionName = "float32"  # of the passes through the network; weights and their updates are float32

    def __post_init__(self) -> None:
        for name, kind in (
            ("optimiser", OptimiserName),
            ("schedule", ScheduleName),
            ("augment", AugmentName),
            ("precision", PrecisionName),
        ):
            require(getattr(self, name) in get_args(kind), f"training.{name}", getattr(self, name), ", ".join(get_args(kind)))
        networks = f"{', '.join(NETWORKS)}, {TIMM}NAME"
        require(self.network in NETWORKS or self.network.startswith(TIMM), "training.network", self.network, networks)
        require(
            (self.steps is None) != (self.epochs is None), "training.steps, epochs", (self.steps, self.epochs), "exactly one of the two"
        )
        require((self.steps or self.epochs or 0) >= 1, "training length", self.steps or self.epochs, "at least 1")
        require(self.width >= 1 and self.batch >= 2, "training.width, batch", (self.width, self.batch), "width >= 1, batch >= 2")
        fits = self.accumulate >= 1 and self.batch % self.accumulate == 0 and self.batch > self.accumulate
        require(fits, "training.accumulate", self.accumulate, f"divisors of the batch, {self.batch}, below it")
        require(self.lr > 0, "training.lr", self.lr, "above 0")
        unit = {"warmup": self.warmup, "momentum": self.momentum, "smoothing": self.smoothing}
        for name, value in {**unit, "betas[0]": self.betas[0], "betas[1]": self.betas[1]}.items():
            require(0 <= value < 1, f"training.{name}", value, "[0, 1)")
        require(not self.nesterov or self.momentum > 0, "training.nesterov", self.nesterov, "with momentum above 0 only")
        for name, value in {"weight_decay": self.weight_decay, "rho": self.rho, "eta": self.eta}.items():
            require(value >= 0, f"training.{name}", value, "at least 0")

    @property
    def sharpness_aware(self) -> bool:
        return "sam" in self.optimiser

    @property
    def base(self) -> str:
        """The optimiser without its ascent: ``sgd`` or ``adamw``."""
        return "adamw" if self.optimiser.endswith("adamw") else "sgd"

    @property
    def gradients(self) -> int:
        """Gradients a step takes."""
        return 2 if self.sharpness_aware else 1


@dataclasses.dataclass(frozen=True)
class Early:
    """Early training on the originals with the run's own recipe, and when it stops.

    ``error``: once the training error is at most ``error``, or the budget is spent. On small data the moment is set by the training
    error, not by an epoch: 0.15 leaves about 30% of the noisy digits in the high-loss clusters (the paper: 30-40%); much later every loss
    is near 0 and the clusters say nothing.
    ``epochs``: after ``epochs`` epochs (paper: 8 on CIFAR-10, 20 on CIFAR-100, 10 on TinyImageNet).
    ``auto``: where the fall of the training error slows within the budget, see ``empirical/knee.py``, or where the error comes down to
    ``error`` if that is before. The budget of ``error`` and ``auto`` is ``epochs`` epochs if given, else ``limit`` steps.
    """

    error: float = 0.15  # training error at which to stop, (0, 1)
    every: int = 2  # steps between measurements of the training error, which is measured four times an epoch at most
    limit: int = 400  # steps at most, where ``epochs`` is not given
    stop: StopName = "error"
    epochs: int | None = None  # epochs at most; of ``epochs``, exactly
    sample: int = 5_000  # training images that the error is measured on, drawn by seed where there are more

    def __post_init__(self) -> None:
        require(0 < self.error < 1, "early.error", self.error, "(0, 1)")
        require(self.every >= 1 and self.limit >= 1, "early.every, limit", (self.every, self.limit), "at least 1")
        require(self.stop in get_args(StopName), "early.stop", self.stop, ", ".join(get_args(StopName)))
        require(self.epochs is None or self.epochs >= 1, "early.epochs", self.epochs, "at least 1")
        require(self.stop != "epochs" or self.epochs is not None, "early.epochs of early.stop epochs", self.epochs, "a number")
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
    fraction: float | None = None  # of high-loss and random: this share, (0, 1]; None: as many as cluster takes
    per_class: bool = False  # of high-loss and random: take the number from each class

    def __post_init__(self) -> None:
        require(self.rule in get_args(RuleName), "selection.rule", self.rule, ", ".join(get_args(RuleName)))
        require(self.features in ("softmax", "logits"), "selection.features", self.features, "softmax, logits")
        require(self.fraction is None or 0 < self.fraction <= 1, "selection.fraction", self.fraction, "(0, 1]")
        counted, of = self.rule in ("high-loss", "random"), f"of rule {self.rule}"
        require(self.fraction is None or counted, f"selection.fraction {of}", self.fraction, "none, as its number is given")
        require(counted or not self.per_class, f"selection.per_class {of}", self.per_class, "False, as there is no number to share out")
        require(self.features == "softmax" or self.clusters, f"selection.features {of}", self.features, "softmax, as nothing is clustered")

    @property
    def clusters(self) -> bool:
        """Whether clusters decide: which examples are taken, or how many."""
        return self.rule == "cluster" or (self.rule in ("high-loss", "random") and self.fraction is None)

    @property
    def label(self) -> str:
        """In a few words, with what differs from the default."""
        said = [self.rule, *(["logits"] if self.features == "logits" else []), *(["per-class"] if self.per_class else [])]
        return "-".join([*said, *([f"{self.fraction:g}"] if self.fraction is not None else [])])


@dataclasses.dataclass(frozen=True)
class Generator:
    """A class-conditional diffusion model trained on the training split alone (``own``): v-prediction, cosine schedule of 1,000 steps."""

    channels: tuple[int, ...] = (16, 32)  # per resolution level, multiples of 8
    steps: int = 400
    batch: int = 64
    lr: float = 4e-3
    null: float = 0.1  # fraction of labels replaced by the null class, [0, 1): for classifier-free guidance
    ema: float = 0.995  # decay of the averaged weights, warmed up

    def __post_init__(self) -> None:
        multiples = len(self.channels) >= 1 and all(c >= 8 and c % 8 == 0 for c in self.channels)
        require(multiples, "generator.channels", self.channels, "multiples of 8")
        require(self.steps >= 1 and self.batch >= 1 and self.lr > 0, "generator", self, "steps >= 1, batch >= 1, lr > 0")
        require(0 <= self.null < 1 and 0 <= self.ema < 1, "generator.null, ema", (self.null, self.ema), "[0, 1)")


@dataclasses.dataclass(frozen=True)
class Variants:
    """Noise a real image to ``strength``, then denoise it. 0.5 on the cosine schedule is alpha_bar = 0.5, as 50 of GLIDE's 100 steps."""

    strength: float = 0.5  # fraction of the schedule, (0, 1]
    grid: int = 50  # denoising steps of the whole schedule; round(grid * strength) of them are run
    guidance: float = 1.0  # 1: the conditional model alone
    sampler: SamplerName = "ddpm"

    def __post_init__(self) -> None:
        require(0 < self.strength <= 1, "variants.strength", self.strength, "(0, 1]")
        require(self.grid >= 1 and 1000 % self.grid == 0, "variants.grid", self.grid, "divisors of 1000, so that the steps are even")
        require(
            round(self.grid * self.strength) >= 1, "variants.grid * strength", self.grid * self.strength, "at least one step: raise either"
        )
        require(self.guidance >= 0, "variants.guidance", self.guidance, "at least 0")
        require(self.sampler in get_args(SamplerName), "variants.sampler", self.sampler, ", ".join(get_args(SamplerName)))


@dataclasses.dataclass(frozen=True)
class Method:
    """How the training set is made. ``k``: a slow example appears k times, itself and k - 1 copies (USEFUL) or variants (TADA).

    Syn-all adds one variant of every example, Syn-rand one of each of a random subset as large as the slow one.
    """

    name: MethodName = "tada"
    k: int = 2

    def __post_init__(self) -> None:
        require(self.name in get_args(MethodName), "method.name", self.name, ", ".join(get_args(MethodName)))
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
    checks: int = 20  # times the classifier is looked at on its training originals, evenly over the run
    sharpness: bool = False  # measure the largest eigenvalue of the Hessian at the end
    selection: Selection = Selection()

    def __post_init__(self) -> None:
        require(self.checks >= 1, "checks", self.checks, "at least 1")

    @property
    def label(self) -> str:
        """What a reader finds the record by: method, optimiser, budget."""
        budget = "steps" if self.training.steps else "epochs"
        longer = f"-as-{self.length_of.label}" if self.length_of else ""
        chosen = f"-{self.selection.label}" if self.selection != Selection() else ""
        return f"{self.method.label}-{self.training.optimiser}-{budget}{longer}{chosen}"


@dataclasses.dataclass(frozen=True)
class Sheet:
    """What there is to look at: slow and fast images, and variants of some of them at several strengths, with how faithful they are."""

    experiment: str
    data: Data = Data()
    training: Training = Training()
    early: Early = Early()
    generator: Generator = Generator()
    variants: Variants = Variants()
    strengths: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    label: str = "sheet"

    def __post_init__(self) -> None:
        require(len(self.strengths) >= 1 and all(0 < s <= 1 for s in self.strengths), "strengths", self.strengths, "numbers in (0, 1]")
