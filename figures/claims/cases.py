"""Define what is compared on images for each of the claims E1 to E11."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from figures.labels import AUGMENTATIONS, BUDGETS, NETWORKS, SAM_BUDGETS, method_name
from figures.records import Record
from figures.statistics.conditions import (
    PURE_NOISE,
    Conditions,
    paper_best_factor,
    percent_by_seed,
)
from figures.statistics.intervals import Estimate, bootstrap_interval, estimate, seed_differences

HOLDS = "holds"
FAILS = "fails"
UNCLEAR = "not enough data"
MIN_SEEDS = 3  # with fewer seeds a case is undecided
STRENGTHS = (0.3, 0.7)  # strengths that the paper's strength of 0.5 is compared with

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
    """

    data: str
    what: str
    short: str
    samples: np.ndarray
    claimed: tuple[float, float]
    decides: bool
    records: tuple[Record, ...] = dataclasses.field(default=(), repr=False)
    chosen: bool = False

    @property
    def estimate(self) -> Estimate:
        """Mean of the samples with Student's 95% interval."""
        return estimate(self.samples)

    @property
    def verdict(self) -> str:
        """``holds``, ``fails`` or ``not enough data``."""
        if self.chosen or self.estimate.n < MIN_SEEDS:
            return UNCLEAR
        return interval_verdict(float(self.estimate.low), float(self.estimate.high), self.claimed)

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
        )


def compare_under_budgets(
    conditions: Conditions, method: str, other: str, deciding: Iterable[str], **changes: Any
) -> Iterator[Case]:
    """Yield the cases of one method minus another under every budget.

    Budgets in ``deciding`` are included even if nothing was run; they decide.
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
            title.split()[-1],
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
    conditions: Conditions, field: str, names: Mapping[str, str], values: Iterable
) -> Iterator[Case]:
    """Yield the cases of TADA(2) minus Original at each of these values of a field."""
    for value in values:
        name = names.get(value, value)
        settings = conditions.settings_with(field, value)
        yield from compare_groups(
            conditions,
            f"TADA(2) − Original, {name}",
            name,
            conditions.records("tada-2", **settings),
            conditions.records("original", **settings),
        )


def e1(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA minus Original for every k and budget, and with other generators."""
    for k in conditions.factors:
        deciding = main_budgets(conditions) if k == conditions.main_factor else ()
        yield from compare_under_budgets(conditions, f"tada-{k}", "original", deciding)
    for trained_on in other_values(conditions, "trained_on"):
        yield from compare_under_budgets(
            conditions, "tada-2", "original", (), trained_on=trained_on
        )


def e2(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA minus USEFUL for every k and budget."""
    for k in conditions.factors:
        deciding = main_budgets(conditions)[:1] if k == conditions.main_factor else ()
        yield from compare_under_budgets(conditions, f"tada-{k}", f"useful-{k}", deciding)


def e3(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA(2) minus Syn-all and minus Syn-rand, and with other generators.

    With runs that select at random, yield TADA(k) minus as many variants of random images for every
    k instead of Syn-rand.
    """
    deciding = main_budgets(conditions)[:1]
    random = "random" in conditions.field_values("rule")
    for other in ("syn-all",) if random else ("syn-all", "syn-rand"):
        for case in compare_under_budgets(conditions, "tada-2", other, deciding):
            yield dataclasses.replace(case, short=f"− {method_name(other)}")
    for k in conditions.factors if random else ():
        yield from compare_groups(
            conditions,
            f"{method_name(f'tada-{k}')} − as many of random images",
            f"− random({k})",
            conditions.records(f"tada-{k}"),
            conditions.records(f"tada-{k}", rule="random"),
            decides=k == conditions.main_factor,
        )
    for trained_on in other_values(conditions, "trained_on"):
        yield from compare_under_budgets(conditions, "tada-2", "syn-all", (), trained_on=trained_on)


def e4(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA(2) with SGD minus Original with SAM."""
    budget, sam = main_budgets(conditions)
    yield from compare_groups(
        conditions,
        f"TADA(2) with SGD − Original with SAM, {BUDGETS[budget].split(',')[0]}",
        "",
        conditions.records("tada-2"),
        conditions.records("original", budget=sam),
    )


def e5(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA(2) minus Original with each random augmentation; nothing if only one was run."""
    found = {one.augment for one in conditions.groups if one.network == conditions.base.network}
    if len(found) > 1:
        names = [
            name for name in conditions.field_values("augment") if name in found and name != "none"
        ]
        yield from compare_at(conditions, "augment", AUGMENTATIONS, names)


def e6(conditions: Conditions) -> Iterator[Case]:
    """Yield TADA(2) minus Original with each other network."""
    yield from compare_at(conditions, "network", NETWORKS, other_values(conditions, "network"))


def e7(conditions: Conditions) -> Iterator[Case]:
    """Yield the paper's best k minus every other k, for USEFUL and for TADA."""
    for method in ("useful", "tada"):
        best = paper_best_factor(conditions.name, method)
        for k in conditions.factors:
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
    )


def e11(conditions: Conditions) -> Iterator[Case]:
    """Yield the learning gap of TADA minus that of Original, for every k."""
    for k in conditions.factors:
        yield from compare_groups(
            conditions,
            f"learning gap, % of the run, TADA({k}) − Original",
            "",
            conditions.records(f"tada-{k}"),
            conditions.records("original"),
            decides=k == 2,
            metric="learning_gap",
        )
