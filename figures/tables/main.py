"""Tabulate all test errors by method, with paired differences and the budget of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.claims.images import LARGER, REDUCED_ONLY
from figures.labels import method_style
from figures.records import Record
from figures.statistics.conditions import data_sets
from figures.statistics.intervals import estimate, paired_estimate
from figures.statistics.pick import by_label, final_values
from figures.tables.methods import INTERVAL, image_tables
from figures.tables.table import Table, format_signed

MOST = 6  # seeds at which the law is wrong that are listed one by one
THEORY = "theory/methods"
CONVERGED = "theory/convergence"
RECORDS = (THEORY, CONVERGED, "empirical/noisy-digits", "empirical/digits")
OPTIONAL = (
    *(f"empirical/{scale}-{name}" for scale in ("reduced", "paper") for name in LARGER),
    *(f"empirical/reduced-{name}" for name in (*REDUCED_ONLY, "scaling")),
)
LEARNED = (
    "A seed's error is near 0 once the slow feature is learned and several points before: the mean "
    "counts the seeds that have not come so far by the last step. Law: how many the race law "
    "expects from the initial weights, and the seeds at which it is wrong; for SAM it is the law "
    "of gradient descent."
)
REGIMES = {
    THEORY: "in the race (chosen on other seeds)",
    CONVERGED: "at convergence",
}


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return the tables of all data sets whose records are given.

    One for each regime of the theory; for each image data set its methods, the methods against
    each other, and other settings.
    """
    made = [
        theory_table(records[name], regime) for name, regime in REGIMES.items() if name in records
    ]
    images = {name: found for name, found in records.items() if name.startswith("empirical/")}
    for conditions in data_sets(images):
        made += image_tables(conditions)
    return made


def theory_table(records: Sequence[Record], regime: str) -> Table:
    """Return the test errors of the methods in the theory, and who learned the slow feature."""
    groups = by_label(records)
    original = final_values(groups["original"], "test_error", 100)
    rows = []
    for label, members in groups.items():
        errors = final_values(members, "test_error", 100)
        slow_errors = final_values(members, "test_error_slow", 100)
        noise = final_values(members, "noise_memorised_slow")
        bands = (estimate(list(values.values())) for values in (errors, slow_errors, noise))
        error, *others = (f"{band.mean:.2f} ± {band.half:.2f}" for band in bands)
        difference = paired_estimate(errors, original)
        change = format_signed(difference.mean, difference.half, 2) if label != "original" else ""
        outcomes = {record.seed: (has_learned(record), is_expected(record)) for record in members}
        learned, expected = (sum(column) for column in zip(*outcomes.values(), strict=True))
        wrong = [str(seed) for seed, (came, was_due) in outcomes.items() if came != was_due]
        listed = ", ".join(wrong) if len(wrong) <= MOST else f"{len(wrong)} seeds"
        law = f"{expected}; wrong: {listed}" if wrong else f"{expected}"
        name = method_style(label).label
        rows.append((name, error, change, *others, f"{learned} of {len(members)}", law))
    config = records[0].config
    steps, weak = config["optimiser"]["steps"], config["distribution"]["beta_d"]
    return Table(
        f"Theory {regime}: population test error of the two-layer CNN, β_d = {weak:g}, "
        f"{steps:,} steps, {len(original)} seeds",
        (
            "method",
            "test error, %",
            "minus Original",
            "no fast feature, %",
            "noise memorised",
            "slow feature learned",
            "law",
        ),
        tuple(rows),
        f"{INTERVAL}; equal gradient steps, SAM takes two gradients a step. {LEARNED}",
    )


def has_learned(record: Record) -> bool:
    """Return whether a run of the theory learned the slow feature."""
    return record.metrics["time_slow"] is not None


def is_expected(record: Record) -> bool:
    """Return whether the race law expects a run to learn the slow feature within its steps."""
    steps = record.metrics["race_steps"]
    return steps is not None and steps <= record.config["optimiser"]["steps"]
