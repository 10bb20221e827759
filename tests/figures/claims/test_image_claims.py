"""Verdicts on the paper's findings on images, from synthetic records with a known answer."""

import dataclasses
import json
import math

import numpy as np
import pytest
from image_records import none, records
from scipy import stats

from empirical.experiments.registry import EXPERIMENTS as NAMED
from figures.claims import cases as image_cases
from figures.claims.cases import (
    ABOVE,
    BELOW,
    FAILS,
    HOLDS,
    NOT_RUN,
    SLOW_SHARE,
    UNCLEAR,
    UNDER_FIT,
    interval_verdict,
)
from figures.claims.images import (
    CLAIMS,
    EXPERIMENTS,
    PLANNED,
    RULE,
    claim_verdict,
    combine_verdicts,
    image_claims_as_json,
    judge_claims,
)
from figures.records import json_value
from figures.tables import claims as claims_table
from figures.tables import readme as readme_tables

REDUCED = "CIFAR-10 (reduced)"
BOTH = "reduced-test-error reduced-controls"


def several(names, *args, **settings):
    """Return the records of several experiments, named in one text."""
    return [record for name in names.split() for record in records(name, *args, **settings)]


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
        ([HOLDS, UNDER_FIT], UNDER_FIT),
        ([FAILS, UNDER_FIT], FAILS),
        ([UNCLEAR, UNDER_FIT], UNCLEAR),
        ([HOLDS, NOT_RUN], UNCLEAR),
        ([NOT_RUN], NOT_RUN),
        ([], UNCLEAR),
    ],
)
def test_a_claim_holds_if_all_of_its_cases_do(verdicts, expected):
    assert combine_verdicts(verdicts) == expected


# --- effects of known sign


def tada(run):
    """Lower the error of TADA by a point, under all settings, unless its images are random."""
    return -0.01 * (run.method.name == "tada" and run.selection.rule != "random")


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
        ("E2", "test-error reduced-controls", tada, HOLDS),
        ("E2", "test-error reduced-controls", copies, FAILS),
        ("E3", "test-error reduced-controls", tada, HOLDS),
        ("E3", "test-error reduced-controls", full, FAILS),
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
    found = several(f"reduced-{experiment}", effect)
    assert judge(claim, found) == expected
    assert judge(claim, several(f"reduced-{experiment}", effect, noise=0.5)) == UNCLEAR
    assert judge(claim, [record for record in found if record.seed == 0]) == UNCLEAR


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
    first, second = (case for case in on("E2", found) if case.decides)
    assert first.what == "TADA(5) − USEFUL(2), equal epochs, SGD"
    np.testing.assert_allclose(first.samples, 8 * [-1], atol=1e-9)
    assert second.what == "TADA(5) − USEFUL(5), equal epochs, SGD"
    assert second.verdict == NOT_RUN
    kept = [r for r in found if not (r.seed == 1 and r.config["method"]["name"] == "useful")]
    assert [len(case.samples) for case in on("E2", kept) if case.decides] == [7, 0]
    assert on("E2", [r for r in found if r.config["method"]["name"] != "useful"]) == []


def test_deciding_intervals_are_corrected_for_their_number():
    """Three cases at 8 seeds: the least p value is judged at 5%/3, by scipy's own quantiles."""
    found = several(BOTH, tada, noise=0.004)
    deciding = [case for case in on("E3", found) if case.decides]
    assert len(deciding) == 3
    p = [stats.ttest_1samp(case.samples, 0).pvalue for case in deciding]
    first = deciding[int(np.argmin(p))]
    spread = stats.sem(first.samples)
    assert first.deciding.half == pytest.approx(spread * stats.t.ppf(1 - 0.05 / 6, 7))
    assert first.estimate.half == pytest.approx(spread * stats.t.ppf(0.975, 7))
    others = [case for case in on("E3", found) if not case.decides]
    assert all(case.deciding.half == case.estimate.half for case in others)


def test_both_directions_are_treated_alike():
    """The same runs with the sign turned: what held fails, what was open stays open."""
    turned = {HOLDS: FAILS, FAILS: HOLDS, UNCLEAR: UNCLEAR, NOT_RUN: NOT_RUN}

    def halved(run):
        return 0.4 * full(run) + 0.3 * tada(run)

    one = on("E3", several(BOTH, halved, noise=0.003))
    flipped = [dataclasses.replace(case, claimed=ABOVE) for case in one]
    assert [case.verdict for case in flipped] == [turned[case.verdict] for case in one]
    assert {HOLDS, FAILS} & {case.verdict for case in one}


