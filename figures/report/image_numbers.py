"""The numbers that the report quotes of an experiment on images: every condition against Original, and against every other.

A condition is a kind of run (``figures.runs``). Its key has the budget, the method, and whatever else differs from the runs of the main
comparison: the network, the augmentation, the rule of selection, the strength, the generator. ``steps.tada-2.resnet20`` is TADA(2) at
equal steps with another network.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import AUGMENTS, NETWORKS, TITLES, name_of
from figures.records import Record
from figures.statistics.conditions import NOISE, Kind, Runs, mean, used, values_of
from figures.statistics.differences import said
from figures.statistics.intervals import paired
from figures.tables.table import escape

Values = dict[int, float]  # by seed
VARIED = (
    "network",
    "augment",
    "rule",
    "level",
    "seen",
)  # what kinds differ in beside method and budget, in the order of a key
SPOKEN = {
    **NETWORKS,
    **AUGMENTS,
    "crop-flip": "crop and flip",
    "crop-flip-trivial": "crop, flip, TrivialAugment",
    "cluster": "clusters",
    "own": "own generator",
    "external": "external generator",
    "from-noise": "from pure noise",
}


def part_of(kind: Kind, field: str) -> str:
    """What stands for a field of a kind in a key: ``resnet20``, ``strength-0.3``; nothing where the method has no use for it."""
    value = getattr(kind, field)
    if field == "level" and value is not None:
        return "from-noise" if value == NOISE else f"strength-{value:g}"
    if field == "rule" and kind.method == "syn-rand":
        return ""  # which gives it a number alone
    return value or ""


def others(runs: Runs, kind: Kind) -> dict[str, str]:
    """Field -> what stands for it, where it differs from the main comparison."""
    usual = used(kind.method, runs.base)
    return {
        field: part_of(kind, field)
        for field in VARIED
        if getattr(kind, field) != getattr(usual, field)
    }


def key_of(runs: Runs, kind: Kind) -> str:
    """``tada-2.resnet20``, without the budget."""
    return ".".join([kind.method, *others(runs, kind).values()])


def spoken(part: str) -> str:
    """A part of a key as it is written."""
    return SPOKEN.get(part, part.replace("-", " "))


def image_numbers(name: str, records: Sequence[Record]) -> dict[str, str]:
    """Keys that begin with ``name``."""
    runs = Runs(name, records)
    values = setting(runs, records)
    for kind, members in runs.groups.items():
        values[f"{kind.budget}.{key_of(runs, kind)}.error"] = plain(
            values_of(members, "test_error")
        )
        if ends := {
            seed: 100 * r.metrics["train_error"][-1]
            for seed, r in members.items()
            if r.metrics.get("train_error")
        }:
            values[f"{kind.budget}.{key_of(runs, kind)}.trained"] = plain(ends)
    values |= contrasts(runs) | least(runs) | {"rows": rows(runs)}
    return {f"{name}.{key}": text for key, text in values.items()}


def plain(values: Values) -> str:
    """``$12.3 \\pm 1.5$``: mean and standard deviation over seeds."""
    given = list(values.values())
    return (
        f"${np.mean(given):.1f} \\pm {np.std(given, ddof=1):.1f}$"
        if len(given) > 1
        else f"${given[0]:.1f}$"
    )


def setting(runs: Runs, records: Sequence[Record]) -> dict[str, str]:
    """Sizes and budgets, from the first run and the means over all."""
    first, slow = records[0], [100 * record.metrics["slow_fraction"] for record in records]
    config, generating = (
        first.config,
        [record for record in records if record.metrics.get("generator")],
    )
    training = config["training"]
    values = {
        "seeds": str(len({record.seed for record in records})),
        "train": f"{config['data']['train']:,}",
        "validation": f"{config['data']['validation']:,}",
        "tests": f"{first.metrics['test_images']:,}",
        "steps": f"{training['steps']:,}",
        "batch": str(training["batch"]),
        "width": str(training["width"]),
        "network": spoken(training["network"]),
        "slow": f"{np.mean(slow):.0f}",
        "slow.low": f"{min(slow):.0f}",
        "slow.high": f"{max(slow):.0f}",
        "early-error": f"{100 * config['early']['error']:g}",
        "runs": f"{len(records):,}",
    }
    if config["data"].get("side"):
        values["side"] = str(config["data"]["side"])
    if generating:
        made = generating[0]
        values |= {
            "generator.seen": made.metrics["generator"]["seen"],
            "alpha-bar": f"{made.metrics['generator']['alpha_bar']:.2f}",
        }
        values |= {"strength": f"{made.config['variants']['strength']:g}"}
        if made.config["generator"].get("model") is None:
            values["generator.steps"] = f"{made.config['generator']['steps']:,}"
    for kind, members in runs.groups.items():
        if not others(runs, kind):
            for cost in ("gradients", "generated"):
                values[f"{kind.budget}.{kind.method}.{cost}"] = (
                    f"{np.mean([record.metrics[cost] for record in members.values()]):,.0f}"
                )
    return values


def contrasts(runs: Runs) -> dict[str, str]:
    """Differences of all pairs of one budget, paired by seed, and their verdicts; of the gap in learning times those from Original.

    Under equal epochs ``original`` is the one at the base number of steps, as in all tables. ``sgd-sam``: TADA and others with SGD,
    minus Original with SAM.
    """
    made: dict[str, str] = {}
    for (one, ours), (other, theirs) in itertools.permutations(runs.groups.items(), 2):
        pair, against = (
            f"{key_of(runs, one)}.minus.{key_of(runs, other)}",
            (other.budget, other.method),
        )
        if one.budget == other.budget or (
            one.budget == "epochs" and against == ("steps", "original")
        ):
            made |= contrast(f"{one.budget}.{pair}", ours, theirs)
        elif one.budget == "steps" and against == ("sam", "original"):
            made |= contrast(f"sgd-sam.{pair}", ours, theirs)
    return made


def contrast(name: str, ours: Mapping[int, Record], theirs: Mapping[int, Record]) -> dict[str, str]:
    made = {}
    for suffix, metric in (("", "test_error"), (".gap", "learning_gap")):
        one, other = values_of(ours, metric), values_of(theirs, metric)
        if one.keys() & other.keys():
            made |= said(f"{name}{suffix}", paired(one, other))
    return made


def least(runs: Runs) -> dict[str, str]:
    """At equal steps: which k of copies and of variants, and which strength of TADA's variants, has the least mean error of several."""
    values: dict[str, str] = {}
    steps = {
        kind: values_of(members, "test_error")
        for kind, members in runs.groups.items()
        if kind.budget == "steps"
    }
    means = {kind: mean(errors) for kind, errors in steps.items()}
    for name in ("useful", "tada"):
        factors = {
            k.method.rpartition("-")[2]: error
            for k, error in means.items()
            if k.method.startswith(name) and not others(runs, k)
        }
        if len(factors) > 1:
            values[f"best.{name}"] = min(factors, key=factors.get)
    usual = next(
        (k.method for k in means if k.method.startswith("tada") and not others(runs, k)), ""
    )
    levels = {
        part_of(k, "level"): error
        for k, error in means.items()
        if k.method == usual and others(runs, k).keys() <= {"level"}
    }
    if len(levels) > 1:
        best = spoken(min(levels, key=levels.get))
        values["best.strength"] = best if best.startswith("from") else f"of {best}"
    return values


def rows(runs: Runs) -> str:
    """Every condition's difference from Original, as rows of a LaTeX table: condition, Original's error, difference, verdict.

    A condition is named by its method, and by what varies in the experiment.
    """
    varying = [
        field for field in VARIED if len({part_of(kind, field) for kind in runs.groups} - {""}) > 1
    ]
    budgets, made = {kind.budget for kind in runs.groups}, []
    for kind, members in runs.groups.items():
        base = runs.original(network=kind.network, augment=kind.augment, budget=kind.budget)
        if not base or base is members:
            continue
        parts = [
            name_of(kind.method),
            *(spoken(part) for field in varying if (part := part_of(kind, field))),
        ]
        parts += [TITLES[kind.budget]] if len(budgets) > 1 else []
        start = values_of(base, "test_error")
        difference = said("", paired(values_of(members, "test_error"), start))
        made.append(
            " & ".join(
                (escape(", ".join(parts)), plain(start), difference[""], difference[".verdict"])
            )
        )
    return "".join(f"{row} \\\\ " for row in made)
