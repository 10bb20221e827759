"""Draw figures (PDF, PNG) and tables (Markdown, LaTeX): equal records give equal bytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from figures.plots.style import STYLE, WIDTH
from figures.records import COMMITTED, Record, RecordError, begun, digest, load, load_some

FIGURES = (
    "feature_learning",
    "noise_alignment",
    "homogeneity",
    "noise_tolerance",
    "gradient_variance",
    "factor_theory",
    "strength_theory",
    "regimes",
    "race",
    "sam_radius",
    "ideal",
    "bridge",
    "separability",
    "examples",
    "forest",
    "test_error",
    "slow_and_fast",
    "factor",
    "learning_speed",
    "cost",
)
TABLES = ("settings", "main", "contrasts", "controls", "costs", "reproduction", "claims")
NAMES = (*FIGURES, *TABLES)
# Drawn with all others only once their experiments, which take hours, were begun.
LATER_FIGURES = (
    "dose",
    "heterogeneity",
    "architectures",
    "stacking",
    "strength",
    "selection",
    "learning_curves",
    "scaling",
)
LATER_TABLES = ("dial",)
LATER = (*LATER_FIGURES, *LATER_TABLES)
MODULES = {"test_error": "test_error_by_method"}  # pytest would collect test_error.py
# Prefixes of the experiments that take days: of these, whatever records exist are shown.
GROWING = ("empirical/reduced-", "empirical/paper-")


def is_figure(name: str) -> bool:
    """Return whether a name is that of a figure, not of a table."""
    return name in FIGURES or name in LATER_FIGURES


def load_drawer(name: str) -> ModuleType:
    """Return the module that draws a figure or table; ValueError lists the names allowed."""
    allowed = (*NAMES, *LATER)
    if name not in allowed:
        raise ValueError(f"no figure or table {name!r}; allowed: {', '.join(allowed)}")
    room = "plots" if is_figure(name) else "tables"
    return import_module(f"figures.{room}.{MODULES.get(name, name)}")


def optional_records(drawer: ModuleType) -> tuple[str, ...]:
    """Return the experiments that a drawer shows if they have records."""
    return getattr(drawer, "OPTIONAL", ())


def claims_of(drawer: ModuleType) -> list[str]:
    """Return the claims that a figure or table bears on, from the first line of its docstring.

    ``E1-E3`` stands for E1, E2 and E3.
    """
    line = (drawer.__doc__ or "").partition("\n")[0]
    found = re.findall(r"\b([TE])(\d+)(?:-[TE](\d+))?\b", line)
    return [
        f"{kind}{i}" for kind, low, high in found for i in range(int(low), int(high or low) + 1)
    ]


class Drawing:
    """Draw into the folder ``out``; each experiment is read once.

    roots: folders of records; of each record the first that holds it is used.
    again: if False, leave a drawing that the same code made from the same records.
    """

    def __init__(self, out: Path, roots: Iterable[Path], again: bool = True) -> None:
        """Remember where to read and to draw; nothing is read yet."""
        self.out = out
        self.again = again
        self.roots = tuple(roots)
        self.records = cache(lambda experiment: load(experiment, self.roots))
        self.existing_records = cache(lambda experiment: load_some(experiment, self.roots))

    def records_for(self, drawer: ModuleType) -> dict[str, Sequence[Record]]:
        """Return the records that a drawer reads, by experiment.

        All records of the experiments in RECORDS, and of those in OPTIONAL that were begun in any
        root; raise RecordError if one is missing. Of the experiments of GROWING, return the
        records that exist; raise RecordError if one in RECORDS has none, or all in ANY_OF, if the
        drawer has that list.
        """
        any_of = getattr(drawer, "ANY_OF", ())
        others = [name for name in (*any_of, *optional_records(drawer)) if self.has_records(name)]
        if any_of and not set(others) & set(any_of):
            self.records(any_of[0])  # raises the error
        return {name: self.read(name) for name in (*drawer.RECORDS, *others)}

    def read(self, experiment: str) -> Sequence[Record]:
        """Return the records of an experiment; raise RecordError if some are missing.

        Of the experiments of GROWING, return those that exist, and raise if there are none.
        """
        growing = experiment.startswith(GROWING)
        existing = self.existing_records(experiment) if growing else None
        return existing or self.records(experiment)

    def has_records(self, experiment: str) -> bool:
        """Return whether an experiment was begun, or, if it is of GROWING, has a record."""
        if not experiment.startswith(GROWING):
            return begun(experiment, self.roots)
        try:
            return bool(self.existing_records(experiment))
        except RecordError:  # a damaged record, which reading it will tell
            return True

    def can_begin(self, name: str) -> bool:
        """Return whether there are records for a drawing of LATER."""
        drawer = load_drawer(name)
        any_of = getattr(drawer, "ANY_OF", ())
        there = any(map(self.has_records, any_of)) if any_of else True
        return there and all(map(self.has_records, drawer.RECORDS))

    @property
    def names(self) -> list[str]:
        """Names of all figures and tables, those of LATER only if there are records for them."""
        return [*NAMES, *(name for name in LATER if self.can_begin(name))]

    def __call__(self, name: str) -> str:
        """Draw one figure or table; return a line that says where its records come from.

        A hidden file beside the drawing holds the digest of the code and the records it was made
        from. It is written last, so that an interrupted drawing is drawn again.
        """
        drawer = load_drawer(name)
        records = self.records_for(drawer)
        self.out.mkdir(parents=True, exist_ok=True)
        note = self.out / f".{name}.drawn"
        contents = (
            (record.results, record.provenance.get("seconds"))
            for members in records.values()
            for record in members
        )
        state = digest([code_digest(), *contents])
        suffixes = (".pdf", ".png") if is_figure(name) else (".md", ".tex")
        complete = all((self.out / f"{name}{suffix}").exists() for suffix in suffixes)
        if self.again or not complete or not (note.exists() and note.read_text() == state):
            note.unlink(missing_ok=True)
            save = save_figure if is_figure(name) else save_tables
            save(self.out / name, drawer, records)
            note.write_text(state)
        sources = (f"{experiment} {format_origin(found)}" for experiment, found in records.items())
        return f"{name}: {'; '.join(sources)}"


@cache
def code_digest() -> str:
    """Return the digest of this package's code and of the version of matplotlib."""
    paths = sorted(Path(__file__).parent.rglob("*.py"))
    return digest([version("matplotlib"), *(path.read_text() for path in paths)])


