"""Test splits of data sets with a test set, ``Images``, and the command ``data``."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from image_files import cifar10_batches, own, pictures

from empirical import pipeline
from empirical.commands import COMMANDS
from empirical.config import Data, Early, Generator, Method, Run, Training, Variants
from empirical.data.context import Context
from empirical.data.images import Images, stored_tensors, tensors
from empirical.data.load import load_dataset, load_digits
from empirical.data.split import draw_stratified, split_dataset
from empirical.selection import stage
from figures.records import run_command

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Write 60 training and 20 test images as official files; return the folder for artifacts."""
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    cifar10_batches(tmp_path / "sets", monkeypatch)
    return tmp_path / "output/artifacts"


def indices(parts, whole):
    """Return the indices of training, validation and remaining images, found by their pixels."""
    place = {image.tobytes(): i for i, image in enumerate(whole.train.stored)}
    found = [
        np.array([place[image.tobytes()] for image in images.stored])
        for images in (parts.train, parts.validation)
    ]
    return [*found, parts.rest]


@pytest.mark.parametrize("train", [30, 23, None])
def test_parts_are_disjoint_whole_and_stratified(cifar, train):
    config = Data("cifar10", train=train, validation=17)
    whole, parts = load_dataset(config, cifar), split_dataset(config, 3, cifar)
    chosen, validation, rest = indices(parts, whole)
    np.testing.assert_array_equal(chosen, parts.train_indices)
    assert [len(chosen), len(validation), len(rest)] == [train or 43, 17, 43 - (train or 43)]
    assert sorted([*chosen, *validation, *rest]) == list(range(60))
    np.testing.assert_array_equal(parts.test.stored, whole.test.stored)
    for part, images in ((chosen, parts.train), (validation, parts.validation)):
        np.testing.assert_array_equal(whole.train.labels[part], images.labels)
        assert np.ptp(np.bincount(images.labels, minlength=10)) <= 1
    assert parts.content == whole.manifest["content"]


def test_validation_and_test_are_the_same_for_all_seeds_and_training_is_not(cifar):
    one, same, other = (
        split_dataset(Data("cifar10", train=30, validation=10), seed, cifar) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.validation.stored, other.validation.stored)
    np.testing.assert_array_equal(one.test.stored, other.test.stored)
    np.testing.assert_array_equal(one.train_indices, same.train_indices)
    assert 5 < len(np.intersect1d(one.train_indices, other.train_indices)) < 28
    smaller = split_dataset(Data("cifar10", train=20, validation=10), 0, cifar)
    np.testing.assert_array_equal(smaller.validation.stored, one.validation.stored)


def test_a_pool_leaves_the_same_images_over_for_every_seed(cifar):
    config = Data("cifar10", train=20, candidate_pool=30, validation=10)
    one, other = (split_dataset(config, seed, cifar) for seed in (0, 1))
    np.testing.assert_array_equal(one.rest, other.rest)
    assert len(one.rest) == 20
    assert 0 < len(np.intersect1d(one.train_indices, other.train_indices)) < 20
    whole = load_dataset(config, cifar)
    for parts in (one, other):
        chosen, validation, rest = indices(parts, whole)
        assert len({*chosen, *validation, *rest}) == 50
    with pytest.raises(ValueError, match=r"data\.candidate_pool is 51; allowed: at most 50"):
        split_dataset(Data("cifar10", train=20, candidate_pool=51, validation=10), 0, cifar)


