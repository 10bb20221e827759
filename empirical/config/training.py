"""How a classifier is trained."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from empirical.config.require import require

OptimiserName = Literal["sgd", "sam", "asam", "adamw", "sam-adamw", "asam-adamw"]
ScheduleName = Literal["step", "cosine", "constant"]
AugmentName = Literal["none", "crop", "crop-flip", "trivial", "crop-flip-trivial"]
PrecisionName = Literal["float32", "bfloat16"]
NETWORKS = (
    "resnet8",
    "resnet20",
    "resnet18",
    "densenet121",
    "vgg19-bn",
    "vit-s",
    "vit-xs",
    "convnext-t",
    "swin-t",
)  # built in empirical/training/networks.py
TIMM = "timm:"  # what follows names a network of the package timm


@dataclasses.dataclass(frozen=True)
class Training:
    """Classifier training. SGD with momentum, the learning rate divided by 10 at one half and three quarters (paper: 100 and 150 of 200).

    Exactly one of ``steps`` and ``epochs`` is set: equal gradient steps for every method, or equal epochs over sets of different size.
    SAM and ASAM step with SGD, or with AdamW where the name says so, and take two gradients a step. ``empirical/config/recipes.py`` has the
    paper's settings.
    """

    network: str = "resnet8"  # a name of empirical/training/networks.py, or timm:NAME
    optimiser: OptimiserName = "sgd"
    steps: int | None = 250
    epochs: int | None = None
    width: int = 16  # channels of the first of three stages of resnet8 and resnet20, multiples of 8
    batch: int = 64
    gradient_accumulation: int = (
        1  # micro-batches that a batch is worked through in, so that it need not fit the memory
    )
    lr: float = 0.1
    schedule: ScheduleName = "step"
    warmup: float = (
        0.0  # fraction of the steps in which the learning rate rises to its full height, [0, 1)
    )
    momentum: float = 0.9  # SGD
    nesterov: bool = False  # SGD
    betas: tuple[float, float] = (0.9, 0.999)  # AdamW
    weight_decay: float = (
        5e-4  # of all parameters (SGD); decoupled, of weight matrices and filters alone (AdamW)
    )
    rho: float = 0.1  # radius of SAM and ASAM
    eta: float = 0.01  # ASAM: perturbations are measured in units of |w| + eta
    label_smoothing: float = 0.0  # share of the label spread over all classes, [0, 1)
    augment: AugmentName = "none"
    precision: PrecisionName = (
        "float32"  # of the passes through the network; weights and their updates are float32
    )

    def __post_init__(self) -> None:
        for name, kind in (
            ("optimiser", OptimiserName),
            ("schedule", ScheduleName),
            ("augment", AugmentName),
            ("precision", PrecisionName),
        ):
            require(
                getattr(self, name) in get_args(kind),
                f"training.{name}",
                getattr(self, name),
                ", ".join(get_args(kind)),
            )
        networks = f"{', '.join(NETWORKS)}, {TIMM}NAME"
        require(
            self.network in NETWORKS or self.network.startswith(TIMM),
            "training.network",
            self.network,
            networks,
        )
        require(
            (self.steps is None) != (self.epochs is None),
            "training.steps, epochs",
            (self.steps, self.epochs),
            "exactly one of the two",
        )
        require(
            (self.steps or self.epochs or 0) >= 1,
            "training length",
            self.steps or self.epochs,
            "at least 1",
        )
        even = (
            self.width >= 8 and self.width % 8 == 0
        )  # with other widths convolutions write past their memory on some processors (AVX2)
        require(even, "training.width", self.width, "multiples of 8")
        require(self.batch >= 2, "training.batch", self.batch, "at least 2")
        fits = (
            self.gradient_accumulation >= 1
            and self.batch % self.gradient_accumulation == 0
            and self.batch > self.gradient_accumulation
        )
        require(
            fits,
            "training.gradient_accumulation",
            self.gradient_accumulation,
            f"divisors of the batch, {self.batch}, below it",
        )
        require(self.lr > 0, "training.lr", self.lr, "above 0")
        unit = {"warmup": self.warmup, "momentum": self.momentum, "label_smoothing": self.label_smoothing}
        for name, value in {**unit, "betas[0]": self.betas[0], "betas[1]": self.betas[1]}.items():
            require(0 <= value < 1, f"training.{name}", value, "[0, 1)")
        require(
            not self.nesterov or self.momentum > 0,
            "training.nesterov",
            self.nesterov,
            "with momentum above 0 only",
        )
        for name, value in {
            "weight_decay": self.weight_decay,
            "rho": self.rho,
            "eta": self.eta,
        }.items():
            require(value >= 0, f"training.{name}", value, "at least 0")

    @property
    def sharpness_aware(self) -> bool:
        return "sam" in self.optimiser

    @property
    def base(self) -> str:
        """The optimiser without its ascent: ``sgd`` or ``adamw``."""
        return "adamw" if self.optimiser.endswith("adamw") else "sgd"

    @property
    def early(self) -> Training:
        """What early training depends on: the recipe without its length and without the ascent."""
        usual = Training()
        return dataclasses.replace(
            self, optimiser=self.base, steps=1, epochs=None, rho=usual.rho, eta=usual.eta
        )

    @property
    def gradients(self) -> int:
        """Gradients a step takes."""
        return 2 if self.sharpness_aware else 1
