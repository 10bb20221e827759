"""Draw figures and tables from records: PDF and PNG, Markdown and LaTeX, the same bytes from the same records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

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
TABLES = ("settings", "main", "costs", "reproduction", "claims")
FILES = {"test_error": "test_error_by_method"}  # pytest would take test_error.py for tests
NAMES = (*FIGURES, *TABLES)
LARGE = "empirical/paper-"  # experiments at the paper's scale


def module(name: str) -> ModuleType:
    """The file that draws a figure or table; ValueError lists the names there are."""
    if name not in NAMES:
        raise ValueError(f"no figure or table {name!r}; allowed: {', '.join(NAMES)}")
    return import_module(
        f"figures.{'plots' if name in FIGURES else 'tables'}.{FILES.get(name, name)}"
    )


class Drawing:
    """Draws into ``out`` from the first of ``roots`` that holds a record, each experiment read once.

    With ``again`` False, what was drawn by the same code from the same records is left as it is.
    """

    def __init__(self, out: Path, roots: Iterable[Path], again: bool = True) -> None:
        self.out = out
        self.again = again
        self.roots = tuple(roots)
        self.records = cache(lambda experiment: load(experiment, self.roots))
        self.some = cache(lambda experiment: load_some(experiment, self.roots))

    def needed(self, drawer: ModuleType) -> dict[str, Sequence[Record]]:
        """Records by experiment: those of RECORDS, all of them, or RecordError; of OPTIONAL, those of experiments begun anywhere.

        An experiment at the paper's scale takes days: of it, what is there.
        """
        records = {experiment: self.records(experiment) for experiment in drawer.RECORDS}
        for experiment in getattr(drawer, "OPTIONAL", ()):
            large = experiment.startswith(LARGE)
            if (large and self.some(experiment)) or (not large and begun(experiment, self.roots)):
                records[experiment] = self.some(experiment) if large else self.records(experiment)
        return records

    def __call__(self, name: str) -> str:
        """Draw one; returns a line that says what came from where."""
        drawer = module(name)
        records = self.needed(drawer)
        self.out.mkdir(parents=True, exist_ok=True)
        note = self.out / f".{name}.drawn"  # from what it was drawn; written last
        known = (
            (record.results, record.provenance.get("seconds"))
            for members in records.values()
            for record in members
        )
        state = digest([code(), *known])
        there = all(
            (self.out / f"{name}{suffix}").exists()
            for suffix in ((".pdf", ".png") if name in FIGURES else (".md", ".tex"))
        )
        if self.again or not there or not (note.exists() and note.read_text() == state):
            note.unlink(missing_ok=True)
            save_figure(self.out / name, drawer, records) if name in FIGURES else save_tables(
                self.out / name, drawer, records
            )
            note.write_text(state)
        return f"{name}: " + "; ".join(
            f"{experiment} {origin(members)}" for experiment, members in records.items()
        )


@cache
def code() -> str:
    """Digest of the code that draws, and of the library that does it."""
    return digest(
        [
            version("matplotlib"),
            *(path.read_text() for path in sorted(Path(__file__).parent.rglob("*.py"))),
        ]
    )


def save_tables(path: Path, drawer: ModuleType, records: Mapping[str, Sequence[Record]]) -> None:
    """``path``.md and ``path``.tex."""
    made = drawer.tables(records)
    path.with_suffix(".md").write_text("\n".join(table.markdown() for table in made))
    labels = [f"tab:{path.name}" + (f"-{i}" if i > 1 else "") for i in range(1, len(made) + 1)]
    path.with_suffix(".tex").write_text(
        "\n".join(table.latex(label) for table, label in zip(made, labels, strict=True))
    )


def save_figure(path: Path, drawer: ModuleType, records: Mapping[str, Sequence[Record]]) -> None:
    """``path``.pdf and ``path``.png, without dates, so that equal records give equal files."""
    import matplotlib
    from matplotlib.figure import Figure

    from figures.plots.style import STYLE

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size(drawer, records))
        drawer.draw(figure, records)
        figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
        figure.savefig(path.with_suffix(".png"), metadata={"Software": None})


def size(drawer: ModuleType, records: Mapping[str, Sequence[Record]]) -> tuple[float, float]:
    """Width and height in inches. SIZE is in widths of the text; a figure with ``rows(records)`` rows is so many times as high."""
    from figures.plots.style import WIDTH

    width, height = drawer.SIZE
    return WIDTH * width, WIDTH * height * (drawer.rows(records) if hasattr(drawer, "rows") else 1)


def origin(records: Sequence[Record]) -> str:
    """``4 fresh, 16 committed``."""
    count = Counter(
        "committed" if record.source.is_relative_to(COMMITTED) else "fresh" for record in records
    )
    return ", ".join(f"{count[kind]} {kind}" for kind in ("fresh", "committed") if count[kind])
