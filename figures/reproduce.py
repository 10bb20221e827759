"""Compare this machine's records with the committed ones, draw everything, adopt fresh records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from figures.draw import Drawing
from figures.records import (
    COMMITTED,
    DIFFERENT,
    Comparison,
    Plan,
    RecordError,
    compare,
    read,
    read_plan,
    require_plan,
    write_json,
)
from figures.records.compare import DAMAGED, NEW, WITHIN, agree
from figures.records.lines import read_lines, write_lines
from figures.records.record import as_line
from figures.report.gallery import write_gallery
from figures.tables import claims, contrasts
from figures.tables import main as main_table


def experiments(root: Path) -> list[str]:
    """Return the experiments that have a plan below ``root``, sorted."""
    return sorted(str(plan.parent.relative_to(root)) for plan in root.glob("*/*/plan.json"))


def comparison(fresh: Path, committed: Path = COMMITTED) -> tuple[list[str], bool]:
    """Compare the records of every experiment below ``fresh`` with the committed ones.

    Returns lines to print, at least one for each experiment, and whether all experiments that are
    committed agree.
    """
    lines = []
    agreement = True
    for experiment in experiments(fresh):
        plan = require_plan(fresh, experiment)
        rows = compare(experiment, fresh, committed)
        lines += format_comparison(plan, rows)
        agreement &= agree(rows, plan.tolerance)
    return lines, agreement


def format_comparison(plan: Plan, rows: Sequence[Comparison]) -> list[str]:
    """Format an experiment's verdicts, and name its records that differ or are damaged."""
    count = Counter(row.verdict for row in rows)
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in count.items())
    line = f"{plan.experiment}: {len(rows)} computed here: {verdicts or 'none'}"
    if rows and count[NEW] == len(rows):
        line += ": there is nothing to compare them with"
    if count[WITHIN] or count[DIFFERENT]:
        shift = sum(row.shift for row in rows) / len(rows)
        line += f" (tolerance: {plan.metric} within {plan.tolerance:g}; mean shift {shift:+.2g})"
    different = (
        f"  {row.run}: different, {plan.metric} apart by {row.distance:.3g}"
        for row in rows
        if row.verdict == DIFFERENT
    )
    damaged = (
        f"  {row.run}: damaged; delete it and run: {plan.command}"
        for row in rows
        if row.verdict == DAMAGED
    )
    return [line, *different, *damaged]


def reproduce(out: Path) -> int:
    """Compare the records in ``out``, draw all figures and tables, print the main numbers.

    Returns 0 if nothing failed and nothing differs, else 1.
    """
    fresh = out / "records"
    lines, agreement = comparison(fresh)
    title = "\nRecords of this machine against the committed ones"
    print(title, *(lines or ["none was computed here"]), sep="\n  ")
    drawing = Drawing(out / "figures", (fresh, COMMITTED), again=False)
    print(f"\nFigures and tables in {out / 'figures'}, from")
    failed = draw_all(drawing, "  ")
    print(
        "\nMain numbers of the experiments computed here, "
        "from all their records, fresh and committed"
    )
    records = {} if "main" in failed else drawing.records_for(main_table)
    computed = {name: runs for name, runs in records.items() if read_plan(fresh, name)}
    shown = main_table.tables(computed)
    if read_plan(fresh, contrasts.RECORDS[0]) and "contrasts" not in failed:
        shown += contrasts.tables(drawing.records_for(contrasts))
    for table in shown:
        print(f"\n{table.text()}")
    count = len(drawing.names)
    verdict = (
        "what was computed here agrees with the committed records"
        if agreement
        else "NOT REPRODUCED: see the records above"
    )
    print(f"\n{verdict}; {count - len(failed)} of {count} figures and tables drawn")
    return 0 if agreement and not failed else 1


def draw_all(drawing: Drawing, indent: str = "") -> list[str]:
    """Draw all figures and tables, and print which records each was drawn from.

    The last line names the page that shows them all. Returns the names of those that could not be
    drawn because records are missing.
    """
    failed = []
    origins = {}
    for name in drawing.names:
        try:
            line = drawing(name)
            origins[name] = line.partition(": ")[2]
            print(f"{indent}{line}", flush=True)
        except RecordError as error:
            failed.append(name)
            print(f"{indent}{name}: not drawn: {error}")
    if origins:
        page = write_gallery(drawing.out, origins, origins, judged(drawing))
        print(f"{indent}all of them, with captions and verdicts: {page}")
    return failed


def judged(drawing: Drawing) -> list[dict[str, object]]:
    """Return every case of every claim; none if the records of the theory's claims are missing."""
    try:
        return claims.claims_as_json(drawing.records_for(claims))
    except RecordError:
        return []


def keep(experiment: str, fresh: Path, committed: Path = COMMITTED) -> int:
    """Make the fresh records of a finished experiment the committed ones; return how many.

    They become lines of one file. In a folder that several experiments share, the records of the
    others stay. Raises RecordError, and changes nothing, if a record is missing or damaged, or if
    the fresh records are only a part of the committed ones.
    """
    plan = require_plan(fresh, experiment)
    known = read_plan(committed, experiment)
    if known and set(plan.runs) < set(known.runs):
        raise RecordError(
            f"{len(plan.runs)} fresh records of {experiment} would replace {len(known.runs)}; "
            f"finish it with: {plan.command}"
        )
    folder = committed / plan.folder
    shared = plan.folder != experiment
    lines = dict(read_lines(folder)) if shared else {}
    for run in plan.runs:
        lines[run] = as_line(run, read(fresh / plan.folder / run))
    write_lines(folder, lines)
    write_json(committed / experiment / "plan.json", plan)
    for path in folder.glob("*.json"):  # a record file would come before its line
        if path.name in plan.runs or (not shared and path.name != "plan.json"):
            path.unlink()
    return len(plan.runs)
