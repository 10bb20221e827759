"""What a run is: frozen dataclasses, checked once. They are the command line, the record and the cache key; nothing heavy is imported."""

from __future__ import annotations

import dataclasses
from typing import Literal

DataName = Literal["digits", "noisy-digits"]
MethodName = Literal["original", "useful", "tada", "syn-all", "syn-rand"]


def require(condition: bool, name: str, got: object, allowed: str) -> None:
    """Raise ValueError in the one form that every bad setting is reported in."""
    if not condition:
        raise ValueError(f"{name} is {got!r}; allowed: {allowed}")


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set and its split. Training and test images are drawn per seed; the validation images are the same for all.

    Settings are chosen on the validation images, never on test images; nothing is trained on them.
    """

    name: DataName = "noisy-digits"
    train: int = 400  # training images, at least 20
    validation: int = 200  # held out of training and test

    def __post_init__(self) -> None:
        require(self.train >= 20, "data.train", self.train, "at least 20")
        require(self.validation >= 0, "data.validation", self.validation, "at least 0")


@dataclasses.dataclass(frozen=True)
class Training:
    """Classifier training: SGD with momentum, the learning rate divided by 10 at one half and three quarters (paper: 100 and 150 of 200).

    Exactly one of ``steps`` and ``epochs`` is set: equal gradient steps for every method, or equal epochs over sets of different size.
    SAM takes two gradients a step.
    """

    network: Literal["resnet8"] = "resnet8"
    optimiser: Literal["sgd", "sam"] = "sgd"
    steps: int | None = 250
    epochs: int | None = None
    width: int = 16  # channels of the first of three stages of the residual network
    batch: int = 64
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    rho: float = 0.1  # SAM's radius

    def __post_init__(self) -> None:
        require(
            (self.steps is None) != (self.epochs is None), "training.steps, epochs", (self.steps, self.epochs), "exactly one of the two"
        )
        require((self.steps or self.epochs or 0) >= 1, "training length", self.steps or self.epochs, "at least 1")
        require(self.width >= 1 and self.batch >= 2, "training.width, batch", (self.width, self.batch), "width >= 1, batch >= 2")
        require(self.lr > 0, "training.lr", self.lr, "above 0")
        require(0 <= self.momentum < 1, "training.momentum", self.momentum, "[0, 1)")
        require(self.weight_decay >= 0 and self.rho >= 0, "training.weight_decay, rho", (self.weight_decay, self.rho), "at least 0")


@dataclasses.dataclass(frozen=True)
class Early:
    """Early training on the originals with the run's own recipe, stopped once the training error is at most ``error``.

    On small data the moment is set by the training error, not by an epoch. 0.15 leaves about 30% of the noisy digits in the
    high-loss clusters (the paper: 30-40%); much later every loss is near 0 and the clusters say nothing.
    """

    error: float = 0.15  # training error at which to stop, (0, 1)
    every: int = 2  # steps between checks
    limit: int = 400  # steps at most

    def __post_init__(self) -> None:
        require(0 < self.error < 1, "early.error", self.error, "(0, 1)")
        require(self.every >= 1 and self.limit >= 1, "early.every, limit", (self.every, self.limit), "at least 1")


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
    sampler: Literal["ddpm", "ddim"] = "ddpm"

    def __post_init__(self) -> None:
        require(0 < self.strength <= 1, "variants.strength", self.strength, "(0, 1]")
        require(self.grid >= 1 and 1000 % self.grid == 0, "variants.grid", self.grid, "divisors of 1000, so that the steps are even")
        require(
            round(self.grid * self.strength) >= 1, "variants.grid * strength", self.grid * self.strength, "at least one step: raise either"
        )
        require(self.guidance >= 0, "variants.guidance", self.guidance, "at least 0")


@dataclasses.dataclass(frozen=True)
class Method:
    """How the training set is made. ``k``: a slow example appears k times, itself and k - 1 copies (USEFUL) or variants (TADA).

    Syn-all adds one variant of every example, Syn-rand one of each of a random subset as large as the slow one.
    """

    name: MethodName = "tada"
    k: int = 2

    def __post_init__(self) -> None:
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

    @property
    def label(self) -> str:
        """What a reader finds the record by: method, optimiser, budget."""
        budget = "steps" if self.training.steps else "epochs"
        longer = f"-as-{self.length_of.label}" if self.length_of else ""
        return f"{self.method.label}-{self.training.optimiser}-{budget}{longer}"


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