def save_tables(path: Path, drawer: ModuleType, records: Mapping[str, Sequence[Record]]) -> None:
    """Write ``path``.md and ``path``.tex; the labels are ``tab:NAME``, ``tab:NAME-2``, ..."""
    tables = drawer.tables(records)
    path.with_suffix(".md").write_text("\n".join(table.markdown() for table in tables))
    labels = [f"tab:{path.name}" + (f"-{i}" if i > 1 else "") for i in range(1, len(tables) + 1)]
    latex = [table.latex(label) for table, label in zip(tables, labels, strict=True)]
    path.with_suffix(".tex").write_text("\n".join(latex))


def save_figure(path: Path, drawer: ModuleType, records: Mapping[str, Sequence[Record]]) -> None:
    """Write ``path``.pdf and ``path``.png without dates: equal records give equal bytes.

    Settings start from matplotlib's own, whatever the reader's matplotlibrc says.
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=figure_size(drawer, records))
        drawer.draw(figure, records)
        figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
        figure.savefig(path.with_suffix(".png"), metadata={"Software": None})


def figure_size(drawer: ModuleType, records: Mapping[str, Sequence[Record]]) -> tuple[float, float]:
    """Return width and height in inches.

    The drawer's SIZE is in widths of the text; its height is multiplied by
    ``relative_height(records)`` if the drawer defines that function.
    """
    width, height = drawer.SIZE
    factor = drawer.relative_height(records) if hasattr(drawer, "relative_height") else 1
    return WIDTH * width, WIDTH * height * factor


def format_origin(records: Sequence[Record]) -> str:
    """Format how many records are fresh and committed: ``4 fresh, 16 committed``."""
    count = Counter(
        "committed" if record.source and record.source.is_relative_to(COMMITTED) else "fresh"
        for record in records
    )
    return ", ".join(f"{count[kind]} {kind}" for kind in ("fresh", "committed") if count[kind])
