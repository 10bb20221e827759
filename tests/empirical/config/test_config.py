"""Bad settings are refused in one line that says what is allowed; equal settings are one run."""

import dataclasses

import pytest
import tyro

from empirical.config import (
    Data,
    Early,
    Gallery,
    Generator,
    Method,
    Run,
    Selection,
    Training,
    Variants,
)
from empirical.data.split import split_dataset
from empirical.experiments.registry import EXPERIMENTS, experiment
from empirical.experiments.runner import plan_of
from empirical.runtime.machine import Machine
from figures.records import file_name
from figures.records.identity import identity

BAD = [
    (Data, {"train": 5}),
    (Data, {"validation": -1}),
    (Data, {"candidate_pool": 500}),
    (Data, {"name": "cifar10", "train": None, "candidate_pool": 500}),
    (Data, {"name": "cifar10", "train": 400, "candidate_pool": 300}),
    (Training, {"steps": None}),
    (Training, {"steps": 10, "epochs": 10}),
    (Training, {"steps": 0}),
    (Training, {"batch": 1}),
    (Training, {"lr": 0.0}),
    (Training, {"momentum": 1.0}),
    (Training, {"rho": -0.1}),
    (Training, {"network": "resnet9"}),
    (Training, {"optimiser": "adam"}),
    (Training, {"schedule": "linear"}),
    (Training, {"augment": "flip"}),
    (Training, {"precision": "float16"}),
    (Method, {"name": "upsample"}),
    (Variants, {"sampler": "euler"}),
    (Variants, {"sampler": "dpm-solver", "num_inference_steps": 30}),
    (Training, {"gradient_accumulation": 0}),
    (Training, {"gradient_accumulation": 3}),
    (Training, {"batch": 8, "gradient_accumulation": 8}),
    (Training, {"warmup": 1.0}),
    (Training, {"label_smoothing": -0.1}),
    (Training, {"betas": (0.9, 1.0)}),
    (Training, {"momentum": 0.0, "nesterov": True}),
    (Training, {"eta": -0.1}),
    (Early, {"error": 1.0}),
    (Early, {"every": 0}),
    (Generator, {"channels": (12,)}),
    (Generator, {"channels": ()}),
    (Generator, {"label_dropout": 1.0}),
    (Generator, {"layers": 0}),
    (Generator, {"trained_on": "both"}),
    (Generator, {"prompt": "a photo"}),
    (Generator, {"kind": "text"}),
    (Variants, {"alpha_bar": 1.0}),
    (Variants, {"strength": 0.0}),
    (Variants, {"strength": 1.1}),
    (Variants, {"strength": 0.1, "num_inference_steps": 2}),
    (Variants, {"num_inference_steps": 30}),
    (Variants, {"num_inference_steps": 0}),
    (Variants, {"guidance": -1.0}),
    (Method, {"k": 0}),
    (Gallery, {"experiment": "x", "strengths": (0.0,)}),
]


@pytest.mark.parametrize(("config", "settings"), BAD)
def test_bad_settings_are_refused_in_one_line(config, settings):
    with pytest.raises(ValueError, match="allowed: ") as error:
        config(**settings)
    assert "\n" not in str(error.value)


def help_texts(config, capsys, monkeypatch):
    """Return the help text of each option of a config, without the default."""
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        tyro.cli(config, args=["--help"])
    texts, name = {}, ""
    for line in capsys.readouterr().out.splitlines():
        words = line.strip("│╭╮╰╯─ ")
        if words.startswith("-"):
            name, _, words = words.partition("  ")
        if name and words and "───" not in line:
            texts[name] = f"{texts.get(name, '')} {words.strip()}"
        elif "───" in line:
            name = ""
    return {name: text.partition("(default:")[0].strip() for name, text in texts.items()}


@pytest.mark.parametrize("config", [Run, Machine])
def test_every_option_has_a_help_text_of_its_own(config, capsys, monkeypatch):
    texts = help_texts(config, capsys, monkeypatch)
    assert len(texts) > len(dataclasses.fields(config)) / 2
    assert not [name for name, text in texts.items() if len(text) < 10]
    assert len(set(texts.values())) == len(texts)


