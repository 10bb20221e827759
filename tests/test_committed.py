"""The committed records are those of today's code: their names, and some of their results."""

import pytest

from empirical.experiments import registry as images
from empirical.experiments.runner import plan_of
from figures.draw import GROWING
from figures.records import COMMITTED, begun, is_valid, read, read_plan
from figures.records.compare import distance
from figures.reproduce import experiments
from theory.experiments import EXPERIMENTS as THEORY
from theory.experiments import record_path

pytestmark = pytest.mark.slow

NAMES = (
    *(f"theory/{name}" for name in THEORY),
    *(f"empirical/{name}" for name in images.EXPERIMENTS),
)


def runs_of(name):
    """Return {file name: run} for all seeds of an experiment, in the order of its plan."""
    half, short = name.split("/")
    if half == "theory":
        experiment = THEORY[short]
        return {
            record_path(run, seed, COMMITTED).name: run
            for run in experiment.runs
            for seed in experiment.chosen()
        }
    experiment = images.experiment(short)
    runs = [run for _ in range(experiment.seeds) for run in experiment.runs]
    return dict(zip(plan_of(experiment, experiment.seeds).runs, runs, strict=True))


COMMITTED_NAMES = [name for name in NAMES if begun(name, (COMMITTED,))]


def test_every_committed_experiment_has_a_name():
    assert sorted(COMMITTED_NAMES) == experiments(COMMITTED)
    assert {f"theory/{name}" for name in THEORY} < set(COMMITTED_NAMES)
    assert {"empirical/digits", "empirical/noisy-digits"} < set(COMMITTED_NAMES)


@pytest.mark.parametrize("name", COMMITTED_NAMES)
def test_every_run_is_found_under_its_identity(name):
    plan, runs = read_plan(COMMITTED, name), runs_of(name)
    if name.startswith(GROWING):  # computed in parts: these runs, for as many seeds as there are
        runs = {run: runs[run] for run in plan.runs}
    assert set(runs) <= set(plan.runs)
    folder = COMMITTED / plan.folder
    assert [run for run in runs if not is_valid(folder / run, runs[run])] == []
    others = set(plan.runs) - set(runs)  # such as the summary of theory/claims
    assert [run for run in others if not is_valid(folder / run)] == []


def committed(experiment, name):
    """Return the record of the experiment whose file name begins with ``name``."""
    plan = read_plan(COMMITTED, experiment)
    (run,) = (run for run in plan.runs if run.startswith(name))
    return read(COMMITTED / plan.folder / run)


# On another processor the bits may differ, so the theory is held to its tolerance and a single
# image run to a looser one.
@pytest.mark.parametrize(
    "name",
    [
        *("original-s1003", "sam-s1000", "useful-3-s1001", "tada-5-s1003", "syn-all-s1002"),
        "syn-rand-s1000",
    ],
)
def test_theory(name):
    from theory import simulate

    record, plan = committed("theory/methods", name), read_plan(COMMITTED, "theory/methods")
    (run,) = (run for run in THEORY["methods"].runs if run.label == record.config["label"])
    again = simulate(run, record.seed)
    assert distance(again["test_error"], record.metrics["test_error"]) <= plan.tolerance
    assert again["examples"] == record.metrics["examples"]
    assert again["time_slow"] == record.metrics["time_slow"]


def test_images(tmp_path):
    import torch

    from empirical.data.context import Context
    from empirical.pipeline import execute

    torch.set_num_threads(1)
    record = committed("empirical/noisy-digits", "useful-2-sgd-steps-s00")
    (run,) = (
        run for run in images.experiment("noisy-digits").runs if run.label == "useful-2-sgd-steps"
    )
    again = execute(Context(run, record.seed, tmp_path))
    assert again["training_indices_sha256"] == record.metrics["training_indices_sha256"]
    assert again["early_steps"] == pytest.approx(record.metrics["early_steps"], abs=4)
    assert again["slow_fraction"] == pytest.approx(record.metrics["slow_fraction"], abs=0.1)
    assert again["test_error"] == pytest.approx(record.metrics["test_error"], abs=0.03)
