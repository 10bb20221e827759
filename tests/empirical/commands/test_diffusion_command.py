"""Test ``diffusion train``: training at tiny size, a dry run, mistakes in one line."""

import dataclasses
import sys
from functools import cache

import pytest
import torch
from image_files import cifar10_batches, own

from empirical.commands import diffusion as generator_command
from empirical.config import Generator
from empirical.generation import saved_model
from empirical.runtime import precision as bfloat16
from figures.records import run_command

pytestmark = pytest.mark.slow

TINY = ("--steps", "4", "--batch", "4", "--machine.device", "cpu")


def here(capsys, monkeypatch, *words):
    """Run the command in this process; return exit code, printed lines, and standard error."""
    monkeypatch.setattr(sys, "argv", ["empirical", "diffusion", "train", *map(str, words)])
    commands = {"diffusion": generator_command.diffusion, "other": generator_command.folder_name}
    code = run_command(commands, "python -m empirical", "")
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err


@pytest.fixture
def narrow(monkeypatch):
    """Make all sizes narrow, so that training is short, on a processor with bfloat16 arithmetic."""
    monkeypatch.setattr(bfloat16, "lacks_bfloat16", lambda: False)
    monkeypatch.setattr(
        generator_command,
        "named_size",
        lambda name: Generator(
            (8, 8), attention=name == "gpu", flip=True, precision="bfloat16", ema=0.999
        ),
    )


def test_a_folder_of_images_is_trained_on_and_the_generator_loads(
    tmp_path, capsys, monkeypatch, narrow
):
    own(tmp_path / "pets")
    words = (
        f"folder:{tmp_path / 'pets'}",
        "--side",
        "8",
        "--size",
        "gpu",
        *TINY,
        "--sheets",
        "1",
        "--out",
        tmp_path / "out",
        "--bf16",
    )
    code, lines, _ = here(capsys, monkeypatch, *words)
    assert code == 0
    assert "(own) of 2 classes" in lines[-3]
    assert "16 images: 4 steps of 4" in lines[-2]
    folder = tmp_path / "out/generators/pets-8px-gpu-own-0"
    assert str(folder) in lines[-1]
    about = saved_model.read_training_info(folder)
    assert about["classes"] == ["cats", "dogs"]
    assert about["images_seen"] == 16
    assert (folder / "step-0000004.png").exists()
    assert (
        here(capsys, monkeypatch, *words)[1][-1] == lines[-1]
    )  # finished: the same words, no training


def test_a_dry_run_says_how_long_it_takes_and_writes_no_generator(
    tmp_path, capsys, monkeypatch, narrow
):
    code, lines, _ = here(
        capsys, monkeypatch, "digits", "--train", "60", *TINY, "--dry-run", "--out", tmp_path
    )
    assert code == 0
    assert lines[0].startswith("network ")
    assert "parameters" in lines[0]
    assert "minutes at" in lines[-1]
    assert lines[-1].endswith("images/s on cpu")
    assert not (tmp_path / "generators").exists()


def test_bfloat16_is_warned_of_where_it_is_slow(tmp_path, capsys, monkeypatch, narrow):
    monkeypatch.setattr(bfloat16, "lacks_bfloat16", lambda: True)
    words = ("digits", "--train", "60", *TINY, "--sheets", "0", "--out", tmp_path)
    note = (
        "note: this processor has no bfloat16 arithmetic, "
        "which makes bfloat16 about twenty times slower than --precision float32"
    )
    assert here(capsys, monkeypatch, *words)[1][3] == note
    assert not any(
        "note" in line
        for line in here(
            capsys, monkeypatch, *words, "--precision", "float32", "--folder", tmp_path / "x"
        )[1]
    )


def test_the_size_for_cifar10_on_a_gpu_is_rehearsed_by_the_same_command(
    tmp_path, capsys, monkeypatch
):
    cifar10_batches(tmp_path / "sets", monkeypatch)
    settings = generator_command.generator_settings("cifar10-gpu")
    assert 5e6 < settings.steps * settings.batch < 7e6
    tiny = dataclasses.replace(settings, channels=(8, 16, 16))
    monkeypatch.setattr(generator_command, "named_size", lambda name: {"cifar10-gpu": tiny}[name])
    words = (
        "--size",
        "cifar10-gpu",
        "--trained-on",
        "external",
        "--train",
        "20",
        "--candidate-pool",
        "30",
        "--validation",
        "10",
        "--side",
        "8",
    )
    small = (
        "--steps",
        "2",
        "--batch",
        "4",
        "--precision",
        "float32",
        "--machine.device",
        "cpu",
        "--sheets",
        "1",
    )
    code, lines, _ = here(
        capsys,
        monkeypatch,
        "cifar10",
        *words,
        *small,
        "--root",
        tmp_path / "sets",
        "--out",
        tmp_path,
    )
    assert code == 0
    about = saved_model.read_training_info(
        tmp_path / "generators/cifar10-8px-cifar10-gpu-external-0"
    )
    assert (about["steps"], about["images_seen"], about["images"]) == (2, 8, 20)
    assert about["settings"]["attention"] is True
    assert "trained on     20 images (external) of 10 classes" in lines


def test_what_is_given_changes_a_size():
    assert generator_command.generator_settings("medium", steps=7, lr=None, flip=False).steps == 7
    assert generator_command.generator_settings("medium", flip=False).flip is False


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["digits", "--trained-on", "external"],
            "error: generator.trained_on is 'external', but all images of digits are in the",
        ),
        (
            ["digits", "--machine.device", "cuda"],
            "error: machine.device is 'cuda'; allowed: cpu on this machine",
        ),
        (
            ["digits", "--machine.cuda-graph"],
            "error: machine.cuda_graph of a generator is True; "
            "allowed: False; use --machine.compile",
        ),
        (["digits", "--steps", "0"], "error: generator.steps is 0; allowed: at least 1"),
        (["digits", "--sheets", "-1"], "error: sheets is -1; allowed: at least 0"),
        (["mnist"], "error: data.name is 'mnist'; allowed: digits"),
        (
            ["digits", "--size", "large"],
            "error: generator.channels has 4 levels; images of side 8 allow",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, capsys, monkeypatch, words, said):
    for device in (torch.cuda, torch.backends.mps):
        monkeypatch.setattr(device, "is_available", cache(lambda: False))
    if "large" in words:
        monkeypatch.setattr(generator_command, "named_size", lambda name: Generator((8,) * 5))
        said = (
            "error: generator.channels has 5 levels; images of side 8 allow sides divisible by 16"
        )
    code, _, errors = here(capsys, monkeypatch, *words, "--out", tmp_path)
    assert code == 2
    assert errors.startswith(said)
    assert errors.count("\n") == 1
