"""Arms of the runs with ideal variants, their differences, and generators on the dial."""

import numpy as np
import pytest

from empirical.config import Data, Gallery, Generator, Method, Run, Selection, Training, Variants
from figures.labels import METHODS
from figures.records import Record, json_value
from figures.statistics.arms import Arm, Arms, arm_name, arm_of, variants_of_slow
from figures.statistics.dial import dose_curves, place_generators, predict

CUED = Data("noisy-digits", cue="beside")
IDEAL = Generator(kind="ideal")
EPOCHS = Training(steps=None, epochs=40)


def run(method, data=CUED, training=EPOCHS, generator=IDEAL, **changes):
    return Run("x", method, data, training, generator=generator, **changes)


def record(config, seed=0, error=0.1, **metrics):
    return Record(json_value(config), seed, {"test_error": error, **metrics})


@pytest.mark.parametrize(
    ("config", "arm"),
    [
        (run(Method("original")), Arm("original")),
        (run(Method("original"), length_of=Method("tada", 5)), Arm("original-longer")),
        (run(Method("tada", 5)), Arm("tada-5")),
        (run(Method("tada", 5), selection=Selection("random")), Arm("random-5")),
        (run(Method("tada", 2), selection=Selection("truth")), Arm("truth-2")),
        (run(Method("useful", 5)), Arm("useful-5")),
        (run(Method("syn-all"), variants=Variants(kappa=0.5)), Arm("syn-all", kappa=0.5)),
        (run(Method("original"), variants=Variants(kappa=0.5)), Arm("original")),
        (run(Method("tada", 5), Data("noisy-digits")), Arm("tada-5", share=0.0)),
        (run(Method("tada", 5), training=Training()), Arm("tada-5", budget="steps")),
        (
            run(Method("tada", 5), Data("noisy-digits", cue="patch", cue_share=0.5)),
            Arm("tada-5", share=0.5),
        ),
    ],
)
def test_an_arm_says_what_runs_differ_in(config, arm):
    assert arm_of(record(config)) == arm


def test_arms_of_variants_have_names_and_styles():
    assert arm_name("random-5") == f"{METHODS['random'].label}(5)"
    assert arm_name("truth-5") == f"{METHODS['truth'].label}(5)"


def test_changes_are_paired_by_seed_and_by_world():
    records = [record(run(Method("original")), s, 0.1 + s / 100) for s in range(3)]
    records += [record(run(Method("tada", 5)), s, 0.08 + s / 100) for s in range(3)]
    other = Data("noisy-digits", cue="beside", cue_share=0.5)
    records += [record(run(Method("original"), other), s, 0.5) for s in range(3)]
    records += [record(run(Method("tada", 5), variants=Variants(kappa=0.5)), 0, 0.09)]
    arms = Arms(records)
    change = arms.change("tada-5")
    assert (change.n, change.mean) == (3, pytest.approx(-2))
    assert change.half == pytest.approx(0, abs=1e-9)
    assert arms.change("tada-5", kappa=0.5).mean == pytest.approx(-1)
    assert arms.change("tada-5", share=0.5) is None


def test_k_eff_counts_variants_of_slow_images_only():
    def one(config, recall):
        return variants_of_slow({0: record(config, selection_recall=recall)})[0]

    assert one(run(Method("original")), 0.5) == 1
    assert one(run(Method("useful", 5)), 1.0) == 1
    assert one(run(Method("syn-all")), 0.5) == 2
    assert one(run(Method("tada", 5)), 1.0) == 5
    assert one(run(Method("tada", 5)), 0.25) == 2


def dose_records():
    """TADA(5) gains 4 points, less 3 kappa, less what is lost in s and fidelity."""
    records = [record(run(Method("original")), s, 0.10) for s in range(3)]
    settings = [Variants()]
    settings += [Variants(kappa=k) for k in (0.5, 1.0)]
    settings += [Variants(fresh_noise=size) for size in (0.0, 2.0)]
    settings += [Variants(fidelity=phi) for phi in (0.0, 0.5)]
    for v in settings:
        gain = 4 - 3 * v.kappa - (v.fresh_noise - 1) - 2 * (1 - v.fidelity)
        config = run(Method("tada", 5), variants=v)
        records += [record(config, s, 0.10 - gain / 100) for s in range(3)]
    return records


def test_prediction_adds_the_effects_of_the_dials():
    curves = dose_curves(dose_records())
    perfect = {"kappa": 0.0, "fresh_noise": 1.0, "fidelity": 1.0}
    assert predict(curves, perfect) == pytest.approx(-4)
    found = predict(curves, {"kappa": 0.25, "fresh_noise": 1.5, "fidelity": 0.75})
    assert found == pytest.approx(-4 + 0.75 + 0.5 + 0.5)
    assert predict({}, perfect) is None


def test_real_generators_are_placed_with_their_gain():
    generator = Generator(steps=100)
    level = {"kappa": 0.5, "fresh_noise": 1.0, "fidelity": 1.0, "agreement": 0.9}
    dial = [record(run(Method("original")), s, 0.10) for s in range(3)]
    real = run(Method("tada", 5), generator=generator)
    dial += [record(real, s, 0.10 - (1 + s) / 100) for s in range(3)]
    shown = Gallery("x", CUED, generator=generator, strengths=(0.5,))
    dial += [Record(json_value(shown), s, {"levels": [level]}) for s in range(3)]
    records = {"empirical/dial": dial, "empirical/dose": dose_records()}
    (placed,) = place_generators(records)
    assert placed.dials == {axis: level[axis] for axis in ("kappa", "fresh_noise", "fidelity")}
    assert placed.seen.mean == pytest.approx(-2)
    assert placed.predicted == pytest.approx(-4 + 1.5)
    assert np.isclose(placed.agreement, 0.9)
    assert place_generators({}) == []
