"""Test the report's numbers of the runs with ideal variants, on made-up records."""

import pytest

from empirical.experiments import bridge
from figures.records import Record, json_value
from figures.report.arm_numbers import arm_number, ordered_pairs
from figures.statistics.arms import Arms, arm_of

RECALL = 0.75


def records(name, error, seeds=3):
    """Return records of an experiment whose errors are ``error(arm, seed)``, all and uncued."""
    found = []
    for run in bridge.experiment(name).runs:
        for seed in range(seeds):
            arm = arm_of(Record(json_value(run), seed, {}))
            both = dict(zip(("test_error", "test_error_uncued"), error(arm, seed), strict=True))
            metrics = {**both, "selection_recall": RECALL, "slow_fraction": 0.4}
            found.append(Record(json_value(run), seed, metrics))
    return found


def by_kappa(arm, seed):
    gain = 0.05 * (1 - arm.kappa) if arm.method != "original" else 0.0
    return 0.2 - gain + seed / 100, 0.4 - 3 * gain + seed / 100


def test_numbers_of_an_arm_with_another_dial_are_read_by_its_value_in_percent():
    found = records("dose", by_kappa)
    plain, kept = (
        arm_number(found, key.split("."))
        for key in ("tada-5.minus.original", "kappa-70.tada-5.minus.original")
    )
    assert "-5.00" in plain
    assert "-1.50" in kept
    assert "-4.50" in arm_number(found, ["kappa-70", "tada-5", "minus", "original", "uncued"])
    assert arm_number(found, ["kappa-71", "tada-5", "minus", "original"]) is None
    assert arm_number(found, ["seeds"]) == "3"


@pytest.mark.parametrize(("name", "optimiser"), [("ideal-sam", "sam"), ("ideal-steps", "sgd")])
def test_other_trainings_have_a_topic_of_their_own(name, optimiser):
    found = records(name, by_kappa)
    assert {record.config["training"]["optimiser"] for record in found} == {optimiser}
    assert "-5.00" in arm_number(found, ["tada-5", "minus", "original"])


def test_pairs_are_ordered_if_more_examples_for_a_slow_image_go_with_less_error():
    """k_eff is 1 of copies, 4 of TADA(5) and of as many random images here, 2 of Syn-all."""
    k_eff = {"useful-5": 1.0, "tada-5": 4.0, "random-5": 4.0, "syn-all": 2.0}

    def lawful(arm, seed):
        return 0.1, 0.5 - k_eff.get(arm.method, 0) / 10

    worlds = 8
    right, pairs = ordered_pairs(Arms(records("heterogeneity", lawful)))
    assert pairs == 5 * worlds  # TADA and random are equal: no pair
    assert right == pairs
    wrong = ordered_pairs(Arms(records("heterogeneity", lambda *a: (0.1, 1 - lawful(*a)[1]))))
    assert wrong == (0, pairs)
    assert arm_number(records("heterogeneity", lawful), ["ordered"]) == f"{right} of {pairs}"
