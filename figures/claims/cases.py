"""Define what is compared on images for each of the claims E1 to E11."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from figures.labels import AUGMENTATIONS, BUDGETS, NETWORKS, OPTIMISERS, SAM_BUDGETS, method_name
from figures.records import Record
from figures.statistics.conditions import (
    PURE_NOISE,
    Conditions,
    paper_best_factor,
    percent_by_seed,
    usual_optimiser,
)
from figures.statistics.intervals import Estimate, bootstrap_interval, estimate, seed_differences

HOLDS = "holds"
FAILS = "fails"
UNCLEAR = "not enough data"
UNDER_FIT = "under-fit"
NOT_RUN = "not run"
LEAST_SEEDS = {"reduced-crop-flip": 5, "paper": 5}  # by scale; fewer seeds decide nothing
LEAST = 8  # seeds at the other scales
LARGEST_TRAINING_ERROR = 0.5  # of either arm at the end, in %; above it a case is under-fit
STRENGTHS = (0.3, 0.7)  # strengths that the paper's strength of 0.5 is compared with
FACTORS = {"reduced": (2, 3, 5), "paper": (2, 3, 4, 5, 6)}  # values of k that decide E7
NETWORKS_OF = {  # that decide E6, by scale, beside any other that was run
    "reduced": ("resnet20", "vit-xs"),
    "paper": ("densenet121", "vgg19-bn", "convnext-t", "swin-t", "vit-s"),
}
AUGMENTED = ("crop-flip", "crop-flip-trivial")  # augmentations that decide E5

# Open ranges that are claimed of a mean.
BELOW = (-math.inf, 0.0)
ABOVE = (0.0, math.inf)
SLOW_SHARE = (30.0, 40.0)


@dataclasses.dataclass(frozen=True)
class Case:
    """One comparison on one data set.

    data: data set and scale.
    what, short: what is compared, in full and in few words.
    samples: values by seed, (n,).
    claimed: open range that is claimed of their mean.
    decides: whether the verdict on the claim depends on this case.
    records: records that it rests on.
    chosen: True if a setting was chosen by this very number, which then proves nothing.
    least: number of seeds below which nothing is decided.
    trained: the larger of both arms' training errors at the end, mean over seeds, in %; None for a
        case that does not depend on it.
    corrected: mean with the interval that decides; None for the samples' own interval.
    """

    data: str
    what: str
    short: str
    samples: np.ndarray
    claimed: tuple[float, float]
    decides: bool
    records: tuple[Record, ...] = dataclasses.field(default=(), repr=False)
    chosen: bool = False
    least: int = LEAST
    trained: float | None = None
    corrected: Estimate | None = None

    @property
    def estimate(self) -> Estimate:
        """Mean of the samples with Student's 95% interval."""
        return estimate(self.samples)

    @property
    def deciding(self) -> Estimate:
        """Mean of the samples with the interval that decides."""
        return self.corrected or self.estimate

    @property
    def verdict(self) -> str:
        """``holds``, ``fails``, ``not enough data``, ``under-fit`` or ``not run``."""
        if not len(self.samples):
            return NOT_RUN
        if self.trained is not None and not self.trained <= LARGEST_TRAINING_ERROR:
            return UNDER_FIT
        if self.chosen or len(self.samples) < self.least:
            return UNCLEAR
        band = self.deciding
        return interval_verdict(float(band.low), float(band.high), self.claimed)

    def bootstrap_interval(self) -> tuple[float, float]:
        """Return the percentile bootstrap 95% interval; the same at every call."""
        return bootstrap_interval(self.samples, np.random.default_rng(0))

    @property
    def predicted(self) -> str:
        """Claimed range in words: ``< 0``, ``> 0`` or ``30 to 40``."""
        words = {BELOW: "< 0", ABOVE: "> 0"}
        return words.get(self.claimed) or f"{self.claimed[0]:g} to {self.claimed[1]:g}"


def interval_verdict(low: float, high: float, claimed: tuple[float, float]) -> str:
    """Return ``holds`` if the interval lies within the open range ``claimed``.

    ``fails`` if it lies wholly outside; ``not enough data`` if it crosses or touches an end of
    the range, or is unknown (NaN).
    """
    if claimed[0] < low and high < claimed[1]:
        return HOLDS
    return FAILS if high < claimed[0] or low > claimed[1] else UNCLEAR


def least_seeds(conditions: Conditions) -> int:
    """Return the number of seeds below which nothing is decided."""
    return LEAST_SEEDS.get(conditions.scale, LEAST)


def training_error(records: Iterable[Record]) -> float:
    """Return the mean training error at the end, in %; NaN without records, or if one lacks it."""
    ends = [100 * (record.metrics.get("train_error") or [math.nan])[-1] for record in records]
    return float(np.mean(ends)) if ends else math.nan


