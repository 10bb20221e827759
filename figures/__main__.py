"""The command line: ``python -m figures draw | claims | paper | reproduce | compare | keep | readme | list``; alone: draw."""

from __future__ import annotations

import sys
from json import dumps
from pathlib import Path

import tyro

from figures import reproduce as reproduction
from figures.draw import NAMES, Drawing, module
from figures.records import COMMITTED, OUTPUT, RecordError, load_some, run_command
from figures.records.command_line.arguments import Names
from figures.records.paths import ROOT
from figures.report import build as report
from figures.tables import claims as claims_table
from figures.tables import readme as readme_tables


def draw(
    names: tyro.conf.Positional[tuple[str, ...]] = (),
    /,
    out: Path = OUTPUT,
    committed: bool = False,
) -> int:
    """Draw figures and tables into OUT/figures from the fresh records, or from the committed ones where there are none.

    Of everything, what can be drawn is drawn; exit code 1 if records of something are missing.

    Args:
        names: what to draw; everything if not given.
        out: the folder that holds the fresh records.
        committed: use the committed records alone.
    """
    drawing = Drawing(out / "figures", (COMMITTED,) if committed else (out / "records", COMMITTED))
    for name in names:
        module(name)  # an unknown name stops everything before anything is drawn
    for name in names:
        print(drawing(name), flush=True)
    return 1 if not names and reproduction.draw_all(drawing) else 0


def claims(json: bool = False, out: Path = OUTPUT, committed: bool = False) -> int:
    """Every claim of the theory and on images, with a verdict from the records there are; nothing is computed.

    Args:
        json: print one JSON list of {id, statement, case, predicted, measured, low, high, verdict, ...} instead of tables.
        out: the folder that holds the fresh records.
        committed: use the committed records alone.
    """
    roots = (COMMITTED,) if committed else (out / "records", COMMITTED)
    records = {
        name: load_some(name, roots) for name in (*claims_table.RECORDS, *claims_table.OPTIONAL)
    }
    if json:
        print(dumps(claims_table.listed(records), ensure_ascii=False, allow_nan=False))
    else:
        print(*(table.text() for table in claims_table.tables(records)), sep="\n\n")
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
    if not lines:
        raise RecordError(f"no records in {out / 'records'}; make them with: make reproduce")
    print(*lines, sep="\n")
    return 0 if agreement else 1


def keep(experiments: Names, /, out: Path = OUTPUT) -> int:
    """Make the fresh records of finished experiments, such as theory/methods, the committed ones."""
    if not experiments:
        raise ValueError("no experiment is named; allowed: one or more, such as theory/methods")
    for experiment in experiments:
        print(
            f"{experiment}: {reproduction.keep(experiment, out / 'records')} records kept in paper/results"
        )
    return 0


def readme() -> int:
    """Put the committed numbers into README.md."""
    text = readme_tables.readme()
    (ROOT / "README.md").write_text(text)
    return 0


def list_() -> int:
    """What can be drawn, the records it needs, and those that it shows if they are there."""
    for name in NAMES:
        optional = getattr(module(name), "OPTIONAL", ())
        print(
            f"{name:18s} {', '.join(module(name).RECORDS)}{'; if there: ' if optional else ''}{', '.join(optional)}"
        )
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 1 or sys.argv[1] in ("--out", "--committed"):
        sys.argv.insert(1, "draw")
    commands = {
        "draw": draw,
        "claims": claims,
        "paper": paper,
        "reproduce": reproduce,
        "compare": compare,
        "keep": keep,
        "readme": readme,
        "list": list_,
    }
    sys.exit(run_command(commands, "python -m figures", __doc__))
