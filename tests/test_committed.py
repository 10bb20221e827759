"""The committed records are what today's code gives: one of each half is computed again.

On another processor the bits may differ, so the theory is held to its tolerance and a single image run to a looser one.
"""

import pytest

from figures.records import COMMITTED, read, read_plan
from figures.records.compare import distance


def committed(experiment, name):
    """The record of the experiment whose file name begins with ``name``."""
    (run,) = (run for run in read_plan(COMMITTED, experiment).runs if run.startswith(name))
    return read(COMMITTED / experiment / run)


@pytest.mark.parametrize(
    "name", ["original-s03", "sam-s00", "useful-3-s01", "tada-5-s03", "syn-all-s02", "syn-rand-s00"]
)
def test_theory(name):
    from theory import simulate
    from theory.experiments import EXPERIMENTS

    record, plan = committed("theory/methods", name), read_plan(COMMITTED, "theory/methods")
    (run,) = (run for run in EXPERIMENTS["methods"].runs if run.label == record.config["label"])
    again = simulate(run, record.seed)
    assert distance(again["test_error"], record.metrics["test_error"]) <= plan.tolerance
    assert again["examples"] == record.metrics["examples"]
    assert again["time_slow"] == record.metrics["time_slow"]


def test_images(tmp_path):
    import torch

    from empirical.experiments.registry import experiment
    from empirical.pipeline import execute

    torch.set_num_threads(1)
    record = committed("empirical/noisy-digits", "useful-2-sgd-steps-s00")
    (run,) = (run for run in experiment("noisy-digits").runs if run.label == "useful-2-sgd-steps")
    again = execute(run, record.seed, tmp_path)
    assert again["training_indices_sha256"] == record.metrics["training_indices_sha256"]
    assert again["early_steps"] == pytest.approx(record.metrics["early_steps"], abs=4)
    assert again["slow_fraction"] == pytest.approx(record.metrics["slow_fraction"], abs=0.1)
    assert again["test_error"] == pytest.approx(record.metrics["test_error"], abs=0.03)
