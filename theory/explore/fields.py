"""Define the controls of the page: one table of fields with default, range and wording.

A state is a dict with a value for each field.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from theory.config import MethodName, OptimiserName

Value = float | int | str | bool | None
State = dict[str, Any]  # field -> its value

SIDES = ("a", "b")
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
    choices: tuple[str, ...] = ()
    optional: bool = False  # may be left empty: None
    log: bool = False  # the slider is even in the logarithm
    folded: bool = False  # shown under "more"
    # shown where these other fields of the side have one of these values
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()


DISTRIBUTION = {
    "alpha": Field(
        "number", 0.8, "α, have fast", "probability that an example has the fast feature", 0.01
    ),
    "beta_d": Field(
        "number", 0.5, "β_d, slow", "strength of the slow-learnable feature", 0.05, 2.0
    ),
    "sigma_p": Field("number", 1.5, "σ_p, noise", "norm of a noise patch, about", 0.05, 4.0),
    "beta_e": Field(
        "number", 1.0, "β_e, fast", "strength of the fast-learnable feature", 0.05, 2.0, folded=True
    ),
    "n": Field("whole", 100, "n, examples", "training examples", 10, 400, log=True, folded=True),
    "d": Field(
        "whole",
        2000,
        "d, dimension",
        "dimension of a patch; costs nothing",
        10,
        100_000,
        log=True,
        folded=True,
    ),
    "noise_patches": Field(
        "whole", 1, "noise patches", "noise patches of an example, P - 2", 1, 4, folded=True
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
    "J": Field("whole", 10, "J, neurons", "neurons of the network", 1, 32, folded=True),
    "sigma_0": Field(
        "number",
        0.05,
        "σ_0, start",
        "scale of the initial weights",
        0.002,
        0.5,
        log=True,
        folded=True,
    ),
    "power": Field(
        "whole",
        3,
        "q, power",
        "activation z^q: odd, or any from 2 on if rectified",
        2,
        7,
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
    "eta": Field(
        "number", 0.4, "η, step size", "step size of both sides", 0.01, 10.0, log=True, folded=True
    ),
    "steps": Field(
        "whole", 1000, "steps", "training steps of both sides", 10, 5000, log=True, folded=True
    ),
    "batch": Field(
        "whole",
        None,
        "B, batch size",
        "mini-batches of so many draws; empty: all examples",
        1,
        400,
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
        "a slow example counts k times, or is joined by k-1 variants",
        1,
        30,
        only=(("method", ("useful", *GENERATED)),),
    ),
    "strength": Field(
        "number",
        None,
        "t, strength",
        "denoising strength, which moves κ = √(1-t) and φ = 1-t³ together; empty: κ and φ as given",
        optional=True,
        only=(("method", GENERATED),),
    ),
    "kappa": Field(
        "number",
        0.0,
        "κ, old noise kept",
        "what a variant keeps of the noise",
        folded=True,
        only=(("method", GENERATED),),
    ),
    "scale": Field(
        "number",
        1.0,
        "s, fresh noise",
        "relative size of its fresh noise",
        0.0,
        3.0,
        folded=True,
        only=(("method", GENERATED),),
    ),
    "fidelity": Field(
        "number",
        1.0,
        "φ, fidelity",
        "what it keeps of the features",
        folded=True,
        only=(("method", GENERATED),),
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
SEED = {"seed": Field("whole", 1, "seed", "data and initial weights of both sides", 0, 999_999)}
VIEW = {  # of the page alone: no simulation depends on these
    "at": Field(
        "whole",
        None,
        "step shown",
        "the step up to which curves are drawn; empty: the last",
        0,
        5000,
        optional=True,
    ),
    "log_steps": Field(
        "switch", True, "log steps", "steps on a logarithmic axis, which shows the early phase"
    ),
    "log_values": Field(
        "switch", False, "log values", "alignments, test error and loss on logarithmic axes"
    ),
    "controls": Field("switch", True, "controls", "whether the controls are shown"),
}

SHARED = {**SEED, **DISTRIBUTION, **NETWORK, **TRAINING}
SIDE = {**METHOD, **OPTIMISER}
FIELDS = {
    **SHARED,
    **{f"{side}.{name}": field for side in SIDES for name, field in SIDE.items()},
    **VIEW,
}
DEFAULTS: State = {key: field.default for key, field in FIELDS.items()} | {"b.method": "tada"}


def parse(key: str, raw: Any) -> Value:
    """Parse the value of field ``key`` from text or the page; ValueError says what is allowed."""
    field = FIELDS[key]
    if field.optional and raw in (None, ""):
        return None
    value = _PARSERS[field.kind](field, raw)
    if value is None:
        raise ValueError(f"{key} = {raw} is not allowed here; it must be {allowed(field)}")
    return value


def allowed(field: Field) -> str:
    """Return a phrase for the values that are allowed."""
    if field.kind == "choice":
        return f"one of {', '.join(field.choices)}"
    if field.kind == "switch":
        return "0 or 1"
    noun = "a whole number" if field.kind == "whole" else "a number"
    return (
        f"{noun} from {field.least:g} to {field.most:.10g}{', or empty' if field.optional else ''}"
    )


def text(value: Value) -> str:
    """Return the value as it stands in the address; ``parse`` gives back the very same value."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _number(field: Field, raw: Any) -> float | None:
    try:
        value = float(raw)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) and field.least <= value <= field.most else None


def _whole(field: Field, raw: Any) -> int | None:
    value = _number(field, raw)
    return int(value) if value is not None and value.is_integer() else None


def _choice(field: Field, raw: Any) -> str | None:
    return raw if raw in field.choices else None


def _switch(_field: Field, raw: Any) -> bool | None:
    return {"1": True, "0": False, "True": True, "False": False}.get(str(raw))


_PARSERS = {"number": _number, "whole": _whole, "choice": _choice, "switch": _switch}
