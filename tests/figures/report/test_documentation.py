"""Test the pages of the documentation that are made from records."""

import csv
import io

import pytest
from rooms import ROOT

from figures.draw import LATER, NAMES
from figures.records import COMMITTED
from figures.report import documentation
from figures.tables.table import Table


@pytest.fixture(scope="module")
def made():
    return documentation.pages((COMMITTED,))


@pytest.mark.slow
def test_the_pages_are_those_of_the_committed_records(made):
    for name, text in made.items():
        assert (ROOT / "docs" / name).read_text() == text, "run: python -m figures readme"
    kept = {f"results/{path.name}" for path in (ROOT / "docs/results").iterdir()}
    assert kept == {name for name in made if name.startswith("results/")}


@pytest.mark.slow
def test_every_figure_and_table_has_a_row(made):
    for name in (*NAMES, *LATER):
        assert f"| `{name}` (" in made["figures.md"]
    for line in made["figures.md"].splitlines():
        assert "Draw " not in line


def test_csv_holds_every_cell():
    tables = [
        Table("A, with a comma", ("case", "mean"), (("x", "−1.2 ± 0.5"), ('y "q"', ""))),
        Table("B", ("one",), (("z",),)),
    ]
    rows = list(csv.reader(io.StringIO(documentation.as_csv(tables))))
    assert rows == [
        ["table", "case", "mean"],
        ["A, with a comma", "x", "−1.2 ± 0.5"],
        ["A, with a comma", 'y "q"', ""],
        ["table", "one"],
        ["B", "z"],
    ]


def test_pages_that_are_made_no_longer_are_removed(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/old.md").write_text("old")
    (tmp_path / "own.md").write_text("by hand")
    documentation.write(tmp_path, {"figures.md": "f", "results/claims.md": "c"})
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.md")}
    assert found == {"own.md", "figures.md", "results/claims.md"}