@pytest.mark.parametrize("arm", ["tada", "original"])
def test_an_arm_that_has_not_learned_its_images_is_under_fit(arm):
    def trained(error):
        return lambda run: error * (run.method.name == arm)

    assert judge("E1", records("reduced-test-error", tada, trained=trained(0.004))) == HOLDS
    found = records("reduced-test-error", tada, trained=trained(0.006))
    assert judge("E1", found) == UNDER_FIT
    assert {case.verdict for case in on("E1", found)} == {UNDER_FIT}
    cases = on("E2", found)
    assert cases[0].verdict == (UNDER_FIT if arm == "tada" else HOLDS)


def test_unknown_training_errors_are_not_taken_for_learned():
    found = [
        dataclasses.replace(r, metrics={k: v for k, v in r.metrics.items() if k != "train_error"})
        for r in records("reduced-test-error", tada)
    ]
    assert judge("E1", found) == UNDER_FIT


def test_the_rule_says_its_numbers():
    for number in (image_cases.LEAST, image_cases.LEAST_SEEDS["paper"]):
        assert f"{number}" in RULE
    assert f"{image_cases.LARGEST_TRAINING_ERROR:g}%" in RULE
    assert set(image_cases.LEAST_SEEDS.values()) == {5}


def test_what_a_generator_has_seen_is_never_mixed():
    found = records(
        "reduced-generator",
        lambda run: 0.05 * (run.method.name == "tada" and run.generator.trained_on == "own"),
    )
    cases = {case.what: case for case in on("E3", found + records("reduced-test-error"))}
    assert abs(cases["TADA(2) − Syn-all, equal epochs, SGD"].estimate.mean) < 0.5
    own = cases["TADA(2) − Syn-all, equal epochs, SGD, generator: own"]
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
        "TADA(5) − Original, equal epochs, SGD",
        "TADA(5) − Original, equal epochs, SAM",
    ]
    best = {case.what for case in on("E7", records("paper-factor"), "TinyImageNet (paper scale)")}
    assert "TADA(4) − TADA(5)" in best


def test_other_networks_are_compared_under_their_own_augmentation():
    def adamw(run):
        ours = run.training.network != "vit-s" and run.training.optimiser == "adamw"
        return -5 * tada(run) if ours else tada(run)

    cases = on("E6", records("paper-architectures", adamw, seeds=5), "CIFAR-10 (paper scale)")
    assert claim_verdict(cases) == HOLDS
    ours = [case.what for case in cases if not case.decides]
    assert ours == [f"TADA(5) − Original, {name} with AdamW" for name in ("ConvNeXt-T", "Swin-T")]
    assert [case.verdict for case in cases if not case.decides] == [FAILS, FAILS]
    assert len(cases) == 7


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


@pytest.mark.parametrize("scale", ["reduced", "paper"])
def test_what_decides_is_what_the_grid_runs(scale):
    def settings(experiment, field):
        runs = NAMED[f"{scale}-{experiment}"]().runs
        return {getattr(run.training, field) for run in runs}

    networks = settings("architectures", "network")
    assert set(image_cases.NETWORKS_OF[scale]) == networks - {"resnet8", "resnet18"}
    assert set(image_cases.AUGMENTED) == settings("stacking", "augment") - {"none"}
    runs = NAMED[f"{scale}-factor"]().runs
    factors = {run.method.k for run in runs if run.method.name == "tada"}
    assert set(image_cases.FACTORS[scale]) == factors


def test_seeds_are_enough_to_decide():
    for name, make in NAMED.items():
        scale = "reduced-crop-flip" if name.endswith("crop-flip") else name.split("-")[0]
        least = image_cases.LEAST_SEEDS.get(scale, image_cases.LEAST)
        if f"empirical/{name}" in EXPERIMENTS:
            assert make().seeds >= least, name


def test_runs_on_fewer_images_decide_nothing():
    assert {
        name for _, found in judge_claims({"some": records("reduced-scaling")}) for name in found
    } == set()


# --- tables


def test_every_case_is_listed_as_plain_values():
    found = {"some": records("reduced-test-error", tada, seeds=1) + records("reduced-strength")}
    rows = image_claims_as_json(found)
    assert json_value(rows) == json.loads(json.dumps(rows, allow_nan=False))
    single = next(row for row in rows if row["id"] == "E2")
    assert (single["low"], single["bootstrap"], single["verdict"]) == (None, [None, None], UNCLEAR)
    assert {row["predicted"] for row in rows} == {"< 0", "> 0", "30 to 40"}


