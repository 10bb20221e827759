"""Compute what the page shows of a state, as plain values: curves, closed forms, numbers, code."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from theory import Run
from theory.explore.address import write
from theory.explore.fields import SIDES, VIEW, State
from theory.explore.numbers import table
from theory.explore.predictions import early_curves
from theory.explore.presets import PRESETS
from theory.explore.runs import command, name, python, resolve, runs, train
from theory.measures import CURVES

Picture = dict[str, Any]


def picture(state: State, preset: str) -> Picture:
    """Return everything the page shows of a state; ValueError if the state cannot be trained."""
    both, results = runs(state), train(state)
    trained = [None if isinstance(result, str) else result for result in results]
    return {
        "state": resolve(state),
        "address": write(state | {key: PRESETS[preset].state[key] for key in VIEW}, preset),
        "preset": preset,
        "changed": any(
            state[key] != value for key, value in PRESETS[preset].state.items() if key not in VIEW
        ),
        "sides": {
            side: _side(run, result) for side, run, result in zip(SIDES, both, results, strict=True)
        },
        "table": table(both, trained),
        "python": python(state),
        "commands": [command(run, state["seed"]) for run in both],
        "data": {
            "seed": state["seed"],
            "sides": {
                side: {"run": asdict(run), "metrics": metrics}
                for side, run, metrics in zip(SIDES, both, trained, strict=True)
            },
        },
    }


def _side(run: Run, result: dict[str, Any] | str) -> Picture:
    if isinstance(result, str):
        return {"name": name(run), "diverged": result, "steps": [], "curves": {}, "predictions": {}}
    return {
        "name": name(run),
        "diverged": "",
        "steps": result["steps"],
        "curves": {curve: result[curve] for curve in CURVES},
        "predictions": early_curves(run, result),
    }
