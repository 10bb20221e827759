"""Verdicts on the paper's findings on images, from synthetic records with a known answer."""

import json
import math

import numpy as np
import pytest
from image_records import none, records

from empirical.experiments.registry import EXPERIMENTS as NAMED
from figures.claims.cases import ABOVE, BELOW, FAILS, HOLDS, SLOW_SHARE, UNCLEAR, interval_verdict
from figures.claims.images import (
    CLAIMS,
    EXPERIMENTS,
    claim_verdict,
    combine_verdicts,
    image_claims_as_json,
    judge_claims,
)
from figures.records import COMMITTED, json_value, load
from figures.tables import claims as claims_table
from figures.tables import readme as readme_tables

REDUCED = "CIFAR-10 (reduced)"


def on(claim, found, data=REDUCED):
    """Return the cases of a claim on a data set."""
    (by_data,) = (by_data for one, by_data in judge_claims({"some": found}) if one.id == claim)
    return by_data.get(data, [])


def judge(claim, found, data=REDUCED):
    return claim_verdict(on(claim, found, data))


# --- the rule


@pytest.mark.parametrize(
    ("low", "high", "claimed", "expected"),
    [
        (-2, -0.1, BELOW, HOLDS),
        (-2, 0.0, BELOW, UNCLEAR),
        (-2, 0.1, BELOW, UNCLEAR),
        (0.0, 0.0, BELOW, UNCLEAR),
        (0.0, 1, BELOW, UNCLEAR),
        (0.1, 1, BELOW, FAILS),
        (0.1, 1, ABOVE, HOLDS),
        (-1, -0.1, ABOVE, FAILS),
        (math.nan, math.nan, BELOW, UNCLEAR),
        (31, 39, SLOW_SHARE, HOLDS),
        (30, 39, SLOW_SHARE, UNCLEAR),
        (29, 41, SLOW_SHARE, UNCLEAR),
        (41, 45, SLOW_SHARE, FAILS),
        (10, 29.9, SLOW_SHARE, FAILS),
    ],
)
def test_an_interval_against_what_is_claimed(low, high, claimed, expected):
    assert interval_verdict(low, high, claimed) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([HOLDS, UNCLEAR], UNCLEAR),
        ([HOLDS, FAILS], FAILS),
        ([UNCLEAR, FAILS], FAILS),
        ([UNCLEAR], UNCLEAR),
        ([], UNCLEAR),
    ],
)
def test_a_claim_holds_if_all_of_its_cases_do(verdicts, expected):
    assert combine_verdicts(verdicts) == expected


# --- effects of known sign


def tada(run):
    """Lower the error of TADA by a point, under all settings."""
    return -0.01 * (run.method.name == "tada")


def full(run):
    """Lower the error of Syn-all more than that of TADA, and that of Syn-rand less."""
    return {"tada": -0.01, "syn-all": -0.02, "syn-rand": -0.005}.get(run.method.name, 0)


def sam(run):
    return -0.02 * (run.training.optimiser == "sam")


def copies(run):
    return -0.01 * (run.method.name == "useful")


def half(run):
    """Make half strength best, and pure noise worse than nothing."""
    if run.method.name != "tada":
        return 0.0
    return 0.02 if run.variants.from_noise else -0.03 + abs(run.variants.strength - 0.5) / 10


def weak(run):
    """Lower the error more with less noise; pure noise does not hurt."""
    return -0.01 * (2 - run.variants.strength) if run.method.name == "tada" else 0.0


def factors(run):
    """Make copies best at k = 2, variants at k = 5."""
    best = {"useful": 2, "tada": 5}.get(run.method.name)
    return 0.01 * abs(run.method.k - best) if best else 0.0


def rules(run):
    if run.method.name != "tada":
        return 0.0
    return {"cluster": -0.02, "high-loss": -0.01, "misclassified": 0.0}[run.selection.rule]


