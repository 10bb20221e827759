"""Make the report's numbers of the runs on images of one data set at one scale.

A key names a budget, a condition and a quantity: ``epochs.tada-5.resnet20.error`` is the test error
of TADA(5) at equal epochs with another network. A condition is named by its method and by whatever
else differs from the main comparison: network, augmentation, selection rule, strength, generator,
optimiser. ``epochs.tada-5.minus.original`` is a difference, paired by seed; ``.gap`` after it is
that of the learning gap, ``.slow`` and ``.fast`` those of the error on slow and fast test images,
and ``.verdict`` or ``.words`` puts it into words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from figures.claims.cases import training_error
from figures.labels import AUGMENTATIONS_IN_TEXT, NETWORKS, RULES, SAM_BUDGETS
from figures.records import Record
from figures.statistics.conditions import (
    PURE_NOISE,
    Condition,
    Conditions,
    condition_of,
    mean_over_seeds,
    paired_difference,
    percent_by_seed,
    usual_optimiser,
    with_method,
)
from figures.statistics.differences import difference_text

# Fields that conditions differ in beside method and budget, in the order of a key.
VARIED = ("network", "augment", "rule", "strength", "trained_on", "optimiser")
METRICS = {  # last word of a difference -> what differs
    "gap": "learning_gap",
    "slow": "test_error_slow",
    "fast": "test_error_fast",
}
IN_TEXT = {
    **NETWORKS,
    **AUGMENTATIONS_IN_TEXT,
    **{rule: style.label for rule, style in RULES.items()},
    "own": "own generator",
    "external": "external generator",
    "from-noise": "from pure noise",
}


def image_number(conditions: Conditions, key: str) -> str | None:
    """Return the text of a key, as LaTeX; None if the records do not hold it."""
    if ".minus." in key:
        return difference_number(conditions, key)
    match key.split("."):
        case ["best", "strength"]:
            return best_strength(conditions)
        case ["best", method]:
            return best_factor(conditions, method)
        case [budget, *name, "error" | "trained" | "generated" as quantity]:
            records = find_records(conditions, budget, ".".join(name))
            return QUANTITIES[quantity](records) if records else None
    return SETTINGS[key](usual_records(conditions)) if key in SETTINGS else None


def format_text(part: str) -> str:
    """Return a part of a key as it is written in a sentence."""
    return IN_TEXT.get(part, part.replace("-", " "))


def format_spread(values: Mapping[int, float]) -> str:
    r"""Return mean and standard deviation, ``$12.3 \pm 1.5$``; only the value of one seed."""
    given = list(values.values())
    if len(given) < 2:
        return f"${given[0]:.1f}$"
    return f"${np.mean(given):.1f} \\pm {np.std(given, ddof=1):.1f}$"


# --- conditions and their names


def key_part(condition: Condition, field: str) -> str:
    """Return what stands for a field in a key: ``resnet20``, ``strength-0.3``; may be empty."""
    value = getattr(condition, field)
    if field == "strength" and value is not None:
        return "from-noise" if value == PURE_NOISE else f"strength-{value:g}"
    if field == "rule" and condition.method == "syn-rand":
        return ""  # the rule gives only the number of its random images
    if field == "optimiser" and value == usual_optimiser(condition.network):
        return ""
    return value or ""


def varied_parts(conditions: Conditions, condition: Condition) -> dict[str, str]:
    """Return field -> part of the key for the fields that differ from the main comparison."""
    usual = with_method(conditions.base, condition.method)
    parts = {
        field: key_part(condition, field)
        for field in VARIED
        if getattr(condition, field) != getattr(usual, field)
    }
    return {field: part for field, part in parts.items() if part}


def condition_key(conditions: Conditions, condition: Condition) -> str:
    """Return the key of a condition without its budget, such as ``tada-2.resnet20``."""
    return ".".join([condition.method, *varied_parts(conditions, condition).values()])


def find_records(conditions: Conditions, budget: str, name: str) -> Mapping[int, Record]:
    """Return seed -> record of the condition with this key under a budget; may be empty."""
    for condition, records in conditions.groups.items():
        if condition.budget == budget and condition_key(conditions, condition) == name:
            return records
    return {}


# --- numbers


def difference_number(conditions: Conditions, key: str) -> str | None:
    """Return a difference, or a part of it such as its verdict; None if no seed has both values.

    At equal epochs ``original`` is the one at the base number of steps, as in all tables, if there
    is no other. The budget ``sgd-sam`` is a method with SGD minus Original with SAM.
    """
    left, _, right = key.partition(".minus.")
    budget, _, name = left.partition(".")
    right, part = split_suffix(right, ("verdict", "words", "lower", "higher"))
    baseline_name, metric = split_suffix(right, tuple(METRICS))
    base = conditions.base.budget
    ours, theirs = (base, SAM_BUDGETS[base]) if budget == "sgd-sam" else (budget, budget)
    baseline = find_records(conditions, theirs, baseline_name)
    if not baseline and budget == "epochs" and baseline_name.split(".")[0] == "original":
        baseline = find_records(conditions, "steps", baseline_name)
    measured = METRICS.get(metric, "test_error")
    difference = paired_difference(
        percent_by_seed(find_records(conditions, ours, name), measured),
        percent_by_seed(baseline, measured),
    )
    return None if difference is None else difference_text(difference, part)


def split_suffix(text: str, suffixes: Sequence[str]) -> tuple[str, str]:
    """Return the text before its last dot and the word after it, if that is one of ``suffixes``.

    Otherwise return the whole text and an empty string.
    """
    head, _, tail = text.rpartition(".")
    return (head, tail) if tail in suffixes else (text, "")


def mean_errors(conditions: Conditions) -> dict[Condition, float]:
    """Return the mean test error of every condition under the base budget."""
    return {
        condition: mean_over_seeds(percent_by_seed(records, "test_error"))
        for condition, records in conditions.groups.items()
        if condition.budget == conditions.base.budget
    }


def best_factor(conditions: Conditions, method: str) -> str | None:
    """Return the k of least mean error of ``useful`` or ``tada``; None if fewer than two exist."""
    factors = {
        condition.method.rpartition("-")[2]: error
        for condition, error in mean_errors(conditions).items()
        if condition.method.startswith(method) and not varied_parts(conditions, condition)
    }
    return min(factors, key=lambda k: factors[k]) if len(factors) > 1 else None


def best_strength(conditions: Conditions) -> str | None:
    """Return the strength of TADA's variants with the least mean error, in words.

    None if fewer than two strengths were run.
    """
    by_method: dict[str, dict[str, float]] = {}
    for condition, error in mean_errors(conditions).items():
        varied = varied_parts(conditions, condition).keys()
        if condition.method.startswith("tada") and varied <= {"strength"}:
            strength = key_part(condition, "strength")
            by_method.setdefault(condition.method, {})[strength] = error
    strengths = max(by_method.values(), key=len, default={})
    if len(strengths) < 2:
        return None
    best = format_text(min(strengths, key=lambda part: strengths[part]))
    return best if best.startswith("from") else f"of {best}"


def training_errors(records: Mapping[int, Record]) -> str | None:
    """Return the mean training error at the end of the runs, in %; None if it was not recorded."""
    error = training_error(records.values())
    return f"{error:.2f}" if error == error else None


QUANTITIES: dict[str, Callable[[Mapping[int, Record]], str | None]] = {
    "error": lambda records: format_spread(percent_by_seed(records, "test_error")),
    "trained": training_errors,
    "generated": lambda records: (
        f"{np.mean([record.metrics['generated'] for record in records.values()]):,.0f}"
    ),
}


# --- settings of the experiment


def usual_records(conditions: Conditions) -> list[Record]:
    """Return the records of the main comparison: base network, augmentation, selection, variants.

    All records if none of them is of the main comparison.
    """
    usual = [
        record
        for record in conditions.all_records
        if not varied_parts(conditions, condition_of(record))
    ]
    return usual or conditions.all_records


def slow_percentages(records: Sequence[Record]) -> list[float]:
    """Return the share of slow images of every run, in %."""
    return [100 * record.metrics["slow_fraction"] for record in records]


def generating_run(records: Sequence[Record]) -> Record | None:
    """Return the first run that used a generator; None if there is none."""
    return next((record for record in records if record.metrics.get("generator")), None)


def of_generator(
    text: Callable[[Record], str],
) -> Callable[[Sequence[Record]], str | None]:
    """Return a setting that is read from the first run with a generator; None without one."""

    def setting(records: Sequence[Record]) -> str | None:
        record = generating_run(records)
        return None if record is None else text(record)

    return setting


def is_original(record: Record) -> bool:
    """Return whether a run is of Original, as long as it is by itself."""
    return record.config["method"]["name"] == "original" and not record.config["length_of"]


SETTINGS: dict[str, Callable[[Sequence[Record]], str | None]] = {
    "seeds": lambda records: str(len({r.seed for r in records if is_original(r)})),
    "train": lambda records: f"{records[0].config['data']['train']:,}",
    "steps": lambda records: str(records[0].config["training"]["steps"] or "") or None,
    "batch": lambda records: str(records[0].config["training"]["batch"]),
    "width": lambda records: str(records[0].config["training"]["width"]),
    "network": lambda records: format_text(records[0].config["training"]["network"]),
    "early-error": lambda records: f"{100 * records[0].config['early']['error']:g}",
    "slow": lambda records: f"{np.mean(slow_percentages(records)):.0f}",
    "slow.low": lambda records: f"{min(slow_percentages(records)):.0f}",
    "slow.high": lambda records: f"{max(slow_percentages(records)):.0f}",
    "alpha-bar": of_generator(lambda record: f"{record.metrics['generator']['alpha_bar']:.2f}"),
    "strength": of_generator(lambda record: f"{record.config['variants']['strength']:g}"),
}
