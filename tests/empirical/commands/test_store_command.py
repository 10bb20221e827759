"""Test ``store``: list, verify and export variants."""

import csv
import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from empirical.commands.store import store
from empirical.generation.store.store import Store, open_store
from figures.records import run_command

SAID = {
    "data": {"name": "cifar10"},
    "classes": ["cat", "dog"],
    "generator": {"trained_on": "external"},
    "variants": {"strength": 0.3},
    "seed": 4,
}


def made(folder, **changes):
    """Make a store of five variants in three shards."""
    there = open_store(folder, {**SAID, **changes}, (2, 2, 3), np.uint8, block=2)
    there.fill(
        [[i, c] for i in range(3) for c in (1, 2) if i < 2 or c == 1],
        lambda s, c: np.full(
            (len(s), 2, 2, 3), s[:, None, None, None] + 10 * c[:, None, None, None], np.uint8
        ),
        np.array([0, 1, 1]),
    )
    return there


@pytest.fixture
def out(tmp_path):
    """Return an output folder with two stores."""
    made(tmp_path / "artifacts/variants-aa")
    (tmp_path / "artifacts/variants-aa/about.json").write_text(
        json.dumps({"model": "some/model", "kind": "unet"})
    )
    made(
        tmp_path / "artifacts/variants-bb",
        variants={"strength": 0.5, "from_noise": True, "mix": True},
    )
    (tmp_path / "artifacts/early-x.npz").write_bytes(b"")
    return tmp_path


def said(capsys, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["empirical", "store", *map(str, words)])
    code = run_command({"store": store, "other": store}, "python -m empirical", "")
    told = capsys.readouterr()
    return code, told.out.splitlines(), told.err.splitlines()


def damage(folder):
    shard = sorted(folder.glob("shard-*.npy"))[0]
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    return shard.stem


def test_a_list_tells_model_noise_and_number(out, capsys, monkeypatch):
    code, lines, _ = said(capsys, monkeypatch, "list", "--out", out)
    assert code == 0
    counts = "5 variants of 3 images, 2 each at most, uint8 2 x 2 x 3; cifar10, seed 4"
    assert lines == [
        f"{out}/artifacts/variants-aa: {counts}; some/model (external), strength 0.3",
        f"{out}/artifacts/variants-bb: {counts}; model unknown (external), from pure noise, mixed",
    ]
    assert said(capsys, monkeypatch, "list", out / "artifacts")[1] == lines
    assert said(capsys, monkeypatch, "list", out / "artifacts/variants-aa")[1] == lines[:1]


def test_a_damaged_shard_is_named_and_mended_when_asked(out, capsys, monkeypatch):
    code, lines, _ = said(capsys, monkeypatch, "verify", out)
    assert (code, lines[1], lines[3]) == (
        0,
        "  every byte is as it was written",
        "  every byte is as it was written",
    )
    name = damage(out / "artifacts/variants-bb")
    code, lines, _ = said(capsys, monkeypatch, "verify", "--out", out)
    assert (code, lines[1], lines[3]) == (
        1,
        "  every byte is as it was written",
        f"  damaged: {name}",
    )
    assert len(Store(out / "artifacts/variants-bb")) == 5
    assert said(capsys, monkeypatch, "verify", out, "--repair")[0] == 1
    assert len(Store(out / "artifacts/variants-bb")) < 5
    assert said(capsys, monkeypatch, "verify", out)[0] == 0


def test_a_manifest_that_cannot_be_read_is_damage_too(out, capsys, monkeypatch):
    (out / "artifacts/variants-aa/manifest.json").write_text("{")
    code, lines, _ = said(capsys, monkeypatch, "verify", out)
    assert code == 1
    assert "manifest.json cannot be read" in lines[0]
    assert lines[-1] == "  every byte is as it was written"


def test_an_export_is_a_folder_of_classes_with_a_table(out, capsys, monkeypatch):
    code, lines, _ = said(
        capsys, monkeypatch, "export", out / "artifacts/variants-aa", "--to", out / "images"
    )
    assert (code, lines) == (0, [f"{out}/images: 5 images, 5 of them written now"])
    with (out / "images/manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["copy"], row["class"]) for row in rows] == [
        ("0", "1", "cat"),
        ("1", "1", "dog"),
        ("2", "1", "dog"),
        ("0", "2", "cat"),
        ("1", "2", "dog"),
    ]
    for row in rows:
        assert row["file"].startswith(row["class"] + "/")
        assert (
            np.asarray(Image.open(out / "images" / row["file"]))
            == int(row["source"]) + 10 * int(row["copy"])
        ).all()
    assert said(
        capsys, monkeypatch, "export", out / "artifacts/variants-aa", "--to", out / "images"
    )[1][0].endswith("5 images, 0 of them written now")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["export", "{out}"], "error: --to is None; allowed: the folder to write"),
        (
            ["export", "{out}", "--to", "{out}/x"],
            "error: number of stores in {out} is 2; allowed: 1, as one is exported; "
            "name it: variants-aa, variants-bb",
        ),
        (
            ["list", "{out}/nowhere"],
            "error: folder is '{out}/nowhere'; "
            "allowed: a store of variants, or an output folder with some",
        ),
        (["list", "--to", "x"], "error: to is 'x'; allowed: only with export"),
        (["list", "--repair"], "error: repair is True; allowed: only with verify"),
    ],
)
def test_a_mistake_is_one_line(out, capsys, monkeypatch, words, told):
    code, _, errors = said(capsys, monkeypatch, *(word.format(out=out) for word in words))
    assert (code, errors) == (2, [told.format(out=out)])


def test_nothing_there_is_said(out, capsys, monkeypatch):
    shutil.rmtree(out / "artifacts")
    assert said(capsys, monkeypatch, "verify", out)[:2] == (
        0,
        [f"{out} holds no store of variants"],
    )
