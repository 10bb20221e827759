"""The README's first table: claim, command, number, verdict, cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from figures.claims.images import EXPERIMENTS, judged, standing
from figures.claims.theory import COMMAND, cells, verdicts_of
from figures.records import (
    COMMITTED,
    Record,
    begun,
    load,
    load_some,
)
from figures.records.paths import ROOT
from figures.tables import claims as claims_table
from figures.tables import main as main_table
from figures.tables.claims import RECORDS, deciding, images_of
from figures.tables.table import Table

THEORY = (
    *RECORDS[:1],
    "theory/methods",
    "theory/strength",
    "theory/homogeneity",
    "theory/minibatch",
)  # what the verdicts rest on
SHORT = {
    "T1": "copies and variants even out learning speeds",
    "T2": "SAM learns less noise, and more evenly",
    "T3": "variants align less with noise than copies",
    "T4": "gradients vary less on variants",
    "T5": "SGD is faster on variants",
    "T6": "error: TADA < USEFUL < Original",
    "T7": "copies stop helping, variants go on",
    "T8": "an intermediate strength is best",
}
NOTE = (
    "Theory: the first case of each claim; the others in the table `claims`. Images: the mean over n seeds of the paired difference "
    "that decides (in points of test error; E10: % of the images; E11: % of the run), ± half its 95% interval (Student), at equal "
    "gradient steps (equal epochs at the paper's scale). A claim holds where the whole interval lies on the claimed side of 0, of "
    "every difference that decides; it fails where one lies on the other side; else there is not enough data, as for E10 wherever "
    "early training was stopped by that very share. All cases, with bootstrap intervals: `python -m figures claims`. What is named "
    "reduced needs CIFAR-10: `python -m empirical data cifar10`. Minutes: "
    "training and measures on one core (on a GPU at the paper's scale) of the runs that the row rests on, as recorded; early training, "
    "variants and generators come on top, and rows share runs."
)


def table(records: Mapping[str, Sequence[Record]]) -> Table:
    """A row for each claim, from what is there; ``records`` by experiment, those of the theory's claims at least."""
    rows = [*theory_rows(records), *image_rows(images_of(records))]
    header = ("claim", "computed by", "measured", "verdict", "minutes")
    return Table("Every claim: the command that computes it, and what came out", header, rows, NOTE)


def theory_rows(records: Mapping[str, Sequence[Record]]) -> Iterable[tuple[str, ...]]:
    claims: dict[str, list[Mapping]] = {}
    for verdict in verdicts_of(records[RECORDS[0]]):
        claims.setdefault(verdict["id"][:2], []).append(verdict)
    spent = minutes(record for name in THEORY for record in records.get(name, ()))
    for i, (name, cases) in enumerate(claims.items()):
        _, predicted, measured, spread, _ = cells(cases[0])
        holds = sum(verdict["holds"] for verdict in cases)
        what = f"{cases[0]['case']}: {measured} ({spread}), predicted {predicted}"
        verdict = "holds" if holds == len(cases) else f"holds in {holds} of {len(cases)} cases"
        yield (
            f"{name}: {SHORT[name]}",
            f"`{COMMAND}`",
            what,
            verdict,
            f"{spent} for T1-T8" if i == 0 else "the same",
        )


def image_rows(records: Mapping[str, Sequence[Record]]) -> Iterable[tuple[str, ...]]:
    """Data sets below each other in a cell."""
    for claim, by_data in judged(records):
        experiments = [
            name for name in EXPERIMENTS[:2] if any(data == name.split("/")[1] for data in by_data)
        ]
        experiments += [
            f"empirical/{scale}-{claim.experiment}"
            for scale in ("reduced", "paper")
            if any(scale in data for data in by_data)
        ]
        names = [name.split("/")[1] for name in experiments] or [f"reduced-{claim.experiment}"]
        command = f"`python -m empirical run {' '.join(names)}`"
        measured = [f"{data}: {deciding(members)}" for data, members in by_data.items()] or [
            "no records yet"
        ]
        verdicts = [standing(members) for members in by_data.values()] or ["not enough data"]
        used = {
            record.results: record
            for members in by_data.values()
            for case in members
            for record in case.records
        }
        yield (
            f"{claim.id}: {claim.short}",
            command,
            "<br>".join(measured),
            "<br>".join(verdicts),
            minutes(used.values()) if used else "",
        )


def minutes(records: Iterable[Record]) -> str:
    """Of all the records' computing; at least one digit."""
    spent = sum(record.provenance.get("seconds", 0) for record in records) / 60
    return f"{spent:.0f}" if spent >= 9.5 else f"{spent:.1f}"


ELSEWHERE = "The same tables of the clean digits, where hardly a method differs from another, are in `output/figures/main.md`."


FOLDED = "All test errors, and the methods against each other"


MARKS = ("<!-- numbers: made by python -m figures readme -->", "<!-- end of numbers -->")


def readme(path: Path = ROOT / "README.md", roots: tuple[Path, ...] = (COMMITTED,)) -> str:
    """The README's text with its numbers taken from the records: every claim, then the tables of what is there.

    The clean digits, on which hardly a method differs from another, have their tables in the output alone.
    """
    before, _, rest = path.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    wanted = dict.fromkeys((*THEORY, *claims_table.RECORDS, *claims_table.OPTIONAL))
    claims = table({name: load_some(name, roots) for name in wanted})
    shown = [
        name
        for name in (*main_table.RECORDS, *main_table.OPTIONAL)
        if name != "empirical/digits" and begun(name, roots)
    ]
    errors = "\n".join(
        table.markdown() for table in main_table.tables({name: load(name, roots) for name in shown})
    )
    folded = f"<details>\n<summary>{FOLDED}</summary>\n\n{errors}\n{ELSEWHERE}\n\n</details>\n"
    text = f"{claims.markdown()}\n{claims_table.summary(load('theory/claims', roots))}\n{folded}"
    return f"{before}{MARKS[0]}\n\n{text}\n{MARKS[1]}{after}"