def test_a_split_must_leave_something_to_test_on():
    with pytest.raises(ValueError, match="allowed: below 1797"):
        split_dataset(Data("digits", train=1700, validation=97), 0)


@pytest.mark.parametrize(
    ("run", "label"),
    [
        (Run(), "tada-2-sgd-steps"),
        (
            Run(method=Method("useful", 3), variants=Variants(0.3, mix=True)),
            "useful-3-sgd-steps",
        ),  # it has no variants
        (Run(variants=Variants(0.3)), "tada-2-sgd-steps-strength-0.3"),
        (Run(variants=Variants(mix=True)), "tada-2-sgd-steps-mix"),
        (
            Run(method=Method("syn-all"), variants=Variants(from_noise=True)),
            "syn-all-sgd-steps-noise",
        ),
        (
            Run(method=Method("syn-rand"), variants=Variants(alpha_bar=0.5)),
            "syn-rand-sgd-steps-alpha-bar-0.5",
        ),
        (
            Run(variants=Variants(0.3, alpha_bar=0.25, from_noise=True, mix=True)),
            "tada-2-sgd-steps-noise-mix",
        ),
        (
            Run(method=Method("original"), training=Training("resnet18", "sam")),
            "original-sam-steps-resnet18",
        ),
        (
            Run(method=Method("original"), training=Training("timm:resnet10t")),
            "original-sgd-steps-timm-resnet10t",
        ),
        (
            Run(
                training=Training("vit-s", steps=None, epochs=5),
                length_of=Method("tada", 5),
                selection=Selection("random"),
                variants=Variants(0.7, guidance=2.0, num_inference_steps=100, sampler="ddim"),
            ),
            "tada-2-sgd-epochs-as-tada-5-random-vit-s-strength-0.7",
        ),
        (
            Run(
                training=Training(width=32, augment="crop"),
                generator=Generator(trained_on="external"),
            ),
            "tada-2-sgd-steps",
        ),
    ],
)
def test_a_label_says_what_is_not_usual(run, label):
    assert run.label == label


def test_mixing_is_part_of_what_a_run_is_and_its_absence_renames_nothing():
    run, mixed = Run(), Run(variants=Variants(mix=True))
    assert (
        file_name("x", run, 0)
        == file_name("x", Run(variants=Variants(mix=False)), 0)
        != file_name("x", mixed, 0)
    )
    assert identity(run) == {}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_run_of_an_experiment_has_a_file_of_its_own(name):
    named = experiment(name)
    plan = plan_of(named, named.seeds)
    assert len(set(plan.runs)) == len(named.runs) * named.seeds
    assert plan.experiment == f"empirical/{name}"
    assert {run.experiment for run in named.runs} in ({name}, {named.records})


def test_more_seeds_extend_a_plan():
    named = experiment("noisy-digits")
    assert plan_of(named, 5).runs == plan_of(named, 20).runs[: 5 * len(named.runs)]


def test_every_method_is_in_the_main_experiment_under_both_budgets():
    runs = experiment("noisy-digits").runs
    generated = {"useful-2", "useful-5", "tada-2", "tada-5", "syn-rand", "syn-all"}
    assert {
        run.method.label for run in runs if run.training.steps and run.training.optimiser == "sgd"
    } == generated | {"original"}
    assert {
        run.method.label for run in runs if run.training.epochs and not run.length_of
    } == generated
    assert [run.length_of.label for run in runs if run.length_of] == ["tada-5"]
    assert {"original", "tada-5"} <= {
        run.method.label for run in runs if run.training.optimiser == "sam"
    }


def test_methods_that_are_compared_differ_in_the_method_alone():
    for run in experiment("noisy-digits").runs:
        same = dataclasses.replace(
            run, method=Method("original"), length_of=None, training=Training()
        )
        assert same == Run("noisy-digits", Method("original"), run.data)
        recipe = dataclasses.replace(run.training, optimiser="sgd", steps=250, epochs=None)
        assert recipe == Training()
