"""Figures of the theory and the table of its claims, from records of small runs."""

from dataclasses import replace
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from figures.claims.theory import verdict_word
from figures.draw import load_drawer, save_figure
from figures.plots import gradient_variance, noise_tolerance, race
from figures.plots.style import STYLE, WIDTH
from figures.records import Record, RecordError, json_value
from figures.statistics.pick import by_label
from figures.tables import claims as claims_table
from theory import Distribution, Network
from theory.closed_forms import noise_alignment_ratio, shared_noise
from theory.config import Probe, Sweep
from theory.experiments import EXPERIMENTS, measurements

pytestmark = pytest.mark.slow

NAMES = (
    "gradient_variance",
    "factor_theory",
    "strength_theory",
    "noise_tolerance",
    "regimes",
    "race",
    "sam_radius",
)
SEEDS = (0, 1, 2)


def small(run):
    changes = (
        {"draws": 1} if isinstance(run, Probe) else {"optimiser": replace(run.optimiser, steps=60)}
    )
    if isinstance(run, Sweep):
        changes["early"] = run.early and 30
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
    assert any(axes.get_ylabel() for axes in shown)
    for axes, box in zip(figure.axes, boxes, strict=True):
        bar = axes.get_label() == "<colorbar>"
        assert bar or axes.get_xlabel() or not axes.get_subplotspec().is_last_row()
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
    *_, right = panels(drawn("strength_theory", records))
    base = [
        100 * r.metrics["test_error"][-1] for r in by_label(records["theory/methods"])["original"]
    ]
    expected = [
        mean_error(records["theory/strength"], f"path-3-0.{t}") - np.mean(base)
        for t in range(1, 10)
    ]
    np.testing.assert_allclose(points(right, 0), expected, atol=1e-9)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(
        np.asarray(right.containers[0].lines[0].get_xdata(), float),
        np.arange(1, 10) / 10,
        atol=0.01,
    )
    other = mean_error(records["theory/strength"], "path-5-0.9") - np.mean(base)
    assert points(right, 1)[-1] == pytest.approx(other)


def mean_of_grid(records, label, *place):
    """Return 100 times the mean over seeds of the test error at one place of a grid."""
    return 100 * np.mean(
        [np.array(record.metrics["test_error"])[place] for record in by_label(records)[label]]
    )


def shown(axes):
    """Return the values of a heat map: (rows from below, columns)."""
    return np.asarray(axes.collections[0].get_array())


def test_landscape_has_features_upwards_and_noise_to_the_right(records):
    noise, target, _ = panels(drawn("strength_theory", records))
    for axes, label in ((noise, "noise"), (target, "targeting")):
        assert shown(axes).shape == (13, 13)
        for row, column in ((2, 12), (12, 4)):
            assert shown(axes)[row, column] == pytest.approx(
                mean_of_grid(records["theory/landscape"], label, column, row)
            )
        assert axes.get_ylim()[0] < axes.get_ylim()[1]


def test_regimes_are_targeted_minus_full_at_both_moments(records):
    grid = records["theory/regimes"]

    def mean(label, metric):
        return 100 * np.mean(
            [np.array(record.metrics[metric])[3, 9] for record in by_label(grid)[label]]
        )

    early_left, early_right, left, right = panels(drawn("regimes", records))
    for axes, one, other, metric in (
        (early_left, "original", None, "test_error_early"),
        (early_right, "tada-2", "syn-all", "test_error_early"),
        (left, "original", None, "test_error"),
        (right, "tada-2", "syn-all", "test_error"),
    ):
        expected = mean(one, metric) - (mean(other, metric) if other else 0)
        assert shown(axes)[9, 3] == pytest.approx(expected)
    assert np.ptp(shown(right)) > 0.01
    assert not np.allclose(shown(left), shown(early_left))


def test_outcomes_are_those_of_the_records(records):
    outcomes, times, *_ = panels(drawn("race", records))
    groups = by_label(records["theory/methods"])
    said = [text.get_text() for text in outcomes.texts if "law" in text.get_text()]
    for text, members in zip(said, groups.values(), strict=True):
        learned = sum(record.metrics["time_slow"] is not None for record in members)
        steps = members[0].config["optimiser"]["steps"]
        due = [record.metrics["race_steps"] for record in members]
        expected = sum(step is not None and step <= steps for step in due)
        assert text == f"{learned}, law {expected}"
    drawn_runs = sum(len(line.get_xdata()) for line in times.lines[:-1])
    swept = by_label(records["theory/race"])
    labels = [*race.BASE, "sam-original", "sam-tada-2"]
    assert drawn_runs == sum(8 * len(swept[label]) for label in labels)


def test_shares_count_the_runs_of_a_cell():
    metrics = {
        "race_ratio": [0.5, 0.5, None, 0.5, 0.5, 0.5, 3.0],
        "race_factor": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, None],
        "time_slow": [100, None, 50, 1900, None, 100, 10],
    }
    record = Record({"optimiser": {"eta": 0.2}}, 0, metrics)
    found = race.shares([record])
    cell = int(np.digitize(0.5, race.RATIOS)) - 1
    assert np.isnan(np.delete(found, cell, axis=0)).all()
    assert found[cell, 0] == 0
    assert found[cell, 1] == pytest.approx(2 / 5)
    assert found[cell, -1] == pytest.approx(3 / 5)


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
    left, middle, _ = panels(drawn("factor_theory", records))
    for axes, experiment in ((left, "theory/methods"), (middle, "theory/convergence")):
        for place, name in enumerate(("useful", "tada")):
            labels = ["original", *(f"{name}-{k}" for k in (2, 3, 5, 8))]
            errors = np.array([mean_error(records[experiment], label) for label in labels])
            np.testing.assert_allclose(points(axes, place), errors - errors[0], atol=1e-9)


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
        "kind": "prediction",
        "regime": "early",
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
        verdict(id="T3c", regime="late"),
        verdict(id="T4", statement="Another", kind="illustration", holds=False),
    ]
    record = Record(
        {"label": "verdicts", "seeds": {"claims": 30, "methods": 30}}, 0, {"verdicts": cases}
    )
    hasty = Record({"label": "verdicts", "seeds": {"claims": 2, "methods": 2}}, 0, {"verdicts": []})
    three, late, four = claims_table.tables(
        {"theory/claims": [Record({"label": "other"}, 0, {}), hasty, record, hasty]}
    )
    assert three.title == "T3 (prediction; early): A claim"
    assert late.title == "T3 (prediction; late): A claim"
    assert four.title == "T4 (illustration; early): Another"
    summary = claims_table.format_summary([record])
    assert "2 of 3 cases of predictions and 0 of 1 cases of illustrations hold" in summary
    assert [line[:5] for line in summary.splitlines() if line.startswith("- ")] == [
        "- T3b",
        "- T4,",
    ]
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
        ({"predicted": "< 1", "low": 0.9, "high": 1.1}, "not shown"),
        ({"predicted": "< 1", "low": 1.05, "high": 1.1}, "does not hold"),
        ({"predicted": "≥ 0.95", "low": 0.6, "high": 0.9}, "does not hold"),
        ({"id": "T1", "predicted": 5.2, "measured": 5.1, "low": 4.0, "high": 6.2}, "does not hold"),
    ],
)
def test_a_verdict_in_words(changes, word):
    assert verdict_word(verdict(**{"holds": False, **changes})) == word


def test_missing_verdicts_name_their_command():
    with pytest.raises(RecordError, match="make them with: python -m theory claims"):
        claims_table.tables({"theory/claims": [Record({"label": "other"}, 0, {})]})
