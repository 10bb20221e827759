r"""Make the report's numbers of the theory: one function a topic.

Each takes the records of the topic's experiment and the rest of a key, split at the dots, and
returns its text as LaTeX, or None if the records do not hold it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from string import ascii_lowercase

import numpy as np

from figures.claims.theory import (
    NOT_SHOWN,
    count_by_kind,
    format_number,
    theory_verdicts,
    verdict_word,
)
from figures.plots.race import BASE, column
from figures.plots.regimes import VISIBLE, gain
from figures.records import Record
from figures.statistics.differences import difference_text
from figures.statistics.intervals import Estimate, estimate, paired_estimate
from figures.statistics.pick import by_label, final_values, stack_curves
from figures.tables.main import has_learned, is_expected


def format_estimate(value: Estimate, digits: int = 2) -> str:
    r"""Return mean and half of the interval, ``$4.08 \pm 1.72$``."""
    return f"${value.mean:.{digits}f} \\pm {value.half:.{digits}f}$"


def format_list(names: Iterable[str]) -> str:
    """Return names in a sentence, ``T2d, T5b and T6b``; ``none`` if there is none."""
    *first, last = [*names] or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def format_formula(value: float) -> str:
    """Return a number as mathematics: 3 significant digits, or 4 decimals instead of a power."""
    text = format_number(value)
    return f"${value:.4f}$" if "e" in text else f"${text.replace('−', '-')}$"


def count_seeds(records: Sequence[Record]) -> str:
    """Return the number of different seeds."""
    return str(len({record.seed for record in records}))


def theory_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return a setting of the theory's experiments, or what its closed forms give for them."""
    groups = by_label(records)
    config = groups["original"][0].config
    world, network = config["distribution"], config["network"]
    alpha, gap = world["alpha"], (world["beta_e"] / world["beta_d"]) ** network["power"]
    match key:
        case ["seeds"]:
            return count_seeds(groups["original"])
        case ["first"]:
            return f"{min(record.seed for record in groups['original']):,}".replace(",", "{,}")
        case ["fast"]:
            return f"{100 * alpha:g}"
        case ["slow"]:
            return f"{100 - 100 * alpha:g}"
        case ["kstar"]:
            return f"{alpha * (gap - 1) / (1 - alpha):.3g}"
        case ["R", k]:
            return f"{alpha / (alpha + int(k) * (1 - alpha)) * gap:.3g}"
        case ["size", k]:
            return f"{(int(k) + 1) ** 0.25:.2f}"
        case [name]:
            rho = groups["sam"][0].config["optimiser"]["rho"]
            settings = {**world, **network, **config["optimiser"], "rho": rho}
            value = settings.get(name.replace("-", "_"))
            return None if value is None else f"{value:,}".replace(",", "{,}")
    return None


