"""What is compared on images for each of the claims E1 to E11."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np

from figures.labels import AUGMENTS, NETWORKS, TITLES, name_of
from figures.records import Record
from figures.statistics.conditions import NOISE, Runs, papers_best, values_of
from figures.statistics.intervals import Estimate, bootstrap, estimate, paired_samples

HOLDS, FAILS, UNCLEAR = "holds", "fails", "not enough data"
SEEDS = 3  # fewer decide nothing
LEVELS = (0.3, 0.7)  # strengths that the paper's is compared with
BELOW, ABOVE, SLOW_SHARE = (-math.inf, 0.0), (0.0, math.inf), (30.0, 40.0)


@dataclasses.dataclass(frozen=True)
class Case:
    """One comparison on one data set: what, and its short form; the samples by seed, and the open range that is claimed of their mean.

    decides: whether the verdict on the claim depends on it. records: those that it rests on. chosen: a setting was chosen by this number,
    which therefore proves nothing.
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
        return estimate(self.samples)

    @property
    def verdict(self) -> str:
        if self.chosen or self.estimate.n < SEEDS:
            return UNCLEAR
        return verdict(float(self.estimate.low), float(self.estimate.high), self.claimed)

    def bootstrap(self) -> tuple[float, float]:
        return bootstrap(self.samples, np.random.default_rng(0))

    @property
    def predicted(self) -> str:
        return {BELOW: "< 0", ABOVE: "> 0"}.get(
            self.claimed
        ) or f"{self.claimed[0]:g} to {self.claimed[1]:g}"


def verdict(low: float, high: float, claimed: tuple[float, float]) -> str:
    """Of one interval against an open range; an interval that is not known (NaN), or that touches an end of the range, decides nothing."""
    if claimed[0] < low and high < claimed[1]:
        return HOLDS
    return FAILS if high < claimed[0] or low > claimed[1] else UNCLEAR


def compare(
    runs: Runs,
    what: str,
    short: str,
    one: Mapping[int, Record],
    other: Mapping[int, Record],
    claimed: tuple[float, float] = BELOW,
    decides: bool = True,
    metric: str = "test_error",
) -> Iterator[Case]:
    """The paired difference in a metric, times 100, of two groups of runs by seed, of those that have it; nothing if no seed has both,
    but a case without samples where it would decide.
    """
    values = [values_of(group, metric) for group in (one, other)]
    if decides or values[0].keys() & values[1].keys():
        yield Case(
            runs.name,
            what,
            short,
            paired_samples(*values),
            claimed,
            decides,
            (*one.values(), *other.values()),
        )


def budgeted(
    runs: Runs, one: str, other: str, decides: Iterable[str], **changes: object
) -> Iterator[Case]:
    """One method minus another under each budget there is, and each of ``decides``, under which it decides."""
    decides, seen = tuple(decides), f", generator: {changes['seen']}" if "seen" in changes else ""
    find = runs.original if other == "original" else partial(runs.runs, other)
    for budget in dict.fromkeys((*runs.budgets, *decides)):
        what = f"{name_of(one)} − {name_of(other)}, {TITLES[budget]}{seen}"
        pair = (runs.runs(one, budget=budget, **changes), find(budget=budget, **changes))
        yield from compare(runs, what, TITLES[budget].split()[-1], *pair, decides=budget in decides)


def main(runs: Runs) -> tuple[str, str]:
    """The budgets of the main comparison: the base's, and the same with SAM."""
    return runs.base.budget, {"steps": "sam", "epochs": "sam-epochs"}[runs.base.budget]


def others(runs: Runs, field: str) -> list:
    """The values of a field of kinds beside the base's."""
    return [value for value in runs.having(field) if value != getattr(runs.base, field)]


def e1(runs: Runs) -> Iterator[Case]:
    for k in runs.factors:
        yield from budgeted(runs, f"tada-{k}", "original", main(runs) if k == 2 else ())
    for seen in others(runs, "seen"):
        yield from budgeted(runs, "tada-2", "original", (), seen=seen)