@pytest.mark.parametrize(
    ("claim", "experiment", "effect", "expected"),
    [
        ("E1", "test-error", tada, HOLDS),
        ("E1", "test-error", lambda run: -tada(run), FAILS),
        (
            "E1",
            "test-error",
            lambda run: tada(run) * (-1 if run.training.optimiser == "sam" else 1),
            FAILS,
        ),
        ("E2", "test-error", tada, HOLDS),
        ("E2", "test-error", copies, FAILS),
        ("E3", "test-error", tada, HOLDS),
        ("E3", "test-error", full, FAILS),
        ("E4", "test-error", tada, HOLDS),
        ("E4", "test-error", sam, FAILS),
        ("E5", "stacking", tada, HOLDS),
        (
            "E5",
            "stacking",
            lambda run: tada(run) * (-1 if run.training.augment == "crop-flip" else 1),
            FAILS,
        ),
        ("E6", "architectures", tada, HOLDS),
        (
            "E6",
            "architectures",
            lambda run: tada(run) * (-1 if run.training.network == "vit-xs" else 1),
            FAILS,
        ),
        ("E7", "factor", factors, HOLDS),
        ("E7", "factor", lambda run: -factors(run), FAILS),
        ("E8", "strength", half, HOLDS),
        ("E8", "strength", weak, FAILS),
        ("E9", "selection", rules, HOLDS),
        ("E9", "selection", lambda run: -rules(run), FAILS),
    ],
)
def test_verdicts_follow_the_effect(claim, experiment, effect, expected):
    found = records(f"reduced-{experiment}", effect)
    assert judge(claim, found) == expected
    assert judge(claim, records(f"reduced-{experiment}", effect, noise=0.5)) == UNCLEAR
    assert judge(claim, records(f"reduced-{experiment}", effect, seeds=1)) == UNCLEAR


@pytest.mark.parametrize(("sign", "expected"), [(-1, HOLDS), (1, FAILS), (0, UNCLEAR)])
def test_the_gap_shrinks_where_it_is_smaller_with_tada(sign, expected):
    found = records(
        "reduced-learning-speed", gap=lambda run: sign * 0.02 * (run.method.name == "tada")
    )
    assert judge("E11", found) == expected


def test_the_share_of_slow_images_proves_nothing_where_training_was_stopped_by_it():
    assert judge("E10", records("reduced-selection", slow=0.35)) == UNCLEAR
    assert "stopped" in on("E10", records("reduced-selection"))[0].what
    for slow, expected in ((0.35, HOLDS), (0.2, FAILS), (0.3, UNCLEAR)):
        assert (
            judge("E10", records("paper-selection", slow=slow), "CIFAR-10 (paper scale)")
            == expected
        )


def test_differences_are_paired_and_in_points():
    found = records("reduced-test-error", tada, noise=0)
    (case,) = (case for case in on("E2", found) if case.decides)
    assert case.what == "TADA(2) − USEFUL(2), equal steps, SGD"
    np.testing.assert_allclose(case.samples, [-1, -1, -1], atol=1e-9)
    kept = [r for r in found if not (r.seed == 1 and r.config["method"]["name"] == "useful")]
    assert [len(case.samples) for case in on("E2", kept) if case.decides] == [2]
    assert on("E2", [r for r in found if r.config["method"]["name"] != "useful"]) == []


def test_what_a_generator_has_seen_is_never_mixed():
    found = records(
        "reduced-generator",
        lambda run: 0.05 * (run.method.name == "tada" and run.generator.trained_on == "own"),
    )
    cases = {case.what: case for case in on("E3", found + records("reduced-test-error"))}
    assert abs(cases["TADA(2) − Syn-all, equal steps, SGD"].estimate.mean) < 0.5
    own = cases["TADA(2) − Syn-all, equal steps, SGD, generator: own"]
    assert own.estimate.mean == pytest.approx(5, abs=0.5)
    assert not own.decides
    for case in cases.values():
        generating = [r for r in case.records if r.metrics["generated"]]
        assert len({r.config["generator"]["trained_on"] for r in generating}) == 1


def test_at_the_papers_scale_epochs_are_equal_and_every_data_set_stands_alone():
    found = records(
        "paper-test-error", lambda run: tada(run) * (-1 if run.data.name == "cifar100" else 1)
    )
    assert {
        data: judge("E1", found, f"{data} (paper scale)")
        for data in ("CIFAR-10", "CIFAR-100", "TinyImageNet")
    } == {
        "CIFAR-10": HOLDS,
        "CIFAR-100": FAILS,
        "TinyImageNet": HOLDS,
    }
    deciding = [case.what for case in on("E1", found, "CIFAR-10 (paper scale)") if case.decides]
    assert deciding == [
        "TADA(2) − Original, equal epochs, SGD",
        "TADA(2) − Original, equal epochs, SAM",
    ]
    best = {case.what for case in on("E7", records("paper-factor"), "TinyImageNet (paper scale)")}
    assert "TADA(4) − TADA(5)" in best


def test_other_networks_are_compared_under_their_own_augmentation():
    assert len(on("E6", records("paper-architectures", tada), "CIFAR-10 (paper scale)")) == 5
    assert judge("E6", records("paper-architectures", tada), "CIFAR-10 (paper scale)") == HOLDS


