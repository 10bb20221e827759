"""Test which images a run's generator is trained on, and that it is trained once for all runs."""

import dataclasses

import numpy as np
import pytest
import torch
from image_files import cifar10_batches

from empirical import pipeline
from empirical.config import Data, Early, Generator, Method, Run, Training, Variants
from empirical.data.context import Context
from empirical.data.load import load_dataset
from empirical.data.split import split_dataset
from empirical.generation import denoiser_trainer, stage, training
from empirical.runtime.machine import Machine

pytestmark = pytest.mark.slow

SMALL = Generator(channels=(8,), steps=2, batch=4)
EXTERNAL = dataclasses.replace(SMALL, trained_on="external")
POOLED = Data("cifar10", train=20, candidate_pool=30, validation=10, side=8)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Write 60 training and 20 test images as official files; return the folder for artifacts."""
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    cifar10_batches(tmp_path / "sets", monkeypatch)
    return tmp_path / "artifacts"


def weights(run, seed, root):
    return torch.cat(
        [
            p.detach().flatten()
            for p in stage.load_or_train_generator(Context(run, seed, root)).parameters()
        ]
    )


def test_own_sees_the_training_split_and_external_what_no_seed_uses(root):
    run = Run(data=POOLED, generator=SMALL)
    used = [split_dataset(POOLED, seed, root) for seed in (0, 1)]
    for seed, parts in enumerate(used):
        images, indices, _ = stage.training_images(Context(run, seed, root).with_parts(parts))
        np.testing.assert_array_equal(images.stored, parts.train.stored)
        np.testing.assert_array_equal(indices, parts.train_indices)
        images, indices, drawn_by = stage.training_images(
            Context(dataclasses.replace(run, generator=EXTERNAL), seed, root).with_parts(parts)
        )
        assert drawn_by == 0
        np.testing.assert_array_equal(
            images.stored, load_dataset(POOLED, root).train.stored[indices]
        )
        assert not set(indices) & {*used[0].train_indices, *used[1].train_indices}


def test_one_external_generator_serves_all_seeds_of_a_pool(root, monkeypatch):
    trained = []
    trainer = denoiser_trainer.DenoiserTrainer
    monkeypatch.setattr(
        denoiser_trainer,
        "DenoiserTrainer",
        lambda model, images, config, seed, *rest: (
            trained.append(seed),
            trainer(model, images, config, seed, *rest),
        )[1],
    )
    run = Run(data=POOLED, generator=EXTERNAL)
    assert torch.equal(weights(run, 0, root), weights(run, 1, root))
    assert trained == [0]
    own = dataclasses.replace(run, generator=SMALL)
    assert not torch.equal(weights(own, 0, root), weights(own, 1, root))
    assert trained == [0, 0, 1]


def test_stopped_it_goes_on_from_its_checkpoint_to_the_same_bits(root, monkeypatch):
    run = Run(data=POOLED, generator=dataclasses.replace(SMALL, steps=6, flip=True))
    always = Machine("cpu", checkpoint=0)
    parts = split_dataset(POOLED, 0, root)
    whole = weights(run, 0, root)
    keep = training.save_checkpoint
    began = []
    steps = []

    def until_stopped(path, state):  # saved after 2 steps, dead after 4
        if state["trainer"]["step"] == 2:
            keep(path, state)
        if state["trainer"]["step"] == 4:
            raise KeyboardInterrupt

    other = root / "other"
    with monkeypatch.context() as patch:
        patch.setattr(training, "save_checkpoint", until_stopped)
        with pytest.raises(KeyboardInterrupt):
            stage.load_or_train_generator(Context(run, 0, other, always).with_parts(parts))
    assert (
        [path.name for path in other.glob("*.pt")]
        == [path.name for path in other.glob("checkpoint-*")]
        != []
    )
    load_state_dict = denoiser_trainer.DenoiserTrainer.load_state_dict
    monkeypatch.setattr(
        denoiser_trainer.DenoiserTrainer,
        "load_state_dict",
        lambda self, state: (load_state_dict(self, state), began.append(self.step)),
    )
    model = stage.load_or_train_generator(
        Context(run, 0, other, always).with_parts(parts), steps.append
    )
    assert began == [2]
    assert steps == [3, 1, 1, 1]  # what was done before is told at once
    assert torch.equal(torch.cat([p.detach().flatten() for p in model.parameters()]), whole)
    assert not model.training
    assert list(other.glob("*.pt")) == []
    assert torch.equal(weights(run, 0, other), whole)
    assert began == [2]  # it was found


def test_without_a_pool_every_seed_has_an_external_generator_of_its_own(root):
    run = Run(data=dataclasses.replace(POOLED, candidate_pool=None), generator=EXTERNAL)
    assert not torch.equal(weights(run, 0, root), weights(run, 1, root))


@pytest.mark.parametrize(
    "data", [Data("digits", train=60), Data("cifar10", train=None, validation=10, side=8)]
)
def test_no_images_left_over_is_told(root, data):
    run = Run(data=data, generator=EXTERNAL)
    with pytest.raises(
        ValueError,
        match=r"all images of .* are in the training, validation or test set; allowed: own",
    ):
        stage.load_or_train_generator(Context(run, 0, root))


def test_the_record_says_what_the_generator_has_seen(root):
    settings = {
        "training": Training(steps=2, width=8, batch=4),
        "early": Early(limit=2),
        "variants": Variants(num_inference_steps=4),
    }
    for generator in (SMALL, EXTERNAL):
        metrics = pipeline.execute(
            Context(Run("x", Method("syn-all"), POOLED, generator=generator, **settings), 0, root)
        )
        assert metrics["generator"]["seen"] == generator.trained_on
        assert metrics["generated"] == 20
        assert 0 <= metrics["early_error"] <= 1


def test_bfloat16_trains_to_nearly_the_same_weights(root):
    run = Run(data=POOLED, generator=SMALL)
    half = dataclasses.replace(SMALL, precision="bfloat16")
    exact = weights(run, 0, root)
    rounded = weights(dataclasses.replace(run, generator=half), 0, root)
    assert not torch.equal(exact, rounded)
    assert rounded.dtype == torch.float32
    # two steps of AdamW, each at most about lr long
    assert (exact - rounded).abs().max() < 2 * 2 * SMALL.lr