def larger_training_error(group: Mapping[int, Record], baseline: Mapping[int, Record]) -> float:
    """Return the larger training error of two arms over the seeds of both, in %; NaN if unknown."""
    seeds = group.keys() & baseline.keys()
    errors = [training_error(arm[seed] for seed in seeds) for arm in (group, baseline)]
    return float(np.max(errors))  # NaN if either is


def compare_groups(
    conditions: Conditions,
    what: str,
    short: str,
    group: Mapping[int, Record],
    baseline: Mapping[int, Record],
    claimed: tuple[float, float] = BELOW,
    decides: bool = True,
    metric: str = "test_error",
) -> Iterator[Case]:
    """Yield the case of the difference of two groups of runs (by seed) in 100 times a metric.

    Differences are paired by seed. If no seed has both values, yield a case without samples if it
    would decide, and nothing otherwise.
    """
    values = percent_by_seed(group, metric)
    baseline_values = percent_by_seed(baseline, metric)
    if decides or values.keys() & baseline_values.keys():
        yield Case(
            conditions.name,
            what,
            short,
            seed_differences(values, baseline_values),
            claimed,
            decides,
            (*group.values(), *baseline.values()),
            least=least_seeds(conditions),
            trained=larger_training_error(group, baseline),
        )


def compare_under_budgets(
    conditions: Conditions,
    method: str,
    other: str,
    deciding: Iterable[str],
    short: str = "",
    **changes: Any,
) -> Iterator[Case]:
    """Yield the cases of one method minus another under every budget.

    Budgets in ``deciding`` are included even if nothing was run; they decide. short: name of the
    comparison in few words; empty for the optimiser.
    """
    deciding = tuple(deciding)
    suffix = f", generator: {changes['trained_on']}" if "trained_on" in changes else ""
    for budget in dict.fromkeys((*conditions.budgets, *deciding)):
        title = BUDGETS[budget]
        settings = {**changes, "budget": budget}
        baseline = (
            conditions.baseline(**settings)
            if other == "original"
            else conditions.records(other, **settings)
        )
        yield from compare_groups(
            conditions,
            f"{method_name(method)} − {method_name(other)}, {title}{suffix}",
            short or title.split()[-1],
            conditions.records(method, **settings),
            baseline,
            decides=budget in deciding,
        )


def main_budgets(conditions: Conditions) -> tuple[str, str]:
    """Return the budgets of the paper's main comparison: the base budget, and the same with SAM."""
    return conditions.base.budget, SAM_BUDGETS[conditions.base.budget]


def other_values(conditions: Conditions, field: str) -> list:
    """Return the values of a field of the conditions without the base's."""
    base = getattr(conditions.base, field)
    return [value for value in conditions.field_values(field) if value != base]


def compare_at(
    conditions: Conditions, name: str, settings: Mapping[str, Any], decides: bool = True
) -> Iterator[Case]:
    """Yield the case of TADA, at the paper's best k, minus Original under these settings."""
    tada = f"tada-{conditions.main_factor}"
    yield from compare_groups(
        conditions,
        f"{method_name(tada)} − Original, {name}",
        name,
        conditions.records(tada, **settings),
        conditions.records("original", **settings),
        decides=decides,
    )


def factors_of(conditions: Conditions) -> list[int]:
    """Return every k of TADA, increasing: those that were run, and the paper's best."""
    return sorted({*conditions.factors, conditions.main_factor})


