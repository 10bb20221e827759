"""The numbers that the report quotes: a readable key for each, its text from the records. No result is typed by hand.

Keys are words joined by dots, such as ``methods.tada-5.error`` or ``noisy-digits.steps.tada-2.minus.useful-2``; texts are LaTeX that
may stand in a sentence. What the records do not hold has no key, and the report leaves the sentence out (``\\ifval``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from string import ascii_lowercase

import numpy as np

from figures.claims.cases import FAILS, HOLDS
from figures.claims.images import EXPERIMENTS, judged, standing
from figures.claims.paper_values import PAPER
from figures.claims.theory import NOT_SHOWN, number, verdicts_of, word_of
from figures.plots.grids import stacked
from figures.plots.regimes import VISIBLE
from figures.records import Record, RecordError
from figures.report.image_numbers import image_numbers
from figures.statistics.differences import said
from figures.statistics.intervals import Estimate, estimate, paired
from figures.statistics.pick import by_label, curves
from figures.tables.table import escape

Load = Callable[[str], Sequence[Record]]
IMAGES = (
    "noisy-digits",
    "digits",
    *(
        f"reduced-{name}"
        for name in (
            "test-error",
            "factor",
            "strength",
            "selection",
            "stacking",
            "architectures",
            "generator",
        )
    ),
)
REDUCED = (*IMAGES[2:], "reduced-learning-speed", "reduced-stability", "reduced-sheet")
FACTORS = (2, 3, 5, 8)


def numbers(load: Load) -> dict[str, str]:
    """Key -> text of everything that the records which ``load`` finds can say; what it raises RecordError for is left out."""
    values = {f"paper.{key}": paper_value(value) for key, value in PAPER.items()}
    parts: list[tuple[str, Callable[[Sequence[Record]], dict[str, str]]]] = [
        ("theory/methods", methods),
        ("theory/claims", claims),
        ("theory/homogeneity", homogeneity),
        ("theory/strength", strength),
        ("theory/separability", separability),
        ("theory/minibatch", minibatch),
        ("theory/regimes", regimes),
        ("theory/radius", lambda records: {"radius.seeds": seeds(records)}),
        ("empirical/reduced-stability", stability),
        *(
            (f"empirical/{name}", lambda records, name=name: image_numbers(name, records))
            for name in IMAGES
        ),
    ]
    for experiment, part in parts:
        if records := some(load, experiment):
            values |= part(records)
    return values | images(load)


def tex(values: Mapping[str, str]) -> str:
    """The file that defines every key."""
    return "".join(f"\\defval{{{key}}}{{{text}}}\n" for key, text in sorted(values.items()))


def paper_value(value: float | tuple[float, float]) -> str:
    return f"${value[0]:.2f} \\pm {value[1]:.2f}$" if isinstance(value, tuple) else f"{value:g}"


def spread(value: Estimate, digits: int = 2) -> str:
    """``$4.08 \\pm 1.72$``."""
    return f"${value.mean:.{digits}f} \\pm {value.half:.{digits}f}$"


def seeds(records: Sequence[Record]) -> str:
    return str(len({record.seed for record in records}))


def factor(records: Sequence[Record]) -> str:
    return str(records[0].config["method"]["k"])


def final(records: Sequence[Record], metric: str, scale: float = 1.0) -> dict[int, float]:
    """seed -> a curve's last value."""
    return {record.seed: scale * record.metrics[metric][-1] for record in records}


def methods(records: Sequence[Record]) -> dict[str, str]:
    """The setting of the theory, and of every method error, difference from Original, noise memorised, seeds that learned."""
    groups = by_label(records)
    values = setting(groups)
    for label, members in groups.items():
        learned = sum(record.metrics["time_slow"] is not None for record in members)
        values |= {
            f"methods.{label}.error": spread(
                estimate(list(final(members, "test_error", 100).values()))
            ),
            f"methods.{label}.slow": spread(
                estimate(list(final(members, "test_error_slow", 100).values())), 1
            ),
            f"methods.{label}.noise": spread(
                estimate(list(final(members, "noise_memorised_slow").values()))
            ),
            f"methods.{label}.learned": str(learned),
        }
    errors = {label: final(members, "test_error", 100) for label, members in groups.items()}
    for one, other in itertools.permutations(groups, 2):
        values |= said(f"methods.{one}.minus.{other}", paired(errors[one], errors[other]))
    worst = max(max(final(members, "test_error_fast", 100).values()) for members in groups.values())
    return values | {
        "methods.fast": f"$10^{{{max(math.ceil(math.log10(max(worst, 1e-300))), -6)}}}$"
    }


