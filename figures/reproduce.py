"""Whether this machine gives the committed numbers; adopting fresh records; the README's table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from figures.draw import NAMES, Drawing
from figures.records import (
    COMMITTED,
    DIFFERENT,
    RecordError,
    compare,
    load,
    read,
    read_plan,
    write_json,
)
from figures.records.compare import DAMAGED, NEW, WITHIN, agree
from figures.records.lines import as_line, read_lines, write_lines
from figures.records.record import raw
from figures.tables import main as main_table


def experiments(root: Path) -> list[str]:
    """The experiments that have a plan below ``root``."""
    return sorted(str(plan.parent.relative_to(root)) for plan in root.glob("*/*/plan.json"))


def comparison(fresh: Path, committed: Path = COMMITTED) -> tuple[list[str], bool]:
    """A line for every experiment with fresh records, and whether all that have a committed counterpart agree with it."""
    lines, agreement = [], True
    for experiment in experiments(fresh):
        rows, plan = compare(experiment, fresh, committed), read_plan(fresh, experiment)
        count = Counter(row.verdict for row in rows)
        verdicts = ", ".join(f"{n} {verdict}" for verdict, n in count.items())
        lines.append(f"{experiment}: {len(rows)} computed here: {verdicts or 'none'}")
        if rows and count[NEW] == len(rows):
            lines[-1] += ": there is nothing to compare them with"
        if count[WITHIN] or count[DIFFERENT]:
            shift = sum(row.shift for row in rows) / len(rows)
            lines[-1] += (
                f" (tolerance: {plan.metric} within {plan.tolerance:g}; mean shift {shift:+.2g})"
            )
        lines += [
            f"  {row.run}: {row.verdict}, {plan.metric} apart by {row.distance:.3g}"
            for row in rows
            if row.verdict == DIFFERENT
        ]
        lines += [
            f"  {row.run}: damaged; delete it and run: {plan.command}"
            for row in rows
            if row.verdict == DAMAGED
        ]
        agreement &= agree(rows, plan.tolerance)
    return lines, agreement


def reproduce(out: Path) -> int:
    """Compare, draw everything, print the main numbers; 0 if nothing failed and nothing differs."""
    fresh = out / "records"
    lines, agreement = comparison(fresh)
    print(
        "\nRecords of this machine against the committed ones",
        *(lines or ["none was computed here"]),
        sep="\n  ",
    )
    drawing = Drawing(out / "figures", (fresh, COMMITTED), again=False)
    print(f"\nFigures and tables in {out / 'figures'}, from")
    failed = draw_all(drawing, "  ")
    print(
        "\nMain numbers of the experiments computed here, from all their records, fresh and committed"
    )
    there = {} if "main" in failed else drawing.needed(main_table)
    for table in main_table.tables(
        {name: members for name, members in there.items() if read_plan(fresh, name)}
    ):
        print(f"\n{table.text()}")
    verdict = (
        "what was computed here agrees with the committed records"
        if agreement
        else "NOT REPRODUCED: see the records above"
    )
    print(f"\n{verdict}; {len(NAMES) - len(failed)} of {len(NAMES)} figures and tables drawn")
    return 0 if agreement and not failed else 1


def draw_all(drawing: Drawing, indent: str = "") -> list[str]:
    """Draw everything, telling what came from where; returns the names of what could not be drawn, as records are missing."""
    failed = []
    for name in NAMES:
        try:
            print(f"{indent}{drawing(name)}", flush=True)
        except RecordError as error:
            failed.append(name)
            print(f"{indent}{name}: not drawn: {error}")
    return failed


def keep(experiment: str, fresh: Path, committed: Path = COMMITTED) -> int:
    """Make the fresh records of a finished experiment the committed ones; returns how many.

    RecordError, and nothing is changed, if any is missing or damaged, or if they are only a part of the committed ones.
    """
    plan, there = read_plan(fresh, experiment), read_plan(committed, experiment)
    if plan is None:
        load(experiment, (fresh,))  # says which command makes it
    if there and set(plan.runs) < set(there.runs):
        raise RecordError(
            f"{len(plan.runs)} fresh records of {experiment} would replace {len(there.runs)}; finish it with: {plan.command}"
        )
    own = plan.folder == experiment  # else several experiments share the folder of records
    lines = {} if own else dict(read_lines(committed / plan.folder))
    for run in plan.runs:
        read(fresh / plan.folder / run)
        lines[run] = as_line(run, raw(fresh / plan.folder / run))
    write_lines(committed / plan.folder, lines)
    write_json(committed / experiment / "plan.json", plan)
    for path in (committed / plan.folder).glob("*.json"):  # a file would come before its line
        if path.name in plan.runs or (own and path.name != "plan.json"):
            path.unlink()
    return len(plan.runs)
