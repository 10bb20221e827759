"""Make the table beside the curves: measurements, closed forms and differences, as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from theory import Run
from theory.claims import LEARNED_ERROR
from theory.closed_forms import balancing_factor, growth_rates, noise_alignment_ratio, shared_noise
from theory.evidence import first_crossing
from theory.explore.predictions import predicted_times

Metrics = dict[str, Any] | None
Number = float | None
Row = dict[str, Any]

ABSENT = "–"


def table(runs: Sequence[Run], metrics: Sequence[Metrics]) -> list[Row]:
    """Return rows {group, label, about, a, b, difference}.

    A side that diverged has dashes in place of its measurements.
    """
    return [row for part in (_last, _learning, _forms) for row in part(runs, metrics)]


def _row(
    group: str,
    label: str,
    values: Sequence[Number],
    about: str = "",
    unit: float = 1.0,
    difference: bool = True,
) -> Row:
    a, b = (None if value is None else unit * value for value in values)
    apart = None
    if difference and a is not None and b is not None and math.isfinite(a) and math.isfinite(b):
        apart = b - a
    return {
        "group": group,
        "label": label,
        "about": about,
        "a": shown(a),
        "b": shown(b),
        "difference": shown(apart, True),
    }


def shown(value: Number, signed: bool = False) -> str:
    """Format a number with as many decimals as a reader needs; None as a dash."""
    if value is None:
        return ABSENT
    if math.isinf(value):
        return "∞"
    size = abs(value)
    decimals = (
        0
        if float(value).is_integer() or size >= 100
        else 1
        if size >= 10
        else 2
        if size >= 1
        else 3
    )
    digits = f"{size:.{decimals}f}"
    negligible = float(digits) == 0
    return ("" if negligible else "−" if value < 0 else "+" if signed else "") + digits


def _last(runs: Sequence[Run], metrics: Sequence[Metrics]) -> list[Row]:
    group = f"After {runs[0].optimiser.steps} steps"
    rows = (
        ("test error, %", "test_error", 100.0, "population test error, exact in the dimension"),
        (
            "– with fast feature, %",
            "test_error_fast",
            100.0,
            "on test examples that have the fast feature",
        ),
        ("– without it, %", "test_error_slow", 100.0, "on test examples without the fast feature"),
        (
            "loss",
            "loss",
            1.0,
            "mean logistic loss of the training set, copies and variants included",
        ),
        (
            "noise, slow examples",
            "noise_memorised_slow",
            1.0,
            "y Σ_j σ(<w_j, ξ>): what their own noise adds to the margin, mean",
        ),
        (
            "noise, fast examples",
            "noise_memorised_fast",
            1.0,
            "the same on examples with the fast feature",
        ),
        ("examples trained on", "examples", 1.0, "N', copies and variants counted one by one"),
    )
    return [
        _row(group, label, [_final(one, key) for one in metrics], about, unit)
        for label, key, unit, about in rows
    ]


def _value(metrics: Metrics, key: str) -> Number:
    return metrics[key] if metrics else None


def _final(metrics: Metrics, key: str) -> Number:
    value: Any = _value(metrics, key)
    return value[-1] if isinstance(value, list) else value


def _learning(runs: Sequence[Run], metrics: Sequence[Metrics]) -> list[Row]:
    group = "Steps to learn, alignment 0.5"
    closed = [
        predicted_times(run, one) if one else (None, None)
        for run, one in zip(runs, metrics, strict=True)
    ]
    rows = []
    for i, (feature, key) in enumerate((("fast", "time_fast"), ("slow", "time_slow"))):
        rows.append(
            _row(
                group,
                f"{feature} feature",
                [_value(one, key) for one in metrics],
                "– where it is not learned by the last step",
            )
        )
        rows.append(
            _row(
                group,
                f"{feature}, closed form",
                [times[i] for times in closed],
                FORM_TIMES,
                difference=False,
            )
        )
    crossings = [_crossing(one) if one else None for one in metrics]
    rows.append(
        _row(
            group,
            f"to {100 * LEARNED_ERROR:g}% test error",
            crossings,
            "linear between recorded steps",
        )
    )
    return rows


FORM_TIMES = (
    "early phase of gradient descent, had the sigmoid stayed at 1/2; "
    "SAM takes longer, and so does what is learned second"
)


def _crossing(metrics: dict[str, Any]) -> Number:
    reached = min(metrics["test_error"]) <= LEARNED_ERROR
    return (
        first_crossing(metrics["steps"], metrics["test_error"], LEARNED_ERROR) if reached else None
    )


def _forms(runs: Sequence[Run], metrics: Sequence[Metrics]) -> list[Row]:
    group = "Speed ratio, fast : slow"
    measured, drawn = (
        [_value(one, key) for one in metrics] for key in ("speed_ratio", "speed_ratio_predicted")
    )
    off = [m / p - 1 if m is not None and p else None for m, p in zip(measured, drawn, strict=True)]
    rates = [growth_rates(run.distribution, run.network, run.method) for run in runs]
    return [
        _row(
            group,
            "simulated",
            measured,
            "early learning speeds, until the first feature has doubled",
        ),
        _row(group, "closed form", drawn, "with the slow examples drawn"),
        _row(
            group,
            "difference, %",
            off,
            "relative; SAM is not in the closed form",
            unit=100.0,
            difference=False,
        ),
        _row(
            group,
            "expected, R(k)",
            [fast / slow for fast, slow in rates],
            "in expectation over the examples",
        ),
        _row(
            group,
            "balancing k*",
            [_balancing(run) for run in runs],
            "copies or faithful variants of slow examples: R(k*) = 1",
            difference=False,
        ),
        *_noise(runs),
    ]


def _balancing(run: Run) -> Number:
    return (
        balancing_factor(run.distribution, run.network.power)
        if run.method.name in ("original", "useful", "tada")
        else None
    )


def _noise(runs: Sequence[Run]) -> list[Row]:
    """Return the closed forms of variants against copies, at the k and s of each side.

    They hold for the cubic, fresh noise and one patch; elsewhere there are dashes.
    """
    group = "Variants against copies"
    ratios, boundaries, shares = [], [], []
    for run in runs:
        method, slow = run.method, 1 - run.distribution.alpha
        holds = (
            method.name == "tada"
            and method.kappa == 0
            and run.network.power == 3
            and not run.network.rectified
        )
        ratios.append(noise_alignment_ratio(slow, method.k, method.scale) if holds else None)
        boundaries.append(method.scale**4 - (method.k + 1) if holds else None)
        faithful = method.fidelity == method.scale == 1 and method.kappa == 0
        shared = method.name in ("useful", "tada") and faithful
        batch = run.optimiser.batch or math.inf
        shares.append(shared_noise(slow, method.k, run.distribution.n, batch) if shared else None)
    return [
        _row(
            group,
            "noise alignment",
            ratios,
            "at initialisation, TADA over USEFUL of the same k; closed form",
            difference=False,
        ),
        _row(
            group,
            "s⁴ − (k+1)",
            boundaries,
            "below 0: variants align less with noise than copies",
            difference=False,
        ),
        _row(
            group,
            "(Var U − Var G)/V",
            shares,
            "by how much gradients of mini-batches vary more on copies; closed form",
            difference=False,
        ),
    ]
