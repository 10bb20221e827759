"""Test ``augment`` at tiny size: from a folder of images to one with variants of slow images."""

import csv
import functools
import json
import re
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
from empirical.generation.backends import model_files
from empirical.own_images import folder as augmented_folder
from empirical.own_images import judge, making, stages
from empirical.runtime.machine import Machine
from empirical.selection import stage, verdict
from figures.records import run_command

pytestmark = pytest.mark.slow

CPU = Machine("cpu")


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """Replace generator and judge by ones so small that training takes no time."""
    monkeypatch.setattr(command, "named_size", lambda name: Generator((8,), steps=2, batch=4))
    for name in ("EPOCHS", "LEAST_EPOCHS", "LEAST_STEPS"):
        monkeypatch.setattr(judge, name, 3)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Return a folder of stage results that the tests of this module share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def pets(tmp_path):
    return own(tmp_path / "pets")


def make(folder, out, cache, **options):
    """Augment at 8 pixels; the variants are noise, which no judge recognises."""
    usual = {"resolution": 8, "strength": 0.1, "accept": True, "threads": 1}
    return augment(folder, out=out, machine=CPU, cache=cache, **{**usual, **options})


def own_model(folder, sample_size):
    """Write the settings of a diffusion model, without weights."""
    (folder / "unet").mkdir(parents=True)
    (folder / "model_index.json").write_text('{"_class_name": "DDPMPipeline"}')
    (folder / "unet/config.json").write_text(json.dumps({"sample_size": sample_size}))
    return folder


