"""Draw figures (PDF, PNG) and tables (Markdown, LaTeX): equal records give equal bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from figures.plots.style import STYLE, WIDTH
from figures.records import COMMITTED, Record, begun, digest, load, load_some

FIGURES = (
    "feature_learning",
    "noise_alignment",
    "homogeneity",
    "noise_tolerance",
    "gradient_variance",
    "factor_theory",
    "strength_theory",
    "regimes",
    "sam_radius",
    "ideal",
    "bridge",
    "separability",
    "examples",
    "test_error",
    "architectures",
    "stacking",
    "factor",
    "strength",
    "selection",
    "learning_speed",
    "learning_curves",
    "cost",
)
TABLES = ("settings", "main", "contrasts", "costs", "reproduction", "claims")
NAMES = (*FIGURES, *TABLES)
# Drawn with all others only once their experiments, which take hours, were begun.
LATER_FIGURES = ("dose", "heterogeneity")
LATER_TABLES = ("dial",)
LATER = (*LATER_FIGURES, *LATER_TABLES)
MODULES = {"test_error": "test_error_by_method"}  # pytest would collect test_error.py
PAPER_SCALE = "empirical/paper-"  # prefix of the experiments at the paper's scale


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
        root; raise RecordError if one is missing. Experiments at the paper's scale take days: of
        these, return the records that exist.
        """
        records: dict[str, Sequence[Record]] = {
            experiment: self.records(experiment) for experiment in drawer.RECORDS
        }
        for experiment in getattr(drawer, "OPTIONAL", ()):
            if experiment.startswith(PAPER_SCALE):
                if existing := self.existing_records(experiment):
                    records[experiment] = existing
            elif begun(experiment, self.roots):
                records[experiment] = self.records(experiment)
        return records

    @property
    def names(self) -> list[str]:
        """Names of all figures and tables, those of LATER only if their records were begun."""
        later = [
            name
            for name in LATER
            if all(begun(experiment, self.roots) for experiment in load_drawer(name).RECORDS)
        ]
        return [*NAMES, *later]

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
