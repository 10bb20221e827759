"""All figures and tables draw from the committed records: labelled, the same bytes twice."""

import dataclasses
import itertools
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from figures.draw import FIGURES, NAMES, Drawing, figure_size, load_drawer
from figures.labels import METHODS, method_style
from figures.records import COMMITTED, RecordError, begun, read, write
from figures.records.lines import read_lines
from figures.statistics.intervals import estimate, paired_estimate
from figures.statistics.pick import budget_of, by_label, method_of
from figures.tables.main import tables
from figures.tables.table import Table, format_signed


def committed(names):
    """Return the names whose records are all committed; the others: test_image_figures.py."""
    return [
        name
        for name in names
        if all(begun(experiment, (COMMITTED,)) for experiment in load_drawer(name).RECORDS)
    ]


@pytest.fixture(scope="module")
def drawing():
    """Return a drawing that reads every experiment once."""
    return Drawing(COMMITTED, (COMMITTED,))


@pytest.fixture(scope="module")
def records(drawing):
    return {
        name: drawing.records(name)
        for figure in committed(NAMES)
        for name in load_drawer(figure).RECORDS
    }


@pytest.mark.parametrize("name", committed(NAMES))
def test_the_same_records_give_the_same_bytes(name, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        said = Drawing(folder, (COMMITTED,))(name)
    assert said.startswith(f"{name}: ")
    assert "committed" in said
    suffixes = {".pdf", ".png"} if name in FIGURES else {".md", ".tex"}
    drawn = sorted(folders[0].glob("[!.]*"))
    assert {path.suffix for path in drawn} == suffixes
    for path in drawn:
        assert path.read_bytes() == (folders[1] / path.name).read_bytes()
        assert path.stat().st_size > 500


def test_what_is_drawn_already_is_left_alone_unless_its_records_change(tmp_path):
    path = tmp_path / "records/theory/homogeneity"
    shutil.copytree(COMMITTED / "theory/homogeneity", path)
    draw = lambda again: Drawing(tmp_path, (tmp_path / "records",), again)("homogeneity")  # noqa: E731
    draw(True)
    picture = tmp_path / "homogeneity.png"
    picture.write_bytes(b"mine")
    draw(False)
    assert picture.read_bytes() == b"mine"
    (tmp_path / "homogeneity.pdf").unlink()
    draw(False)
    assert (tmp_path / "homogeneity.pdf").exists()
    picture.write_bytes(b"mine")
    some = path / next(iter(read_lines(path)))
    write(some, dataclasses.replace(read(some), metrics={**read(some).metrics, "speed_ratio": 5.0}))
    draw(False)
    assert picture.read_bytes() != b"mine"
    picture.write_bytes(b"mine")
    write(
        some, dataclasses.replace(read(some), provenance={**read(some).provenance, "seconds": 5.0})
    )  # which costs are drawn from
    draw(False)
    assert picture.read_bytes() != b"mine"


@pytest.mark.parametrize("name", committed(FIGURES))
def test_every_panel_shows_something_and_fits(name, drawing):
    import matplotlib
    from matplotlib.figure import Figure

    from figures.plots.style import STYLE

    drawer = load_drawer(name)
    shown = drawing.records_for(drawer)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=figure_size(drawer, shown))
        drawer.draw(figure, shown)
        figure.draw_without_rendering()
        boxes = [axes.get_tightbbox() for axes in figure.axes]
        for axes, box in zip(figure.axes, boxes, strict=True):
            assert axes.lines or axes.collections or axes.images or axes.containers
            assert axes.get_xlabel() or axes.get_title("left") or axes.get_ylabel()
            assert min(box.x0, box.y0) >= -1
            assert box.x1 <= figure.bbox.x1 + 1
            assert box.y1 <= figure.bbox.y1 + 1
        for one, other in itertools.combinations(
            boxes, 2
        ):  # no title or label runs into the next panel
            assert (
                min(one.x1, other.x1) - max(one.x0, other.x0) < 2
                or min(one.y1, other.y1) - max(one.y0, other.y0) < 2
            )
    assert len(drawer.CAPTION) > 40


def test_a_missing_record_names_its_command(tmp_path):
    with pytest.raises(RecordError, match="make it with: python -m theory run methods"):
        Drawing(tmp_path, (tmp_path,))("feature_learning")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_figure_lists_those_there_are():
    with pytest.raises(ValueError, match="allowed: feature_learning"):
        load_drawer("wrong")


def test_every_method_has_a_look_of_its_own(records):
    assert (
        len({(m.colour, m.marker) for m in METHODS.values()})
        == len({m.colour for m in METHODS.values()})
        == len(METHODS)
    )
    assert method_style("tada-5").label == "TADA(5)"
    assert method_style("syn-all") == METHODS["syn-all"]
    for label in by_label(records["theory/methods"]):
        assert method_style(label).label


