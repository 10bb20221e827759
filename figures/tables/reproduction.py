"""The paper's reported values beside ours, with scale and budget; what was not run at that scale says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.claims.cases import main
from figures.claims.images import EXPERIMENTS
from figures.claims.paper_values import PAPER_NAMES, REPORTED, Reported
from figures.labels import NETWORKS, name_of
from figures.records import Record
from figures.statistics.conditions import Runs, apart, data_sets, mean
from figures.tables.table import Table, signed

RECORDS = EXPERIMENTS[:1]
OPTIONAL = EXPERIMENTS[2:]
ABSENT = "not run at this scale"
NOTE = (
    "Paper: arXiv 2505.21574, as reported there; test error in %, mean ± standard deviation over its seeds, 200 epochs for every method "
    "(equal epochs). Ours: mean ± standard deviation over n seeds, under the same budget. What was run at other scales stands in the next "
    "table: other tasks, on which the sign of a difference may be compared and not its size."
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Reported test errors beside ours, and the paper's summary statements beside ours."""
    sets = {runs.name: runs for runs in data_sets(records)}
    header = ("data set, network, method", "paper", "ours, paper scale", "n")
    errors = Table(
        "Test errors that the paper reports, and ours at its scale",
        header,
        tuple(reported(v, sets) for v in REPORTED),
        NOTE,
    )
    return [errors, statements(sets)]


def reported(value: Reported, sets: Mapping[str, Runs]) -> tuple[str, ...]:
    names = {"cifar10": "CIFAR-10"}
    data, network = names.get(value.data, value.data), NETWORKS.get(value.network, value.network)
    what = f"{data}, {network}, {PAPER_NAMES.get(value.method, value.method)}"
    paper = f"{value.mean:.2f}" + (f" ± {value.sd:.2f}" if value.sd is not None else "")
    return (what, paper, *ours(sets.get(f"{data} (paper scale)"), value))


def ours(runs: Runs | None, value: Reported) -> tuple[str, str]:
    """Our mean and standard deviation, and the number of seeds."""
    if runs is None or value.network not in runs.having("network"):
        return ABSENT, ""
    labels = (
        [f"tada-{k}" for k in reversed(runs.factors)] if value.method == "tada" else [value.method]
    )
    same = runs.at("network", value.network)
    found = next(
        ((label, errors) for label in labels if (errors := runs.values(label, **same))), None
    )
    if found is None:
        return ABSENT, ""
    label, errors = found
    return f"{spread(errors)}{f' ({name_of(label)})' if value.method == 'tada' else ''}", str(
        len(errors)
    )


def spread(errors: Mapping[int, float]) -> str:
    values = list(errors.values())
    return f"{np.mean(values):.2f}" + (
        f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    )


def statements(sets: Mapping[str, Runs]) -> Table:
    """What the paper says in numbers, beside the same on each of our data sets."""
    rows = []
    for name, runs in sets.items():
        rows += [
            (f"{what}: {name}", paper, *said)
            for what, paper, find in STATED
            if (said := find(runs))
        ]
    for what, paper, _ in STATED:
        if not any("paper scale" in row[0] and row[0].startswith(what) for row in rows):
            rows.append((f"{what}: paper scale", paper, ABSENT, ""))
    order = [what for what, _, _ in STATED]
    rows.sort(key=lambda row: order.index(row[0].split(":")[0]))
    note = (
        "± is half the 95% interval (Student) of a mean over n seeds; differences are paired by seed. Digits: generators trained on the "
        "training images alone; reduced: on others; all with small networks at equal gradient steps. Paper scale: equal epochs. The "
        "settings have a table of their own."
    )
    return Table(
        "What the paper says in numbers, and ours",
        ("statement: data set", "paper", "ours", "n"),
        tuple(rows),
        note,
    )


def gain(runs: Runs, budget: str) -> tuple[str, str] | None:
    change = apart(runs.values("tada-2", budget=budget), runs.baseline(budget=budget))
    return change and (signed(float(change.mean), float(change.half), 2), str(change.n))


def best(runs: Runs, method: str) -> tuple[str, str] | None:
    """The k of the lowest mean, and the means."""
    means = {k: errors for k in runs.factors if (errors := runs.values(f"{method}-{k}"))}
    if len(means) < 2:
        return None
    lowest = min(means, key=lambda k: mean(means[k]))
    told = ", ".join(f"k = {k}: {mean(errors):.1f}%" for k, errors in means.items())
    return f"k = {lowest} ({told})", str(min(map(len, means.values())))


def generated(runs: Runs) -> tuple[str, str] | None:
    members = runs.runs("tada-2"), runs.runs("syn-all")
    if not all(members):
        return None
    few, all_images = (
        np.mean([record.metrics["generated"] for record in group.values()]) for group in members
    )
    return f"{few / all_images:.0%}", str(len(members[0]))


STATED = (
    (
        "TADA(2) minus Original, SGD",
        "up to −2.8 in some setting",
        lambda runs: gain(runs, main(runs)[0]),
    ),
    (
        "TADA(2) minus Original, SAM",
        "up to −2.8 in some setting",
        lambda runs: gain(runs, main(runs)[1]),
    ),
    ("images generated, TADA(2) over Syn-all", "30-40% (3.6 h of 12 h on CIFAR-10)", generated),
    ("best k of USEFUL", "2", lambda runs: best(runs, "useful")),
    ("best k of TADA", "5 (TinyImageNet: 4)", lambda runs: best(runs, "tada")),
)
