"""Figures of the theory and the table of its claims, from records of small runs."""

from dataclasses import replace
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from figures.claims.theory import verdict_word
from figures.draw import load_drawer, save_figure
from figures.plots import gradient_variance, noise_tolerance
from figures.plots.style import STYLE, WIDTH
from figures.records import Record, RecordError, json_value
from figures.statistics.pick import by_label
from figures.tables import claims as claims_table
from theory import Distribution, Network
from theory.closed_forms import noise_alignment_ratio, shared_noise
from theory.config import Probe
from theory.experiments import EXPERIMENTS, measurements

pytestmark = pytest.mark.slow

NAMES = (
    "gradient_variance",
    "factor_theory",
    "strength_theory",
    "noise_tolerance",
    "regimes",
    "sam_radius",
)
SEEDS = (0, 1, 2)


def small(run):
    changes = (
        {"draws": 1} if isinstance(run, Probe) else {"optimiser": replace(run.optimiser, steps=60)}
    )
    return replace(
        run,
        distribution=Distribution(n=30, d=60, alpha=0.7),
        network=Network(J=2, sigma_0=0.3),
        **changes,
    )


def compute(name):
    for run in map(small, EXPERIMENTS[name].runs):
        for batch in measurements(run, SEEDS):
            yield from (
                Record(json_value(run), seed, json_value(metrics))
                for seed, metrics in batch.items()
            )


@pytest.fixture(scope="module")
def records():
    needed = sorted({name for figure in NAMES for name in load_drawer(figure).RECORDS})
    return {name: list(compute(name.split("/")[1])) for name in needed}


def drawn(name, records):
    drawer = load_drawer(name)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH * drawer.SIZE[0], WIDTH * drawer.SIZE[1]))
        drawer.draw(figure, {key: records[key] for key in drawer.RECORDS})
        figure.draw_without_rendering()
    return figure


def panels(figure):
    """Return the axes of a figure without its colour bars."""
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def apart(one, other, slack=2):
    """Return whether two boxes do not overlap by more than a pixel or two."""
    return (
        min(one.x1, other.x1) <= max(one.x0, other.x0) + slack
        or min(one.y1, other.y1) <= max(one.y0, other.y0) + slack
    )


@pytest.mark.parametrize("name", NAMES)
def test_panels_fit_and_are_labelled(name, records):
    figure = drawn(name, records)
    shown = panels(figure)
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert len(shown) >= 2
    assert all(apart(one, other) for one, other in combinations(boxes, 2))
    assert shown[0].get_ylabel()
    for axes, box in zip(figure.axes, boxes, strict=True):
        assert axes.get_xlabel() or axes.get_label() == "<colorbar>"
        assert axes.lines or axes.collections
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1
    assert len(load_drawer(name).CAPTION) > 100


@pytest.mark.parametrize("name", NAMES)
def test_equal_records_give_equal_files(name, records, tmp_path):
    drawer = load_drawer(name)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        save_figure(tmp_path / folder / name, drawer, {key: records[key] for key in drawer.RECORDS})
    for suffix in ("pdf", "png"):
        assert (tmp_path / "one" / f"{name}.{suffix}").read_bytes() == (
            tmp_path / "two" / f"{name}.{suffix}"
        ).read_bytes()


def points(axes, place):
    """Return the y values of the error bars of an axes."""
    return np.asarray(axes.containers[place].lines[0].get_ydata(), float)


def mean_error(records, label):
    return np.mean([100 * record.metrics["test_error"][-1] for record in by_label(records)[label]])


def test_strength_shows_the_difference_from_original(records):
    _, right = panels(drawn("strength_theory", records))
    base = [
        100 * r.metrics["test_error"][-1] for r in by_label(records["theory/methods"])["original"]
    ]
    expected = [
        mean_error(records["theory/strength"], f"strength-0.{t}") - np.mean(base)
        for t in range(1, 10)
    ]
    np.testing.assert_allclose(points(right, 0), expected, atol=1e-9)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(
        np.asarray(right.containers[0].lines[0].get_xdata(), float), np.arange(1, 10) / 10
    )


def mean_of_grid(records, label, *place):
    """Return 100 times the mean over seeds of the test error at one place of a grid."""
    return 100 * np.mean(
        [np.array(record.metrics["test_error"])[place] for record in by_label(records)[label]]
    )


def shown(axes):
    """Return the values of a heat map: (rows from below, columns)."""
    return np.asarray(axes.collections[0].get_array())


def test_landscape_has_features_upwards_and_noise_to_the_right(records):
    left, _ = panels(drawn("strength_theory", records))
    assert shown(left).shape == (17, 17)
    assert shown(left)[2, 16] == pytest.approx(
        mean_of_grid(records["theory/landscape"], "tada-3", 16, 2)
    )
    assert shown(left)[16, 4] == pytest.approx(
        mean_of_grid(records["theory/landscape"], "tada-3", 4, 16)
    )
    assert left.get_ylim()[0] < left.get_ylim()[1]


