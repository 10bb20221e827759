"""The numbers that the report quotes of an experiment on images: every condition against Original, and against every other.

A condition is a budget (``steps``, ``epochs``, ``sam``), a method, and whatever else differs from the experiment's first run: the
network, the augmentation, the rule of selection, the strength, the generator. ``steps.tada-2.resnet20`` is TADA(2) at equal steps with
another network than the first run's.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from figures.differences import said
from figures.records import Record
from figures.select import budget, method
from figures.statistics import paired
from figures.style import look
from figures.tables import escape

Values = dict[int, float]  # by seed
BUDGETS = {"steps": "equal steps", "epochs": "equal epochs", "sam": "equal steps, SAM", "sam-epochs": "equal epochs, SAM"}
SPOKEN = {
    "resnet8": "ResNet-8",
    "resnet18": "ResNet18",
    "resnet20": "ResNet-20",
    "vit-xs": "ViT-XS",
    "none": "no augmentation",
    "cluster": "clusters",
    "crop-flip": "crop and flip",
    "crop-flip-trivial": "crop, flip, TrivialAugment",
    "from-noise": "from pure noise",
    "own": "own generator",
    "external": "external generator",
}


def circumstances(record: Record) -> tuple[str, ...]:
    """What else than method and budget a run is distinguished by; the first two matter to Original as well."""
    config, generates = record.config, method(record).partition("-")[0] in ("tada", "syn")
    training, variants, generator = config["training"], config.get("variants") or {}, config.get("generator") or {}
    rule = config.get("selection", {}).get("rule", "cluster") if method(record).startswith(("tada", "useful")) else ""
    made = (strength(variants), generator.get("seen", "own")) if generates else ("", "")
    return (training["network"], training["augment"], rule, *made)


def strength(variants: Mapping) -> str:
    """``from-noise``, ``alpha-bar-0.5`` or ``strength-0.5``."""
    if variants.get("from_noise"):
        return "from-noise"
    if variants.get("alpha_bar") is not None:
        return f"alpha-bar-{variants['alpha_bar']:g}"
    return f"strength-{variants['strength']:g}" if "strength" in variants else ""


def conditions(records: Sequence[Record]) -> dict[tuple[str, str, tuple[str, ...]], list[Record]]:
    """(budget, method, circumstances that differ from the usual ones) -> records; the usual ones are those of most runs."""
    columns = list(zip(*(circumstances(record) for record in records), strict=True))
    usual = [max((x for x in dict.fromkeys(column) if x), key=column.count, default="") for column in columns]
    usual[:2] = circumstances(records[0])[:2]
    groups: dict[tuple[str, str, tuple[str, ...]], list[Record]] = {}
    for record in records:
        other = tuple("" if each == common else each for each, common in zip(circumstances(record), usual, strict=True))
        groups.setdefault((budget(record), method(record), other), []).append(record)
    return groups


def key_of(condition: tuple[str, str, tuple[str, ...]]) -> str:
    """``tada-2.resnet20``, without the budget."""
    return ".".join([condition[1], *(part for part in condition[2] if part)])


def name_of(label: str) -> str:
    return "Original (longer)" if label == "original-longer" else look(label).label


def spoken(part: str) -> str:
    """A circumstance as it is written."""
    return SPOKEN.get(part, part.replace("-", " "))


def values_of(records: Sequence[Record], metric: str) -> Values:
    """seed -> 100 times a metric."""
    return {record.seed: 100 * record.metrics[metric] for record in records if record.metrics.get(metric) is not None}


def image_numbers(name: str, records: Sequence[Record]) -> dict[str, str]:
    """Keys that begin with ``name``."""
    groups = conditions(records)
    values = setting(records, groups)
    for condition, members in groups.items():
        errors = values_of(members, "test_error")
        values[f"{condition[0]}.{key_of(condition)}.error"] = plain(errors)
    values |= contrasts(groups)
    values |= least(groups) | {"rows": rows(groups)}
    return {f"{name}.{key}": text for key, text in values.items()}


def plain(values: Values) -> str:
    """``$12.3 \\pm 1.5$``: mean and standard deviation over seeds."""
    given = list(values.values())
    return f"${np.mean(given):.1f} \\pm {np.std(given, ddof=1):.1f}$" if len(given) > 1 else f"${given[0]:.1f}$"


def setting(records: Sequence[Record], groups: Mapping) -> dict[str, str]:
    """Sizes and budgets, from the first run and the means over all."""
    first, slow = records[0], [100 * record.metrics["slow_fraction"] for record in records]
    config, generating = first.config, [record for record in records if record.metrics.get("generator")]
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
        values |= {"generator.seen": made.metrics["generator"]["seen"], "alpha-bar": f"{made.metrics['generator']['alpha_bar']:.2f}"}
        values |= {"strength": f"{made.config['variants']['strength']:g}"}
        if made.config["generator"].get("model") is None:
            values["generator.steps"] = f"{made.config['generator']['steps']:,}"
    for (kind, label, other), members in groups.items():
        if not any(other):
            for cost in ("gradients", "generated"):
                values[f"{kind}.{label}.{cost}"] = f"{np.mean([record.metrics[cost] for record in members]):,.0f}"
    return values


def contrasts(groups: Mapping) -> dict[str, str]:
    """Differences of all pairs of one budget, paired by seed, and their verdicts; of the gap in learning times those from Original.

    Under equal epochs ``original`` is the one at the base number of steps, as in all tables. ``sgd-sam``: TADA and others with SGD,
    minus Original with SAM.
    """
    made: dict[str, str] = {}
    for one, other in itertools.permutations(groups, 2):
        name = f"{one[0]}.{key_of(one)}.minus.{key_of(other)}"
        if one[0] == other[0] or (one[0] == "epochs" and other[:2] == ("steps", "original")):
            made |= contrast(name, groups[one], groups[other])
        elif one[0] == "steps" and other[:2] == ("sam", "original"):
            made |= contrast(f"sgd-sam.{key_of(one)}.minus.{key_of(other)}", groups[one], groups[other])
    return made


def contrast(name: str, ours: Sequence[Record], theirs: Sequence[Record]) -> dict[str, str]:
    made = {}
    for suffix, metric in (("", "test_error"), (".gap", "learning_gap")):
        one, other = values_of(ours, metric), values_of(theirs, metric)
        if one.keys() & other.keys():
            made |= said(f"{name}{suffix}", paired(one, other))
    return made


def least(groups: Mapping) -> dict[str, str]:
    """At equal steps: which k of copies and of variants, and which strength of TADA's variants, has the least mean error of several."""
    values: dict[str, str] = {}
    steps = {c: float(np.mean(list(values_of(members, "test_error").values()))) for c, members in groups.items() if c[0] == "steps"}
    for name in ("useful", "tada"):
        factors = {c[1].rpartition("-")[2]: mean for c, mean in steps.items() if c[1].startswith(name) and not any(c[2])}
        if len(factors) > 1:
            values[f"best.{name}"] = min(factors, key=factors.get)
    usual = next((c[1] for c in steps if c[1].startswith("tada") and not any(c[2])), "")
    varied = {c: mean for c, mean in steps.items() if c[1] == usual and not any((*c[2][:3], c[2][4]))}
    if len(varied) > 1:
        best = spoken(circumstances(groups[min(varied, key=varied.get)][0])[3])
        values["best.strength"] = best if best.startswith("from") else f"of {best}"
    return values