def test_tables_say_which_cases_decide():
    first, *others = claims_table.image_tables({"some": several(BOTH, tada)})
    assert all(len(row) == len(first.header) for row in first.rows)
    there = {row[0].split(",")[0]: row[-1] for row in first.rows if REDUCED in row[0] and row[-1]}
    assert {name: there[name] for name in ("E1", "E2", "E3", "E4")} == dict.fromkeys(
        ("E1", "E2", "E3", "E4"), HOLDS
    )
    assert {name for name, verdict in there.items() if verdict == NOT_RUN} == {
        "E5",
        "E6",
        "E8",
        "E9",
    }
    absent = {row[0] for row in first.rows if row[-1] == NOT_RUN}
    assert "E1, paper scale" in absent
    assert "E4, CIFAR-10 (reduced, crop and flip)" in absent
    assert first.note == RULE
    e1 = others[0]
    assert [row[0].startswith("*") for row in e1.rows] == [False, True, True]
    assert claims_table.image_tables({}) == []


def test_the_readmes_table_has_a_row_for_each_claim_on_images():
    found = records("reduced-stacking", tada)
    rows = {row[0].split(":")[0]: row for row in readme_tables.image_rows({"some": found})}
    assert list(rows) == [f"E{i}" for i in range(1, 12)]
    assert rows["E5"][1] == "`python -m empirical run reduced-stacking`"
    assert rows["E5"][3] == f"{HOLDS}<br>{NOT_RUN}"
    used = [r for r in found if r.config["training"]["augment"] != "none"]
    minutes = sum(record.provenance["seconds"] for record in used) / 60
    assert rows["E5"][4] == f"{minutes:.0f}"
    assert rows["E9"][2:] == (f"{REDUCED}, paper scale", NOT_RUN, "")
    assert set(PLANNED) == {REDUCED, "CIFAR-10 (reduced, crop and flip)", "paper scale"}


@pytest.mark.parametrize(
    ("claim", "experiment", "lost"),
    [
        ("E3", BOTH, lambda run: run.method.name == "syn-rand"),
        ("E3", BOTH, lambda run: run.selection.rule == "random"),
        ("E1", BOTH, lambda run: run.training.optimiser == "sam"),
        ("E2", BOTH, lambda run: run.method.name == "useful" and run.method.k == 5),
        ("E8", "reduced-strength", lambda run: run.variants.strength == 0.7),
        ("E8", "reduced-strength", lambda run: run.variants.from_noise),
        ("E9", "reduced-selection", lambda run: run.selection.rule == "misclassified"),
    ],
)
def test_nothing_holds_of_which_a_deciding_part_was_not_run(claim, experiment, lost):
    """Whatever else was run supports the claim."""

    def effect(run):
        rules = {"high-loss": 0.01, "misclassified": 0.02, "random": 0.01}
        strength = 0.0 if run.variants.strength == 0.5 else 0.01
        helps = run.method.name == "tada" and not run.variants.from_noise
        worse = rules.get(run.selection.rule, 0.0)
        return worse + (0.05 if run.variants.from_noise else strength - 0.03 * helps)

    whole = several(experiment, effect)
    assert judge(claim, whole) == HOLDS
    runs = [run for name in experiment.split() for run in 8 * NAMED[name]().runs]
    there = [record for run, record in zip(runs, whole, strict=True) if not lost(run)]
    assert judge(claim, there) == UNCLEAR
    missing = [case for case in on(claim, there) if not len(case.samples)]
    assert missing
    assert all(case.decides and case.verdict == NOT_RUN for case in missing)


@pytest.mark.parametrize(
    ("experiment", "data", "least"),
    [
        ("reduced-test-error", REDUCED, 8),
        ("reduced-crop-flip", "CIFAR-10 (reduced, crop and flip)", 5),
        ("paper-test-error", "CIFAR-100 (paper scale)", 5),
    ],
)
def test_too_few_seeds_decide_nothing(experiment, data, least):
    """However narrow their intervals."""
    found = records(experiment, tada, noise=1e-6)
    enough, few = ([r for r in found if r.seed < n] for n in (least, least - 1))
    assert judge("E1", enough, data) == HOLDS
    assert judge("E1", few, data) == UNCLEAR


def test_no_effect_is_no_effect():
    assert judge("E2", several(BOTH, none)) == UNCLEAR
