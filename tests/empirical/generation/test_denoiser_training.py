"""Test training a generator to keep: sizes, resuming, sheets, its folder, no leaked images."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from image_files import cifar10_batches
from PIL import Image

from empirical.commands.diffusion import make_task
from empirical.config import Data, Generator, Run
from empirical.data.context import Context
from empirical.data.images import Images
from empirical.data.load import load_digits
from empirical.data.split import split_dataset
from empirical.generation import denoiser_trainer, saved_model, stage, training
from empirical.generation.sizes import SIZES, count_parameters, named_size
from empirical.generation.training import TrainingTask, train_to_folder
from empirical.generation.unet import build_unet, noise_schedule
from empirical.runtime.machine import Machine
from empirical.training.trainer import Diverged

pytestmark = pytest.mark.slow

TINY = Generator(channels=(8,), steps=6, batch=4)
DIGITS = Data("digits", train=60)
POOLED = Data("cifar10", train=20, candidate_pool=30, validation=10, side=8)
CPU = Machine("cpu")


def empty(side, channels=3, classes=10):
    return Images(
        np.empty((0, side, side, channels), np.uint8),
        np.empty(0, np.int64),
        tuple(map(str, range(classes))),
    )


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def loaded(folder):
    from diffusers import DDPMPipeline

    return DDPMPipeline.from_pretrained(folder)


@pytest.fixture
def sets(tmp_path, monkeypatch):
    """Write 60 training and 20 test images as official files; return the folder for artifacts."""
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    cifar10_batches(tmp_path / "sets", monkeypatch)
    return tmp_path / "artifacts"


@pytest.fixture
def task(tmp_path):
    return make_task(DIGITS, TINY, 0, tmp_path / "artifacts")


def test_sizes_have_these_many_parameters():
    assert {
        name: round(count_parameters(empty(32), config) / 1e6, 2) for name, config in SIZES.items()
    } == {
        "digits": 0.16,
        "small": 0.62,
        "medium": 2.47,
        "large": 13.66,
        "gpu": 25.84,
        "cifar10-gpu": 20.09,
    }
    with pytest.raises(ValueError, match="size is 'huge'; allowed: digits, small"):
        named_size("huge")


@pytest.mark.parametrize("attention", [False, True])
def test_layers_and_attention_are_those_of_the_settings(attention):
    config = dataclasses.replace(TINY, channels=(8, 16), layers=2, attention=attention)
    model = build_unet(empty(8), config, 0)
    assert [len(block.resnets) for block in model.down_blocks] == [2, 2]
    attends = [
        "Attn" in name for name in (*model.config.down_block_types, *model.config.up_block_types)
    ]
    assert attends == [False, attention, attention, False]
    with torch.no_grad():
        assert model(
            torch.zeros(2, 3, 8, 8), 5, class_labels=torch.tensor([0, 10])
        ).sample.shape == (2, 3, 8, 8)


def test_uint8_images_train_as_the_same_floats_do():
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    labels = rng.integers(0, 3, 20)
    images = Images(stored, labels, ("a", "b", "c"))
    ends = []
    for each in (images, Images(images.pixels, labels, images.classes)):
        model = build_unet(each, TINY, 0)
        losses = list(denoiser_trainer.train_generator(model, each, TINY, 0))
        ends.append((losses, weights(model)))
    assert ends[0][0] == ends[1][0]
    assert torch.equal(ends[0][1], ends[1][1])


def test_flip_mirrors_about_half_of_the_images_and_moves_no_other_draw():
    images = load_digits(Data("digits"))[:200]
    settings = dataclasses.replace(TINY, flip=True, batch=200)
    plain, mirrored = (
        denoiser_trainer.DenoiserTrainer(build_unet(images, c, 0), images, c, 0)
        for c in (dataclasses.replace(settings, flip=False), settings)
    )
    everyone = torch.arange(200)
    (x, _) = plain._batch(everyone)
    (z, _) = mirrored._batch(everyone)
    same, flipped = ((z == other).flatten(1).all(1) for other in (x, x.flip(3)))
    assert (same | flipped).all()
    assert 60 < (flipped & ~same).sum() < 140
    assert torch.equal(plain.noise_rng.get_state(), mirrored.noise_rng.get_state())


def test_stopped_it_ends_with_the_same_bits(tmp_path, monkeypatch):
    task = make_task(DIGITS, dataclasses.replace(TINY, flip=True), 0, tmp_path / "artifacts")
    whole = train_to_folder(task, tmp_path / "whole", CPU, sheets=0, quiet=True)
    keep = training.save_checkpoint

    def until_stopped(path, state):  # saved after 2 steps, dead after 4
        step = state["trainer"]["step"]
        if step == 2:
            keep(path, state)
        if step == 4:
            raise KeyboardInterrupt

    always = dataclasses.replace(CPU, checkpoint=0)
    monkeypatch.setattr(training, "save_checkpoint", until_stopped)
    with pytest.raises(KeyboardInterrupt):
        train_to_folder(task, tmp_path / "stopped", always, sheets=0, quiet=True)
    assert not (tmp_path / "stopped").exists()
    other = dataclasses.replace(task, settings=dataclasses.replace(task.settings, lr=1e-3))
    with pytest.raises(
        ValueError,
        match=r"stopped.training holds training with other settings, or on another device",
    ):
        train_to_folder(other, tmp_path / "stopped", always, sheets=0, quiet=True)
    began = []
    load_state_dict = denoiser_trainer.DenoiserTrainer.load_state_dict
    monkeypatch.setattr(
        denoiser_trainer.DenoiserTrainer,
        "load_state_dict",
        lambda self, state: (load_state_dict(self, state), began.append(self.step)),
    )
    monkeypatch.setattr(training, "save_checkpoint", keep)
    again = train_to_folder(task, tmp_path / "stopped", always, sheets=0, quiet=True)
    assert began == [2]
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    assert len(whole["curve"]) == 6
    file = "unet/diffusion_pytorch_model.safetensors"
    assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "stopped" / file).read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith(".")) == [
        "stopped",
        "whole",
    ]


def test_the_folder_holds_the_generator_that_a_run_trains(tmp_path, task):
    about = train_to_folder(task, tmp_path / "made", CPU, sheets=1, quiet=True)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "indices.npy",
        "model_index.json",
        "scheduler",
        "step-0000006.png",
        "training.json",
        "unet",
    ]
    run = Run(data=DIGITS, generator=TINY)
    parts = split_dataset(DIGITS, 0, tmp_path / "artifacts")
    there = loaded(tmp_path / "made")
    assert torch.equal(
        weights(there.unet),
        weights(
            stage.load_or_train_generator(Context(run, 0, tmp_path / "artifacts").with_parts(parts))
        ),
    )
    assert there.scheduler.config.prediction_type == "v_prediction"
    assert there.unet.config.num_class_embeds == 11
    wanted = {
        "classes": list(map(str, range(10))),
        "seen": "own",
        "images": 60,
        "steps": 6,
        "images_seen": 24,
        "seed": 0,
    }
    assert {name: about[name] for name in wanted} == wanted
    assert about["indices_sha256"] == saved_model.digest_indices(parts.train_indices)
    as_tuples = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in about["settings"].items()
    }
    assert Generator(**as_tuples) == TINY
    with Image.open(tmp_path / "made" / "step-0000006.png") as sheet:
        assert sheet.width > 6 * 48
        assert sheet.height > 10 * 48
    before = (tmp_path / "made" / "training.json").stat().st_mtime_ns
    again = train_to_folder(task, tmp_path / "made", CPU, quiet=True)
    assert again == about  # finished: left as it is
    assert (tmp_path / "made" / "training.json").stat().st_mtime_ns == before
    with pytest.raises(
        ValueError,
        match=r"made holds another generator; allowed: that of these settings",
    ):
        train_to_folder(dataclasses.replace(task, seed=1), tmp_path / "made", CPU, quiet=True)


def test_a_sheet_moves_no_number(tmp_path, task):
    losses = [
        train_to_folder(task, tmp_path / str(sheets), CPU, sheets=sheets, quiet=True)["curve"]
        for sheets in (0, 1)
    ]
    assert losses[0] == losses[1]
    assert torch.equal(*(weights(loaded(tmp_path / str(sheets)).unet) for sheets in (0, 1)))


def test_half_the_bytes_hold_nearly_the_same_weights(tmp_path, task):
    model = build_unet(task.images, TINY, 0)
    about = dict.fromkeys(saved_model.NEEDED, 0)
    for name, bf16 in (("full", False), ("half", True)):
        saved_model.save_generator(
            tmp_path / name, model, noise_schedule(), about, task.indices, bf16
        )
    full, half = (weights(loaded(tmp_path / name).unet) for name in ("full", "half"))
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, rtol=2**-8, atol=0)
    assert not torch.equal(half, full)
    sizes = [
        (tmp_path / name / "unet/diffusion_pytorch_model.safetensors").stat().st_size
        for name in ("full", "half")
    ]
    assert sizes[1] < 0.7 * sizes[0]
    with pytest.raises(ValueError, match="is there already; allowed: a new one"):
        saved_model.save_generator(tmp_path / "full", model, noise_schedule(), about, task.indices)


def test_a_folder_is_written_whole_or_not_at_all(tmp_path, task, monkeypatch):
    monkeypatch.setattr(
        saved_model, "write_json", lambda *words: (_ for _ in ()).throw(OSError("disk full"))
    )
    with pytest.raises(OSError, match="disk full"):
        train_to_folder(task, tmp_path / "made" / "x", CPU, sheets=0, quiet=True)
    assert [
        path.name for path in (tmp_path / "made").iterdir() if not path.name.endswith(".lock")
    ] == ["x.training"]


def test_a_loss_that_is_not_finite_is_told_and_leaves_no_checkpoint(tmp_path, task):
    wild = dataclasses.replace(task, settings=dataclasses.replace(TINY, lr=1e30, steps=20))
    with pytest.raises(
        Diverged, match=r"the generator's loss is nan at step \d+: lower generator.lr \(1e\+30\)"
    ):
        train_to_folder(
            wild, tmp_path / "made", dataclasses.replace(CPU, checkpoint=0), sheets=0, quiet=True
        )
    assert list((tmp_path / "made.training").iterdir()) == []


def saved(folder, task: TrainingTask):
    about = {
        **dict.fromkeys(saved_model.NEEDED, 0),
        "seen": task.settings.trained_on,
        "data_content": task.content_digest,
    }
    saved_model.save_generator(
        folder,
        build_unet(task.images, TINY, 0),
        noise_schedule(),
        about,
        task.indices,
    )
    return folder


def test_an_external_generator_serves_every_seed_of_its_pool_and_no_other_split(tmp_path, sets):
    folder = saved(
        tmp_path / "made",
        make_task(POOLED, dataclasses.replace(TINY, trained_on="external"), 0, sets),
    )
    for seed in (0, 1, 2):
        assert (
            saved_model.check_disjoint(folder, split_dataset(POOLED, seed, sets))["images"]
            == 60 - 10 - 30
        )
    wider = dataclasses.replace(POOLED, candidate_pool=40)
    with pytest.raises(
        ValueError,
        match=r"made has seen \d+ images of this run's .* set or pool; allowed: 0",
    ):
        saved_model.check_disjoint(folder, split_dataset(wider, 0, sets))
    held = dataclasses.replace(POOLED, validation=12)
    with pytest.raises(
        ValueError, match=r"has seen \d+ images of this run's training or validation set"
    ):
        saved_model.check_disjoint(folder, split_dataset(held, 0, sets))
    with pytest.raises(
        ValueError, match=r"was trained on data of content [0-9a-f]{16}; allowed: digits"
    ):
        saved_model.check_disjoint(folder, split_dataset(DIGITS, 0, sets))


def test_an_own_generator_serves_its_seed_alone(tmp_path, sets):
    folder = saved(tmp_path / "made", make_task(POOLED, TINY, 0, sets))
    saved_model.check_disjoint(folder, split_dataset(POOLED, 0, sets))
    with pytest.raises(
        ValueError,
        match=r"has seen 20 images that are not this run's training split of 20",
    ):
        saved_model.check_disjoint(folder, split_dataset(POOLED, 1, sets))


def test_what_a_folder_says_is_checked(tmp_path, sets):
    parts = split_dataset(POOLED, 0, sets)
    (tmp_path / "of-others").mkdir()
    assert saved_model.check_disjoint(tmp_path / "of-others", parts) == {}
    folder = saved(tmp_path / "made", make_task(POOLED, TINY, 0, sets))
    np.save(folder / "indices.npy", parts.train_indices[1:])
    with pytest.raises(
        ValueError,
        match=r"indices.npy is missing or damaged; allowed: the images that training.json tells of",
    ):
        saved_model.check_disjoint(folder, parts)
    for text in ("{", json.dumps({"classes": []})):
        (folder / "training.json").write_text(text)
        with pytest.raises(
            ValueError,
            match=r"training.json is damaged; allowed: what `python -m empirical diffusion train`",
        ):
            saved_model.read_training_info(folder)
