"""Draw figures, tables and the report from records, and compare records; without a command: draw.

Nothing is computed here.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from json import dumps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import tyro

from figures import reproduce as reproduction
from figures.draw import LATER, NAMES, Drawing, load_drawer, optional_records
from figures.records import COMMITTED, OUTPUT, RecordError, load_some, run_command
from figures.records.command_line.arguments import Names
from figures.records.command_line.rows import print_row
from figures.records.paths import ROOT
from figures.report import build_report, documentation
from figures.tables import claims as claims_table
from figures.tables.readme import render_readme


def record_roots(out: Path, committed: bool) -> tuple[Path, ...]:
    """Return the folders in which records are looked for, the preferred one first."""
    return (COMMITTED,) if committed else (out / "records", COMMITTED)


PICTURE = "ideal"  # the figure that README begins with


def draw(
    names: tyro.conf.Positional[
        Annotated[tuple[str, ...], tyro.conf.arg(metavar="[NAME ...]", help_behavior_hint="")]
    ] = (),
    /,
    out: Path = OUTPUT,
    committed: bool = False,
) -> int:
    """Draw figures and tables into OUT/figures.

    Fresh records in OUT/records are used first, committed ones where there are none. Without
    NAMES, everything that can be drawn is drawn; the exit code is 1 if records are missing.

    Args:
        names: figures and tables to draw, such as homogeneity; all if none is given.
        out: folder of the fresh records and of the drawings.
        committed: use only the committed records.
    """
    drawing = Drawing(out / "figures", record_roots(out, committed))
    for name in names:
        load_drawer(name)  # an unknown name stops everything before anything is drawn
    for name in names:
        print(drawing(name), flush=True)
    return 1 if not names and reproduction.draw_all(drawing) else 0


def claims(json: bool = False, out: Path = OUTPUT, committed: bool = False) -> int:
    """Print a verdict on every claim of the theory and on images, from the existing records.

    Args:
        json: print one JSON list of {id, statement, case, predicted, measured, low, high,
            verdict, ...} instead of tables.
        out: folder of the fresh records.
        committed: use only the committed records.
    """
    roots = record_roots(out, committed)
    experiments = (*claims_table.RECORDS, *claims_table.OPTIONAL)
    records = {name: load_some(name, roots) for name in experiments}
    if json:
        print(dumps(claims_table.claims_as_json(records), ensure_ascii=False, allow_nan=False))
    else:
        print(*(table.text() for table in claims_table.tables(records)), sep="\n\n")
    return 0


def paper(out: Path = OUTPUT / "paper") -> int:
    """Write the report's figures, tables and numbers from the committed records.

    It is the first step of ``make paper``, which typesets the report.

    Args:
        out: folder that the files are written to.
    """
    out.mkdir(parents=True, exist_ok=True)
    print(*build_report(out, (COMMITTED,)), sep="\n")
    return 0


def reproduce(out: Path = OUTPUT) -> int:
    """Compare fresh records with the committed ones, draw everything, print the main numbers.

    The exit code is 1 if any record differs or anything could not be drawn.

    Args:
        out: folder of the fresh records and of the drawings.
    """
    return reproduction.reproduce(out)


def compare(out: Path = OUTPUT) -> int:
    """Compare every fresh record with the committed one.

    The exit code is 1 if any differs by more than its tolerance.

    Args:
        out: folder of the fresh records.
    """
    lines, agreement = reproduction.comparison(out / "records")
    if not lines:
        raise RecordError(f"no records in {out / 'records'}; make them with: make reproduce")
    print(*lines, sep="\n")
    return 0 if agreement else 1


def keep(experiments: Names, /, out: Path = OUTPUT) -> int:
    """Replace the committed records of finished experiments by the fresh ones.

    Args:
        experiments: names of experiments, such as theory/methods.
        out: folder of the fresh records.
    """
    if not experiments:
        raise ValueError("no experiment is named; allowed: one or more, such as theory/methods")
    for experiment in experiments:
        count = reproduction.keep(experiment, out / "records")
        print(f"{experiment}: {count} records kept in paper/results")
    return 0


def readme() -> int:
    """Write the numbers of the committed records into README.md, and pages of docs/ from them.

    These are README's picture, docs/figures.md and all of docs/results.
    """
    text = render_readme()
    (ROOT / "README.md").write_text(text)
    documentation.write(ROOT / "docs", documentation.pages((COMMITTED,)))
    with TemporaryDirectory() as folder:
        Drawing(Path(folder), (COMMITTED,))(PICTURE)
        shutil.copy(Path(folder) / f"{PICTURE}.png", ROOT / "docs" / f"{PICTURE}.png")
    return 0


def list_drawings() -> int:
    """List what can be drawn, the records it needs, and those that it shows if they exist."""
    for name in (*NAMES, *LATER):
        drawer = load_drawer(name)
        any_of = " or ".join(getattr(drawer, "ANY_OF", ()))
        needed = ", ".join((*drawer.RECORDS, *([any_of] if any_of else [])))
        optional = ", ".join(optional_records(drawer))
        print_row(name, f"{needed}{f'; if there: {optional}' if optional else ''}", 20)
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    "draw": draw,
    "claims": claims,
    "paper": paper,
    "reproduce": reproduce,
    "compare": compare,
    "keep": keep,
    "readme": readme,
    "list": list_drawings,
}


def main(prog: str = "python -m figures") -> int:
    """Run the command that ``sys.argv`` names, or draw everything; return the exit code."""
    if len(sys.argv) == 1 or sys.argv[1] in ("--out", "--committed"):
        sys.argv.insert(1, "draw")
    return run_command(COMMANDS, prog, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
