"""Test a run's variants: mixing, the digest that names them, and the device they are made on."""

import dataclasses
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from image_files import cifar10_batches

from empirical import pipeline
from empirical.config import Data, Early, Generator, Method, Run, Training, Variants
from empirical.data.context import Context
from empirical.data.pixels import as_pixels, as_uint8
from empirical.data.split import split_dataset
from empirical.experiments import stages
from empirical.experiments.experiment import Experiment
from empirical.experiments.jobs import graph
from empirical.generation import saved_model, stage
from empirical.generation.backends import model_files
from empirical.generation.diffusemix import diffuse_mix
from empirical.generation.unet import build_unet, noise_schedule
from empirical.methods import additions
from empirical.runtime.machine import Machine
from empirical.runtime.seeding import stream
from figures.records import no_progress

pytestmark = pytest.mark.slow

DATA = Data("cifar10", train=20, candidate_pool=30, validation=10, side=8)
SMALL = Generator(channels=(8,), steps=6, batch=4)
LEVEL = Variants(num_inference_steps=4)
MIXED = dataclasses.replace(LEVEL, mix=True)
SLOW = np.arange(20) % 3 == 0


class Negative:
    """A backend whose variants are the negatives of their sources."""

    kind = "negative"
    steps = 1

    def __init__(self):
        self.network = SimpleNamespace(compile=lambda: setattr(self, "compiled", True))
        self.compiled = False

    def describe(self):
        return {"kind": self.kind, "model": None, "seen": "own"}

    def level(self):
        return {"timestep": 0, "alpha_bar": 1.0, "sigma": 0.0}

    def __call__(self, pixels, labels, generators):
        return -pixels


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Write 60 training and 20 test images as official files; return the folder for artifacts."""
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    cifar10_batches(tmp_path / "sets", monkeypatch)
    return tmp_path / "artifacts"


@pytest.fixture
def negative(monkeypatch):
    monkeypatch.setattr(stage, "resolve_backend", lambda context: Negative())


@pytest.mark.parametrize("method", [Method("tada", 3), Method("syn-all"), Method("syn-rand")])
def test_mixed_variants_are_half_source_half_variant_whatever_the_method(root, negative, method):
    run = Run(method=method, data=DATA, variants=MIXED)
    parts = split_dataset(DATA, 0, root)
    sources, copies = additions(method, SLOW, 0)
    rngs = [
        stream(0, "diffusemix", i, c)
        for i, c in zip(sources.tolist(), copies.tolist(), strict=True)
    ]
    real = parts.train[sources].pixels
    made = stage.load_or_make_variants(Context(run, 0, root).with_parts(parts), sources, copies)
    np.testing.assert_array_equal(made, as_pixels(as_uint8(diffuse_mix(real, -real, rngs))))
    whole = pipeline.training_set(Context(run, 0, root).with_parts(parts), SLOW)
    np.testing.assert_array_equal(whole.stored[20:], as_uint8(made))
    np.testing.assert_array_equal(whole.labels[20:], parts.train.labels[sources])
    unmixed = Context(dataclasses.replace(run, variants=LEVEL), 0, root).with_parts(parts)
    plain = stage.load_or_make_variants(unmixed, sources, copies)  # in a store of their own
    np.testing.assert_array_equal(plain, as_pixels(as_uint8(-real)))


def test_a_mixed_variant_depends_on_seed_source_and_copy_alone(root, negative):
    run = Run(data=DATA, variants=MIXED)
    parts = split_dataset(DATA, 0, root)
    sources = np.arange(20)
    copies = np.ones(20, int)
    whole = stage.load_or_make_variants(Context(run, 0, root).with_parts(parts), sources, copies)
    np.testing.assert_array_equal(
        stage.load_or_make_variants(
            Context(run, 0, root / "other").with_parts(parts), sources[7:9], copies[7:9]
        ),
        whole[7:9],
    )
    assert not np.array_equal(
        stage.load_or_make_variants(Context(run, 0, root).with_parts(parts), sources, copies + 1),
        whole,
    )
    assert not np.array_equal(
        stage.load_or_make_variants(Context(run, 1, root).with_parts(parts), sources, copies),
        whole,
    )


def test_a_run_with_mixed_variants_ends_with_a_record(root):
    settings = {
        "training": Training(steps=2, width=8, batch=4),
        "early": Early(limit=2),
        "generator": SMALL,
        "data": DATA,
    }
    run = Run("x", Method("syn-all"), variants=MIXED, **settings)
    assert run.label == "syn-all-sgd-steps-mix"
    assert pipeline.execute(Context(run, 0, root))["generated"] == 20


def model_in(folder, parts, weights=0):
    about = {
        **dict.fromkeys(saved_model.NEEDED, 0),
        "classes": parts.train.classes,
        "data_content": parts.content,
        "seen": "external",
    }
    saved_model.save_generator(
        folder,
        build_unet(parts.train, SMALL, weights),
        noise_schedule(),
        about,
        parts.rest,
    )
    return folder


def of_model(folder):
    return Run(
        "x",
        Method("syn-all"),
        DATA,
        variants=LEVEL,
        generator=Generator(model=str(folder), trained_on="external"),
    )


def test_variants_of_a_model_are_found_by_what_its_files_hold(root, tmp_path):
    parts = split_dataset(DATA, 0, root)
    here = model_in(tmp_path / "here", parts)
    there = tmp_path / "deeper/there"
    shutil.copytree(here, there)
    path = stage.variant_store_path(Context(of_model(here), 0, root).with_parts(parts))
    assert stage.variant_store_path(Context(of_model(there), 0, root).with_parts(parts)) == path
    sources = np.arange(4)
    copies = np.ones(4, int)
    made = stage.load_or_make_variants(
        Context(of_model(here), 0, root).with_parts(parts), sources, copies
    )
    np.testing.assert_array_equal(
        stage.load_or_make_variants(
            Context(of_model(there), 0, root).with_parts(parts), sources, copies
        ),
        made,
    )
    for run in (of_model(here), of_model(there)):  # each record has the name that its run was given
        assert (
            stage.describe_variants(Context(run, 0, root).with_parts(parts))["model"]
            == run.generator.model
        )
    os.utime(here / "training.json", ns=(1, 1))
    (here / ".cache").mkdir()
    (here / ".cache/x").write_text("x")
    (here / "README.md").write_text("x")
    assert stage.variant_store_path(Context(of_model(here), 0, root).with_parts(parts)) == path
    for changed in (
        "training.json",
        "scheduler/scheduler_config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ):
        before = (there / changed).read_bytes()
        (there / changed).write_bytes(before + b" ")
        assert (
            stage.variant_store_path(Context(of_model(there), 0, root).with_parts(parts)) != path
        ), changed
        (there / changed).write_bytes(before)
    assert stage.variant_store_path(Context(of_model(there), 0, root).with_parts(parts)) == path
    other = model_in(tmp_path / "other", parts, weights=1)
    assert stage.variant_store_path(Context(of_model(other), 0, root).with_parts(parts)) != path


def test_a_relative_name_is_found_from_any_folder(root, tmp_path, monkeypatch):
    parts = split_dataset(DATA, 0, root)
    repository = tmp_path / "repository"
    (repository / "paper/models").mkdir(parents=True)
    model_in(repository / "paper/models/mine", parts)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = of_model("paper/models/mine")
    sources = np.arange(3)
    assert model_files.local_folder("paper/models/mine") is None
    monkeypatch.setattr(model_files, "ROOT", repository)
    made = stage.load_or_make_variants(
        Context(run, 0, root).with_parts(parts), sources, sources * 0 + 1
    )
    assert made.shape == (3, 3, 8, 8)
    assert (
        stage.describe_variants(Context(run, 0, root).with_parts(parts))["model"]
        == "paper/models/mine"
    )
    path = stage.variant_store_path(Context(run, 0, root).with_parts(parts))
    monkeypatch.chdir(repository)
    assert stage.variant_store_path(Context(run, 0, root).with_parts(parts)) == path
    nearer = tmp_path / "elsewhere/paper/models/mine"
    model_in(nearer, parts, weights=1)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert model_files.local_folder("paper/models/mine").resolve() == nearer
    assert stage.variant_store_path(Context(run, 0, root).with_parts(parts)) != path


def test_the_machine_reaches_what_makes_variants(root, monkeypatch):
    asked = []
    machine = Machine("cpu", checkpoint=7)
    monkeypatch.setattr(
        stage, "resolve_backend", lambda context: (asked.append(context.machine), Negative())[1]
    )
    run = Run(
        "x",
        Method("syn-all"),
        DATA,
        Training(steps=2, width=8, batch=4),
        Early(limit=2),
        SMALL,
        LEVEL,
    )
    pipeline.execute(Context(run, 0, root, machine))
    trained = []
    made = []
    monkeypatch.setattr(
        stage,
        "load_or_train_generator",
        lambda context, advance: trained.append(context.machine),
    )
    monkeypatch.setattr(
        stage, "load_or_make_variants", lambda context, *words: made.append(context.machine)
    )
    for job in graph([(Experiment("x", "", 1, (run,)), 1)], root / "out", machine).values():
        if job.stage != "train":
            stages.DO[job.stage](job, no_progress)
    assert asked == trained == made == [machine]


@pytest.mark.parametrize("model", [None, "there"])
@pytest.mark.parametrize(("device", "compile"), [("cuda", True), ("cuda", False), ("cpu", True)])
def test_the_network_is_compiled_where_it_is_asked_for_on_a_gpu(
    root, monkeypatch, model, device, compile
):
    places = []
    monkeypatch.setattr(Machine, "on", lambda self, data: torch.device(device))
    monkeypatch.setattr(stage, "load_or_train_generator", lambda context: None)
    monkeypatch.setattr(
        stage, "load_backend", lambda *words: (places.append(words[-1].type), Negative())[1]
    )
    monkeypatch.setattr(
        stage, "wrap_unet", lambda *words: (places.append(words[4].type), Negative())[1]
    )
    run = dataclasses.replace(of_model("x"), generator=Generator(model=model))
    made = stage.resolve_backend(Context(run, 0, root, Machine(compile=compile)))
    assert made.compiled is (compile and device == "cuda")
    assert places == [device]
