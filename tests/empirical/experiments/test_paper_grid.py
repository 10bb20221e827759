"""The paper's experiments at two scales: every claim has one, and shared runs are one run."""

import dataclasses

import pytest

from empirical.config import Method, Run, Selection
from empirical.config.recipes import PAPER_SAM, PAPER_SAM_CIFAR100, PAPER_SGD
from empirical.experiments.paper_grid import NAMED, SIZES, grid, names
from empirical.experiments.registry import EXPERIMENTS, experiment
from empirical.experiments.runner import plan_of
from empirical.experiments.scales import (
    ORIGINAL,
    PAPER,
    REDUCED,
    REDUCED_CROP_FLIP,
    SETTINGS,
    SYN_ALL,
    SYN_RAND,
    USEFUL_2,
)
from empirical.generation.denoising import starting_noise_level
from empirical.generation.unet import noise_schedule
from empirical.training.networks import NETWORKS

BOTH = pytest.mark.parametrize("scale", SETTINGS)
EVERY = [(scale, name) for scale in SETTINGS for name in names(scale)]
ONCE = [name for name, named in NAMED.items() if named.seeds == 1]  # no classifiers
APART = {"crop-flip": "reduced-crop-flip", "scaling": "reduced-scaling"}  # folders of their own

# The cells of the paper: claim, experiment, data set, network, optimiser, method, what differs.
IMAGES = ("cifar10", "cifar100", "tiny-imagenet")
BEST = {"cifar10": 5, "cifar100": 5, "tiny-imagenet": 4}  # its k of TADA
CELLS = [
    *(
        ("test-error", data, "resnet18", optimiser, method)
        for data in IMAGES
        for optimiser in ("sgd", "sam")
        for method in (ORIGINAL, USEFUL_2, Method("tada", BEST[data]))
    ),
    *(("test-error", data, "resnet18", "sgd", m) for data in IMAGES for m in (SYN_RAND, SYN_ALL)),
    *(
        ("architectures", "cifar10", network, "sgd", method)
        for network in ("densenet121", "vgg19-bn", "convnext-t", "swin-t")
        for method in (ORIGINAL, USEFUL_2, Method("tada", 5))
    ),
    *(
        ("factor", data, "resnet18", "sgd", Method(name, k))
        for data in IMAGES
        for name in ("useful", "tada")
        for k in (2, 3, 4, 5, 6)
    ),
]


@BOTH
def test_every_claim_of_the_images_has_an_experiment(scale):
    claims = {claim for name in names(scale) for claim in grid(name, scale).claims}
    assert claims == {f"E{i}" for i in range(1, 12)}


@BOTH
def test_runs_that_two_experiments_need_are_one_record(scale):
    plans = [plan_of(grid(name, scale), 1) for name in names(scale)]
    expected = {f"empirical/{APART.get(name, scale)}" for name in names(scale)}
    assert {plan.folder for plan in plans} == expected
    assert len({plan.experiment for plan in plans}) == len(plans)
    asked, made = (
        sum(len(plan.runs) for plan in plans),
        {run for plan in plans for run in plan.runs},
    )
    assert asked > 1.2 * len(made)
    for name in ("factor", "selection", "strength", "learning-speed"):
        originals = {run for run in grid(name, scale).runs if run.method == ORIGINAL}
        assert originals
        assert originals < set(grid("test-error", scale).runs)


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


@pytest.mark.parametrize("name", names("reduced"))
def test_the_reduced_scale_fits_a_cpu(name):
    for run in grid(name, "reduced").runs:
        assert run.data.train <= run.data.candidate_pool == 20_000
        assert run.data.side == 16
        assert run.training.precision == "float32"
        assert run.training.epochs is not None
        assert 16 % NETWORKS[run.training.network].multiple == 0


def test_the_reduced_pool_is_the_training_set_and_the_sizes_are_subsets_of_it():
    sizes = {run.data.train for run in grid("scaling", "reduced").runs}
    assert sizes == SIZES.keys()
    for name in set(names("reduced")) - APART.keys():
        assert {run.data.train for run in grid(name, "reduced").runs} == {20_000}


def test_the_paper_scale_is_the_papers():
    error = grid("test-error", "paper")
    assert error.seeds == 5
    recipes = {("cifar100", "sam"): PAPER_SAM_CIFAR100}
    for run in error.runs:
        sgd = run.training.optimiser == "sgd"
        usual = PAPER_SGD if sgd else PAPER_SAM
        recipe = recipes.get((run.data.name, run.training.optimiser), usual)
        assert dataclasses.replace(run.training, precision="float32") == recipe
        assert run.early.epochs == dict(zip(IMAGES, (8, 20, 10), strict=True))[run.data.name]
        assert run.variants.num_inference_steps == 100


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: "-".join(map(str, cell[:4])))
def test_every_cell_of_the_paper_has_one_run_by_its_recipe(cell):
    """No run under another recipe, such as AdamW, may stand for it."""
    name, data, network, optimiser, method = cell
    found = [
        run
        for run in grid(name, "paper").runs
        if (run.data.name, run.training.network, run.method) == (data, network, method)
        and run.training.optimiser == optimiser
        and run.selection == Selection()
        and run.length_of is None
    ]
    assert len(found) == 1
    (run,) = found
    plain = dataclasses.replace(run.training, precision="float32", network="resnet18")
    sam = PAPER_SAM_CIFAR100 if data == "cifar100" else PAPER_SAM
    assert plain == (PAPER_SGD if optimiser == "sgd" else sam)


def test_the_reduced_scale_compares_the_papers_k():
    assert REDUCED.best == REDUCED_CROP_FLIP.best == BEST["cifar10"]
    assert {name: of.best for name, of in PAPER.items()} == BEST
    for name in ("test-error", "architectures", "stacking"):
        assert REDUCED.tada in {run.method for run in grid(name, "reduced").runs}


@BOTH
def test_controls_differ_from_the_method_they_control_by_one_thing(scale):
    for of in SETTINGS[scale]:
        runs = [run for run in grid("controls", scale).runs if run.data == of.base.data]
        tada = dataclasses.replace(of.base, method=Method("tada", of.best))
        controls = [
            dataclasses.replace(tada, selection=Selection("random")),
            dataclasses.replace(of.base, length_of=tada.method),
            dataclasses.replace(of.base, method=Method("useful", of.best)),
            dataclasses.replace(of.base, method=Method("reweighted", 2)),
            dataclasses.replace(of.base, method=USEFUL_2, selection=Selection("random")),
        ]
        for run in (of.base, tada, *controls):
            assert runs.count(run) == 1


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
