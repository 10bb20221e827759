"""Place real generators on the ideal generator's dial, and predict what they bring."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from figures.records import Record
from figures.statistics.arms import Arms
from figures.statistics.conditions import paired_difference, percent_by_seed
from figures.statistics.intervals import Estimate

AXES = ("kappa", "fresh_noise", "fidelity")
METHOD = "tada-5"


@dataclasses.dataclass(frozen=True)
class PlacedGenerator:
    """A real generator. dials: its measured kappa, fresh_noise, fidelity, means over seeds.

    agreement: share of its variants that a judge gives their label, in [0, 1]. seen: change of test
    error of TADA(5) with it, against Original, in points. predicted: the change that ideal variants
    of the same dials bring; None without the experiment ``dose``.
    """

    name: str
    dials: Mapping[str, float]
    agreement: float
    seen: Estimate
    predicted: float | None


def place_generators(records: Mapping[str, Sequence[Record]]) -> list[PlacedGenerator]:
    """Return every generator of the experiment ``dial``; empty if it was not run."""
    members = records.get("empirical/dial", ())
    original = percent_by_seed(
        {r.seed: r for r in members if r.config.get("method", {}).get("name") == "original"},
        "test_error",
    )
    galleries: dict[str, list[Record]] = {}
    runs: dict[str, dict[int, Record]] = {}
    for record in members:
        if "strengths" in record.config:
            galleries.setdefault(generator_name(record), []).append(record)
        elif record.config["method"]["name"] == "tada":
            runs.setdefault(generator_name(record), {})[record.seed] = record
    curves = dose_curves(records.get("empirical/dose", ()))
    placed = []
    for name, found in galleries.items():
        levels = [record.metrics["levels"][0] for record in found]
        dials = {axis: float(np.mean([level[axis] for level in levels])) for axis in AXES}
        seen = paired_difference(percent_by_seed(runs.get(name, {}), "test_error"), original)
        if seen is not None:
            agreement = float(np.mean([level["agreement"] for level in levels]))
            placed.append(PlacedGenerator(name, dials, agreement, seen, predict(curves, dials)))
    return placed


def generator_name(record: Record) -> str:
    """Return training steps, sampler and strength of the generator of a run or gallery."""
    generator, variants = record.config["generator"], record.config["variants"]
    return f"{generator['steps']:,} steps, {variants['sampler']}, {variants['strength']:g}"


def dose_curves(records: Sequence[Record]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return, for each dial, its values and the change of test error of TADA(5) at each of them."""
    arms, curves = Arms(records), {}
    for axis in AXES:
        values = sorted({getattr(arm, axis) for arm in arms.groups})
        changes = [(v, arms.change(METHOD, **{axis: v})) for v in values]
        known = [(v, change.mean) for v, change in changes if change is not None]
        if known:
            curves[axis] = (np.array([v for v, _ in known]), np.array([m for _, m in known]))
    return curves


def predict(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], dials: Mapping[str, float]
) -> float | None:
    """Return the change expected at these dials; None where a curve is missing.

    The effects of the three dials are added: each is read off its own curve, between the points
    that were run, and counted from the change that perfect variants bring.
    """
    if set(curves) != set(AXES):
        return None
    perfect = {"kappa": 0.0, "fresh_noise": 1.0, "fidelity": 1.0}
    best = float(np.interp(0.0, *curves["kappa"]))
    effects = [
        float(np.interp(dials[axis], *curves[axis]) - np.interp(perfect[axis], *curves[axis]))
        for axis in AXES
    ]
    return best + sum(effects)
