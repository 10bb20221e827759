"""Define the controls of the page: one table of fields with default, range, step and wording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from theory.config import MethodName, OptimiserName

Value = float | int | str | bool | None
State = dict[str, Any]  # field -> its value

SIDES = ("a", "b")
COPYING = ("useful",)
GENERATED = ("tada", "syn-all", "syn-rand")  # methods with variants


@dataclass(frozen=True)
class Field:
    """One control of the page.

    Its range is narrower than the configuration allows, so that the page answers at once.
    """

    kind: Literal["number", "whole", "choice", "switch"]
    default: Value
    label: str  # β_d is shown with d as a subscript
    about: str
    least: float = 0.0
    most: float = 1.0
    step: float = 0.01  # of the slider; 0: even in the logarithm, two significant digits
    choices: tuple[str, ...] = ()
    optional: bool = False  # may be left empty: None
    folded: bool = False  # shown under "more"
    # shown where these other fields of the side have one of these values
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()


VARIANTS = (("method", GENERATED),)

DISTRIBUTION = {
    "alpha": Field("number", 0.8, "α, has fast", "share of examples with the fast feature", 0.01),
    "beta_d": Field(
        "number", 0.45, "β_d, slow", "strength of the slow-learnable feature", 0.05, 1.5
    ),
    "sigma_p": Field(
        "number", 1.5, "σ_p, noise", "size of a noise patch: its norm, about", 0.05, 4.0, 0.05
    ),
    "n": Field("whole", 100, "n, examples", "training examples", 10, 400, 10),
    "beta_e": Field(
        "number",
        1.0,
        "β_e, fast",
        "strength of the fast-learnable feature",
        0.05,
        2.0,
        folded=True,
    ),
    "d": Field(
        "whole",
        2000,
        "d, dimension",
        "dimension of a patch; costs nothing",
        10,
        100_000,
        0,
        folded=True,
    ),
    "noise_patches": Field(
        "whole",
        1,
        "noise patches",
        "noise patches of an example, P - 2",
        1,
        4,
        1,
        folded=True,
    ),
    "orthogonal": Field(
        "switch",
        False,
        "orthogonal noise",
        "training noise patches exactly orthogonal, of norm σ_p",
        folded=True,
    ),
}
NETWORK = {
    "J": Field("whole", 10, "J, neurons", "neurons of the network", 1, 32, 1, folded=True),
    "sigma_0": Field(
        "number",
        0.05,
        "σ_0, start",
        "scale of the initial weights",
        0.002,
        0.5,
        0,
        folded=True,
    ),
    "power": Field(
        "whole",
        3,
        "q, power",
        "activation z^q: odd, or any from 2 on if rectified",
        2,
        7,
        1,
        folded=True,
    ),
    "rectified": Field(
        "switch",
        False,
        "rectified",
        "activation max(z, 0)^q; then label -1 is never predicted",
        folded=True,
    ),
}
TRAINING = {
    "eta": Field("number", 0.2, "η, step size", "step size of both sides", 0.01, 10.0, 0),
    "steps": Field("whole", 1000, "steps", "training steps of both sides", 10, 5000, 0),
    "batch": Field(
        "whole",
        None,
        "B, batch",
        "mini-batches of so many draws; empty: all examples in every step",
        1,
        400,
        1,
        optional=True,
        folded=True,
    ),
}
METHOD = {
    "method": Field(
        "choice", "original", "method", "which examples are added", choices=get_args(MethodName)
    ),
    "k": Field(
        "whole",
        5,
        "k, factor",
        "an example that is augmented counts k times: itself and k-1 copies or variants",
        1,
        30,
        1,
        only=(("method", (*COPYING, *GENERATED)),),
    ),
    "kappa": Field(
        "number",
        0.0,
        "κ, old noise",
        "share of the original's noise that a variant keeps; 1 makes a copy",
        only=VARIANTS,
    ),
    "fidelity": Field(
        "number", 1.0, "φ, fidelity", "share of the features that a variant keeps", only=VARIANTS
    ),
    "scale": Field(
        "number",
        1.0,
        "s, new noise",
        "relative size of a variant's fresh noise",
        0.0,
        3.0,
        0.05,
        folded=True,
        only=VARIANTS,
    ),
    "targeting": Field(
        "number",
        1.0,
        "θ, targeting",
        "how often a variant of an example without the fast feature lacks it too; "
        "otherwise it has it as often as any example",
        folded=True,
        only=VARIANTS,
    ),
}
OPTIMISER = {
    "optimiser": Field(
        "choice", "gd", "optimiser", "gradient descent, or SAM", choices=get_args(OptimiserName)
    ),
    "rho": Field(
        "number", 0.1, "ρ, SAM radius", "radius of SAM", 0.0, 1.0, only=(("optimiser", ("sam",)),)
    ),
}
SEED = {
    "seed": Field("whole", 1006, "seed", "data and initial weights of both sides", 0, 999_999, 1)
}
VIEW = {  # of the page alone: no simulation depends on these
    "tab": Field(
        "choice", "seeds", "tab", "what stands beside the curves", choices=("seeds", "map", "forms")
    ),
    "map": Field(
        "choice",
        "regimes",
        "map",
        "what the map varies",
        choices=("regimes", "race", "factor", "landscape", "tolerance"),
    ),
    "log_steps": Field(
        "switch", False, "log steps", "steps on a logarithmic axis, which shows the early phase"
    ),
    "log_values": Field(
        "switch", False, "log values", "alignments, test error and loss on logarithmic axes"
    ),
}

SHARED = {**SEED, **DISTRIBUTION, **NETWORK, **TRAINING}
SIDE = {**METHOD, **OPTIMISER}
FIELDS = {
    **SHARED,
    **{f"{side}.{name}": field for side in SIDES for name, field in SIDE.items()},
    **VIEW,
}
DEFAULTS: State = {key: field.default for key, field in FIELDS.items()} | {
    "a.method": "useful",
    "b.method": "tada",
}
