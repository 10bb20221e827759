"""A named generator from the command to the folder, with a tiny pipeline of its real class."""

import csv
import dataclasses
import json

import pytest
from image_files import own
from PIL import Image
from tiny_pipelines import stable_diffusion

from empirical.commands import augment as command
from empirical.own_images import judge, named_models
from empirical.runtime.machine import Machine

pytestmark = pytest.mark.slow
pytest.importorskip("peft")


def test_a_named_generator_with_words_and_an_adapter(tmp_path, monkeypatch, capsys):
    model = stable_diffusion(tmp_path / "tiny")
    named = dataclasses.replace(named_models.NAMED["sd15"], model=str(model), steps=4)
    monkeypatch.setitem(named_models.NAMED, "sd15", named)
    for name in ("EPOCHS", "LEAST_EPOCHS", "LEAST_STEPS"):
        monkeypatch.setattr(judge, name, 3)
    pets = own(tmp_path / "pets", counts=(4, 4), names=("n02124075", "dogs"))
    options = {
        "generator": "sd15",
        "adapt": 2,
        "accept": True,
        "rule": "all",
        "resolution": 8,
        "threads": 1,
        "machine": Machine("cpu"),
        "cache": tmp_path / "cache",
    }
    with pytest.raises(ValueError, match="is 'n02124075'; allowed: words for each: --prompts"):
        command.augment(pets, out=tmp_path / "more", **options)
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("class,words,negative\nn02124075,cat,bee\nn02124075,queen cat,\n")
    assert command.augment(pets, out=tmp_path / "more", prompts=prompts, **options) == 0
    said = capsys.readouterr().out
    assert "CreativeML OpenRAIL-M" in said
    assert "guidance 7.5, 2 denoising steps" in said
    told = json.loads((tmp_path / "more/manifest.json").read_text())
    assert told["generator"]["side"] == 16  # the model's own, below the images' 40
    assert told["generator"]["adapted"]["steps"] == 2
    assert told["generator"]["pipeline"] == "StableDiffusionImg2ImgPipeline"
    with (tmp_path / "more/variants.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    for row in rows:
        with Image.open(tmp_path / "more" / row["file"]) as image:
            assert (image.size, image.mode) == ((40, 30), "RGB")
