"""Write the numbers of README.md, and the table of every claim for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from figures.claims.cases import NOT_RUN
from figures.claims.images import (
    SMALL,
    Claim,
    claim_verdict,
    judge_claims,
    not_run,
)
from figures.claims.theory import COMMAND, RECORD, cases_by_claim, theory_verdicts, verdict_cells
from figures.records import COMMITTED, Record, load_some
from figures.records.paths import ROOT
from figures.tables import claims as claim_tables
from figures.tables import findings
from figures.tables.table import Table

# Experiments that the verdicts on the theory rest on.
THEORY = (
    RECORD,
    *(f"theory/{name}" for name in ("methods", "convergence", "race", "strength", "homogeneity")),
    "theory/minibatch",
)
SHORT = {
    "T1": "copies and variants even out learning speeds",
    "T2": "SAM learns less noise, and more evenly",
    "T3": "variants align less with noise than copies",
    "T4": "gradients vary less on variants",
    "T5": "SGD is faster on variants",
    "T6": "error: TADA < USEFUL < Original",
    "T7": "copies stop helping, variants go on",
    "T8": "an intermediate strength is best",
    "T9": "the race law: who learns the slow feature, from the initial weights",
}
NOTE = (
    "Theory: the first case of each claim; the others in the table `claims`. Predictions could "
    "have failed anywhere; illustrations are shown in a regime chosen for it, on fresh seeds. "
    "Images: the mean over n seeds of the paired differences that decide (points of test error; "
    "E10: % of the images; E11: % of the run), ± half the 95% interval, made wider by Holm's "
    "method for their number; at equal epochs, on digits at equal gradient steps. A case holds or "
    "fails where the whole interval lies on one side; with fewer than 8 seeds (5 at the paper's "
    "scale) nothing is decided, and where an arm has not learned its training images (error above "
    "0.5%) it is under-fit. The whole rule and all cases: `python -m figures claims`. What is "
    "named reduced needs CIFAR-10: `python -m empirical data cifar10`. Minutes: training and "
    "measures on one core (on a GPU at the paper's scale) of the runs that the row rests on, as "
    "recorded; early training, variants and generators come on top, and rows share runs."
)
MARKS = ("<!-- numbers: made by python -m figures readme -->", "<!-- end of numbers -->")


def claim_table(records: Mapping[str, Sequence[Record]]) -> Table:
    """Return a row for each claim, from records by experiment.

    The records of ``theory/claims`` are needed; other claims say what has no records yet.
    """
    rows = (*theory_rows(records), *image_rows(claim_tables.image_records(records)))
    header = ("claim", "computed by", "measured", "verdict", "minutes")
    return Table("Every claim: the command that computes it, and what came out", header, rows, NOTE)


def theory_rows(records: Mapping[str, Sequence[Record]]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each claim of the theory, with its first case."""
    claims = cases_by_claim(theory_verdicts(records[RECORD]))
    minutes = format_minutes(record for name in THEORY for record in records.get(name, ()))
    for i, (name, cases) in enumerate(claims.items()):
        _, predicted, measured, interval, _ = verdict_cells(cases[0])
        holds = sum(verdict["holds"] for verdict in cases)
        kind = cases[0]["kind"]
        yield (
            f"{name}: {SHORT[name]} ({kind})",
            f"`{COMMAND}`",
            f"{cases[0]['case']}: {measured} ({interval}), predicted {predicted}",
            "holds" if holds == len(cases) else f"holds in {holds} of {len(cases)} cases",
            f"{minutes} for T1-T9" if i == 0 else "the same",
        )


def image_rows(records: Mapping[str, Sequence[Record]]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each claim on images, with a line for each data set in its cells."""
    for claim, by_data in judge_claims(records):
        measured = [
            f"{data}: {claim_tables.format_deciding(cases)}" for data, cases in by_data.items()
        ]
        verdicts = [claim_verdict(cases) for cases in by_data.values()]
        if absent := not_run(claim, by_data):
            measured.append(", ".join(absent))
            verdicts.append(NOT_RUN)
        used = {
            record.results: record
            for cases in by_data.values()
            for case in cases
            for record in case.records
        }
        yield (
            f"{claim.id}: {claim.short}",
            f"`python -m empirical run {' '.join(experiments_of(claim, by_data))}`",
            "<br>".join(measured),
            "<br>".join(verdicts),
            format_minutes(used.values()) if used else "",
        )


def experiments_of(claim: Claim, data_sets: Iterable[str]) -> list[str]:
    """Return the names of the experiments that give a claim's cases on these data sets.

    The experiments at the reduced scale are always named.
    """
    data_sets = list(data_sets)
    names = [name.split("/")[1] for name in SMALL if name.split("/")[1] in data_sets]
    names += ["ideal"] * any("ideal" in data for data in data_sets)
    names += [f"reduced-{claim.experiment}"]
    names += ["reduced-controls"] * (claim.id in ("E2", "E3"))
    names += [f"paper-{claim.experiment}"] * any("paper scale" in data for data in data_sets)
    return names


def format_minutes(records: Iterable[Record]) -> str:
    """Format the minutes that the records took to compute; one decimal below 10."""
    minutes = sum(record.provenance.get("seconds", 0) for record in records) / 60
    return f"{minutes:.0f}" if minutes >= 9.5 else f"{minutes:.1f}"


def render_readme(path: Path = ROOT / "README.md", roots: tuple[Path, ...] = (COMMITTED,)) -> str:
    """Return the text of README.md with the numbers between MARKS made anew from the records."""
    before, _, rest = path.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    wanted = dict.fromkeys((*findings.RECORDS, *findings.OPTIONAL))
    (table,) = findings.tables({name: load_some(name, roots) for name in wanted})
    return f"{before}{MARKS[0]}\n\n{table.markdown()}\n{MARKS[1]}{after}"