def setting(groups: Mapping[str, Sequence[Record]]) -> dict[str, str]:
    """n, d, ... of the theory, and what its closed forms give for them."""
    config = groups["original"][0].config
    world, network, optimiser = config["distribution"], config["network"], config["optimiser"]
    plain = {**world, **network, **optimiser, "rho": groups["sam"][0].config["optimiser"]["rho"]}
    names = (
        "n",
        "d",
        "beta_e",
        "beta_d",
        "alpha",
        "sigma_p",
        "J",
        "sigma_0",
        "eta",
        "rho",
        "steps",
    )
    values = {
        f"theory.{name.replace('_', '-')}": f"{plain[name]:,}".replace(",", "{,}") for name in names
    }
    alpha, gap = world["alpha"], (world["beta_e"] / world["beta_d"]) ** network["power"]
    values |= {
        f"theory.R.{k}": f"{alpha / (alpha + k * (1 - alpha)) * gap:.3g}" for k in (1, *FACTORS)
    }
    values |= {f"theory.size.{k}": f"{(k + 1) ** 0.25:.2f}" for k in FACTORS}
    values |= {
        f"theory.alignment.{k}": f"{1 / (1 + (1 - alpha) * (k**2 - 1)) * (1 + (1 - alpha) * (k - 1)):.2f}"
        for k in FACTORS
    }
    patches = {
        "theory.fast": f"{100 * alpha:g}",
        "theory.slow": f"{100 - 100 * alpha:g}",
        "theory.gap": f"{gap:g}",
    }
    return (
        values
        | patches
        | {
            "theory.kstar": f"{alpha * (gap - 1) / (1 - alpha):.3g}",
            "theory.seeds": seeds(groups["original"]),
        }
    )


def claims(records: Sequence[Record]) -> dict[str, str]:
    """Every verdict by its id, and how many hold."""
    verdicts = verdicts_of(records)
    values = {
        "claims.cases": str(len(verdicts)),
        "claims.hold": str(sum(v["holds"] for v in verdicts)),
    }
    values |= {"claims.failing": listed(v["id"] for v in verdicts if not v["holds"])}
    for v in verdicts:
        key = f"claims.{v['id']}"
        values |= {f"{key}.{part}": formula(v[part]) for part in ("measured", "low", "high")}
        values |= {f"{key}.verdict": spoken(v)} | ({f"{key}.holds": "1"} if v["holds"] else {})
        if not isinstance(v["predicted"], str):
            values[f"{key}.predicted"] = formula(v["predicted"])
    for claim, members in itertools.groupby(verdicts, lambda v: v["id"].rstrip(ascii_lowercase)):
        cases = list(members)
        failing = [v["id"] for v in cases if not v["holds"]]
        values[f"claims.{claim}.count"] = f"{len(cases) - len(failing)} of {len(cases)}"
        if failing:
            values[f"claims.{claim}.failing"] = listed(failing)
    return values


def spoken(verdict: Mapping) -> str:
    """A verdict in a sentence."""
    word = word_of(verdict)
    return f"is {word}" if word == NOT_SHOWN else word


def images(load: Load) -> dict[str, str]:
    """How many claims on images hold and fail, by data set, and which fail; and what the reduced grid cost."""
    records = {name: found for name in EXPERIMENTS if (found := some(load, name))}
    verdicts = {
        (claim.id, data): standing(cases)
        for claim, by_data in judged(records)
        for data, cases in by_data.items()
    }
    if not verdicts:
        return {}
    failing = [
        f"{claim} on {escape(data)}"
        for (claim, data), verdict in verdicts.items()
        if verdict == FAILS
    ]
    counts = {
        "verdicts": len(verdicts),
        "hold": list(verdicts.values()).count(HOLDS),
        "fail": len(failing),
    }
    values = {f"images.{name}": str(count) for name, count in counts.items()}
    reduced = {
        r.results: r.provenance.get("seconds", 0)
        for name in REDUCED
        for r in some(load, f"empirical/{name}")
    }
    if reduced:
        values["reduced.hours"] = f"{sum(reduced.values()) / 3600:.1f}"
    return values | ({"images.failing": listed(failing)} if failing else {})


