"""Settings of the training of a classifier."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from empirical.config.require import require, require_one_of

OptimiserName = Literal["sgd", "sam", "asam", "adamw", "sam-adamw", "asam-adamw"]
ScheduleName = Literal["step", "cosine", "constant"]
AugmentName = Literal["none", "crop", "crop-flip", "trivial", "crop-flip-trivial"]
PrecisionName = Literal["float32", "bfloat16"]
NETWORKS = (  # built in empirical/training/networks.py
    "resnet8",
    "resnet20",
    "resnet18",
    "densenet121",
    "vgg19-bn",
    "vit-s",
    "vit-xs",
    "convnext-t",
    "swin-t",
)
TIMM = "timm:"  # prefix of the name of a network of the package timm


@dataclasses.dataclass(frozen=True)
class Training:
    """The training of a classifier.

    The default is SGD with momentum, whose learning rate is divided by 10 at one half and at three
    quarters of the steps (paper: at epochs 100 and 150 of 200). Set exactly one of ``steps`` and
    the number of ``epochs``: equal gradient steps for every method, or equal epochs over training
    sets of different sizes. SAM and ASAM step with SGD, or with AdamW (``sam-adamw``), and take two
    gradients a step. The paper's settings are in ``empirical/config/recipes.py``.
    """

    # resnet8, resnet20, resnet18, densenet121, vgg19-bn, vit-s, vit-xs, convnext-t, swin-t, or
    # timm:NAME for a network of the package timm
    network: str = "resnet8"
    optimiser: OptimiserName = "sgd"  # optimiser; sam and asam: sharpness-aware minimisation
    steps: int | None = 250  # gradient steps, at least 1; None: as many as training.epochs takes
    # epochs over the method's training set, at least 1; None: train for training.steps
    epochs: int | None = None
    width: int = 16  # channels of the first stage of resnet8 and resnet20, a multiple of 8
    batch: int = 64  # images of a gradient step, at least 2
    # parts into which a batch is split to fit into memory, a divisor of the batch below it
    gradient_accumulation: int = 1
    lr: float = 0.1  # learning rate, above 0
    schedule: ScheduleName = "step"  # how the learning rate falls after the warm-up
    # fraction of the steps in which the learning rate rises to its full value, [0, 1)
    warmup: float = 0.0
    momentum: float = 0.9  # momentum of SGD, [0, 1)
    nesterov: bool = False  # use Nesterov momentum with SGD
    betas: tuple[float, float] = (0.9, 0.999)  # decay rates of AdamW's two moments, [0, 1)
    # weight decay, at least 0; SGD: of all parameters, coupled; AdamW: of weight matrices and
    # filters only, decoupled
    weight_decay: float = 5e-4
    rho: float = 0.1  # radius of SAM and ASAM, at least 0
    eta: float = 0.01  # ASAM measures perturbations in units of |w| + eta, at least 0
    label_smoothing: float = 0.0  # share of each label spread evenly over all classes, [0, 1)
    augment: AugmentName = "none"  # random changes of each training image
    # precision of the forward and backward passes; weights and their updates are always float32
    precision: PrecisionName = "float32"

    def __post_init__(self) -> None:
        require_one_of("training.optimiser", self.optimiser, get_args(OptimiserName))
        require_one_of("training.schedule", self.schedule, get_args(ScheduleName))
        require_one_of("training.augment", self.augment, get_args(AugmentName))
        require_one_of("training.precision", self.precision, get_args(PrecisionName))
        known = self.network in NETWORKS or self.network.startswith(TIMM)
        require(known, "training.network", self.network, f"{', '.join(NETWORKS)}, {TIMM}NAME")
        self._check_length()
        # with other widths convolutions write past their memory on some processors (AVX2)
        even = self.width >= 8 and self.width % 8 == 0
        require(even, "training.width", self.width, "multiples of 8")
        self._check_rates()

    def _check_length(self) -> None:
        """Raise ValueError for a bad number of steps or epochs, or a bad batch."""
        length = self.steps or self.epochs or 0
        require(
            (self.steps is None) != (self.epochs is None),
            "training.steps, epochs",
            (self.steps, self.epochs),
            "exactly one of the two",
        )
        require(length >= 1, "training length", self.steps or self.epochs, "at least 1")
        require(self.batch >= 2, "training.batch", self.batch, "at least 2")
        parts = self.gradient_accumulation
        require(
            parts >= 1 and self.batch % parts == 0 and self.batch > parts,
            "training.gradient_accumulation",
            parts,
            f"divisors of the batch, {self.batch}, below it",
        )

    def _check_rates(self) -> None:
        """Raise ValueError for a number of the optimiser that is out of range."""
        require(self.lr > 0, "training.lr", self.lr, "above 0")
        below_one = {
            "warmup": self.warmup,
            "momentum": self.momentum,
            "label_smoothing": self.label_smoothing,
            "betas[0]": self.betas[0],
            "betas[1]": self.betas[1],
        }
        for name, value in below_one.items():
            require(0 <= value < 1, f"training.{name}", value, "[0, 1)")
        usable = not self.nesterov or self.momentum > 0
        require(usable, "training.nesterov", self.nesterov, "with momentum above 0 only")
        for name in ("weight_decay", "rho", "eta"):
            value = getattr(self, name)
            require(value >= 0, f"training.{name}", value, "at least 0")

    @property
    def sharpness_aware(self) -> bool:
        """True for SAM and ASAM."""
        return "sam" in self.optimiser

    @property
    def base(self) -> Literal["sgd", "adamw"]:
        """The optimiser that takes the step: ``sgd`` or ``adamw``, also within SAM and ASAM."""
        return "adamw" if self.optimiser.endswith("adamw") else "sgd"

    @property
    def early(self) -> Training:
        """The recipe of early training: without its length, and without SAM's ascent step."""
        default = Training()
        return dataclasses.replace(
            self, optimiser=self.base, steps=1, epochs=None, rho=default.rho, eta=default.eta
        )

    @property
    def gradients(self) -> int:
        """Gradients computed in a step: 2 for SAM and ASAM, else 1."""
        return 2 if self.sharpness_aware else 1
