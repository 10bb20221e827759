"""The command line: ``python -m figures draw | paper | reproduce | compare | keep | readme | list``; alone, it draws everything."""

from __future__ import annotations

import sys
from pathlib import Path

import tyro

from figures import paper as report
from figures import reproduce as reproduction
from figures.draw import NAMES, Drawing, module
from figures.records import COMMITTED, OUTPUT, run_command
from figures.records.store import ROOT


def draw(names: tyro.conf.Positional[tuple[str, ...]] = (), /, out: Path = OUTPUT, committed: bool = False) -> int:
    """Draw figures and tables into OUT/figures from the fresh records, or from the committed ones where there are none.

    Args:
        names: what to draw; everything if not given.
        out: the folder that holds the fresh records.
        committed: use the committed records alone.
    """
    drawing = Drawing(out / "figures", (COMMITTED,) if committed else (out / "records", COMMITTED))
    for name in names:
        module(name)  # an unknown name stops everything before anything is drawn
    for name in names or NAMES:
        print(drawing(name), flush=True)
    return 0


def paper(out: Path = OUTPUT / "paper") -> int:
    """Write the report's figures, tables and numbers into OUT, from the committed records alone; ``make paper`` typesets them."""
    out.mkdir(parents=True, exist_ok=True)
    print(*report.build(out, (COMMITTED,)), sep="\n")
    return 0


def reproduce(out: Path = OUTPUT) -> int:
    """Compare fresh records with the committed ones, draw everything, print the main numbers; exit code 1 if anything differs or failed."""
    return reproduction.reproduce(out)


def compare(out: Path = OUTPUT) -> int:
    """Say of every fresh record whether it equals the committed one; exit code 1 if any differs by more than its tolerance."""
    lines, agreement = reproduction.comparison(out / "records")
    print(*(lines or [f"no records in {out / 'records'}; make them with: make reproduce"]), sep="\n")
    return 0 if agreement else 1


def keep(experiments: tyro.conf.Positional[tuple[str, ...]], /, out: Path = OUTPUT) -> int:
    """Make the fresh records of finished experiments, such as theory/methods, the committed ones."""
    for experiment in experiments:
        print(f"{experiment}: {reproduction.keep(experiment, out / 'records')} records kept in paper/results")
    return 0


def readme() -> int:
    """Put the committed numbers into README.md."""
    text = reproduction.readme()
    (ROOT / "README.md").write_text(text)
    return 0


def list_() -> int:
    """What can be drawn, and the records it needs."""
    for name in NAMES:
        print(f"{name:18s} {', '.join(module(name).RECORDS)}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 1 or sys.argv[1] in ("--out", "--committed"):
        sys.argv.insert(1, "draw")
    commands = {"draw": draw, "paper": paper, "reproduce": reproduce, "compare": compare, "keep": keep, "readme": readme, "list": list_}
    sys.exit(run_command(commands, "python -m figures", __doc__))
