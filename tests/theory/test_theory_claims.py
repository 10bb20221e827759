"""Test the criteria on made-up numbers, and the claims command from nothing, resumed, repeated."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from figures.records import COMMITTED, load
from figures.statistics.holm import holm_intervals
from theory.claims import CLAIMS, NEEDED, above, agrees, below, negligible
from theory.evidence import (
    Evidence,
    Outcome,
    cross_fitted,
    difference,
    first_crossing,
    interval,
    mean_by_seed,
    paired,
)
from theory.experiments import EXPERIMENTS
from theory.verdicts import judge, levels, text

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KEYS = {"id", "statement", "kind", "regime", "predicted", "measured", "low", "high", "holds"}


def seeds(*values):
    """Return the values by seed, from seed 0 on."""
    return dict(enumerate(values))


def holds(case, level=0.05):
    return case.rule(interval(case.sample, level))


def test_a_closed_form_agrees_if_near_and_sharp():
    form = seeds(1.0, 2.0, 3.0, 4.0)

    def times(*factors):
        return paired(lambda p, f: p * f, form, seeds(*factors))

    near = times(1.05, 1.0, 1.06, 1.01)
    biased = times(1.2, 1.2, 1.2, 1.2)
    vague = times(0.7, 1.3, 0.6, 1.4)
    assert holds(agrees("", "", near, form))
    assert not holds(agrees("", "", biased, form))
    assert not holds(agrees("", "", vague, form))
    assert agrees("", "", near, form).predicted == 2.5


@pytest.mark.parametrize(
    "values", [(-1.0, -1.1, -0.9), (1.0, 1.1, 0.9), (-1.0, 1.0, 0.1), (-1.0, 0.5, -1.2)]
)
def test_differences_count_with_their_whole_interval(values):
    mean = sum(values) / 3
    clear = stats.ttest_1samp(values, 0).pvalue < 0.05
    assert holds(below("", "", seeds(*values))) == (clear and mean < 0)
    assert holds(above("", "", seeds(*values))) == (clear and mean > 0)
    assert below("", "", seeds(*values), 2.5).predicted == "< 2.5"


def test_negligible_needs_a_narrow_interval():
    assert holds(negligible("", "", seeds(0.01, -0.02, 0.03), 0.5))
    assert not holds(negligible("", "", seeds(0.9, -0.9, 0.0), 0.5))
    assert not holds(negligible("", "", seeds(-1.0, -1.01, -1.0), 0.5))


def test_several_bounds_of_a_claim_are_judged_by_holms_method():
    rng = np.random.default_rng(0)
    samples = [rng.normal(mean, 1.0, 12) for mean in (-2.0, -0.75, -0.7, -0.1)]
    cases = [below("", "", seeds(*sample)) for sample in samples]
    cases.insert(1, agrees("", "", seeds(1.0, 1.01, 1.0), seeds(1.0, 1.0, 1.0)))
    found = levels(cases)
    assert found.pop(1) == 0.05
    for sample, level, corrected in zip(samples, found, holm_intervals(samples), strict=True):
        mean, low, high = interval(seeds(*sample), level)
        assert (mean, low, high) == pytest.approx((corrected.mean, corrected.low, corrected.high))
    assert len(set(found)) > 1
    shifted = [below("", "", seeds(*(sample + 1)), 1.0) for sample in samples]
    assert levels(shifted) == pytest.approx(found)


def test_the_law_is_right_where_outcome_and_prediction_agree():
    one = Outcome(100, 80, 90.0, 0.4, 3.0)
    assert one.in_time
    assert one.at_last
    assert one.pace == pytest.approx(80 / 90)
    late = replace(one, time=None, predicted=120.0)
    assert late.in_time
    assert not late.at_last
    assert late.pace is None
    assert not replace(one, predicted=None).in_time
    assert replace(one, ratio=None, factor=1.0).at_last
    shares = mean_by_seed([{0: [one, late]}, {0: [one], 1: [late]}], lambda o: float(o.at_last))
    assert shares == {0: pytest.approx(2 / 3), 1: 0.0}


def test_intervals_are_students_and_need_two_seeds():
    values = (1.0, 4.0, 2.0, 7.0)
    expected = stats.t.interval(0.95, 3, loc=3.5, scale=stats.sem(values))
    assert interval(seeds(*values)) == pytest.approx((3.5, *expected))
    with pytest.raises(ValueError, match="got 1 seeds"):
        interval(seeds(1.0))


def test_pairs_are_those_of_common_seeds():
    assert difference({0: 5.0, 2: 7.0}, {2: 3.0, 0: 1.0, 4: 9.0}) == {0: 4.0, 2: 4.0}


def test_the_least_of_many_is_chosen_on_other_seeds():
    lucky = {0: -9.0, 1: 5.0, 2: -9.0, 3: 5.0}
    honest = dict.fromkeys(range(4), 1.0)
    assert cross_fitted([lucky, honest]) == {0: 1.0, 1: 5.0, 2: 1.0, 3: 5.0}
    assert cross_fitted([honest, dict.fromkeys(range(4), 0.5)]) == dict.fromkeys(range(4), 0.5)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ((0.5, 0.3, 0.1), 15.0),
        ((0.1, 0.3, 0.5), 0.0),
        ((0.5, 0.4, 0.3), 20.0),
        ((0.5, 0.2, 0.9), 10.0),
    ],
)
def test_first_crossing_is_linear_between_steps(curve, expected):
    assert first_crossing([0, 10, 20], list(curve), 0.2) == pytest.approx(expected)


def claims(*words):
    """Run the command; return its exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "theory", "claims", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Make an output folder with all records that the claims need of 2 seeds.

    Those of two experiments are copies of the committed ones.
    """
    folder = tmp_path_factory.mktemp("claims")
    for name in ("methods", "homogeneity", "race", "convergence", "strength"):
        shutil.copytree(COMMITTED / "theory" / name, folder / "records/theory" / name)
    code, printed, err = claims("--seeds", 2, "--workers", 2, "--out", folder)
    assert code == 0, err
    (folder / "printed").write_text(printed)
    return folder


def test_the_command_prints_one_json_list_and_nothing_else(out):
    code, printed, err = claims("--seeds", 2, "--out", out, "--json")
    assert code == 0
    assert err.startswith("claims: 0 ")
    assert err.count("\n") == 1
    rows = json.loads(printed)
    assert printed.count("\n") == 1
    assert all(set(row) == KEYS and isinstance(row["holds"], bool) for row in rows)
    assert all(row["low"] <= row["measured"] <= row["high"] for row in rows)
    assert len(rows) > 60
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({(row["statement"], row["regime"]) for row in rows}) == len(rows)
    assert {row["id"][:2] for row in rows} == set(CLAIMS) == {f"T{i}" for i in range(1, 10)}
    kinds = {row["id"][:2]: row["kind"] for row in rows}
    assert {name for name, kind in kinds.items() if kind == "illustration"} == {"T6", "T7", "T8"}
    outside = [row for row in rows if "s⁴ > k+1" in row["statement"]]
    assert len(outside) == 4
    assert all(row["predicted"] > 1 for row in outside), "agreement is judged on both sides"


def test_the_table_is_the_same_after_a_loss(out):
    path = next((out / "records/theory/claims").glob("noise-5-1-s01-*"))
    path.unlink()
    code, printed, err = claims("--seeds", 2, "--workers", 1, "--out", out)
    assert code == 0
    assert err.startswith("claims: 1 ")
    assert printed == (out / "printed").read_text()
    assert path.exists()
    assert "does not hold" in printed
    *lines, predictions, illustrations = printed.splitlines()
    totals = [int(line.split()[0]) for line in (predictions, illustrations)]
    assert sum(line.endswith("holds") for line in lines) == sum(totals)


def test_verdicts_are_a_record_of_their_own(out):
    root = out / "records"
    *others, last = load("theory/claims", [root])
    assert last.config["label"] == "verdicts"
    assert len(others) == 2 * len(EXPERIMENTS["claims"].runs)
    verdicts = judge(Evidence(root, dict.fromkeys(NEEDED, 2)))
    assert [verdict.measured for verdict in verdicts] == last.metrics["value"]
    assert text(verdicts) + "\n" == (out / "printed").read_text()


def test_a_second_look_with_other_seeds_is_a_second_record(out):
    code, printed, _ = claims("--seeds", 3, "--workers", 2, "--out", out)
    assert code == 0
    assert printed != (out / "printed").read_text()
    code, printed, err = claims("--seeds", 2, "--out", out)
    assert code == 0
    assert err.startswith("claims: 0 ")
    assert printed == (out / "printed").read_text(), "three seeds exist, but two are asked for"
    configs = [record.config for record in load("theory/claims", [out / "records"])]
    verdicts = [config for config in configs if config["label"] == "verdicts"]
    assert [set(config["seeds"].values()) for config in verdicts] in ([{2}, {3}], [{3}, {2}])


@pytest.mark.parametrize(("name", "value"), [("seeds", 1), ("seeds", 0), ("workers", 0)])
def test_a_mistake_is_one_line(name, value, tmp_path):
    code, printed, err = claims(f"--{name}", value, "--out", tmp_path)
    assert (code, printed) == (2, "")
    assert f"{name} {value}" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