def some(load: Load, experiment: str) -> Sequence[Record]:
    """Its records, or none."""
    try:
        return load(experiment)
    except RecordError:
        return ()


def stability(records: Sequence[Record]) -> dict[str, str]:
    """By rule: the mean Jaccard index of two seeds on the images that both have, and what chance alone would make of it."""
    values, metrics = {}, records[0].metrics
    for rule, pairs in zip(metrics["rules"], metrics["between_seeds"], strict=True):
        for suffix, name in (("", "jaccard"), (".chance", "jaccard_chance")):
            known = [pair[name] for pair in pairs if pair[name] is not None]
            if known:
                values[f"reduced-stability.{rule}{suffix}"] = f"{np.mean(known):.2f}"
    return values


def listed(names: Iterable[str]) -> str:
    """``T2d, T5b and T6b``."""
    *first, last = [*names] or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def formula(value: float) -> str:
    return f"${number(value).replace('−', '-')}$" if "e" not in number(value) else f"${value:.4f}$"


def minibatch(records: Sequence[Record]) -> dict[str, str]:
    """Also how many runs never reach the error that T5 waits for, a quarter of the share of slow examples."""
    values = {
        "minibatch.batch": str(records[0].config["optimiser"]["batch"]),
        "minibatch.k": factor(records),
    }
    for label, members in by_label(records).items():
        unreached = sum(
            min(r.metrics["test_error"]) > (1 - r.config["distribution"]["alpha"]) / 4
            for r in members
        )
        values[f"minibatch.unreached.{label.partition('-')[0]}"] = str(unreached)
    return values


def regimes(records: Sequence[Record]) -> dict[str, str]:
    """In how many combinations of the grid TADA(2) is clearly and visibly below Syn-all, and in how many above."""
    groups = by_label(records)
    targeted, full = (100 * stacked(groups[label], "test_error") for label in ("tada-2", "syn-all"))
    difference = estimate(targeted - full)
    below = (difference.high < 0) & (difference.mean < -VISIBLE)
    above = (difference.low > 0) & (difference.mean > VISIBLE)
    counts = {"cells": below.size, "lower": below.sum(), "higher": above.sum()}
    return {"regimes.seeds": seeds(records)} | {
        f"regimes.{name}": str(value) for name, value in counts.items()
    }


def homogeneity(records: Sequence[Record]) -> dict[str, str]:
    values = {
        "homogeneity.seeds": seeds(records),
        "homogeneity.steps": f"{records[0].config['optimiser']['steps']:,}",
    }
    for label, members in by_label(records).items():
        values[f"homogeneity.{label}"] = spread(
            estimate([record.metrics["speed_ratio"] for record in members])
        )
        values[f"homogeneity.{label}.predicted"] = (
            f"{np.mean([record.metrics['speed_ratio_predicted'] for record in members]):.2f}"
        )
    return values


def strength(records: Sequence[Record]) -> dict[str, str]:
    """Test error along the path, and which strength has the least."""
    groups = {
        label.removeprefix("strength-"): members for label, members in by_label(records).items()
    }
    errors = {
        t: estimate(list(final(members, "test_error", 100).values()))
        for t, members in groups.items()
    }
    best = min(errors, key=lambda t: errors[t].mean)
    values = {f"strength.{t}": spread(value) for t, value in errors.items()}
    return values | {
        "strength.k": factor(records),
        "strength.best": best,
        "strength.best.error": values[f"strength.{best}"],
    }


def separability(records: Sequence[Record]) -> dict[str, str]:
    """Accuracy of the selection at its best, and when."""
    steps, accuracy = records[0].metrics["steps"], 100 * curves(records, "accuracy").mean(0)
    best = int(np.argmax(accuracy))
    return {
        "separability.best": f"{accuracy[best]:.0f}",
        "separability.step": f"{steps[best]:,}",
        "separability.early": f"{accuracy[int(np.searchsorted(steps, records[0].metrics['early_step']))]:.0f}",
        "separability.early-step": f"{records[0].metrics['early_step']:,}",
        "separability.end": f"{accuracy[-1]:.0f}",
        "separability.seeds": seeds(records),
    }