def tree(folder):
    """Return the bytes of every file by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def size_of(path):
    """Return width and height of an image file."""
    with Image.open(path) as image:
        return image.size


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
        "suspects.csv",
        "metadata.csv",
        "sheet.png",
        "manifest.json",
        *(row["file"] for row in variants),
    }
    assert not any((out / name).samefile(pets / name) for name in before)
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
            assert (image.size, image.mode) == ((40, 30), "RGB")
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
    assert "at the size of its source" in said
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

    monkeypatch.setattr(making, "load_generator", lambda context: Same())
    monkeypatch.setattr(
        generation_stage,
        "load_or_train_generator",
        lambda *words: pytest.fail("it trained a generator"),
    )
    model = own_model(tmp_path / "model", sample_size=48)
    assert make(pets, tmp_path / "more", cache, generator=str(model), rule="all") == 0
    for row in table(tmp_path / "more/variants.csv"):
        made, source = (
            np.asarray(Image.open(tmp_path / "more" / row[name]), float)
            for name in ("file", "source")
        )
        assert made.shape == source.shape == (30, 40, 3)  # generated at 40 pixels, the largest
        assert np.abs(made - source).mean() < 1
        assert np.abs(made.mean((0, 1)) - source.mean((0, 1))).max() < 2
    told = json.loads((tmp_path / "more/manifest.json").read_text())
    assert told["generator"]["model"] == str(model)
    assert told["generator"]["side"] == 40


def test_variants_may_be_mixed_with_their_sources(pets, tmp_path, cache, monkeypatch):
    class Black:
        def describe(self):
            return {"kind": "black", "model": None, "seen": "own"}

        def level(self):
            return {"timestep": 0, "alpha_bar": 1.0, "sigma": 0.0}

        def __call__(self, pixels, labels, generators):
            return torch.full_like(pixels, -1)

    monkeypatch.setattr(generation_stage, "resolve_backend", lambda context: Black())
    assert make(pets, tmp_path / "more", cache, rule="all", mix=True, side=8) == 0
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


class Faithful:
    """A generator whose variants are their sources."""

    def describe(self):
        return {"kind": "faithful", "model": None, "seen": "own"}

    def level(self):
        return {"timestep": 0, "alpha_bar": 1.0, "sigma": 0.0}

    def __call__(self, pixels, labels, generators):
        return pixels


class Noise(Faithful):
    """A generator that is not trained enough: its variants are coloured static."""

    def __call__(self, pixels, labels, generators):
        rows = [torch.rand(pixels.shape[1:], generator=g) for g in generators]
        return torch.stack(rows) * 2 - 1


@pytest.fixture
def shades(tmp_path, monkeypatch):
    """Return a folder of three classes that a small network tells apart, and let it learn them."""
    rng = np.random.default_rng(0)
    for c, name in enumerate(("blue", "green", "red")):
        for i in range(12):
            image = rng.integers(0, 60, (20 + 2 * i, 30, 3), dtype=np.uint8)
            image[:, :, 2 - c] += 120
            save(tmp_path / "shades" / name / f"{i}.png", image)
    for name in ("EPOCHS", "LEAST_EPOCHS", "LEAST_STEPS"):
        monkeypatch.setattr(judge, name, 40)
    return tmp_path / "shades"


def use(monkeypatch, backend):
    monkeypatch.setattr(making, "load_generator", lambda context: backend)
    monkeypatch.setattr(stages.Work, "train_generator", lambda *_: 0.0)


def test_noise_is_not_written(shades, tmp_path, cache, monkeypatch, capsys):
    use(monkeypatch, Noise())
    options = {"accept": False, "rule": "all", "steps": 2}
    with pytest.raises(
        ValueError, match=r"3\d% are recognised too .*chance 33%, bound 67%"
    ) as error:
        make(shades, tmp_path / "more", tmp_path / "noise", **options)
    assert "\n" not in str(error.value)
    for advice in ("--steps", "--strength", "--generator", "--accept"):
        assert advice in str(error.value)
    sheet = next((tmp_path / "noise/artifacts").glob("refused-*.png"))
    assert str(sheet) in str(error.value)
    assert not (tmp_path / "more").exists()
    assert make(shades, tmp_path / "more", tmp_path / "noise", rule="all") == 0
    told = json.loads((tmp_path / "more/manifest.json").read_text())["judge"]
    assert told["accepted"]
    assert not told["all"]["passed"]
    assert told["by_class"][-1]["agreement_originals"] == 1
    assert "bound 67%" in capsys.readouterr().out


def test_faithful_variants_are_written_and_counted(shades, tmp_path, cache, monkeypatch, capsys):
    use(monkeypatch, Faithful())
    assert make(shades, tmp_path / "more", cache, accept=False, rule="all", k=3) == 0
    told = json.loads((tmp_path / "more/manifest.json").read_text())
    assert told["judge"]["all"]["recognised_still"] == 1
    assert told["judge"]["by_class"][0]["variants"] == 24
    with Image.open(tmp_path / "more/sheet.png") as sheet:
        assert sheet.width > 3 * 48
    said = capsys.readouterr().out
    assert "outside 15% to 60%" in said  # all images are slow here
    lines = said.splitlines()
    start = lines.index("train on it with:") + 1
    assert len(lines[start:]) == 3
    scope = {}
    exec("\n".join(line.strip() for line in lines[start:]), scope)
    train_set = scope["train_set"]
    assert len(train_set) == 36 + 72
    assert train_set.classes == ["blue", "green", "red"]
    assert train_set[0][0].shape == (3, 224, 224)
    sizes = {path: size_of(path) for path, _ in train_set.samples}
    for row in table(tmp_path / "more/variants.csv"):
        own = sizes[str(tmp_path / "more" / row["source"])]
        assert sizes[str(tmp_path / "more" / row["file"])] == own
        assert (row["judged_class"], row["written"]) == (row["source"].split("/")[0], "1")


def test_rejected_variants_are_left_out(shades, tmp_path, cache, monkeypatch):
    class Half(Faithful):
        """Every second variant is that of another class."""

        def __call__(self, pixels, labels, generators):
            turned = pixels.flip(1)  # red becomes blue
            odd = torch.tensor([bool(torch.rand((), generator=g) < 0.15) for g in generators])
            return torch.where(odd[:, None, None, None], turned, pixels)

    use(monkeypatch, Half())
    options = {"accept": False, "reject": True, "rule": "all", "k": 3, "seed": 1}
    assert make(shades, tmp_path / "more", cache, **options) == 0
    told = json.loads((tmp_path / "more/manifest.json").read_text())
    rows = table(tmp_path / "more/variants.csv")
    written = [row for row in rows if row["written"] == "1"]
    assert len(rows) == 72
    assert told["variants"] == len(written) < 72
    by_class = {row["class"]: row for row in told["judge"]["by_class"]}
    assert by_class["green"]["rejected"] == 0
    assert by_class["all"]["rejected"] == 72 - len(written)
    for row in rows:
        assert (tmp_path / "more" / row["file"]).exists() == (row["written"] == "1")
        assert (row["judged_class"] == row["source"].split("/")[0]) == (row["written"] == "1")


def test_wrong_labels_are_listed_and_left_out(shades, tmp_path, cache, monkeypatch, capsys):
    wrong = shades / "red/wrong.png"
    save(wrong, np.asarray(Image.open(shades / "blue/0.png")))
    use(monkeypatch, Faithful())
    assert make(shades, tmp_path / "more", cache, rule="all") == 0
    listed = table(tmp_path / "more/suspects.csv")
    assert [row["file"] for row in listed] == ["red/wrong.png"]
    assert (listed[0]["label"], listed[0]["preferred"], listed[0]["slow"]) == ("red", "blue", "1")
    assert "1 labels may be wrong, 1 of them" in capsys.readouterr().out
    for name, options in (
        ("excluded", {"exclude": tmp_path / "more/suspects.csv"}),
        ("dropped", {"drop_suspects": True}),
    ):
        assert make(shades, tmp_path / name, cache, rule="all", **options) == 0
        files = tree(tmp_path / name)
        assert not [path for path in files if "wrong" in path]
        assert "red/0.png" in files
        told = json.loads(files["manifest.json"])
        assert (told["originals"], told["variants"]) == (36, 36)


def test_another_models_outputs_select(shades, tmp_path, cache, monkeypatch):
    use(monkeypatch, Faithful())
    monkeypatch.setattr(stage, "selected", lambda *_: pytest.fail("it trained early"))
    names = sorted(path for path in tree(shades) if path.endswith(".png"))
    hard = names[::5]
    labels = [sorted({name.split("/")[0] for name in names}).index(n.split("/")[0]) for n in names]
    outputs = np.zeros((len(names), 3), np.float32)
    outputs[np.arange(len(names)), labels] = [0.1 if name in hard else 6.0 for name in names]
    np.savez(tmp_path / "mine.npz", outputs=outputs, files=names)
    assert make(shades, tmp_path / "more", cache, outputs=tmp_path / "mine.npz") == 0
    scores = table(tmp_path / "more/scores.csv")
    assert sorted(row["file"] for row in scores if row["slow"] == "1") == hard
    again = tmp_path / "more/scores.csv"
    assert make(shades, tmp_path / "again", cache, outputs=again) == 0
    assert table(tmp_path / "again/variants.csv") == table(tmp_path / "more/variants.csv")


def test_one_size_on_request(shades, tmp_path, cache, monkeypatch):
    use(monkeypatch, Faithful())
    assert make(shades, tmp_path / "more", cache, side=16, rule="all") == 0
    images = list((tmp_path / "more").rglob("*/*.png"))
    assert len(images) == 72
    assert set(map(size_of, images)) == {(16, 16)}
    square = np.asarray(Image.open(tmp_path / "more/red/5.png"))
    np.testing.assert_array_equal(square, resize_square(Image.open(shades / "red/5.png"), 16))


def test_train_is_augmented_and_test_copied(tmp_path, cache, capsys):
    sets = tmp_path / "sets"
    own(sets / "train")
    own(sets / "test", counts=(2, 3))
    assert make(sets, tmp_path / "more", cache, link=False) == 0
    assert "5 test images" in capsys.readouterr().out
    after, variants = tree(tmp_path / "more"), table(tmp_path / "more/variants.csv")
    assert {name: after[name] for name in tree(sets)} == tree(sets)
    assert sum(name.startswith("test/") and name.endswith(".png") for name in after) == 5
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
    images = [name for name in after if name.endswith(".png")]
    held = {name.removeprefix("test/") for name in images if name.startswith("test/")}
    assert len(held) == 5
    for name, content in tree(pets).items():
        assert after[f"{'test' if name in held else 'train'}/{name}"] == content
    assert not held & {
        row["source"].removeprefix("train/") for row in table(tmp_path / "more/variants.csv")
    }


def test_stopped_anywhere_it_goes_on(pets, tmp_path, monkeypatch):
    whole, out, cache = tmp_path / "whole", tmp_path / "more", tmp_path / "cache"
    assert make(pets, whole, tmp_path / "other cache", rule="all", steps=2) == 0

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
                make(pets, out, cache, rule="all", steps=2)
        assert {path.name for path in tmp_path.iterdir()} <= {
            "pets",
            "whole",
            "cache",
            "other cache",
        }

    stopped_at(generation_stage, "load_or_train_generator", 1)
    monkeypatch.setattr(stage, "early_network", lambda *_: pytest.fail("it trained again"))
    stopped_at(generation_stage, "fill_variant_store", 2)
    monkeypatch.setattr(
        denoiser_trainer, "DenoiserTrainer", lambda *_: pytest.fail("it trained again")
    )
    stopped_at(augmented_folder, "copy_file", 7)
    monkeypatch.setattr(
        generation_stage, "make_variants", lambda *_: pytest.fail("it generated again")
    )
    assert make(pets, out, cache, rule="all", steps=2) == 0
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


def test_a_dry_run_writes_nothing(pets, tmp_path, cache, capsys, monkeypatch):
    before = tree(tmp_path)
    assert make(pets, tmp_path / "more", tmp_path / "nowhere", dry_run=True, guidance=2.0) == 0
    said = capsys.readouterr().out
    assert "25 training images, 2 classes" in said
    assert "30% to 40%" in said
    assert "variants        8 to 10" in said
    assert "80 to 100 of the denoiser, about 10 for a variant" in said
    assert "measured just now" in said
    monkeypatch.setattr(model_files, "is_reachable", lambda address: False)
    with pytest.raises(ValueError, match="hf download someone/model --local-dir model"):
        make(pets, tmp_path / "more", cache, dry_run=True, generator="someone/model")
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
            ["{tmp}/pets", "--out", "{tmp}/more", "--accept", "--reject"],
            "error: accept, reject is 'both'; allowed: at most one",
        ),
        (
            ["{tmp}/pets", "--out", "{tmp}/more", "--adapt", "9"],
            "error: options without --generator is 'adapt'; allowed: none",
        ),
        (
            ["{tmp}/pets", "--out", "{tmp}/more", "--generator", "sd-turbo", "--adapt", "9"],
            "error: adapt is 9; allowed: 0 for a model that is distilled",
        ),
        (
            ["{tmp}/pets", "--out", "{tmp}/more", "--exclude", "{tmp}/none.csv"],
            "error: exclude is ",
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
            ["{tmp}/pets", "--out", "{tmp}/more", "--epochs", "1", "--resolution", "8"],
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
    told = [line for line in errors.splitlines() if not re.match(r".*: +\d+%\|", line)]
    assert [line for line in told if line.strip()] == told[-1:]  # bars may stand before it
    assert told[-1].startswith(said)
    assert not (tmp_path / "more").exists()