def test_without_records_there_are_no_cases():
    assert [by_data for _, by_data in judge_claims({})] == [{}] * len(CLAIMS)
    assert [claim.id for claim in CLAIMS] == [f"E{i}" for i in range(1, 12)]


# --- what the figures know of the experiments


def test_experiments_are_named_as_they_are():
    assert {name.split("/")[1] for name in EXPERIMENTS} <= set(NAMED)
    wanted = {f"reduced-{claim.experiment}" for claim in CLAIMS} | {
        f"paper-{claim.experiment}" for claim in CLAIMS
    }
    assert {f"empirical/{name}" for name in wanted} <= set(EXPERIMENTS)
    assert all(claim.id in NAMED[f"reduced-{claim.experiment}"]().claims for claim in CLAIMS)


# --- tables


def test_every_case_is_listed_as_plain_values():
    found = {"some": records("reduced-test-error", tada, seeds=1) + records("reduced-strength")}
    rows = image_claims_as_json(found)
    assert json_value(rows) == json.loads(json.dumps(rows, allow_nan=False))
    single = next(row for row in rows if row["id"] == "E2")
    assert (single["low"], single["bootstrap"], single["verdict"]) == (None, [None, None], UNCLEAR)
    assert {row["predicted"] for row in rows} == {"< 0", "> 0", "30 to 40"}


def test_tables_say_which_cases_decide():
    first, *others = claims_table.image_tables({"some": records("reduced-test-error", tada)})
    verdicts = {row[0].split(",")[0]: row[-1] for row in first.rows if row[-1]}
    assert verdicts == {
        "E1": HOLDS,
        "E2": HOLDS,
        "E3": HOLDS,
        "E4": HOLDS,
        "E10": UNCLEAR,
        "E11": UNCLEAR,
    }
    assert "fails if" in first.note
    e1 = others[0]
    assert [row[0].startswith("*") for row in e1.rows] == [True, False, True]
    assert claims_table.image_tables({}) == []


def test_the_readmes_table_has_a_row_for_each_claim():
    theory = {"theory/claims": load("theory/claims", (COMMITTED,))}
    found = {**theory, "empirical/reduced-stacking": records("reduced-stacking", tada)}
    rows = {row[0].split(":")[0]: row for row in readme_tables.claim_table(found).rows}
    assert list(rows) == [*(f"T{i}" for i in range(1, 9)), *(f"E{i}" for i in range(1, 12))]
    assert rows["E5"][1] == "`python -m empirical run reduced-stacking`"
    assert rows["E5"][3] == HOLDS
    assert rows["E5"][4] == "15"  # 12 runs of 60 s and a second for every 100 of 1,600 steps
    assert rows["E9"][2:] == ("no records yet", UNCLEAR, "")


@pytest.mark.parametrize(
    ("claim", "experiment", "lost"),
    [
        ("E3", "reduced-test-error", lambda run: run.method.name == "syn-rand"),
        ("E1", "reduced-test-error", lambda run: run.training.optimiser == "sam"),
        ("E2", "reduced-test-error", lambda run: run.method.name == "useful"),
        ("E8", "reduced-strength", lambda run: run.variants.strength == 0.7),
        ("E8", "reduced-strength", lambda run: run.variants.from_noise),
        ("E9", "reduced-selection", lambda run: run.selection.rule == "misclassified"),
    ],
)
def test_nothing_holds_of_which_a_deciding_part_was_not_run(claim, experiment, lost):
    """Whatever else was run supports the claim."""

    def effect(run):
        worse = {"high-loss": 0.01, "misclassified": 0.02}.get(run.selection.rule, 0.0)
        strength = 0.0 if run.variants.strength == 0.5 else 0.01
        helps = run.method.name == "tada" and not run.variants.from_noise
        return worse + (0.05 if run.variants.from_noise else strength - 0.03 * helps)

    whole = records(experiment, effect)
    assert judge(claim, whole) == HOLDS
    there = [
        record
        for run, record in zip(3 * NAMED[experiment]().runs, whole, strict=True)
        if not lost(run)
    ]
    assert judge(claim, there) in (UNCLEAR, None) or not on(claim, there)
    missing = [case for case in on(claim, there) if not len(case.samples)]
    assert all(case.decides and case.verdict == UNCLEAR for case in missing)
    assert missing or claim == "E2"


def test_two_seeds_decide_nothing():
    assert judge("E1", records("reduced-test-error", tada, noise=1e-6)) == HOLDS
    assert (
        judge("E1", records("reduced-test-error", tada, noise=1e-6, seeds=2)) == UNCLEAR
    )  # however narrow its interval


def test_no_effect_is_no_effect():
    assert judge("E2", records("reduced-test-error", none)) == UNCLEAR