def method_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return a number of a method in the theory: error, noise memorised, seeds that learned.

    ``LABEL.law`` is how many seeds the race law expects to learn, ``LABEL.right`` of how many it is
    right; ``right`` and ``runs`` count the runs of gradient descent, all methods together.
    ``ONE.minus.OTHER`` is the difference of two test errors; ``fast`` is a power of ten above
    every test error, in %, on examples with the fast feature.
    """
    groups = by_label(records)
    match key:
        case ["fast"]:
            worst = max(100 * record.metrics["test_error_fast"][-1] for record in records)
            return f"$10^{{{max(math.ceil(math.log10(max(worst, 1e-300))), -6)}}}$"
        case [one, "minus", other, *part] if one in groups and other in groups:
            errors = [final_values(groups[label], "test_error", 100) for label in (one, other)]
            return difference_text(paired_estimate(*errors), ".".join(part))
        case [label, "learned" | "law" | "right" as what] if label in groups:
            count = {"learned": has_learned, "law": is_expected, "right": is_right}[what]
            return str(sum(map(count, groups[label])))
        case [label, "error"] if label in groups:
            return format_final(groups[label], "test_error", 100)
        case [label, "noise"] if label in groups:
            return format_final(groups[label], "noise_memorised_slow")
        case [name]:
            return regime_number(records, name)
    return None


def regime_number(records: Sequence[Record], name: str) -> str | None:
    """Return a setting that all methods share, or ``right`` and ``runs`` of those without SAM."""
    covered = [record for record in records if record.config["label"] != "sam"]
    config = records[0].config
    match name:
        case "seeds":
            return count_seeds(records)
        case "steps":
            return f"{config['optimiser']['steps']:,}".replace(",", "{,}")
        case "beta-d":
            return f"{config['distribution']['beta_d']:g}"
        case "right":
            return str(sum(map(is_right, covered)))
        case "runs":
            return str(len(covered))
    return None


def is_right(record: Record) -> bool:
    """Return whether the race law is right about a run of the theory."""
    return has_learned(record) == is_expected(record)


def format_final(records: Sequence[Record], metric: str, scale: float = 1.0) -> str:
    """Return mean and interval of the last value of a curve, times ``scale``."""
    return format_estimate(estimate(list(final_values(records, metric, scale).values())))


def claim_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return a number of a case (``T2d.measured``), of a claim (``T2.count``), or of all."""
    verdicts = theory_verdicts(records)
    cases = {verdict["id"]: verdict for verdict in verdicts}
    match key:
        case ["cases"]:
            return str(len(verdicts))
        case ["hold"]:
            return str(sum(verdict["holds"] for verdict in verdicts))
        case ["predictions" | "illustrations" as kind]:
            held, of = count_by_kind(verdicts)[kind.removesuffix("s")]
            return f"{held} of {of}"
        case ["failing"]:
            return format_list(verdict["id"] for verdict in verdicts if not verdict["holds"])
        case ["sam", "worst-fast"]:
            (factors,) = (group for label, group in by_label(records).items() if label == "sam-0.1")
            return f"{np.mean([record.metrics['worst_fast'] for record in factors]):.1f}"
        case [claim, "count" | "failing" as what]:
            members = [
                verdict for verdict in verdicts if verdict["id"].rstrip(ascii_lowercase) == claim
            ]
            failing = [verdict["id"] for verdict in members if not verdict["holds"]]
            if what == "count":
                count = len(members)
                return f"{count - len(failing)} of {count}" if members else None
            return format_list(failing) if failing else None
        case [case, what] if case in cases:
            return case_number(cases[case], what)
    return None


def case_number(verdict: Mapping, what: str) -> str | None:
    """Return a number of one case of the theory, its verdict in a sentence, or 1 if it holds."""
    match what:
        case "verdict":
            word = verdict_word(verdict)
            return f"is {word}" if word == NOT_SHOWN else word
        case "holds":
            return "1" if verdict["holds"] else None
        case "measured" | "low" | "high" | "predicted":
            value = verdict[what]
            return None if isinstance(value, str) else format_formula(value)
    return None


def homogeneity_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return the ratio of learning speeds of a method, measured or predicted."""
    groups = by_label(records)
    match key:
        case ["seeds"]:
            return count_seeds(records)
        case [label] if label in groups:
            ratios = [record.metrics["speed_ratio"] for record in groups[label]]
            return format_estimate(estimate(ratios))
        case [label, "predicted"] if label in groups:
            ratios = [record.metrics["speed_ratio_predicted"] for record in groups[label]]
            return f"{np.mean(ratios):.2f}"
    return None


def strength_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return k of the variants, or the strength of least mean test error on one path.

    ``best.3`` is that of the path with φ = 1 - t³; ``LABEL.error`` is a test error.
    """
    groups = by_label(records)
    match key:
        case ["k"]:
            return str(records[0].config["method"]["k"])
        case ["seeds"]:
            return count_seeds(records)
        case ["best", power]:
            prefix = f"path-{power}-"
            means = {
                label: estimate(list(final_values(members, "test_error", 100).values())).mean
                for label, members in groups.items()
                if label.startswith(prefix)
            }
            return min(means, key=lambda label: means[label]).removeprefix(prefix)
        case [*label, "error"] if ".".join(label) in groups:
            return format_final(groups[".".join(label)], "test_error", 100)
    return None