def e1(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA minus Original for every k and budget, and with other generators.

    The paper's best k decides, with SGD and with SAM.
    """
    for k in factors_of(conditions):
        deciding = main_budgets(conditions) if k == conditions.main_factor else ()
        yield from compare_under_budgets(conditions, f"tada-{k}", "original", deciding)
    for trained_on in other_values(conditions, "trained_on"):
        yield from compare_under_budgets(
            conditions, "tada-2", "original", (), trained_on=trained_on
        )


def e2(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA minus USEFUL: each at its best k, which decides, and at equal k.

    At equal k the best k of TADA decides.
    """
    best = conditions.main_factor
    deciding = main_budgets(conditions)[:1]
    pairs: dict[tuple[int, int], tuple[str, ...]] = {(best, 2): deciding}
    pairs |= {(k, k): deciding if k == best else () for k in factors_of(conditions)}
    for (k, copies), decides in pairs.items():
        other = f"useful-{copies}"
        short = f"− {method_name(other)}"
        yield from compare_under_budgets(conditions, f"tada-{k}", other, decides, short)


def e3(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA(2) minus Syn-all and Syn-rand, and TADA(k) minus as many random variants.

    TADA(2) with a random selection is the same as Syn-rand, and decides where that was not run. Of
    the others the paper's best k decides.
    """
    deciding = main_budgets(conditions)[:1]
    random = {k: conditions.records(f"random-{k}") for k in factors_of(conditions)}
    as_syn_rand = not conditions.records("syn-rand") and bool(random.get(2))
    for other in ("syn-all",) if as_syn_rand else ("syn-all", "syn-rand"):
        short = f"− {method_name(other)}"
        yield from compare_under_budgets(conditions, "tada-2", other, deciding, short)
    for k, records in random.items():
        label = f"tada-{k}"
        yield from compare_groups(
            conditions,
            f"{method_name(label)} − as many of random images",
            f"− random({k})",
            conditions.records(label),
            records,
            decides=k == conditions.main_factor or (k == 2 and as_syn_rand),
        )
    for trained_on in other_values(conditions, "trained_on"):
        yield from compare_under_budgets(conditions, "tada-2", "syn-all", (), trained_on=trained_on)


def e4(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA, at the paper's best k, with SGD minus Original with SAM."""
    budget, sam = main_budgets(conditions)
    tada = f"tada-{conditions.main_factor}"
    yield from compare_groups(
        conditions,
        f"{method_name(tada)} with SGD − Original with SAM, {BUDGETS[budget].split(',')[0]}",
        "",
        conditions.records(tada),
        conditions.records("original", budget=sam),
    )


def e5(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA minus Original with each random augmentation; nothing if only one was run."""
    found = {one.augment for one in conditions.groups if one.network == conditions.base.network}
    if len(found) > 1:
        for value in AUGMENTED:
            yield from compare_at(conditions, AUGMENTATIONS[value], {"augment": value})


def e6(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA minus Original with each other network.

    The usual optimiser of the network decides, another one is a variant of ours.
    """
    found = other_values(conditions, "network")
    planned = NETWORKS_OF.get(conditions.scale, ()) if found else ()
    for network in dict.fromkeys((*planned, *found)):
        name = NETWORKS.get(network, network)
        settings = conditions.settings_with("network", network)
        yield from compare_at(conditions, name, settings)
        for one in conditions.groups:
            ours = one.network == network and one.optimiser != usual_optimiser(network)
            if ours and one.method == "original":
                changes = {**settings, "optimiser": one.optimiser, "augment": one.augment}
                title = f"{name} with {OPTIMISERS[one.optimiser]}"
                yield from compare_at(conditions, title, changes, decides=False)


def e7(conditions: Conditions) -> Iterator[Case]:
    """Yield the paper's best k minus every other k, for USEFUL and for TADA."""
    for method in ("useful", "tada"):
        best = paper_best_factor(conditions.name, method)
        for k in FACTORS.get(conditions.scale) or conditions.factors_of(method):
            if k != best:
                one, other = f"{method}-{best}", f"{method}-{k}"
                what = f"{method_name(one)} − {method_name(other)}"
                yield from compare_groups(
                    conditions, what, what, conditions.records(one), conditions.records(other)
                )


def e8(conditions: Conditions) -> Iterator[Case]:
    """Yield half strength minus other strengths, and pure noise minus Original.

    Nothing if only one strength was run.
    """
    if not other_values(conditions, "strength"):
        return
    half = conditions.records("tada-2")
    for strength in STRENGTHS:
        short = f"{conditions.base.strength:g} − {strength:g}"
        yield from compare_groups(
            conditions,
            f"TADA(2), strength {short}",
            short,
            half,
            conditions.records("tada-2", strength=strength),
        )
    yield from compare_groups(
        conditions,
        "TADA(2) from pure noise − Original",
        "noise − Original",
        conditions.records("tada-2", strength=PURE_NOISE),
        conditions.records("original"),
        claimed=ABOVE,
    )


def e9(conditions: Conditions) -> Iterator[Case]:
    """Yield one selection rule minus the next better one; nothing if only one was run."""
    if not other_values(conditions, "rule"):
        return
    for one, other in (("cluster", "high-loss"), ("high-loss", "misclassified")):
        short = f"{one} − {other}"
        yield from compare_groups(
            conditions,
            f"TADA(2), {short}",
            short,
            conditions.records("tada-2", rule=one),
            conditions.records("tada-2", rule=other),
        )


def e10(conditions: Conditions) -> Iterator[Case]:
    """Yield the share of slow images, in %, over the runs of Original."""
    members = conditions.records("original")
    if not members:
        return
    chosen = next(iter(members.values())).config["early"]["stop"] == "error"
    suffix = " (early training stopped so that it comes near)" if chosen else ""
    shares = np.array([100 * record.metrics["slow_fraction"] for record in members.values()])
    yield Case(
        conditions.name,
        f"slow images, %{suffix}",
        "",
        shares,
        SLOW_SHARE,
        True,
        tuple(members.values()),
        chosen,
        least_seeds(conditions),
    )


def e11(conditions: Conditions) -> Iterator[Case]:
    """Yield the learning gap of TADA minus that of Original, for every k; the best k decides."""
    for k in factors_of(conditions):
        yield from compare_groups(
            conditions,
            f"learning gap, % of the run, TADA({k}) − Original",
            "",
            conditions.records(f"tada-{k}"),
            conditions.records("original"),
            decides=k == conditions.main_factor,
            metric="learning_gap",
        )
