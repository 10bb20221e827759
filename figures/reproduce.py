"""Whether this machine gives the committed numbers; adopting fresh records; the README's table."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

from figures.draw import NAMES, Drawing
from figures.main_table import RECORDS, tables
from figures.records import COMMITTED, DIFFERENT, RecordError, compare, load, read, read_plan, write_plan
from figures.records.compare import DAMAGED, SAME_BITS
from figures.records.store import ROOT

MARKS = ("<!-- numbers: made by python -m figures readme -->", "<!-- end of numbers -->")


def experiments(root: Path) -> list[str]:
    """The experiments that have a plan below ``root``."""
    return sorted(str(plan.parent.relative_to(root)) for plan in root.glob("*/*/plan.json"))


def comparison(fresh: Path, committed: Path = COMMITTED) -> tuple[list[str], bool]:
    """A line for every experiment with fresh records, and whether all agree (what has no committed counterpart does not disagree)."""
    lines, agree = [], True
    for experiment in experiments(fresh):
        rows, plan = compare(experiment, fresh, committed), read_plan(fresh, experiment)
        count = Counter(row.verdict for row in rows)
        verdicts = ", ".join(f"{n} {verdict}" for verdict, n in count.items())
        limit = "" if set(count) <= {SAME_BITS} else f" (tolerance: {plan.metric} within {plan.tolerance:g})"
        lines.append(f"{experiment}: {len(rows)} recomputed: {verdicts or 'none'}{limit}")
        lines += [f"  {row.run}: {row.verdict}, {plan.metric} apart by {row.distance:.3g}" for row in rows if row.verdict == DIFFERENT]
        lines += [f"  {row.run}: damaged; delete it and run: {plan.command}" for row in rows if row.verdict == DAMAGED]
        agree &= not {DIFFERENT, DAMAGED} & set(count)
    return lines, agree


def reproduce(out: Path) -> int:
    """Compare, draw everything, print the main numbers; 0 if nothing failed and nothing differs."""
    fresh = out / "records"
    lines, agree = comparison(fresh)
    print("\nRecords of this machine against the committed ones", *(lines or ["none here"]), sep="\n  ")
    drawing, failed = Drawing(out / "figures", (fresh, COMMITTED), again=False), []
    print(f"\nFigures and tables in {out / 'figures'}, from")
    for name in NAMES:
        try:
            print(f"  {drawing(name)}", flush=True)
        except RecordError as error:
            failed.append(name)
            print(f"  {name}: not drawn: {error}")
    print("\nMain numbers")
    for table in tables({name: drawing.records(name) for name in RECORDS if name not in failed and read_any(name, fresh)}):
        print(f"\n{table.text()}")
    verdict = "all records agree" if agree else "SOME RECORDS DIFFER from the committed ones"
    print(f"\n{verdict}; {len(NAMES) - len(failed)} of {len(NAMES)} figures and tables drawn")
    return 0 if agree and not failed else 1


def read_any(experiment: str, fresh: Path) -> bool:
    """Whether there is a plan of the experiment, here or committed."""
    return any(read_plan(root, experiment) for root in (fresh, COMMITTED))


def keep(experiment: str, fresh: Path, committed: Path = COMMITTED) -> int:
    """Make the fresh records of a finished experiment the committed ones; returns how many. RecordError if any is missing or damaged."""
    plan = read_plan(fresh, experiment)
    if plan is None:
        load(experiment, (fresh,))  # says which command makes it
    for run in plan.runs:
        read(fresh / experiment / run)
    shutil.rmtree(committed / experiment, ignore_errors=True)
    write_plan(committed, plan)
    for run in plan.runs:
        shutil.copyfile(fresh / experiment / run, committed / experiment / run)
    return len(plan.runs)


def readme(path: Path = ROOT / "README.md", roots: tuple[Path, ...] = (COMMITTED,)) -> str:
    """The README's text with its numbers taken from the records."""
    before, _, rest = path.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    made = "\n".join(table.markdown() for table in tables({name: load(name, roots) for name in RECORDS}))
    return f"{before}{MARKS[0]}\n\n{made}\n{MARKS[1]}{after}"