samples = arrays(float, st.integers(2, 30), elements=st.floats(-100, 100))


@given(samples)
def test_intervals_are_students(values):
    from scipy import stats

    got, n = estimate(values), len(values)
    assert got.mean == pytest.approx(values.mean(), abs=1e-9)
    assert got.half == pytest.approx(stats.t.ppf(0.975, n - 1) * stats.sem(values), abs=1e-9)


@given(samples, st.floats(-5, 5))
def test_paired_differences_are_free_of_what_seeds_share(values, shift):
    plain = dict(enumerate(values))
    difference = paired_estimate(
        {seed: value + shift for seed, value in plain.items()}, plain | {99: 0.0}
    )
    assert difference.mean == pytest.approx(shift, abs=1e-9)
    assert difference.half == pytest.approx(0, abs=1e-9)
    assert difference.n == len(values)


def test_one_seed_has_no_interval():
    assert np.isnan(estimate(np.array([1.0])).half)
    assert format_signed(0.5, float("nan")) == "+0.5"


def test_a_table_in_three_forms():
    table = Table(
        "Error, %",
        ("method", "±"),
        (("TADA(2)", format_signed(-1.25, 0.5)), ("Syn_all", "12%")),
        "A note.",
    )
    assert table.markdown().splitlines()[2:] == [
        "| method | ± |",
        "| --- | ---: |",
        "| TADA(2) | −1.2 ± 0.5 |",
        "| Syn_all | 12% |",
        "",
        "A note.",
    ]
    latex = table.latex()
    assert r"TADA(2) & $-$1.2 $\pm$ 0.5 \\" in latex
    assert r"Syn\_all & 12\% \\" in latex
    assert r"($\beta$$_e$)$^3$ $<$ 1" in Table("(β_e)³ < 1", ("a",), ()).latex()
    assert latex.count(r"\begin{longtable}{@{}lr@{}}") == latex.count(r"\end{longtable}") == 1
    assert latex.count("{") == latex.count("}")
    assert latex.index(r"\end{longtable}") < latex.index("A note.")
    wide = Table("Wide", ("case", "verdict"), (("word " * 30, "holds"),)).latex()
    assert r"\arraybackslash" in wide
    assert wide.splitlines()[1].endswith("l@{}}")
    assert [line.rstrip() for line in table.text().splitlines()][1:3] == [
        "  method            ±",
        "  TADA(2)  −1.2 ± 0.5",
    ]


def means_of(values, n=4000):
    """Return the means of n resamples of the values."""
    return np.random.default_rng(1).choice(values, (n, len(values))).mean(1)


def errors(records):
    """Return (budget, method) -> seed -> test error of image runs."""
    table = {}
    for record in records:
        table.setdefault((budget_of(record), method_of(record)), {})[record.seed] = record.metrics[
            "test_error"
        ]
    return table


def test_the_main_table_says_what_the_records_say(records):
    theory, noisy, contrasts, digits, _ = tables(
        {
            name: records[name]
            for name in ("theory/methods", "empirical/noisy-digits", "empirical/digits")
        }
    )
    originals = [
        r.metrics["test_error"][-1]
        for r in records["theory/methods"]
        if r.config["label"] == "original"
    ]
    assert theory.rows[0][0] == "Original"
    assert (
        theory.rows[0][1]
        == f"{100 * np.mean(originals):.2f} ± {100 * float(estimate(np.array(originals)).half):.2f}"
    )
    values = errors(records["empirical/noisy-digits"])
    apart = [
        100 * (values["epochs", "tada-5"][s] - values["steps", "original"][s])
        for s in values["steps", "original"]
    ]
    (row,) = (row for row in noisy.rows if row[0] == "TADA(5), equal epochs, SGD")
    assert row[2] == format_signed(np.mean(apart), float(estimate(np.array(apart)).half), 2)
    assert f"{len(apart)} seeds" in noisy.title
    assert len(noisy.rows) == len(digits.rows) == len(values)
    apart = [
        100 * (values["sam", "tada-5"][s] - values["sam", "useful-5"][s])
        for s in values["steps", "original"]
    ]
    (row,) = (row for row in contrasts.rows if row[0] == "TADA(5) − USEFUL(5), equal steps, SAM")
    assert float(row[3].split(" to ")[0].replace("−", "-")) == pytest.approx(
        np.percentile(means_of(apart), 2.5), abs=0.04
    )
    assert row[2] == format_signed(np.mean(apart), float(estimate(np.array(apart)).half), 2)
    for row in contrasts.rows:
        mean, half = (float(part) for part in row[2].replace("−", "-").split(" ± "))
        assert (
            row[4]
            == ("no clear difference" if abs(mean) < half else "lower" if mean < 0 else "higher")
            or abs(abs(mean) - half) < 0.011
        )
