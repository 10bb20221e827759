"""Turn a state into the runs of both sides, their metrics, and code that repeats them."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from math import sqrt
from typing import Any

from theory import Distribution, Method, Network, Optimiser, Run, simulate
from theory.explore.fields import DISTRIBUTION, GENERATED, NETWORK, SIDES, TRAINING, State

AFFORDABLE = 4e10  # floating-point operations: a few seconds


def along_path(strength: float) -> dict[str, float]:
    """Return κ = sqrt(1-t) and φ = 1-t³ at denoising strength t in [0, 1].

    This is the path of the experiment ``strength``.
    """
    return {"kappa": sqrt(1 - strength), "fidelity": 1 - strength**3}


def resolve(state: State) -> State:
    """Return the state with κ and φ replaced by those of the strength, if one is given."""
    moved = {
        f"{s}.{name}": v
        for s in SIDES
        if state[f"{s}.strength"] is not None
        for name, v in along_path(state[f"{s}.strength"]).items()
    }
    return state | moved


def runs(state: State) -> tuple[Run, Run]:
    """Return the runs of sides a and b.

    Raises ValueError if the configuration refuses the state or training would take too long.
    """
    state = resolve(state)
    distribution = Distribution(**{name: state[name] for name in DISTRIBUTION})
    network = Network(**{name: state[name] for name in NETWORK})
    a, b = (_side(state, side, distribution, network) for side in SIDES)
    for run in (a, b):
        if work(run) > AFFORDABLE:
            raise ValueError(
                f"{run.method.name} would take too long for a page that answers at once; "
                "lower n, k, J, noise patches or steps"
            )
    return a, b


def _side(state: State, side: str, distribution: Distribution, network: Network) -> Run:
    """Return the run of one side.

    Values that the method or optimiser does not use keep their defaults, so that equal runs are
    equal.
    """
    name, kind = state[f"{side}.method"], state[f"{side}.optimiser"]
    used = (
        ("k", "kappa", "scale", "fidelity")
        if name in GENERATED
        else ("k",)
        if name == "useful"
        else ()
    )
    method = Method(name, **{part: state[f"{side}.{part}"] for part in used})
    training = {part: state[part] for part in TRAINING} | (
        {"rho": state[f"{side}.rho"]} if kind == "sam" else {}
    )
    return Run(
        distribution=distribution,
        network=network,
        optimiser=Optimiser(kind, **training),
        method=method,
    )


def work(run: Run) -> float:
    """Estimate the floating-point operations of a run.

    M noise patches are drawn and multiplied; then each gradient costs 2 J M² a step.
    """
    distribution, method = run.distribution, run.method
    share = {"tada": 1 - distribution.alpha, "syn-all": 1.0, "syn-rand": 1.0}.get(method.name, 0.0)
    M = distribution.n * distribution.noise_patches * (1 + share * (method.k - 1))
    step = M if distribution.orthogonal else M**2
    return 2 * M**3 + 2 * run.network.J * step * run.optimiser.steps * (
        2 if run.optimiser.name == "sam" else 1
    )


@lru_cache(maxsize=64)
def trained(run: Run, seed: int) -> dict[str, Any] | str:
    """Return the metrics of one side, or a message if it diverged; the caller must not change them.

    Each side trains by itself and not both as one batch, so that a control of one side leaves the
    other as it is, at half the time.
    """
    try:
        return simulate(run, seed)
    except ArithmeticError as error:
        return str(error)


def train(state: State) -> list[dict[str, Any] | str]:
    """Return the metrics, or a message, of both sides on the same data and initial weights."""
    return [trained(run, state["seed"]) for run in runs(state)]


def name(run: Run) -> str:
    """Return the heading of a run, such as TADA(5), SAM."""
    shown = {
        "original": "Original",
        "useful": "USEFUL",
        "tada": "TADA",
        "syn-all": "Syn-all",
        "syn-rand": "Syn-rand",
    }[run.method.name]
    factor = "" if run.method.name == "original" else f"({run.method.k})"
    return f"{shown}{factor}, {run.optimiser.name.upper()}"


def python(state: State) -> str:
    """Return code that trains both sides; only values that differ from the defaults are written."""
    a, b = (_call(run) for run in runs(state))
    return "\n".join(
        (
            "from theory import Distribution, Method, Network, Optimiser, Run, simulate",
            "",
            f"a = {a}",
            f"b = {b}",
            f"metrics_a, metrics_b = (simulate(run, seed={state['seed']}) for run in (a, b))",
        )
    )


def _call(run: Run) -> str:
    parts = []
    for part in ("distribution", "network", "optimiser", "method"):
        given = ", ".join(f"{name}={value!r}" for name, value in _changes(getattr(run, part)))
        parts += [f"{part}={type(getattr(run, part)).__name__}({given})"] if given else []
    return f"Run({', '.join(parts)})"


def command(run: Run, seed: int) -> str:
    """Return the command line that trains one side."""
    flags = [
        f"--{part}.{name.replace('_', '-')}" + ("" if value is True else f" {value}")
        for part in ("distribution", "network", "optimiser", "method")
        for name, value in _changes(getattr(run, part))
    ]
    return " ".join(("python -m theory simulate", *flags, f"--seed {seed}"))


def _changes(part: Distribution | Network | Optimiser | Method) -> list[tuple[str, Any]]:
    return [
        (field.name, value)
        for field in fields(part)
        if (value := getattr(part, field.name)) != field.default
    ]