def e2(runs: Runs) -> Iterator[Case]:
    for k in runs.factors:
        yield from budgeted(runs, f"tada-{k}", f"useful-{k}", main(runs)[:1] if k == 2 else ())


def e3(runs: Runs) -> Iterator[Case]:
    for other in ("syn-all", "syn-rand"):
        for case in budgeted(runs, "tada-2", other, main(runs)[:1]):
            yield dataclasses.replace(case, short=f"− {name_of(other)}")
    for seen in others(runs, "seen"):
        yield from budgeted(runs, "tada-2", "syn-all", (), seen=seen)


def e4(runs: Runs) -> Iterator[Case]:
    budget, sam = main(runs)
    what = f"TADA(2) with SGD − Original with SAM, {TITLES[budget].split(',')[0]}"
    yield from compare(runs, what, "", runs.runs("tada-2"), runs.runs("original", budget=sam))


def varied(runs: Runs, field: str, names: Mapping[str, str], values: Iterable) -> Iterator[Case]:
    """TADA(2) minus Original at each of these values of a field."""
    for value in values:
        name, same = names.get(value, value), runs.at(field, value)
        yield from compare(
            runs,
            f"TADA(2) − Original, {name}",
            name,
            runs.runs("tada-2", **same),
            runs.runs("original", **same),
        )


def e5(runs: Runs) -> Iterator[Case]:
    there = {kind.augment for kind in runs.groups if kind.network == runs.base.network}
    if len(there) > 1:
        yield from varied(
            runs,
            "augment",
            AUGMENTS,
            [name for name in runs.having("augment") if name in there - {"none"}],
        )


def e6(runs: Runs) -> Iterator[Case]:
    yield from varied(runs, "network", NETWORKS, others(runs, "network"))


def e7(runs: Runs) -> Iterator[Case]:
    for method in ("useful", "tada"):
        best = papers_best(runs.name, method)
        for k in runs.factors:
            if k != best:
                one, other = f"{method}-{best}", f"{method}-{k}"
                what = f"{name_of(one)} − {name_of(other)}"
                yield from compare(runs, what, what, runs.runs(one), runs.runs(other))


def e8(runs: Runs) -> Iterator[Case]:
    half = runs.runs("tada-2")
    if not others(runs, "level"):
        return
    for level in LEVELS:
        short = f"{runs.base.level:g} − {level:g}"
        yield from compare(
            runs, f"TADA(2), strength {short}", short, half, runs.runs("tada-2", level=level)
        )
    pure = runs.runs("tada-2", level=NOISE)
    yield from compare(
        runs,
        "TADA(2) from pure noise − Original",
        "noise − Original",
        pure,
        runs.runs("original"),
        claimed=ABOVE,
    )


def e9(runs: Runs) -> Iterator[Case]:
    for one, other in (
        (("cluster", "high-loss"), ("high-loss", "misclassified")) if others(runs, "rule") else ()
    ):
        short = f"{one} − {other}"
        yield from compare(
            runs,
            f"TADA(2), {short}",
            short,
            runs.runs("tada-2", rule=one),
            runs.runs("tada-2", rule=other),
        )


def e10(runs: Runs) -> Iterator[Case]:
    members = runs.runs("original")
    if members:
        chosen = next(iter(members.values())).config["early"]["stop"] == "error"
        what = "slow images, %" + (
            " (early training stopped so that it comes near)" if chosen else ""
        )
        shares = np.array([100 * record.metrics["slow_fraction"] for record in members.values()])
        yield Case(runs.name, what, "", shares, SLOW_SHARE, True, tuple(members.values()), chosen)


def e11(runs: Runs) -> Iterator[Case]:
    for k in runs.factors:
        what, group = f"learning gap, % of the run, TADA({k}) − Original", runs.runs(f"tada-{k}")
        yield from compare(
            runs, what, "", group, runs.runs("original"), decides=k == 2, metric="learning_gap"
        )