def race_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return of how many runs of the sweep over β_d the race law is right.

    ``runs`` and ``share`` (in %) of the eight methods with gradient descent, ``converged`` for the
    law k_eff S > 1; ``pace.low``, ``pace.middle`` and ``pace.high`` are the 5th, 50th and 95th
    percentile of the measured over the predicted time, of the runs that learn. ``sam.share`` and
    so on are those of a group of runs beyond.
    """
    groups = by_label(records)
    match key:
        case [group, "share" | "runs" as what]:
            labels = [f"{group}-{method}" for method in ("original", "tada-2")]
            members = [record for label in labels for record in groups.get(label, ())]
            hits = race_hits(members, False) if members else np.zeros(0)
            text = f"{len(hits)}" if what == "runs" else f"{100 * np.mean(hits):.1f}"
            return text if members else None
    members = [record for label in BASE for record in groups[label]]
    match key:
        case ["seeds"]:
            return count_seeds(groups["original"])
        case ["runs"]:
            return f"{len(race_hits(members, False)):,}".replace(",", "{,}")
        case ["share" | "converged" as law]:
            return f"{100 * np.mean(race_hits(members, law == 'converged')):.1f}"
        case ["pace", "low" | "middle" | "high" as place]:
            measured, predicted, last = race_times(members)
            both = (measured <= last) & (predicted <= last)
            where = {"low": 5, "middle": 50, "high": 95}[place]
            return f"{np.percentile(measured[both] / predicted[both], where):.2f}"
    return None


def race_times(records: Sequence[Record]) -> tuple[np.ndarray, np.ndarray, int]:
    """Return measured and predicted steps to learn of all runs, and the last step."""
    measured, predicted = (
        np.concatenate([column(record, name) for record in records])
        for name in ("time_slow", "race_steps")
    )
    return measured, predicted, records[0].config["optimiser"]["steps"]


def race_hits(records: Sequence[Record], at_convergence: bool) -> np.ndarray:
    """Return of which runs the race law is right: at finite time, or with k_eff S > 1."""
    measured, predicted, last = race_times(records)
    if at_convergence:
        ratio, factor = (
            np.concatenate([column(record, name) for record in records])
            for name in ("race_ratio", "race_factor")
        )
        return (measured <= last) == (ratio * factor > 1)
    return (measured <= last) == (predicted <= last)


def separability_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return the accuracy of the selection, in %, at its best, early and at the end, or a step."""
    steps = records[0].metrics["steps"]
    early_step = records[0].metrics["early_step"]
    accuracy = 100 * stack_curves(records, "accuracy").mean(0)
    best = int(np.argmax(accuracy))
    match key:
        case ["best"]:
            return f"{accuracy[best]:.0f}"
        case ["step"]:
            return f"{steps[best]:,}"
        case ["early"]:
            return f"{accuracy[int(np.searchsorted(steps, early_step))]:.0f}"
        case ["early-step"]:
            return f"{early_step:,}"
        case ["end"]:
            return f"{accuracy[-1]:.0f}"
    return None


def minibatch_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return the batch size, k, or how many runs of a method never reach the target error of T5.

    The target is a quarter of the share of slow examples.
    """
    match key:
        case ["batch"]:
            return str(records[0].config["optimiser"]["batch"])
        case ["k"]:
            return str(records[0].config["method"]["k"])
        case ["unreached", method]:
            for label, members in by_label(records).items():
                if label.partition("-")[0] == method:
                    return str(sum(map(misses_target, members)))
    return None


def misses_target(record: Record) -> bool:
    """Return whether the test error of a run never falls to the target of T5."""
    target = (1 - record.config["distribution"]["alpha"]) / 4
    return min(record.metrics["test_error"]) > target


def regimes_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return in how many cells of the grid TADA(2) is clearly below or above Syn-all.

    ``early.lower`` and ``early.higher`` are those after half of the steps.
    """
    groups = by_label(records)
    early = key[:1] == ["early"]
    key = key[1:] if early else key
    difference = gain(groups, "test_error_early" if early else "test_error")
    match key:
        case ["seeds"]:
            return count_seeds(records)
        case ["cells"]:
            return str(difference.mean.size)
        case ["lower"]:
            return str(((difference.high < 0) & (difference.mean < -VISIBLE)).sum())
        case ["higher"]:
            return str(((difference.low > 0) & (difference.mean > VISIBLE)).sum())
    return None
