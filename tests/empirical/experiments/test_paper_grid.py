"""The paper's experiments at two scales: every claim has one, and shared runs are one run."""

import dataclasses

import pytest

from empirical.config import Run, Selection
from empirical.experiments.paper_grid import (
    NAMED,
    ONCE,
    ORIGINAL,
    PAPER,
    REDUCED,
    SETTINGS,
    grid,
    names,
)
from empirical.experiments.registry import EXPERIMENTS, experiment
from empirical.experiments.runner import plan_of
from empirical.generation.denoising import starting_noise_level
from empirical.generation.unet import noise_schedule
from empirical.training.networks import NETWORKS

BOTH = pytest.mark.parametrize("scale", SETTINGS)
EVERY = [(scale, name) for scale in SETTINGS for name in names(scale)]


@BOTH
def test_every_claim_of_the_images_has_an_experiment(scale):
    claims = {claim for name in names(scale) for claim in grid(name, scale).claims}
    assert claims == {f"E{i}" for i in range(1, 12)}


@BOTH
def test_runs_that_two_experiments_need_are_one_record(scale):
    plans = [plan_of(grid(name, scale), 1) for name in names(scale)]
    assert {plan.folder for plan in plans} == {f"empirical/{scale}"}
    assert len({plan.experiment for plan in plans}) == len(plans)
    asked, made = (
        sum(len(plan.runs) for plan in plans),
        {run for plan in plans for run in plan.runs},
    )
    assert asked > 1.2 * len(made)
    for name in ("factor", "selection", "strength", "learning-speed"):
        assert {r for r in grid(name, scale).runs if r.method == ORIGINAL} < set(
            grid("test-error", scale).runs
        )


@pytest.mark.parametrize(("scale", "name"), EVERY)
def test_an_experiment_is_found_by_its_full_name(scale, name):
    assert experiment(f"{scale}-{name}") == grid(name, scale)
    assert f"{scale}-{name}" in EXPERIMENTS


@pytest.mark.parametrize(
    ("scale", "name"), [pair for pair in EVERY if pair[1] not in (*ONCE, "generator")]
)
def test_each_run_has_an_original_that_differs_by_no_more_than_the_method(scale, name):
    """What the method alone needs, its variants, selection and generator, may differ too."""
    runs = grid(name, scale).runs

    def fair(run: Run, other: Run) -> bool:
        theirs, ours = (dataclasses.replace(r.training, steps=None, epochs=1) for r in (run, other))
        return other.method == ORIGINAL and (other.data, other.early, ours) == (
            run.data,
            run.early,
            theirs,
        )

    assert all(any(fair(run, other) for other in runs) for run in runs)


@pytest.mark.parametrize("name", NAMED)
def test_the_reduced_scale_fits_a_cpu(name):
    for run in grid(name, "reduced").runs:
        assert run.data.train <= 4000
        assert run.data.side == 16
        assert run.training.precision == "float32"
        assert 16 % NETWORKS[run.training.network].multiple == 0


def test_the_paper_scale_is_the_papers():
    error = grid("test-error", "paper")
    assert {run.data.name for run in error.runs} == {"cifar10", "cifar100", "tiny-imagenet"}
    assert {run.training.optimiser for run in error.runs} == {"sgd", "sam"}
    for run in error.runs:
        assert (run.training.network, run.training.epochs, run.training.batch) == (
            "resnet18",
            200,
            128,
        )
        assert (
            run.early.epochs == {"cifar10": 8, "cifar100": 20, "tiny-imagenet": 10}[run.data.name]
        )
        assert run.training.rho == (
            0.2 if (run.data.name, run.training.optimiser) == ("cifar100", "sam") else 0.1
        )
    networks = {run.training.network for run in grid("architectures", "paper").runs}
    assert networks == {"resnet18", "vit-s", "densenet121", "vgg19-bn", "convnext-t", "swin-t"}


def test_the_paper_scale_is_for_a_gpu():
    runs = {run for name in names("paper") for run in grid(name, "paper").runs}
    assert {run.training.precision for run in runs} == {"bfloat16"}
    classifiers = [run for run in runs if isinstance(run, Run)]
    settings = {(run.generator.precision, run.evaluations) for run in classifiers}
    assert settings == {("bfloat16", 200)}


def test_generators_that_have_seen_different_images_are_not_mixed():
    for name in set(names("reduced")) - {"generator", "stability"}:
        assert {run.generator.trained_on for run in grid(name, "reduced").runs} == {"external"}
    runs = [run for run in grid("generator", "reduced").runs if run.method.generates]
    seen = [run.generator.trained_on for run in runs]
    assert sorted(seen) == ["external", "external", "own", "own"]


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_strength_means_the_noise_of_the_cosine_schedule_at_both_scales(strength):
    reduced, paper = REDUCED.variants(strength), PAPER["cifar10"].variants(strength)
    fine = dataclasses.replace(reduced, num_inference_steps=1000)
    ours = starting_noise_level(noise_schedule(), fine)["alpha_bar"]
    assert paper.alpha_bar == pytest.approx(ours, abs=0.005)
    assert PAPER["cifar10"].base.variants.alpha_bar == 0.5


def test_selection_and_strength_vary_one_setting_alone():
    base = next(run for run in grid("selection", "reduced").runs if run.method.name == "tada")
    rules = [run for run in grid("selection", "reduced").runs if run.selection != Selection()]
    assert {dataclasses.replace(run, selection=base.selection) for run in rules} == {base}
    levels = [run for run in grid("strength", "reduced").runs if run.method.name == "tada"]
    assert {dataclasses.replace(run, variants=base.variants) for run in levels} == {base}
    assert len({run.variants for run in levels}) == len(levels) == 4