def test_the_split_does_not_depend_on_the_side(cifar):
    large, small = (
        split_dataset(Data("cifar10", train=30, validation=10, side=side), 0, cifar)
        for side in (None, 16)
    )
    np.testing.assert_array_equal(large.train_indices, small.train_indices)
    np.testing.assert_array_equal(large.train.labels, small.train.labels)
    means = large.train.stored.reshape(30, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(means - small.train.stored).max() <= 0.5


def test_more_images_than_there_are_is_told(cifar):
    for train, validation in ((50, 20), (None, 55), (None, 60)):
        with pytest.raises(
            ValueError,
            match="together at most 60, the training images of cifar10, and at least one",
        ):
            split_dataset(Data("cifar10", train=train, validation=validation), 0, cifar)


BAD_DATA = [
    {"name": "wrong"},
    {"name": "folder:"},
    {"name": "cifar10", "side": 2},
    {"name": "cifar10", "classes": ("cat",)},
    {"name": "cifar10", "classes": ("cat", "cat")},
    {"name": "cifar10", "train": 19},
    {"name": "digits", "train": None},
    {"name": "digits", "side": 4},
]


@pytest.mark.parametrize("settings", BAD_DATA)
def test_bad_settings_are_refused(settings):
    with pytest.raises(ValueError, match=r"^data\..*; allowed: "):
        Data(**settings)


def test_digits_have_no_rest():
    parts = split_dataset(Data("digits", train=60), 0)
    assert len(parts.rest) == 0
    assert parts.content == ""


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    share=st.floats(0, 1),
    seed=st.integers(0, 5),
)
def test_stratified_draws_are_within_one_of_their_share(counts, share, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    among = np.sort(
        np.random.default_rng(seed).choice(len(labels), max(1, len(labels) // 2), replace=False)
    )
    count = round(share * len(among))
    drawn = draw_stratified(labels, among, count, np.random.default_rng(seed))
    assert len(set(drawn)) == len(drawn) == count
    assert set(drawn) <= set(among)
    assert (np.diff(drawn) > 0).all()
    there, taken = (np.bincount(labels[part], minlength=len(counts)) for part in (among, drawn))
    expected = count * there / len(among)
    if (
        count >= (there > 0).sum()
    ):  # then every class that is there is drawn from, and the largest make room for it
        assert (taken[there > 0] >= 1).all()
    rare = ((expected < 1) & (there > 0)).sum()
    assert (taken - expected < 1).all()
    assert (expected - taken < 1 + rare).all()


def test_stored_pixels_become_floats_once():
    stored = pictures(5, 4)
    images = Images(stored, np.arange(5), tuple("abcde"))
    expected = (stored.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5)) - 1
    pixels, labels = tensors(images)
    np.testing.assert_array_equal(pixels.numpy(), expected)
    assert pixels.is_contiguous(memory_format=torch.channels_last)
    assert pixels.data_ptr() == tensors(images)[0].data_ptr()  # no second copy
    assert images.pixels.min() >= -1
    assert images.pixels.max() <= 1
    assert images.shape == images.pixels.shape[1:] == (3, 4, 4)
    assert labels.tolist() == [0, 1, 2, 3, 4]
    some = images[np.array([3, 1])]
    np.testing.assert_array_equal(some.pixels, expected[[3, 1]])
    assert len(some) == 2


def test_stored_tensors_are_what_is_stored(cifar):
    whole = load_dataset(Data("cifar10", train=None), cifar)
    pixels, labels = stored_tensors(whole.train)
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (60, 32, 32, 3)
    assert pixels.data_ptr() == whole.train.stored.ctypes.data
    assert labels.dtype == torch.int64
    digits = load_digits(Data("digits"))
    assert stored_tensors(digits)[0].dtype == torch.float32
    assert digits.shape == (1, 8, 8)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["original", "useful", "tada"])
def test_a_run_on_colour_images(cifar, method):
    data = Data("cifar10", train=30, validation=10, side=8)
    run = Run(
        method=Method(method, 2),
        data=data,
        training=Training(steps=3, width=8, batch=16),
        early=Early(limit=4),
        generator=Generator(channels=(8,), steps=2, batch=8),
        variants=Variants(num_inference_steps=4),
    )
    metrics = pipeline.execute(Context(run, 0, cifar))
    assert metrics["test_images"] == 20
    assert metrics["data_content"] == load_dataset(data, cifar).manifest["content"]
    assert metrics["examples"] == 30 + (
        0 if method == "original" else round(30 * metrics["slow_fraction"])
    )


def test_stages_do_not_outlive_a_change_of_the_images(tmp_path, monkeypatch):
    monkeypatch.setenv("TADA_DATA", str(tmp_path))
    folder = own(tmp_path / "pets", counts=(20, 20), size=(8, 8))
    run = Run(
        data=Data("folder:pets", validation=4, train=20, side=8),
        training=Training(steps=2, width=8, batch=8),
        early=Early(limit=2),
    )
    stages = []
    for _ in range(2):
        stage.selected(Context(run, 0, tmp_path / "artifacts"))
        stages.append(len(list((tmp_path / "artifacts").glob("select-*"))))
        (folder / "cats/0.png").write_bytes((folder / "cats/2.png").read_bytes())
    assert stages == [1, 2]


def run_data(capfd, *words):
    """Run ``data`` in this process, which knows the checksums; return code, output, errors."""
    old, sys.argv = sys.argv, ["empirical", "data", *map(str, words)]
    try:
        code = run_command(COMMANDS, "python -m empirical", "")
    finally:
        sys.argv = old
    return code, *capfd.readouterr()


def test_the_command_says_what_there_is(cifar, tmp_path, capfd):
    out = cifar.parent
    code, said, errors = run_data(capfd, "cifar10", "--out", out, "--side", 16)
    assert (code, errors) == (0, "")
    assert "54 training, 6 validation, 20 test" in said
    assert "10: airplane, automobile, bird" in said
    assert "16x16, 3 channels" in said
    whole = load_dataset(Data("cifar10", train=None, side=16), cifar)
    values = whole.train.stored.reshape(-1, 3) / 255
    assert " ".join(f"{value:.4f}" for value in values.mean(0)) in said
    assert " ".join(f"{value:.4f}" for value in values.std(0)) in said
    assert str(whole.folder) in said
    assert "every byte compared" in said
    assert "the whole published data set has 50,000 training and 10,000 test images" in said
    code, said, errors = run_data(
        capfd, "cifar10", "--out", out, "--side", 16, "--classes", "ship", "cat"
    )
    assert "2: cat, ship" in said
    code, said, errors = run_data(capfd, "digits", "--out", out)
    assert "400 training, 200 validation, 1,197 test" in said


def command(tmp_path, *words):
    """Run a command in its own process, without a network."""
    nowhere = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
    environment = {**os.environ, **nowhere, "no_proxy": "", "TADA_DATA": str(tmp_path / "sets")}
    words = [sys.executable, "-m", "empirical", *map(str, words), "--out", str(tmp_path / "out")]
    return subprocess.run(
        words, capture_output=True, text=True, cwd=ROOT, timeout=60, env=environment
    )


BAD = [
    (
        ["data", "cifar10"],
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz) and {train,test}/<class>/*.png; "
        "the download failed",
    ),
    (
        ["data", "tiny-imagenet"],
        "http://cs231n.stanford.edu/tiny-imagenet-200.zip) and {train,test}/<class>/*.png; "
        "the download failed",
    ),
    (["data", "folder:nothing"], "no folder nothing, here or in"),
    (
        ["data", "wrong"],
        "data.name is 'wrong'; allowed: digits, noisy-digits, cifar10, cifar100, tiny-imagenet, "
        "folder:PATH",
    ),
    (["train", "--data.name", "cifar10"], "fetch it with: python -m empirical data cifar10"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_mistake_is_told_in_one_line(tmp_path, words, said):
    done = command(tmp_path, *words)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "sets").exists()  # no empty folder stays behind


@pytest.mark.slow
def test_unreadable_images_end_the_command_with_one_line_or_are_listed(tmp_path):
    folder = own(tmp_path / "sets/pets")
    (folder / "cats/text.jpg").write_text("no image")
    done = command(tmp_path, "data", "folder:pets")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "1 of 26 files in" in done.stderr
    assert "cats/text.jpg (not an image)" in done.stderr
    done = command(tmp_path, "data", "folder:pets", "--skip-unreadable", "--side", "12")
    assert done.returncode == 0, done.stderr
    assert "cats/text.jpg (not an image)" in done.stdout
    assert "18 training, 2 validation, 5 test" in done.stdout


def test_no_class_is_lost_that_there_is_room_for():
    labels = np.repeat([0, 1, 2], [980, 15, 5])
    drawn = draw_stratified(labels, np.arange(1000), 20, np.random.default_rng(0))
    assert len(np.unique(drawn)) == 20
    assert np.bincount(labels[drawn]).tolist() == [18, 1, 1]
    assert len(draw_stratified(labels, np.arange(1000), 2, np.random.default_rng(0))) == 2


def test_sharpness_is_of_images_of_every_class(monkeypatch):
    seen = []
    monkeypatch.setattr(
        pipeline.evaluation,
        "sharpness",
        lambda network, images, labels, rng: seen.append(labels) or 0.0,
    )
    images, labels = torch.zeros(3000, 1, 2, 2), torch.arange(3000) // 300
    pipeline.sharpness(None, (images, labels), 0)
    assert len(seen[0]) == 1000
    assert (torch.bincount(seen[0]) > 60).all()