def test_regimes_are_targeted_minus_full(records):
    left, right = panels(drawn("regimes", records))
    grid = records["theory/regimes"]
    for axes, expected in (
        (left, mean_of_grid(grid, "original", 3, 9)),
        (right, mean_of_grid(grid, "tada-2", 3, 9) - mean_of_grid(grid, "syn-all", 3, 9)),
    ):
        assert shown(axes)[9, 3] == pytest.approx(expected)
    assert np.ptp(shown(right)) > 0.01


def test_radius_shows_each_method_over_rho(records):
    _, learned, error = panels(drawn("sam_radius", records))
    assert [line.get_label() for line in error.lines] == ["Original", "USEFUL(5)", "TADA(2)"]
    assert error.lines[2].get_ydata()[8] == pytest.approx(
        mean_of_grid(records["theory/radius"], "tada-2", 8)
    )
    assert error.lines[0].get_xdata()[-1] == 0.5
    times = [
        record.metrics["time_slow"][4] for record in by_label(records["theory/radius"])["original"]
    ]
    assert learned.lines[0].get_ydata()[4] == pytest.approx(
        100 * np.mean([time is not None for time in times])
    )


def test_factor_begins_at_no_augmentation(records):
    left, _ = panels(drawn("factor_theory", records))
    for place, name in enumerate(("useful", "tada")):
        labels = ["original", *(f"{name}-{k}" for k in (2, 3, 5, 8))]
        errors = np.array([mean_error(records["theory/methods"], label) for label in labels])
        np.testing.assert_allclose(points(left, place), errors - errors[0], atol=1e-9)


def test_variance_is_that_of_the_batch(records):
    left, _ = panels(drawn("gradient_variance", records))
    metrics = [record.metrics for record in by_label(records["theory/claims"])["variance-5"]]
    B = 0.2 * 30
    expected = np.mean([(1 - 1 / B) * m["value"] + m["one"] / B for m in metrics])
    assert points(left, 2)[gradient_variance.SHARES.index(0.2)] == pytest.approx(expected)


def test_tolerance_compares_variants_with_copies(records):
    left, right = panels(drawn("noise_tolerance", records))
    grid = records["theory/tolerance"]
    assert shown(right)[5, 3] == pytest.approx(
        mean_of_grid(grid, "tada", 3, 5) - mean_of_grid(grid, "useful", 3)
    )
    ratios = [record.metrics["value"] for record in by_label(records["theory/claims"])["noise-8-2"]]
    assert points(left, 2)[-1] == pytest.approx(np.mean(ratios))


@pytest.mark.parametrize("k", [2, 5])
def test_figures_use_the_closed_forms_of_the_theory(k):
    for x in (0.5, 1.0, 2.0, 20.0):
        assert noise_tolerance.alignment_ratio(0.2, k, x) == pytest.approx(
            noise_alignment_ratio(0.2, k, x)
        )
        assert gradient_variance.variance_gap(k, x, 0.2, 100) == pytest.approx(
            shared_noise(0.2, k, 100, x)
        )


def verdict(**changes):
    usual = {
        "id": "T3",
        "statement": "A claim",
        "case": "a case",
        "predicted": 0.5,
        "measured": -0.25,
        "low": -1e-60,
        "high": 0.51234,
    }
    return {**usual, "holds": True, **changes}


def test_the_table_of_claims_has_a_row_a_case():
    cases = [
        verdict(),
        verdict(id="T3b", predicted="< 0", holds=False),
        verdict(id="T4", statement="Another"),
    ]
    record = Record(
        {"label": "verdicts", "seeds": {"claims": 30, "methods": 30}}, 0, {"verdicts": cases}
    )
    hasty = Record({"label": "verdicts", "seeds": {"claims": 2, "methods": 2}}, 0, {"verdicts": []})
    three, four = claims_table.tables(
        {"theory/claims": [Record({"label": "other"}, 0, {}), hasty, record, hasty]}
    )
    assert (three.title, four.title) == ("T3: A claim", "T4: Another")
    assert three.rows == (
        ("T3: a case", "0.5", "−0.25", "0 to 0.512", "holds"),
        ("T3b: a case", "< 0", "−0.25", "0 to 0.512", "not shown"),
    )
    assert "10%" in three.note
    assert not four.note


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"holds": True}, "holds"),
        ({"predicted": "< 0", "low": -0.5, "high": 0.1}, "not shown"),
        ({"predicted": "< 0", "low": 0.1, "high": 0.3}, "does not hold"),
        ({"predicted": "0 ± 0.5", "low": -0.6, "high": 0.6}, "does not hold"),
        ({"id": "T3c", "predicted": 1.3, "low": 1.2, "high": 1.4}, "does not hold, as predicted"),
        ({"id": "T3c", "predicted": 1.3, "low": 0.9, "high": 1.4}, "does not hold"),
        ({"id": "T1", "predicted": 5.2, "measured": 5.1, "low": 4.0, "high": 6.2}, "does not hold"),
    ],
)
def test_a_verdict_in_words(changes, word):
    assert verdict_word(verdict(**{"holds": False, **changes})) == word


def test_missing_verdicts_name_their_command():
    with pytest.raises(RecordError, match="make them with: python -m theory claims"):
        claims_table.tables({"theory/claims": [Record({"label": "other"}, 0, {})]})
