"""Figures of the runs with ideal variants, from synthetic records: they show the right values."""

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from empirical.config import Gallery
from empirical.experiments import bridge
from figures.draw import figure_size
from figures.plots import bridge as bridge_plot
from figures.plots import dose, heterogeneity, ideal
from figures.plots.style import STYLE
from figures.records import COMMITTED, Record, json_value, load
from figures.statistics.arms import Arms, arm_of
from figures.tables import contrasts, dial
from figures.tables.table import NUMERIC

PROBES = ("cue", "image", "own_noise", "fresh_noise", "own", "fresh")
GAIN = {"tada": 0.03, "random": 0.02, "syn": 0.02, "truth": 0.035}


def records(name, seeds=3):
    found = []
    for run in bridge.experiment(name).runs:
        for seed in range(seeds):
            if isinstance(run, Gallery):
                level = {"kappa": 0.4, "fidelity": 0.9, "fresh_noise": 1.1, "agreement": 0.95}
                metrics = {"levels": [level]}
            else:
                arm = arm_of(Record(json_value(run), seed, {}))
                gain = GAIN.get(arm.method.split("-")[0], 0.0) * (1 - arm.kappa)
                curve = [0.1 * i + seed / 10 for i in range(20)]
                metrics = {
                    "test_error": 0.1 + seed / 100 - gain,
                    "test_error_uncued": 0.3 + seed / 100 - 3 * gain,
                    "selection_recall": 0.8,
                    **{f"response_{probe}": curve for probe in PROBES},
                }
            found.append(Record(json_value(run), seed, metrics))
    return found


def drawn(drawer, found):
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=figure_size(drawer, found))
        FigureCanvasAgg(figure)
        drawer.draw(figure, found)
        figure.canvas.draw()
    return figure


@pytest.fixture(scope="module")
def found():
    names = ("ideal", "ideal-plain", "dose", "heterogeneity", "dial")
    made = {f"empirical/{name}": records(name) for name in names}
    return {**made, "theory/convergence": load("theory/convergence", (COMMITTED,))}


def wanted(drawer, found):
    return {name: found[name] for name in (*drawer.RECORDS, *getattr(drawer, "OPTIONAL", ()))}


@pytest.mark.slow
@pytest.mark.parametrize("drawer", [ideal, dose, heterogeneity, bridge_plot])
def test_figures_fit_and_are_labelled(drawer, found):
    figure = drawn(drawer, wanted(drawer, found))
    renderer = figure.canvas.get_renderer()
    for axes in figure.axes:
        box = axes.get_tightbbox(renderer)
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1
        assert axes.get_xlabel()
        assert axes.lines or axes.collections
    assert len(drawer.CAPTION) > 100


@pytest.mark.slow
def test_ideal_shows_the_change_of_every_arm(found):
    figure = drawn(ideal, wanted(ideal, found))
    left, middle, right = figure.axes
    names = [label.get_text() for label in left.get_yticklabels()]
    marks = {
        round(-line.get_ydata()[0]): line.get_xdata()[0]
        for line in left.lines
        if line.get_marker() not in ("None", "|", "", None) and len(line.get_xdata()) == 1
    }
    assert marks[names.index("TADA(5)")] == pytest.approx(-3)
    assert marks[names.index("USEFUL(5)")] == pytest.approx(0)
    assert marks[names.index("random(5)")] == pytest.approx(-2)
    assert "Original: 11.0%, 3 seeds" in left.get_title(loc="left")
    assert "Original: 31.0%" in middle.get_title(loc="left")
    assert "Original: 11.0%" in right.get_title(loc="left")


def test_the_dial_table_has_a_row_for_each_generator(found):
    (table,) = dial.tables(wanted(dial, found))
    assert len(table.rows) == len(bridge.generators())
    for row in table.rows:
        assert row[1] == "3"
        assert row[2:5] == ("0.40", "1.10", "0.90")
        assert row[6] == "-1.8"  # 3 points, less 0.4 of them
        assert row[7] == "-3.0"
        assert all(NUMERIC.match(cell.lstrip("-")) for cell in row[1:])


def test_every_run_of_the_bridge_has_an_arm_of_its_own():
    for name in bridge.NAMED:
        runs = [run for run in bridge.experiment(name).runs if not isinstance(run, Gallery)]
        arms = Arms(Record(json_value(run), 0, {}) for run in runs)
        generators = {str(run.generator) + str(run.variants.sampler) for run in runs}
        if name != "dial":
            assert len(generators) == 1
            assert len(arms.groups) == len(runs), name


def test_k_eff_is_the_horizontal_axis_of_the_race(found):
    figure = drawn(heterogeneity, wanted(heterogeneity, found))
    race = figure.axes[2]
    places = {round(float(x), 6) for line in race.lines for x in np.atleast_1d(line.get_xdata())}
    assert {1.0, 2.0, 4.2} <= places  # copies, Syn-all, TADA(5) at recall 0.8


def test_the_table_of_contrasts_gives_verdicts_from_eight_seeds_on():
    for seeds, word in ((3, "too few seeds"), (8, "lower")):
        made = {f"empirical/{name}": records(name, seeds) for name in ("ideal", "ideal-plain")}
        rng = np.random.default_rng(0)
        for part in made.values():
            for record in part:
                record.metrics["test_error"] += 0.001 * rng.standard_normal()
        (table,) = contrasts.tables(made)
        rows = {row[0]: row for row in table.rows}
        assert rows["TADA(5) − Original"][1] == str(seeds)
        assert rows["TADA(5) − Original"][2].endswith(word)
        assert rows["TADA(5) − Original"][2].startswith(("−2.", "−3."))
        expected = "too few seeds" if seeds < 8 else "no clear difference"
        assert rows["USEFUL(5) − Original"][2].endswith(expected)
