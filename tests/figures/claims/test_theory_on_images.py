"""Judge T3, T6 and T7 on made-up runs with ideal variants."""

import pytest

from empirical.experiments import bridge
from figures.claims.images import claim_verdict
from figures.claims.theory_on_images import judge_theory_on_images
from figures.records import Record, json_value
from figures.statistics.arms import arm_of

SEEDS = 8


def records(name="ideal", noise=(3.0, 1.0), gain=0.1, responses=True):
    """Return runs in which variants memorise less by ``noise`` and gain without the cue."""
    found = []
    for run in bridge.experiment(name).runs:
        for seed in range(SEEDS):
            method = arm_of(Record(json_value(run), seed, {})).method
            k = int(method[-1]) if method[-1].isdigit() else 1
            variants = method.startswith("tada")
            own = noise[1] / k if variants else noise[0]
            won = gain * (1 - 1 / k) if variants else 0.0
            jitter = (seed - SEEDS / 2) / 10_000
            metrics = {
                "test_error": 0.06 - won / 5 + jitter,
                "test_error_uncued": 0.3 - won + jitter,
                "test_error_cued": 0.01,
                "train_error": [0.5, 0.0],
                "slow_fraction": 0.4,
            }
            if responses:
                fresh = 13.0 if variants else 8.0  # differs, and is no memory of noise
                metrics |= {"response_own": [9.0, fresh + own + jitter]}
                metrics |= {"response_fresh": [9.0, fresh]}
            found.append(Record(json_value(run), seed, metrics))
    return {f"empirical/{name}": found}


def verdicts(found):
    return {claim.id: claim_verdict(cases) for claim, _, cases in judge_theory_on_images(found)}


def test_all_three_hold_where_the_runs_are_as_the_theory_says():
    judged = judge_theory_on_images(records())
    assert verdicts(records()) == {"T3": "holds", "T6": "holds", "T7": "holds"}
    (_, _, cases), *_ = judged
    assert [round(case.samples.mean(), 2) for case in cases] == [-2.5, -2.8]
    every = [case for _, _, found in judged for case in found]
    neutral = next(case for case in every if case.what.endswith("USEFUL(5) − USEFUL(2)"))
    assert neutral.predicted == "-0.5 to 0.5"


def test_each_fails_where_the_runs_say_the_opposite():
    assert verdicts(records(noise=(1.0, 30.0)))["T3"] == "fails"
    turned = verdicts(records(gain=-0.1))
    assert (turned["T6"], turned["T7"]) == ("fails", "fails")


@pytest.mark.parametrize("name", ["ideal-plain", "ideal"])
def test_runs_without_responses_are_not_judged(name):
    assert judge_theory_on_images(records(name, responses=False)) == []
