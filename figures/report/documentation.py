"""Write the pages of ``docs/`` that are made from records: results, and what each figure shows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

from figures.claims.images import EXPERIMENTS, SMALL
from figures.draw import LATER, NAMES, Drawing, claims_of, is_figure, load_drawer
from figures.records import RecordError
from figures.tables import readme
from figures.tables.table import Table

MADE = "<!-- made by python -m figures readme -->\n\n"
RESULTS = "results"  # folder below docs/
PAGES = {  # name of a table -> title of its page
    "claims": "Every claim",
    "main": "Test errors, and methods against each other",
    "contrasts": "Ideal variants: the deciding contrasts",
    "dial": "Real generators on the ideal generator's dial",
    "controls": "What length, count, weight and targeting bring",
    "reproduction": "The paper's values beside ours",
    "settings": "Settings, beside the paper's",
    "costs": "What it costs",
}


def pages(roots: Iterable[Path]) -> dict[str, str]:
    """Return the path below ``docs/`` and the text of every page that is made from records.

    Tables whose records are missing are left out. roots: folders of records.
    """
    drawing = Drawing(Path(), roots)
    made = {"figures.md": figures_page(), f"{RESULTS}/overview.md": overview(drawing)}
    for name, title in PAGES.items():
        drawer = load_drawer(name)
        try:
            tables = drawer.tables(drawing.records_for(drawer))
        except RecordError:
            continue
        body = "\n".join(table.markdown() for table in tables)
        made[f"{RESULTS}/{name}.md"] = f"{MADE}# {title}\n\n{links(name)}\n\n{body}"
        made[f"{RESULTS}/{name}.csv"] = as_csv(tables)
    return made


def overview(drawing: Drawing) -> str:
    """Return the page with a row for each claim: how it is computed, and what came out."""
    wanted = dict.fromkeys((*readme.THEORY, *SMALL, *EXPERIMENTS))
    table = readme.claim_table({name: drawing.existing_records(name) for name in wanted})
    return f"{MADE}# Every claim in a row\n\n{links('overview')}\n\n{table.markdown()}"


def links(name: str) -> str:
    """Return the line of links at the top of a page of results."""
    others = ", ".join(f"[{other}]({other}.md)" for other in ("overview", *PAGES) if other != name)
    as_csv = f"As [CSV]({name}.csv). " if name in PAGES else ""
    return f"{as_csv}Other results: {others}."


def as_csv(tables: Iterable[Table]) -> str:
    """Return tables as CSV, one row for each of their rows: title of the table, then its cells."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for table in tables:
        writer.writerow(["table", *table.header])
        writer.writerows([table.title, *row] for row in table.rows)
    return file.getvalue()


def figures_page() -> str:
    """Return the page that says of every figure and table what it shows, and from which records."""
    header = ("name", "shows", "claims", "records", "if they exist")
    rows = tuple(drawing_rows((*NAMES, *LATER)))
    note = (
        "`python -m figures draw NAME` draws one of them into `output/figures/`; "
        "`python -m empirical run EXPERIMENT`, or `python -m theory run EXPERIMENT`, makes records."
    )
    table = Table("Figures and tables, in the order of the report", header, rows, note)
    return f"{MADE}# Figures and tables\n\n{table.markdown()}"


def drawing_rows(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each figure or table."""
    for name in names:
        drawer = load_drawer(name)
        needed, optional = drawer.RECORDS, getattr(drawer, "OPTIONAL", ())
        kind = "figure" if is_figure(name) else "table"
        claims = " ".join(claims_of(drawer))
        yield (f"`{name}` ({kind})", described(drawer), claims, listed(needed), listed(optional))


def described(drawer: ModuleType) -> str:
    """Return what a drawer shows, from the first line of its docstring, without the claims."""
    line = (drawer.__doc__ or "").partition("\n")[0].rstrip(".")
    words = re.sub(r"^(Draw|Tabulate|Make the table of|Make a table of|Make|List) ", "", line)
    return re.sub(r" \([^()]*\b[TE]\d+[^()]*\)$", "", words)


def listed(experiments: Iterable[str]) -> str:
    """Return the names of experiments; those of a scale as one, since there are many."""
    short = {re.sub(r"(reduced|paper)-.*", r"\1-...", name) for name in experiments}
    return ", ".join(sorted(short))


def write(folder: Path, made: Mapping[str, str]) -> None:
    """Write the pages below ``folder``; remove pages of results that are made no longer."""
    (folder / RESULTS).mkdir(parents=True, exist_ok=True)
    for path in (folder / RESULTS).iterdir():
        if f"{RESULTS}/{path.name}" not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text)
