"""What a run is: frozen dataclasses, checked once, identified by their content. Symbols are the paper's.

Imports nothing heavy, so that a finished experiment is recognised without loading numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

MethodName = Literal["original", "useful", "tada", "syn-all", "syn-rand"]
OptimiserName = Literal["gd", "sam"]
Quantity = Literal["speed-ratio", "sam-factor", "noise-alignment", "gradient-variance"]
NOISY = (
    "distribution.n",
    "distribution.d",
    "distribution.alpha",
    "distribution.sigma_p",
    "method.k",
    "method.kappa",
    "method.scale",
)
QUIET = (
    "distribution.beta_e",
    "distribution.beta_d",
    "network.sigma_0",
    "optimiser.eta",
    "optimiser.rho",
    "method.fidelity",
)
SWEPT = (
    NOISY + QUIET
)  # what a sweep may vary: what the noise patches depend on, and what leaves them as they are


def _require(holds: bool, name: str, value: Any, allowed: str) -> None:
    if not holds:
        raise ValueError(f"{name} = {value!r} is not allowed; it must be {allowed}")


def _require_count(name: str, value: Any, least: int) -> None:
    _require(
        type(value) is int and value >= least, name, value, f"a whole number of at least {least}"
    )


def _require_number(name: str, value: Any, least: float, most: float = math.inf) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    within = (
        f"between {least:g} and {most:g}" if most < math.inf else f"finite and at least {least:g}"
    )
    _require(
        number and math.isfinite(value) and least <= value <= most,
        name,
        value,
        f"a number {within}",
    )


def _require_positive(name: str, value: Any) -> None:
    _require_number(name, value, 0.0)
    _require(value > 0, name, value, "above 0")


@dataclass(frozen=True)
class Distribution:
    """n examples (x, y): y = ±1 uniformly, x = (y β_e v_e with probability α else 0, y β_d v_d, noise_patches × ξ).

    ξ ~ N(0, σ_p²/d I) orthogonal to the unit vectors v_e and v_d; of training examples, orthogonal patches of norm σ_p if so chosen,
    as high-dimensional proofs assume: a step then costs O(J n) instead of O(J n²).
    """

    n: int = 100  # examples, >= 1
    d: int = 2000  # dimension of a patch, >= 3
    noise_patches: int = 1  # P - 2, >= 1
    beta_e: float = 1.0  # strength of the fast-learnable feature, > 0
    beta_d: float = 0.5  # strength of the slow-learnable feature, > 0
    alpha: float = 0.8  # probability of the fast feature, (0, 1]
    sigma_p: float = 1.5  # norm of a noise patch, about, > 0
    orthogonal: bool = (
        False  # training noise patches exactly orthogonal to one another, and of norm σ_p
    )

    def __post_init__(self) -> None:
        _require_count("n", self.n, 1)
        _require_count("d", self.d, 3)
        _require_count("noise_patches", self.noise_patches, 1)
        for name in ("beta_e", "beta_d", "sigma_p"):
            _require_positive(name, getattr(self, name))
        _require_number("alpha", self.alpha, 0.0, 1.0)
        _require_positive("alpha", self.alpha)


@dataclass(frozen=True)
class Network:
    """f(x; W) = Σ_j Σ_p σ(<w_j, x_p>), w_j(0) ~ N(0, σ_0² I), with σ(z) = z^q or, rectified, max(z, 0)^q.

    Rectified, f >= 0, so that label -1 is never predicted: of use for learning speeds and checks, not for test errors.
    """

    J: int = 10  # neurons, >= 1
    sigma_0: float = 0.05  # scale of the initial weights, > 0
    power: int = 3  # q: odd and >= 3, or rectified and >= 2
    rectified: bool = False

    def __post_init__(self) -> None:
        _require_count("J", self.J, 1)
        _require_positive("sigma_0", self.sigma_0)
        if self.rectified:
            _require_count("power", self.power, 2)
        else:
            odd = type(self.power) is int and self.power >= 3 and self.power % 2 == 1
            _require(
                odd,
                "power",
                self.power,
                "an odd whole number of at least 3 (any from 2 on if rectified)",
            )


@dataclass(frozen=True)
class Optimiser:
    """Gradient descent with step size η, or SAM: the gradient is taken at W + ρ ∇L/|∇L|.

    Full-batch, or with every gradient that of a mini-batch, drawn afresh and with replacement from the N' examples with their copies.
    """

    name: OptimiserName = "gd"
    eta: float = 0.2  # step size, > 0
    rho: float = 0.1  # radius, >= 0; used by sam alone
    steps: int = 2000  # >= 1
    batch: int | None = None  # B, >= 1; None: all examples

    def __post_init__(self) -> None:
        _require(
            self.name in OptimiserName.__args__,
            "optimiser",
            self.name,
            f"one of {', '.join(OptimiserName.__args__)}",
        )
        _require_positive("eta", self.eta)
        _require_number("rho", self.rho, 0.0)
        _require_count("steps", self.steps, 1)
        if self.batch is not None:
            _require_count("batch", self.batch, 1)


@dataclass(frozen=True)
class Method:
    """Which examples are added. A slow example is one without the fast feature.

    original: none. useful: slow examples count k times. tada: k-1 variants of every slow example. syn-all: k-1 variants of
    every example. syn-rand: k-1 variants of each of a random subset as large as the slow one. A variant of example i has
    its label, φ times its features and noise κ ξ_i + sqrt(1-κ²) s ξ', ξ' fresh; κ = φ = 1 is a copy.
    """

    name: MethodName = "original"
    k: int = 2  # augmentation factor, >= 1; original does not use it
    kappa: float = 0.0  # κ, what a variant retains of the noise, [0, 1]
    scale: float = 1.0  # s, relative size of its fresh noise, >= 0
    fidelity: float = 1.0  # φ, what it retains of the features, [0, 1]

    def __post_init__(self) -> None:
        _require(
            self.name in MethodName.__args__,
            "method",
            self.name,
            f"one of {', '.join(MethodName.__args__)}",
        )
        _require_count("k", self.k, 1)
        _require_number("kappa", self.kappa, 0.0, 1.0)
        _require_number("scale", self.scale, 0.0)
        _require_number("fidelity", self.fidelity, 0.0, 1.0)


@dataclass(frozen=True)
class Run:
    """One configuration; with a seed it determines every number of a record."""

    experiment: str = "custom"
    label: str = "run"
    distribution: Distribution = field(default_factory=Distribution)
    network: Network = field(default_factory=Network)
    optimiser: Optimiser = field(default_factory=Optimiser)
    method: Method = field(default_factory=Method)

    def __post_init__(self) -> None:
        fresh = self.method.kappa == 0 or self.method.name in ("original", "useful")
        _require(
            fresh or not self.distribution.orthogonal,
            "kappa",
            self.method.kappa,
            "0 with orthogonal noise",
        )


@dataclass(frozen=True)
class Selection(Run):
    """A run on the originals whose outputs are clustered on the way; see ``theory.selection``."""

    moments: int = 40  # about so many steps at which to look, >= 2

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_count("moments", self.moments, 2)
        _require(
            self.method.name == "original",
            "method",
            self.method.name,
            "original: selection looks at the originals",
        )


@dataclass(frozen=True)
class Axis:
    """The values that one number of a run takes, such as ``Axis("distribution.alpha", (0.5, 0.6, 0.7))``."""

    field: str  # one of SWEPT
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        _require(self.field in SWEPT, "axis", self.field, f"one of {', '.join(SWEPT)}")
        _require(
            len(self.values) >= 1, f"values of {self.field}", self.values, "at least one number"
        )


@dataclass(frozen=True)
class Sweep(Run):
    """A run at every point of a grid, of which the end is measured; see ``theory.sweeps``."""

    axes: tuple[Axis, ...] = ()
    precision: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(len(self.axes) >= 1, "axes", self.axes, "at least one Axis")
        _require(self.optimiser.batch is None, "batch", self.optimiser.batch, "None in a sweep")
        _require(
            self.precision in ("float32", "float64"),
            "precision",
            self.precision,
            "float32 or float64",
        )
        for axis in self.axes:
            for value in axis.values:
                varied(self, axis.field, value)  # raises if out of range


def varied(run: Run, field: str, value: float) -> Run:
    """The plain run with one number replaced; field such as ``distribution.alpha``."""
    parts = {
        name: getattr(run, name) for name in ("distribution", "network", "optimiser", "method")
    }
    part, name = field.split(".")
    parts[part] = replace(parts[part], **{name: value})
    return Run(run.experiment, run.label, **parts)


@dataclass(frozen=True)
class Probe(Run):
    """A run of which one quantity is measured, early or at initialisation; see ``theory.probes``."""

    quantity: Quantity = "speed-ratio"
    draws: int = 1  # independent data sets averaged in one record, >= 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(
            self.quantity in Quantity.__args__,
            "quantity",
            self.quantity,
            f"one of {', '.join(Quantity.__args__)}",
        )
        _require_count("draws", self.draws, 1)
