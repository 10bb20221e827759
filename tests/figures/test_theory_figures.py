"""The figures and the table of the theory's claims, from records of small runs with the labels of the real ones."""

from dataclasses import replace
from importlib import import_module

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from figures import claims_table, gradient_variance, noise_tolerance
from figures.draw import save_figure
from figures.records import Record, RecordError, plain
from figures.select import by_label
from figures.style import STYLE, WIDTH
from theory import Distribution, Network
from theory.closed_forms import noise_alignment_ratio, shared_noise
from theory.config import Probe
from theory.experiments import EXPERIMENTS, measurements

NAMES = ("gradient_variance", "factor_theory", "strength_theory", "noise_tolerance")
SEEDS = (0, 1, 2)


def small(run):
    changes = {"draws": 1} if isinstance(run, Probe) else {"optimiser": replace(run.optimiser, steps=60)}
    return replace(run, distribution=Distribution(n=30, d=60, alpha=0.7), network=Network(J=2, sigma_0=0.3), **changes)


def compute(name):
    for run in map(small, EXPERIMENTS[name].runs):
        for batch in measurements(run, SEEDS):
            yield from (Record(plain(run), seed, plain(metrics)) for seed, metrics in batch.items())


@pytest.fixture(scope="module")
def records():
    needed = sorted({name for figure in NAMES for name in import_module(f"figures.{figure}").RECORDS})
    return {name: list(compute(name.split("/")[1])) for name in needed}


def drawn(name, records):
    drawer = import_module(f"figures.{name}")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH * drawer.SIZE[0], WIDTH * drawer.SIZE[1]))
        drawer.draw(figure, {key: records[key] for key in drawer.RECORDS})
        figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("name", NAMES)
def test_panels_fit_and_are_labelled(name, records):
    figure = drawn(name, records)
    assert len(figure.axes) == 2
    left, right = (axes.get_tightbbox() for axes in figure.axes)
    assert left.x1 <= right.x0 + 2
    for axes, box in zip(figure.axes, (left, right), strict=True):
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert axes.lines or axes.images
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1
    assert len(import_module(f"figures.{name}").CAPTION) > 100


@pytest.mark.parametrize("name", NAMES)
def test_equal_records_give_equal_files(name, records, tmp_path):
    drawer = import_module(f"figures.{name}")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        save_figure(tmp_path / folder / name, drawer, {key: records[key] for key in drawer.RECORDS})
    for suffix in ("pdf", "png"):
        assert (tmp_path / "one" / f"{name}.{suffix}").read_bytes() == (tmp_path / "two" / f"{name}.{suffix}").read_bytes()


def points(axes, place):
    """The y values of an axes' error bars."""
    return np.asarray(axes.containers[place].lines[0].get_ydata(), float)


def mean_error(records, label):
    return np.mean([100 * record.metrics["test_error"][-1] for record in by_label(records)[label]])


def test_strength_shows_the_difference_from_original(records):
    _, right = drawn("strength_theory", records).axes
    base = [100 * r.metrics["test_error"][-1] for r in by_label(records["theory/methods"])["original"]]
    expected = [mean_error(records["theory/strength"], f"strength-0.{t}") - np.mean(base) for t in range(1, 10)]
    np.testing.assert_allclose(points(right, 0), expected, atol=1e-9)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(np.asarray(right.containers[0].lines[0].get_xdata(), float), np.arange(1, 10) / 10)


def test_landscape_has_features_upwards_and_noise_to_the_right(records):
    left, _ = drawn("strength_theory", records).axes
    shown = np.asarray(left.images[0].get_array())
    assert shown[0, 4] == pytest.approx(mean_error(records["theory/landscape"], "kappa-1-phi-0.2"))
    assert shown[4, 1] == pytest.approx(mean_error(records["theory/landscape"], "kappa-0.25-phi-1"))
    assert left.images[0].origin == "lower"


def test_factor_begins_at_no_augmentation(records):
    left, _ = drawn("factor_theory", records).axes
    for place, name in enumerate(("useful", "tada")):
        labels = ["original", *(f"{name}-{k}" for k in (2, 3, 5, 8))]
        errors = np.array([mean_error(records["theory/methods"], label) for label in labels])
        np.testing.assert_allclose(points(left, place), errors - errors[0], atol=1e-9)


def test_variance_is_that_of_the_batch(records):
    left, _ = drawn("gradient_variance", records).axes
    metrics = [record.metrics for record in by_label(records["theory/claims"])["variance-5"]]
    B = 0.2 * 30
    expected = np.mean([(1 - 1 / B) * m["value"] + m["one"] / B for m in metrics])
    assert points(left, 2)[gradient_variance.SHARES.index(0.2)] == pytest.approx(expected)


def test_tolerance_compares_variants_with_copies(records):
    left, right = drawn("noise_tolerance", records).axes
    expected = mean_error(records["theory/tolerance"], "noise-2-0.5") - mean_error(records["theory/methods"], "useful-2")
    assert points(right, 0)[0] == pytest.approx(expected)
    ratios = [record.metrics["value"] for record in by_label(records["theory/claims"])["noise-8-2"]]
    assert points(left, 2)[-1] == pytest.approx(np.mean(ratios))


@pytest.mark.parametrize("k", [2, 5])
def test_figures_use_the_closed_forms_of_the_theory(k):
    for x in (0.5, 1.0, 2.0, 20.0):
        assert noise_tolerance.ratio(0.2, k, x) == pytest.approx(noise_alignment_ratio(0.2, k, x))
        assert gradient_variance.shared(k, x, 0.2, 100) == pytest.approx(shared_noise(0.2, k, 100, x))


def verdict(**changes):
    usual = {"id": "T3", "statement": "A claim", "case": "a case", "predicted": 0.5, "measured": -0.25, "low": -1e-60, "high": 0.51234}
    return {**usual, "holds": True, **changes}


def test_the_table_of_claims_has_a_row_a_case():
    cases = [verdict(), verdict(id="T3b", predicted="< 0", holds=False), verdict(id="T4", statement="Another")]
    record = Record({"label": "verdicts", "seeds": {"claims": 30, "methods": 30}}, 0, {"verdicts": cases})
    hasty = Record({"label": "verdicts", "seeds": {"claims": 2, "methods": 2}}, 0, {"verdicts": []})
    three, four = claims_table.tables({"theory/claims": [Record({"label": "other"}, 0, {}), hasty, record, hasty]})
    assert (three.title, four.title) == ("T3: A claim", "T4: Another")
    assert three.rows == (
        ("T3: a case", "0.5", "−0.25", "0 to 0.512", "holds"),
        ("T3b: a case", "< 0", "−0.25", "0 to 0.512", "does not hold"),
    )
    assert "10%" in three.note
    assert not four.note


def test_missing_verdicts_name_their_command():
    with pytest.raises(RecordError, match="make them with: python -m theory claims"):
        claims_table.tables({"theory/claims": [Record({"label": "other"}, 0, {})]})
