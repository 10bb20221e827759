"""Image runs by what they differ in: one data set at one scale, each run once, however many experiments share it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from figures.labels import DATA
from figures.records import Record, RecordError
from figures.statistics.intervals import Estimate, paired
from figures.statistics.pick import budget, method

NOISE = "noise"  # the level of variants that begin with pure noise


@dataclasses.dataclass(frozen=True)
class Kind:
    """What runs of one data set differ in.

    method: ``tada-2``; budget: see ``figures.select``; level: how far images are noised, as a fraction of the cosine schedule, or
    ``noise``; rule: which images are slow; seen: what the generator has seen. None where the method has no use for it.
    """

    method: str
    budget: str
    network: str
    augment: str
    level: float | str | None = None
    rule: str | None = None
    seen: str | None = None


BASES = {  # Original with SGD, and the level, rule and generator of its companions
    "small": Kind("original", "steps", "resnet8", "none", 0.5, "cluster", "own"),
    "reduced": Kind("original", "steps", "resnet8", "none", 0.5, "cluster", "external"),
    "paper": Kind("original", "epochs", "resnet18", "crop-flip", 0.5, "cluster", "external"),
}


def scale(record: Record) -> str:
    """``paper``, ``reduced``, or ``small``."""
    experiment = record.config["experiment"]
    return experiment if experiment in BASES else "small"


def set_name(record: Record) -> str:
    """Data set and scale: ``noisy-digits``, ``CIFAR-10 (reduced)``, ``CIFAR-100 (paper scale)``."""
    name, where = record.config["data"]["name"], scale(record)
    added = {"small": "", "reduced": " (reduced)", "paper": " (paper scale)"}[where]
    return DATA.get(name, name) + added


def level(variants: Mapping[str, Any]) -> float | str:
    """Fraction of the cosine schedule, to one decimal, whatever the schedule of the model; or ``noise``."""
    if variants.get("from_noise"):
        return NOISE
    if variants.get("alpha_bar") is None:
        return variants["strength"]
    return round(1.008 * math.acos(math.sqrt(variants["alpha_bar"])) * 2 / math.pi - 0.008, 1)


def used(of: str, kind: Kind) -> Kind:
    """The kind without what the method ``of`` has no use for."""
    generates, selects = (
        of.startswith(("tada", "syn-")),
        of.startswith(("tada", "useful", "syn-rand")),
    )
    lost = {} if generates else {"level": None, "seen": None}
    return dataclasses.replace(kind, method=of, **lost, **({} if selects else {"rule": None}))


def one_generator(name: str, records: Iterable[Record]) -> None:
    """RecordError if variants of several models that have seen the same kind of images are among the runs: they are not to be mixed."""
    models: dict[str, set[str]] = {}
    for record in records:
        if seen := kind(record).seen:
            models.setdefault(seen, set()).add(str(record.config["generator"].get("model")))
    for made in models.values():
        if len(made) > 1:
            both = " and ".join(sorted(made))
            raise RecordError(
                f"records of {name} with variants of {both}; keep those of different models in different folders"
            )


def kind(record: Record) -> Kind:
    config = record.config
    training, name = config["training"], method(record)
    whole = Kind(
        name,
        budget(record),
        training["network"],
        training["augment"],
        level(config["variants"]),
        config["selection"]["rule"],
        config["generator"].get("trained_on", "own"),
    )
    return used(name, whole)


class Runs:
    """The runs of one data set at one scale, by kind and seed. base: the kind of Original with SGD."""

    def __init__(self, name: str, records: Iterable[Record]) -> None:
        self.name = name
        self.groups: dict[Kind, dict[int, Record]] = {}
        records = list(records)
        one_generator(name, records)
        for record in records:
            self.groups.setdefault(kind(record), {})[record.seed] = record
        self.first = next(iter(next(iter(self.groups.values())).values()))
        self.base = BASES[scale(self.first)]

    def runs(self, method: str, **changes: object) -> dict[int, Record]:
        """Seed -> record of a method at the base settings, but for these changes; empty if it was not run."""
        return self.groups.get(used(method, dataclasses.replace(self.base, **changes)), {})

    def values(
        self, method: str, metric: str = "test_error", **changes: object
    ) -> dict[int, float]:
        """Seed -> a metric, times 100."""
        return values_of(self.runs(method, **changes), metric)

    def original(self, **changes: object) -> dict[int, Record]:
        """Original under the same settings; at equal epochs, if only the others' length is set so, that of the base's steps."""
        there = self.runs("original", **changes)
        return there or (
            self.runs("original", **{**changes, "budget": self.base.budget})
            if changes.get("budget") == "epochs"
            else {}
        )

    def baseline(self, metric: str = "test_error", **changes: object) -> dict[int, float]:
        """Seed -> a metric of it, times 100."""
        return values_of(self.original(**changes), metric)

    def at(self, field: str, value: object) -> dict[str, object]:
        """The changes that lead to runs in which a field of kinds has this value: another network has its own augmentation."""
        found = next(kind for kind in self.groups if getattr(kind, field) == value)
        return {field: value, **({"augment": found.augment} if field == "network" else {})}

    @property
    def budgets(self) -> list[str]:
        """Those under which anything was run at the base's other settings, the base's first."""
        there = [
            kind.budget
            for kind in self.groups
            if (kind.network, kind.augment) == (self.base.network, self.base.augment)
        ]
        return [
            name
            for name in dict.fromkeys((self.base.budget, "steps", "epochs", "sam", "sam-epochs"))
            if name in there
        ]

    @property
    def factors(self) -> list[int]:
        """Every k that TADA was run with."""
        return sorted(
            {int(kind.method[5:]) for kind in self.groups if kind.method.startswith("tada-")}
        )

    def having(self, field: str) -> list[Any]:
        """The values of a field of kinds, in the order of the experiment, None left out."""
        return [
            value
            for value in dict.fromkeys(getattr(kind, field) for kind in self.groups)
            if value is not None
        ]


def data_sets(records: Mapping[str, Iterable[Record]] | Iterable[Record]) -> list[Runs]:
    """The image runs among the records, a data set at a scale each; sheets, which are no runs, are left out."""
    members = (
        [r for part in records.values() for r in part]
        if isinstance(records, Mapping)
        else list(records)
    )
    groups: dict[str, list[Record]] = {}
    for record in members:
        if "method" in record.config and "early" in record.config:
            groups.setdefault(set_name(record), []).append(record)
    return [Runs(name, group) for name, group in groups.items()]


def values_of(members: Mapping[int, Record], metric: str) -> dict[int, float]:
    """Seed -> 100 times a metric, where there is one."""
    return {
        seed: 100 * record.metrics[metric]
        for seed, record in members.items()
        if record.metrics.get(metric) is not None
    }


def apart(one: Mapping[int, float], other: Mapping[int, float]) -> Estimate | None:
    """The difference paired by seed; None if no seed has both."""
    return paired(dict(one), dict(other)) if one.keys() & other.keys() else None


def papers_best(data: str, method: str) -> int:
    """The paper's best k of ``useful`` or ``tada`` on a data set."""
    return 2 if method == "useful" else 4 if data.startswith(DATA["tiny-imagenet"]) else 5


def mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values())))