def baseline(groups: Mapping, condition: tuple[str, str, tuple[str, ...]]) -> Sequence[Record] | None:
    """Original under the same budget, with the same network and augmentation; of equal epochs that of equal steps."""
    network, augment, *others = condition[2]
    alike = (condition[0], "original", (network, augment, *("" for _ in others)))
    return groups.get(alike) or groups.get((condition[0].replace("epochs", "steps"), *alike[1:]))


def rows(groups: Mapping) -> str:
    """Every condition's difference from Original, as rows of a LaTeX table: condition, Original's error, difference, verdict.

    A condition is named by its method, and by what varies in the experiment.
    """
    settings = {condition: circumstances(members[0]) for condition, members in groups.items()}
    varying = [i for i, column in enumerate(zip(*settings.values(), strict=True)) if len({*column} - {""}) > 1]
    budgets, made = {condition[0] for condition in groups}, []
    for condition, members in groups.items():
        base = baseline(groups, condition)
        if base is None or base is members:
            continue
        parts = [name_of(condition[1]), *(spoken(settings[condition][i]) for i in varying if settings[condition][i])]
        parts += [BUDGETS[condition[0]]] if len(budgets) > 1 else []
        difference = said("", paired(values_of(members, "test_error"), values_of(base, "test_error")))
        made.append(" & ".join((escape(", ".join(parts)), plain(values_of(base, "test_error")), difference[""], difference[".verdict"])))
    return "".join(f"{row} \\\\ " for row in made)
