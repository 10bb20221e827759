"""Group image runs by condition: everything that the runs of one data set and scale differ in.

Each run counts once, however many experiments share it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from figures.labels import DATA_SETS
from figures.records import Record, RecordError
from figures.statistics.intervals import Estimate, paired_estimate
from figures.statistics.pick import budget_of, method_of

PURE_NOISE = "noise"  # strength of variants that begin with pure noise


@dataclasses.dataclass(frozen=True)
class Condition:
    """Settings that runs of one data set differ in; None where the method does not use one.

    method: label of the method, such as ``tada-2``.
    budget: ``steps``, ``epochs``, ``sam`` or ``sam-epochs``; see ``statistics/pick.py``.
    strength: how far images are noised, as a fraction of the cosine schedule, or ``noise``.
    rule: selection rule, which decides which images are slow.
    trained_on: images that the generator was trained on, ``own`` or ``external``.
    optimiser: ``sgd`` or ``adamw``, also where SAM is put on top of it.
    """

    method: str
    budget: str
    network: str
    augment: str
    strength: float | str | None = None
    rule: str | None = None
    trained_on: str | None = None
    optimiser: str = "sgd"


# Original with SGD, with the strength, rule and generator of the methods it is compared with.
BASE_CONDITIONS = {
    "small": Condition("original", "steps", "resnet8", "none", 0.5, "cluster", "own"),
    "ideal": Condition("original", "epochs", "resnet8", "none", 0.5, "cluster", "own"),
    "reduced": Condition("original", "epochs", "resnet8", "none", 0.5, "cluster", "external"),
    "reduced-crop-flip": Condition(
        "original", "epochs", "resnet8", "crop-flip", 0.5, "cluster", "external"
    ),
    "reduced-scaling": Condition(
        "original", "epochs", "resnet8", "none", 0.5, "cluster", "external"
    ),
    "paper": Condition("original", "epochs", "resnet18", "crop-flip", 0.5, "cluster", "external"),
}

SUFFIXES = {  # of the names of data sets, by scale
    "small": "",
    "ideal": ", ideal generator",
    "reduced": " (reduced)",
    "reduced-crop-flip": " (reduced, crop and flip)",
    "reduced-scaling": " (reduced, {images:,} images)",
    "paper": " (paper scale)",
}
# Names of methods whose images are drawn at random instead of selected.
AT_RANDOM = {"random": "tada", "random-copies": "useful"}
# Networks that the main experiments do not train with SGD.
USUAL_OPTIMISERS = {"vit-xs": "adamw", "vit-s": "adamw"}


def usual_optimiser(network: str) -> str:
    """Return the optimiser with which the main experiments train a network."""
    return USUAL_OPTIMISERS.get(network, "sgd")


def scale_of(record: Record) -> str:
    """Return the scale of an image run: a key of ``BASE_CONDITIONS``.

    ``ideal``: small, with the ideal generator; ``small``: also whatever has no other scale.
    """
    experiment = record.config["experiment"]
    if experiment.startswith("ideal"):
        return "ideal"
    return experiment if experiment in BASE_CONDITIONS else "small"


def data_set_name(record: Record) -> str:
    """Return data set and scale, such as ``noisy-digits`` or ``CIFAR-10 (paper scale)``."""
    data = record.config["data"]
    suffix = SUFFIXES[scale_of(record)].format(images=data["train"] or 0)
    cue = " with pattern" if data.get("cue", "none") != "none" else ""
    return DATA_SETS.get(data["name"], data["name"]) + cue + suffix


def equivalent_strength(variants: Mapping[str, Any]) -> float | str:
    """Return the strength of a variants config, or ``noise`` for variants from pure noise.

    Strength is the fraction of the cosine schedule, in (0, 1]. A level that is given as alpha-bar
    (the share of the signal's power that is left) is converted and rounded to one decimal, so
    that it means the same whatever the schedule of the model.
    """
    if variants.get("from_noise"):
        return PURE_NOISE
    if variants.get("alpha_bar") is None:
        return variants["strength"]
    return round(1.008 * math.acos(math.sqrt(variants["alpha_bar"])) * 2 / math.pi - 0.008, 1)


def with_method(condition: Condition, method: str) -> Condition:
    """Return ``condition`` with another method, and None for the settings that it does not use."""
    generates = method.startswith(("tada", "syn-"))
    selects = method.startswith(("tada", "useful", "reweighted", "syn-rand"))
    changes: dict[str, Any] = {"method": method}
    if not generates:
        changes |= {"strength": None, "trained_on": None}
    if not selects:
        changes |= {"rule": None}
    return dataclasses.replace(condition, **changes)


def condition_of(record: Record) -> Condition:
    """Return the condition of an image run."""
    config, training, method = record.config, record.config["training"], method_of(record)
    condition = Condition(
        method,
        budget_of(record),
        training["network"],
        training["augment"],
        equivalent_strength(config["variants"]),
        config["selection"]["rule"],
        config["generator"].get("trained_on", "own"),
        "adamw" if "adamw" in training["optimiser"] else "sgd",
    )
    return with_method(condition, method)


def check_one_generator(name: str, records: Iterable[Record]) -> None:
    """Raise RecordError if the runs use variants of two generators trained on the same images.

    Variants of different models must not be mixed in one comparison.
    """
    models: dict[str, set[str]] = {}
    for record in records:
        if trained_on := condition_of(record).trained_on:
            model = str(record.config["generator"].get("model"))
            models.setdefault(trained_on, set()).add(model)
    for names in models.values():
        if len(names) > 1:
            raise RecordError(
                f"records of {name} with variants of {' and '.join(sorted(names))}; "
                "keep those of different models in different folders"
            )


class Conditions:
    """Runs of one data set at one scale, by condition and seed.

    name: data set and scale, as ``data_set_name`` gives them.
    all_records: the records in the order given.
    groups: condition -> seed -> record, in the order of the experiment.
    scale: as ``scale_of`` gives it.
    base: condition of Original with SGD. Methods below take changes to its fields as keywords.
    """

    def __init__(self, name: str, records: Iterable[Record]) -> None:
        """Group at least one record; raise RecordError if generators would be mixed."""
        self.name = name
        self.all_records = list(records)
        self.groups: dict[Condition, dict[int, Record]] = {}
        check_one_generator(name, self.all_records)
        for record in self.all_records:
            self.groups.setdefault(condition_of(record), {})[record.seed] = record
        self.scale = scale_of(self.first)
        self.base = BASE_CONDITIONS[self.scale]

    @property
    def first(self) -> Record:
        """First record, for settings that all runs share."""
        return self.all_records[0]

    def records(self, method: str, **changes: Any) -> dict[int, Record]:
        """Return seed -> record of a method at the base settings with ``changes``; may be empty.

        ``random-5`` stands for as many variants as TADA(5) of random images, ``random-copies-2``
        for as many copies as USEFUL(2).
        """
        name, _, k = method.rpartition("-")
        if name in AT_RANDOM:
            method, changes = f"{AT_RANDOM[name]}-{k}", {**changes, "rule": "random"}
        return self.groups.get(with_method(dataclasses.replace(self.base, **changes), method), {})

    def values(self, method: str, metric: str = "test_error", **changes: Any) -> dict[int, float]:
        """Return seed -> 100 times a metric of a method; may be empty."""
        return percent_by_seed(self.records(method, **changes), metric)

    def baseline(self, **changes: Any) -> dict[int, Record]:
        """Return seed -> record of Original under the same settings; may be empty.

        At equal epochs Original may not have been run anew, where its epochs are the base length:
        then it is the one under the base budget.
        """
        found = self.records("original", **changes)
        if not found and changes.get("budget") == "epochs":
            found = self.records("original", **{**changes, "budget": self.base.budget})
        return found

    def baseline_values(self, metric: str = "test_error", **changes: Any) -> dict[int, float]:
        """Return seed -> 100 times a metric of the baseline; may be empty."""
        return percent_by_seed(self.baseline(**changes), metric)

    def settings_with(self, field: str, value: object) -> dict[str, Any]:
        """Return the changes to the base that give runs in which ``field`` has this value.

        Another network comes with its usual optimiser and the augmentation of these runs.
        """
        if field != "network":
            return {field: value}
        usual = usual_optimiser(str(value))
        runs = (one for one in self.groups if (one.network, one.optimiser) == (value, usual))
        augment = next((one.augment for one in runs), self.base.augment)
        return {field: value, "augment": augment, "optimiser": usual}

    @property
    def budgets(self) -> list[str]:
        """Budgets of the runs with the base network and augmentation, the base budget first."""
        found = {
            one.budget
            for one in self.groups
            if (one.network, one.augment) == (self.base.network, self.base.augment)
        }
        order = dict.fromkeys((self.base.budget, "steps", "epochs", "sam", "sam-epochs"))
        return [name for name in order if name in found]

    @property
    def main_factor(self) -> int:
        """The k of TADA in the main comparison: the paper's best."""
        return paper_best_factor(self.name, "tada")

    @property
    def labels(self) -> list[str]:
        """Labels of the methods that were run, as ``records`` takes them, in order."""
        names = {method: name for name, method in AT_RANDOM.items()}
        found: dict[str, None] = {}
        for one in self.groups:
            name, _, k = one.method.rpartition("-")
            found[
                f"{names[name]}-{k}" if one.rule == "random" and name in names else one.method
            ] = None
        return list(found)

    @property
    def factors(self) -> list[int]:
        """Every k of the runs with TADA, increasing."""
        return self.factors_of("tada")

    def factors_of(self, method: str) -> list[int]:
        """Return every k of the runs of ``useful`` or ``tada``, increasing."""
        prefix = f"{method}-"
        labels = {one.method for one in self.groups if one.method.startswith(prefix)}
        return sorted(int(label.removeprefix(prefix)) for label in labels)

    def field_values(self, field: str) -> list[Any]:
        """Return the values of a field of the conditions in order of appearance, without None."""
        values = dict.fromkeys(getattr(one, field) for one in self.groups)
        return [value for value in values if value is not None]


def data_sets(records: Mapping[str, Iterable[Record]] | Iterable[Record]) -> list[Conditions]:
    """Return the image runs among the records, grouped by data set and scale.

    Records that are not runs, such as galleries, are left out.
    """
    members = (
        [record for part in records.values() for record in part]
        if isinstance(records, Mapping)
        else list(records)
    )
    groups: dict[str, list[Record]] = {}
    for record in members:
        if "method" in record.config and "early" in record.config:
            groups.setdefault(data_set_name(record), []).append(record)
    return [Conditions(name, group) for name, group in groups.items()]


def count_data_sets(records: Mapping[str, Iterable[Record]]) -> int:
    """Return the number of data sets, at their scales, among the records."""
    return len(data_sets(records))


def percent_by_seed(records: Mapping[int, Record], metric: str) -> dict[int, float]:
    """Return seed -> 100 times a metric, for the records (by seed) that have it."""
    return {
        seed: 100 * record.metrics[metric]
        for seed, record in records.items()
        if record.metrics.get(metric) is not None
    }


def paired_difference(
    samples: Mapping[int, float], baseline: Mapping[int, float]
) -> Estimate | None:
    """Return the mean difference over the seeds that both have; None if there is no such seed."""
    return paired_estimate(samples, baseline) if samples.keys() & baseline.keys() else None


def mean_over_seeds(values: Mapping[int, float]) -> float:
    """Return the mean of a mapping seed -> value; NaN if it is empty."""
    return float(np.mean(list(values.values()))) if values else math.nan


def paper_best_factor(data: str, method: str) -> int:
    """Return the paper's best k of ``useful`` or ``tada`` on a data set."""
    if method == "useful":
        return 2
    return 4 if data.startswith(DATA_SETS["tiny-imagenet"]) else 5
