"""Define a run by frozen dataclasses, whose values are checked once and identify its record.

Symbols are the paper's. The module imports nothing heavy, so that a finished experiment is
recognised without loading numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

MethodName = Literal["original", "useful", "tada", "syn-all", "syn-rand"]
OptimiserName = Literal["gd", "sam"]
Quantity = Literal[
    "speed-ratio", "sam-factor", "noise-alignment", "gradient-variance", "race-identity"
]
# a sweep may vary these numbers; the noise patches depend on the NOISY ones, not on the QUIET ones
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
    "method.targeting",
)
SWEPT = NOISY + QUIET


def _require(holds: bool, name: str, value: Any, allowed: str) -> None:
    """Raise ValueError unless ``holds``; the message names the value and what is allowed."""
    if not holds:
        raise ValueError(f"{name} = {value!r} is not allowed; it must be {allowed}")


def _require_count(name: str, value: Any, least: int) -> None:
    whole = type(value) is int and value >= least
    _require(whole, name, value, f"a whole number of at least {least}")


def _require_number(name: str, value: Any, least: float, most: float = math.inf) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    inside = number and math.isfinite(value) and least <= value <= most
    bounded = f"between {least:g} and {most:g}"
    unbounded = f"finite and at least {least:g}"
    _require(inside, name, value, f"a number {bounded if most < math.inf else unbounded}")


def _require_positive(name: str, value: Any) -> None:
    _require_number(name, value, 0.0)
    _require(value > 0, name, value, "above 0")


def _require_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    _require(value in choices, name, value, f"one of {', '.join(choices)}")


@dataclass(frozen=True)
class Distribution:
    """Distribution of examples (x, y): a fast feature, a slow feature, and noise patches.

    y = ±1 uniformly. The patches of x are y β_e v_e with probability α, else 0; y β_d v_d; and
    ``noise_patches`` times noise ξ ~ N(0, σ_p²/d I), orthogonal to the unit vectors v_e and v_d.
    With ``orthogonal``, the noise patches of training examples are orthogonal to one another and
    have norm σ_p, as proofs in high dimension assume; a step then costs O(J n), not O(J n²).
    """

    n: int = 100  # number of training examples, >= 1
    d: int = 2000  # dimension of a patch, >= 3
    noise_patches: int = 1  # noise patches per example, P - 2, >= 1
    beta_e: float = 1.0  # strength β_e of the fast-learnable feature, > 0
    beta_d: float = 0.5  # strength β_d of the slow-learnable feature, > 0
    alpha: float = 0.8  # probability α that an example has the fast feature, (0, 1]
    sigma_p: float = 1.5  # noise level σ_p, approximately the norm of a noise patch, > 0
    orthogonal: bool = False  # draw exactly orthogonal training noise patches of norm σ_p

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
    """Two-layer network f(x; W) = Σ_j Σ_p σ(<w_j, x_p>), with w_j(0) ~ N(0, σ_0² I).

    The activation is σ(z) = z^q or, if rectified, max(z, 0)^q. A rectified network has f >= 0 and
    never predicts label -1: use it for learning speeds and checks, not for test errors.
    """

    J: int = 10  # number of neurons, >= 1
    sigma_0: float = 0.05  # standard deviation σ_0 of the initial weights, > 0
    power: int = 3  # power q of the activation: odd and >= 3; if rectified, any >= 2
    rectified: bool = False  # use the activation max(z, 0)^q instead of z^q

    def __post_init__(self) -> None:
        _require_count("J", self.J, 1)
        _require_positive("sigma_0", self.sigma_0)
        if self.rectified:
            _require_count("power", self.power, 2)
        else:
            odd = type(self.power) is int and self.power >= 3 and self.power % 2 == 1
            allowed = "an odd whole number of at least 3 (any from 2 on if rectified)"
            _require(odd, "power", self.power, allowed)


@dataclass(frozen=True)
class Optimiser:
    """Gradient descent with step size η, or SAM, which takes the gradient at W + ρ ∇L/|∇L|.

    Every gradient uses all examples or, with ``batch``, a new mini-batch, drawn with replacement
    from the N' examples in which every copy counts.
    """

    name: OptimiserName = "gd"  # gd: gradient descent; sam: sharpness-aware minimisation
    eta: float = 0.2  # step size η, > 0
    rho: float = 0.1  # radius ρ of SAM, >= 0; gd ignores it
    steps: int = 2000  # number of updates, >= 1
    batch: int | None = None  # mini-batch size B, >= 1; None: all examples in every step

    def __post_init__(self) -> None:
        _require_choice("optimiser", self.name, get_args(OptimiserName))
        _require_positive("eta", self.eta)
        _require_number("rho", self.rho, 0.0)
        _require_count("steps", self.steps, 1)
        if self.batch is not None:
            _require_count("batch", self.batch, 1)


@dataclass(frozen=True)
class Method:
    """Method of augmentation: the examples that are added to the originals.

    A slow example is one without the fast feature. original adds nothing. useful counts slow
    examples k times. tada adds k-1 variants of every slow example. syn-all adds k-1 variants of
    every example. syn-rand adds k-1 variants of each example of a random subset, as large as the
    set of slow examples. A variant of example i has its label, φ times its features, and noise
    κ ξ_i + sqrt(1-κ²) s ξ' with fresh ξ'; κ = φ = 1 gives a copy. With probability θ it has the
    fast feature exactly if example i has; else it has it with probability α, as one that was made
    from nothing has.
    """

    name: MethodName = "original"  # method of augmentation, see above
    k: int = 2  # augmentation factor k, >= 1; original ignores it
    kappa: float = 0.0  # κ: how much of the original's noise a variant keeps, [0, 1]
    scale: float = 1.0  # s: relative size of a variant's fresh noise, >= 0
    fidelity: float = 1.0  # φ: how much of the original's features a variant keeps, [0, 1]
    targeting: float = (
        1.0  # θ: how often a variant lacks the fast feature with its original, [0, 1]
    )

    def __post_init__(self) -> None:
        _require_choice("method", self.name, get_args(MethodName))
        _require_count("k", self.k, 1)
        _require_number("kappa", self.kappa, 0.0, 1.0)
        _require_number("scale", self.scale, 0.0)
        _require_number("fidelity", self.fidelity, 0.0, 1.0)
        _require_number("targeting", self.targeting, 0.0, 1.0)


@dataclass(frozen=True)
class Run:
    """One configuration; together with a seed it determines every number of a record."""

    experiment: str = "custom"
    label: str = "run"
    distribution: Distribution = field(default_factory=Distribution)
    network: Network = field(default_factory=Network)
    optimiser: Optimiser = field(default_factory=Optimiser)
    method: Method = field(default_factory=Method)

    def __post_init__(self) -> None:
        kappa = self.method.kappa
        fresh = kappa == 0 or self.method.name in ("original", "useful")
        allowed = fresh or not self.distribution.orthogonal
        _require(allowed, "kappa", kappa, "0 with orthogonal noise")


@dataclass(frozen=True)
class Selection(Run):
    """A run on the originals with clustered outputs; see ``theory.selection``."""

    moments: int = 40  # approximate number of steps at which outputs are clustered, >= 2

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_count("moments", self.moments, 2)
        name = self.method.name
        _require(name == "original", "method", name, "original: selection looks at the originals")


@dataclass(frozen=True)
class Axis:
    """Values of one number of a run, such as ``Axis("distribution.alpha", (0.5, 0.6, 0.7))``."""

    field: str  # one of SWEPT
    values: tuple[float, ...]  # at least one

    def __post_init__(self) -> None:
        _require_choice("axis", self.field, SWEPT)
        name = f"values of {self.field}"
        _require(len(self.values) >= 1, name, self.values, "at least one number")


@dataclass(frozen=True)
class Sweep(Run):
    """A run at every point of a grid, measured after its last step; see ``theory.sweeps``."""

    axes: tuple[Axis, ...] = ()  # the axes of the grid, at least one
    precision: Literal["float32", "float64"] = "float32"  # floating-point type of the training
    early: int | None = None  # a step at which test errors are measured as well, >= 1; None: none
    race: bool = False  # also predict which runs learn the slow feature; see ``theory.race``

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(len(self.axes) >= 1, "axes", self.axes, "at least one Axis")
        _require(self.optimiser.batch is None, "batch", self.optimiser.batch, "None in a sweep")
        known = self.precision in ("float32", "float64")
        _require(known, "precision", self.precision, "float32 or float64")
        if self.early is not None:
            _require_count("early", self.early, 1)
            allowed = f"at most the {self.optimiser.steps} steps of the run"
            _require(self.early <= self.optimiser.steps, "early", self.early, allowed)
        for axis in self.axes:
            for value in axis.values:
                varied(self, axis.field, value)  # raises if out of range


def varied(run: Run, field: str, value: float) -> Run:
    """Return a plain Run with one number replaced.

    field: one of SWEPT, such as ``distribution.alpha``.
    """
    names = ("distribution", "network", "optimiser", "method")
    parts = {name: getattr(run, name) for name in names}
    part, name = field.split(".")
    parts[part] = replace(parts[part], **{name: value})
    return Run(run.experiment, run.label, **parts)


@dataclass(frozen=True)
class Probe(Run):
    """A run that measures one quantity, early or at initialisation; see ``theory.probes``."""

    quantity: Quantity = "speed-ratio"
    draws: int = 1  # number of independent data sets averaged in one record, >= 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_choice("quantity", self.quantity, get_args(Quantity))
        _require_count("draws", self.draws, 1)
