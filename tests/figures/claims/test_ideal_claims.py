"""Claims on runs with ideal variants: k = 5 decides, and random variants stand for Syn-rand."""

from image_records import records

from figures.claims.cases import FAILS, HOLDS
from figures.claims.images import claim_verdict, judge_claims

NAME = "noisy-digits with pattern, ideal generator"


def judged(effect):
    found = {f"empirical/{name}": records(name, effect, seeds=8) for name in ("ideal", "ideal-sam")}
    return {claim.id: by_data.get(NAME, []) for claim, by_data in judge_claims(found)}


def targeted(run):
    """Return the effect: variants help, most where targeted; copies do not."""
    if run.method.name == "tada":
        return -0.01 * run.method.k * (0.5 if run.selection.rule == "random" else 1)
    return -0.005 if run.method.name == "syn-all" else 0.0


def test_targeted_variants_hold_every_claim():
    cases = judged(targeted)
    assert {name: claim_verdict(cases[name]) for name in ("E1", "E2", "E3")} == dict.fromkeys(
        ("E1", "E2", "E3"), HOLDS
    )
    deciding = [case.what for case in cases["E3"] if case.decides]
    assert "TADA(5) − as many of random images" in deciding
    assert not any("Syn-rand" in what for what in deciding)
    assert [case.decides for case in cases["E3"] if "TADA(2) − as many" in case.what] == [True]


def test_variants_that_help_anybody_fail_the_claim_of_targeting():
    def untargeted(run):
        return -0.05 if run.method.name == "syn-all" else targeted(run)

    assert claim_verdict(judged(untargeted)["E3"]) == FAILS
