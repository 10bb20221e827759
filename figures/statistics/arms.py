"""Group the runs with ideal variants by arm: method, who is augmented, and the generator's quality.

All of them compare at equal epochs unless their experiment says otherwise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from figures.labels import MethodStyle, method_name, method_style
from figures.records import Record
from figures.statistics.conditions import paired_difference, percent_by_seed
from figures.statistics.intervals import Estimate
from figures.statistics.pick import method_of

DIALS = ("kappa", "fidelity", "fresh_noise", "cue_redrawn")
SELECTED = {"random": "random", "truth": "truth"}  # rules that have a name of their own in figures
RACING = ("useful-5", "tada-5", "random-5", "syn-all")  # methods of which k_eff is drawn
PERFECT: dict[str, Any] = {
    "kappa": 0.0,
    "fidelity": 1.0,
    "fresh_noise": 1.0,
    "cue_redrawn": False,
}


@dataclasses.dataclass(frozen=True)
class Arm:
    """What runs with ideal variants differ in.

    method: label such as ``tada-5``, or ``random-5`` and ``truth-5`` for as many variants of random
    images, or of the images that are slow in truth. optimiser, budget: of the training; ``epochs``
    or ``steps`` are equal between methods. share, strength: of the cue, share 0 without one.
    kappa, fidelity, fresh_noise, cue_redrawn: the generator's dials, at their defaults for methods
    that do not generate.
    """

    method: str
    optimiser: str = "sgd"
    budget: str = "epochs"
    share: float = 0.8
    strength: float = 1.0
    kappa: float = 0.0
    fidelity: float = 1.0
    fresh_noise: float = 1.0
    cue_redrawn: bool = False


def arm_of(record: Record) -> Arm:
    """Return the arm of a run."""
    config = record.config
    data, training, variants = config["data"], config["training"], config["variants"]
    method = method_of(record)
    rule = SELECTED.get(config["selection"]["rule"])
    if rule and method.startswith("tada-"):
        method = f"{rule}-{method.removeprefix('tada-')}"
    generates = config["method"]["name"] in ("tada", "syn-all", "syn-rand")
    dials = {name: variants.get(name, PERFECT[name]) for name in DIALS} if generates else PERFECT
    cued = data.get("cue", "none") != "none"
    return Arm(
        method,
        training["optimiser"],
        "steps" if training["steps"] else "epochs",
        data["cue_share"] if cued else 0.0,
        data["cue_strength"] if cued else 1.0,
        **dials,
    )


class Arms:
    """Runs by arm and seed."""

    def __init__(self, records: Iterable[Record]) -> None:
        """Group the runs among the records; others, such as galleries, are left out."""
        self.groups: dict[Arm, dict[int, Record]] = {}
        for record in records:
            if "method" in record.config:
                self.groups.setdefault(arm_of(record), {})[record.seed] = record

    def records(self, method: str, **settings: Any) -> dict[int, Record]:
        """Return seed -> record of an arm; may be empty."""
        return self.groups.get(Arm(method, **settings), {})

    def change(
        self, method: str, metric: str = "test_error", baseline: str = "original", **settings: Any
    ) -> Estimate | None:
        """Return 100 times a metric minus that of the baseline, paired by seed; None without runs.

        The baseline does not generate, or has the same dials.
        """
        world: dict[str, Any] = {
            name: settings[name]
            for name in ("optimiser", "budget", "share", "strength")
            if name in settings
        }
        others = world if baseline in ("original", "original-longer") else settings
        return paired_difference(
            percent_by_seed(self.records(method, **settings), metric),
            percent_by_seed(self.records(baseline, **others), metric),
        )


def arm_style(method: str) -> MethodStyle:
    """Return the style of an arm's method, such as ``random-5``."""
    return method_style(method)


def arm_name(method: str) -> str:
    """Return the name of an arm's method: ``random(5)``."""
    return method_name(method)


def variants_of_slow(records: Mapping[int, Record]) -> dict[int, float]:
    """Return seed -> k_eff, the examples that stand for one truly slow image, its own included.

    By the race law variants act as k_eff times as many slow examples, copies as one. A slow image
    is selected with the recall of the selection; Syn-all gives every image one variant.
    """
    found = {}
    for seed, record in records.items():
        name, k = record.config["method"]["name"], record.config["method"]["k"]
        if name == "tada":
            found[seed] = 1 + (k - 1) * record.metrics["selection_recall"]
        else:
            found[seed] = 2.0 if name == "syn-all" else 1.0
    return found
