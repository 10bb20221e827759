"""All figures and tables draw from the committed records: labelled, the same bytes twice."""

import dataclasses
import itertools
import shutil
import subprocess
import sys

import pytest

from figures.draw import Drawing, figure_size, is_figure, load_drawer
from figures.records import COMMITTED, RecordError, read, write
from figures.records.lines import read_lines
from figures.records.paths import ROOT

pytestmark = pytest.mark.slow


# Those without records yet: test_image_figures.py.
DRAWABLE = Drawing(COMMITTED, (COMMITTED,)).names


@pytest.fixture(scope="module")
def drawing():
    """Return a drawing that reads every experiment once."""
    return Drawing(COMMITTED, (COMMITTED,))


@pytest.mark.parametrize("name", DRAWABLE)
def test_the_same_records_give_the_same_bytes(name, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        said = Drawing(folder, (COMMITTED,))(name)
    assert said.startswith(f"{name}: ")
    assert "committed" in said
    suffixes = {".pdf", ".png"} if is_figure(name) else {".md", ".tex"}
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


@pytest.mark.parametrize("name", [name for name in DRAWABLE if is_figure(name)])
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
        # no title or label runs into the next panel
        for one, other in itertools.combinations(boxes, 2):
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


def test_importing_the_rooms_loads_no_matplotlib():
    rooms = (
        "figures.draw, figures.report, figures.tables.readme, figures.claims, figures.statistics"
    )
    code = f"import sys, {rooms}; print('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_readers_own_settings_of_matplotlib_change_nothing(tmp_path):
    import matplotlib

    Drawing(tmp_path / "usual", (COMMITTED,))("homogeneity")
    own = {"text.usetex": True, "font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}
    with matplotlib.rc_context(own):
        Drawing(tmp_path / "own", (COMMITTED,))("homogeneity")
    for suffix in (".pdf", ".png"):
        usual, changed = (tmp_path / name / f"homogeneity{suffix}" for name in ("usual", "own"))
        assert usual.read_bytes() == changed.read_bytes()
