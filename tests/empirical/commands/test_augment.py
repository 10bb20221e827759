"""Test ``augment`` at tiny size: from a folder of images to one with variants of slow images."""

import csv
import functools
import json
import sys

import numpy as np
import pytest
import torch
from image_files import own, pictures, save
from PIL import Image

from empirical.commands import augment as command
from empirical.commands.augment import augment
from empirical.config import Data, Generator
from empirical.data.load import load_dataset
from empirical.data.sources.decode import resize_square
from empirical.generation import denoiser_trainer
from empirical.generation import stage as generation_stage
from empirical.own_images import folder as augmented_folder
from empirical.own_images import stages
from empirical.runtime.machine import Machine
from empirical.selection import stage, verdict
from figures.records import run_command

pytestmark = pytest.mark.slow

CPU = Machine("cpu")


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """Replace the generator by one so small that training takes no time."""
    monkeypatch.setattr(command, "named_size", lambda name: Generator((8,), steps=2, batch=4))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Return a folder of stage results that the tests of this module share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def pets(tmp_path):
    return own(tmp_path / "pets")


def make(folder, out, cache, **options):
    return augment(folder, out=out, side=8, strength=0.1, machine=CPU, cache=cache, **options)


def tree(folder):
    """Return the bytes of every file by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_originals_variants_and_what_is_said_of_them(pets, tmp_path, cache, capsys):
    out, before = tmp_path / "more", tree(pets)
    assert make(pets, out, cache, k=3) == 0
    after, scores, variants = tree(out), table(out / "scores.csv"), table(out / "variants.csv")
    assert tree(pets) == before
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {
        "scores.csv",
        "variants.csv",
        "manifest.json",
        *(row["file"] for row in variants),
    }
    assert all((out / name).stat().st_ino == (pets / name).stat().st_ino for name in before)
    assert {row["file"] for row in scores} == before.keys()
    slow = [row["file"] for row in scores if row["slow"] == "1"]
    assert 0 < len(slow) < len(scores)
    assert [(row["source"], row["copy"]) for row in variants] == [
        (name, copy) for copy in "12" for name in slow
    ]
    assert {row["seed"] for row in variants} == {"0"}
    for row in variants:
        assert row["file"] == row["source"].removesuffix(".png") + f"-variant-{row['copy']}.png"
        with Image.open(out / row["file"]) as image:
            assert (image.size, image.mode) == ((8, 8), "RGB")
    for row in scores:
        assert row["class"] == row["file"].split("/")[0]
        assert float(row["loss"]) == pytest.approx(
            -np.log(float(row["probability"])), rel=1e-3, abs=1e-5
        )
    told = json.loads(after["manifest.json"])
    assert (told["originals"], told["variants"]) == (25, 2 * len(slow))
    assert told["slow_fraction"] == len(slow) / 25
    assert (
        told["slow_fraction_by_class"]["cats"] == sum(name.startswith("cats") for name in slow) / 10
    )
    assert {"model", "seen", "strength", "timestep", "alpha_bar", "sigma"} <= told[
        "generator"
    ].keys()
    assert told["generator"]["timestep"] == 99
    said = capsys.readouterr().out
    assert "8 x 8 pixels" in said
    assert "blurry, timid" in said
    assert f"slow: {len(slow) / 25:.1%}" in said


def test_a_variant_is_of_the_image_that_its_name_says(pets, tmp_path, cache, monkeypatch):
    class Same:
        kind, steps = "same", 1

        def describe(self):
            return {"kind": "same", "model": "same", "seen": "external"}

        def level(self):
            return {"timestep": 0, "alpha_bar": 1.0, "sigma": 0.0}

        def __call__(self, pixels, labels, generators):
            return pixels

    monkeypatch.setattr(generation_stage, "resolve_backend", lambda context: Same())
    monkeypatch.setattr(
        generation_stage,
        "load_or_train_generator",
        lambda *words: pytest.fail("it trained a generator"),
    )
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model_index.json").write_text('{"_class_name": "DDPMPipeline"}')
    assert make(pets, tmp_path / "more", cache, generator=str(tmp_path / "model"), rule="all") == 0
    for row in table(tmp_path / "more/variants.csv"):
        images = [Image.open(tmp_path / "more" / row[name]) for name in ("file", "source")]
        np.testing.assert_array_equal(np.asarray(images[0]), resize_square(images[1], 8))
    assert json.loads((tmp_path / "more/manifest.json").read_text())["generator"]["model"] == str(
        tmp_path / "model"
    )


def test_variants_may_be_mixed_with_their_sources(pets, tmp_path, cache, monkeypatch):
    class Black:
        def describe(self):
            return {"kind": "black", "model": None, "seen": "own"}

        def level(self):
            return {"timestep": 0, "alpha_bar": 1.0, "sigma": 0.0}

        def __call__(self, pixels, labels, generators):
            return torch.full_like(pixels, -1)

    monkeypatch.setattr(generation_stage, "resolve_backend", lambda context: Black())
    assert make(pets, tmp_path / "more", cache, rule="all", mix=True) == 0
    assert json.loads((tmp_path / "more/manifest.json").read_text())["generator"]["mix"] is True
    rows = table(tmp_path / "more/variants.csv")
    assert len(rows) == 25
    for (
        row
    ) in rows:  # a fifth of each pixel is of a fractal, the rest of the source, or black, in halves
        made, source = (
            np.asarray(Image.open(tmp_path / "more" / row["file"])),
            resize_square(Image.open(tmp_path / "more" / row["source"]), 8),
        )
        lowest, highest = 0.8 * source - 1, 0.8 * source + 0.2 * 255 + 1
        kept = ((made >= lowest) & (made <= highest)).all(2)
        assert any(kept[half].all() for half in (np.s_[:4], np.s_[4:], np.s_[:, :4], np.s_[:, 4:]))
        assert (made <= 52).all(2).mean() >= 0.5


def test_train_is_augmented_and_test_copied(tmp_path, cache, capsys):
    sets = tmp_path / "sets"
    own(sets / "train")
    own(sets / "test", counts=(2, 3))
    assert make(sets, tmp_path / "more", cache, link=False) == 0
    assert "5 test images" in capsys.readouterr().out
    after, variants = tree(tmp_path / "more"), table(tmp_path / "more/variants.csv")
    assert {name: after[name] for name in tree(sets)} == tree(sets)
    assert sum(name.startswith("test/") for name in after) == 5
    assert len(variants) > 0
    assert all(row["file"].startswith("train/") and row["file"] in after for row in variants)
    assert (tmp_path / "more/train/cats/0.png").stat().st_ino != (
        sets / "train/cats/0.png"
    ).stat().st_ino
    again = load_dataset(
        Data(f"folder:{tmp_path / 'more'}", None, 0, 8), cache / "artifacts"
    )  # it is a data set of its own
    assert (len(again.train), len(again.test)) == (25 + len(variants), 5)
    with pytest.raises(ValueError, match=r"hold_out of .* is True; allowed: False"):
        make(sets, tmp_path / "other", cache, hold_out=True)


def test_a_test_set_may_be_held_out(pets, tmp_path, cache):
    assert make(pets, tmp_path / "more", cache, hold_out=True) == 0
    after = tree(tmp_path / "more")
    held = {name.removeprefix("test/") for name in after if name.startswith("test/")}
    assert len(held) == 5
    for name, content in tree(pets).items():
        assert after[f"{'test' if name in held else 'train'}/{name}"] == content
    assert not held & {
        row["source"].removeprefix("train/") for row in table(tmp_path / "more/variants.csv")
    }


def test_stopped_anywhere_it_goes_on(pets, tmp_path, monkeypatch):
    whole, out, cache = tmp_path / "whole", tmp_path / "more", tmp_path / "cache"
    assert make(pets, whole, tmp_path / "other cache", rule="all") == 0

    def stopped_at(place, name, call):
        calls, real = [], getattr(place, name)

        def stopping(*words):
            calls.append(words)
            if len(calls) == call:
                raise KeyboardInterrupt
            return real(*words)

        with monkeypatch.context() as patch:
            patch.setattr(place, name, stopping)
            with pytest.raises(KeyboardInterrupt):
                make(pets, out, cache, rule="all")
        assert {path.name for path in tmp_path.iterdir()} <= {
            "pets",
            "whole",
            "cache",
            "other cache",
        }

    monkeypatch.setattr(stages, "CHUNK", 4)
    monkeypatch.setattr(stages, "BATCH", 1)
    stopped_at(generation_stage, "load_or_train_generator", 1)
    monkeypatch.setattr(stage, "early_network", lambda *_: pytest.fail("it trained again"))
    stopped_at(generation_stage, "load_or_make_variants", 3)
    monkeypatch.setattr(
        denoiser_trainer, "DenoiserTrainer", lambda *_: pytest.fail("it trained again")
    )
    stopped_at(augmented_folder, "link_or_copy", 7)
    monkeypatch.setattr(
        generation_stage, "make_variants", lambda *_: pytest.fail("it generated again")
    )
    assert make(pets, out, cache, rule="all") == 0
    assert tree(out) == tree(whole)


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    partial = tmp_path / ".more.partial"
    save(partial / "cats/0.png", pictures(1, 4)[0])
    with augmented_folder.new_folder(tmp_path / "more") as folder:
        assert list(folder.iterdir()) == []
        with (
            pytest.raises(ValueError, match="another process is writing"),
            augmented_folder.new_folder(tmp_path / "more"),
        ):
            pass
        (folder / "x").write_text("x")
    assert tree(tmp_path / "more") == {"x": b"x"}


def test_a_finished_result_is_left_and_another_refused(pets, tmp_path, cache, capsys, monkeypatch):
    out = tmp_path / "more"
    out.mkdir()  # an empty folder will do
    assert make(pets, out, cache) == 0
    before = tree(out)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "selected", lambda *_: pytest.fail("it went on"))
        assert make(pets, out, cache) == 0
        assert "is finished: 25 originals" in capsys.readouterr().out
        with pytest.raises(ValueError, match="holds the result of other settings"):
            make(pets, out, cache, seed=1)
        (pets / "cats/0.png").unlink()  # or the linked one would change too
        save(pets / "cats/0.png", pictures(1, 9, 5)[0])
        with pytest.raises(ValueError, match="that of other images"):
            make(pets, out, cache)
        assert tree(out) == before
        (tmp_path / "full").mkdir()
        (tmp_path / "full/letter.txt").write_text("mine")
        with pytest.raises(
            ValueError, match="holds other files; allowed: a new or an empty folder"
        ):
            make(pets, tmp_path / "full", cache)
    assert tree(tmp_path / "full") == {"letter.txt": b"mine"}


def test_a_dry_run_writes_nothing(pets, tmp_path, cache, capsys):
    before = tree(tmp_path)
    assert make(pets, tmp_path / "more", tmp_path / "nowhere", dry_run=True, guidance=2.0) == 0
    said = capsys.readouterr().out
    assert "25 training images, 2 classes" in said
    assert "30% to 40%" in said
    assert "variants        8 to 10" in said
    assert "80 to 100 of the denoiser, about 10 for a variant" in said
    assert "measured just now" in said
    assert make(pets, tmp_path / "more", cache, dry_run=True, generator="someone/model") == 0
    assert "not known before someone/model is loaded" in capsys.readouterr().out
    assert tree(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == {"pets"}


def test_a_dry_run_knows_what_was_found(pets, tmp_path, cache, capsys):
    assert make(pets, tmp_path / "more", cache) == 0
    count = len(table(tmp_path / "more/variants.csv"))
    assert make(pets, tmp_path / "other", cache, dry_run=True) == 0
    said = capsys.readouterr().out
    assert f"{count / 25:.0%} (known)" in said
    assert f"variants        {count}\n" in said
    assert "early training  done already" in said


def test_an_unreadable_file_is_named_or_left_out(pets, tmp_path, cache):
    (pets / "cats/0.png").write_bytes(b"no image")  # the first of its class
    with pytest.raises(
        ValueError, match=r"1 of 2\d files in .*pets cannot be read as images: cats/0.png"
    ) as error:
        make(pets, tmp_path / "more", cache)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "more").exists()
    assert make(pets, tmp_path / "more", cache, skip_unreadable=True) == 0
    assert not (tmp_path / "more/cats/0.png").exists()
    assert len(table(tmp_path / "more/scores.csv")) == 24
    assert json.loads((tmp_path / "more/manifest.json").read_text())["data"]["unreadable"] == [
        ["cats/0.png", "not an image"]
    ]


def test_outputs_that_say_little_are_warned_of(pets, tmp_path, cache, monkeypatch, capsys):
    monkeypatch.setattr(verdict, "CEILING", 0.0)
    assert make(pets, tmp_path / "more", cache) == 0
    assert "near chance, so which images are slow says little" in capsys.readouterr().out
    assert (
        json.loads((tmp_path / "more/manifest.json").read_text())["selection_verdict"]
        == "near chance"
    )


def test_no_two_variants_and_no_original_share_a_name():
    names = augmented_folder.variant_names(
        ["a/x.png", "a/x.jpg", "a/Y.png", "a/y-variant-1.png", "b/x.png"],
        [0, 1, 2, 3, 4, 4],
        [1] * 5 + [2],
    )
    assert names == [
        "a/x.png-variant-1.png",
        "a/x.jpg-variant-1.png",
        "a/Y-new-variant-1.png",
        "a/y-variant-1-variant-1.png",
        "b/x-variant-1.png",
        "b/x-variant-2.png",
    ]


@pytest.mark.parametrize(
    ("size", "most", "side"),
    [((40, 30), 32, 24), ((40, 30), 16, 16), ((5, 9), 32, 8), ((300, 200), 64, 64)],
)
def test_the_side_is_the_images_own_within_limits(tmp_path, size, most, side):
    own(tmp_path, counts=(3, 3), size=size)
    source = augmented_folder.folder_source(tmp_path)
    assert augmented_folder.default_side(source, source.open(), most) == side


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{tmp}/pets", "--out", "{tmp}/pets/more"], "error: out is "),
        (["{tmp}/pets", "--out", "{tmp}"], "error: out is "),
        (["{tmp}/nowhere", "--out", "{tmp}/more"], "error: no folder "),
        (["{tmp}/pets", "--out", "{tmp}/more", "--k", "1"], "error: k is 1; allowed: at least 2"),
        (
            ["{tmp}/pets", "--out", "{tmp}/more", "--side", "9"],
            "error: side is 9; allowed: multiples of 8",
        ),
        (
            ["{tmp}/pets", "--out", "{tmp}/more", "--strength", "0"],
            "error: variants.strength is 0.0; allowed: (0, 1]",
        ),
        (
            ["{tmp}/pets", "--out", "{tmp}/more", "--generator", "{tmp}/pets"],
            "error: generator.model is ",
        ),
        (
            ["{tmp}/pets", "--out", "{tmp}/more", "--generator", "x", "--steps", "3"],
            "error: steps with a pre-trained generator is 3",
        ),
        (
            ["{tmp}/pets", "--out", "{tmp}/more", "--machine.device", "cuda"],
            "error: machine.device is 'cuda'; allowed: cpu",
        ),
        (
            ["{tmp}/pets", "--out", "{tmp}/more", "--epochs", "1", "--side", "8"],
            "error: the class-balanced training error is",
        ),
        (["{tmp}/pets"], "error: "),
    ],
)
def test_a_mistake_is_one_line(pets, tmp_path, capsys, monkeypatch, words, said):
    for device in (torch.cuda, torch.backends.mps):
        monkeypatch.setattr(device, "is_available", functools.cache(lambda: False))
    words = [word.format(tmp=tmp_path) for word in words]
    monkeypatch.setattr(
        sys, "argv", ["empirical", "augment", *words, "--cache", str(tmp_path / "cache")]
    )
    try:
        code = run_command({"augment": augment, "other": make}, "python -m empirical", "")
    except SystemExit as end:
        code = end.code
    errors = capsys.readouterr().err
    assert code == 2
    assert errors.startswith(said)
    assert errors.count("\n") == 1
    assert not (tmp_path / "more").exists()
