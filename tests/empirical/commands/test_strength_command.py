"""Test the choice of a strength, with a generator that adds as much noise as it says."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from empirical.commands import strength
from empirical.config import Data, Training
from empirical.data.split import split_dataset
from empirical.generation.backends import resolve
from empirical.generation.quality import by_strength

pytestmark = pytest.mark.slow


@dataclasses.dataclass
class Blend:
    """A generator that blends an image with noise, by its strength."""

    strength: float

    def at(self, variants):
        return Blend(variants.strength)

    def level(self):
        return {"timestep": int(1000 * self.strength), "alpha_bar": 1 - self.strength, "sigma": 1.0}

    def describe(self):
        return {"kind": "blend"}

    def __call__(self, pixels, labels, generators):
        noise = torch.stack([torch.randn(pixels.shape[1:], generator=g) for g in generators])
        return (1 - self.strength) * pixels + self.strength * noise


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root, data = tmp_path_factory.mktemp("judge"), Data("digits", 300, 80)
    parts, recipe = split_dataset(data, 0), Training(steps=60, width=8)
    judge = by_strength.load_or_train_judge(data, parts, recipe, 0, root, torch.device("cpu"))
    again = by_strength.load_or_train_judge(data, parts, recipe, 0, root, torch.device("cpu"))
    assert all(
        torch.equal(a, b)
        for a, b in zip(judge.state_dict().values(), again.state_dict().values(), strict=True)
    )
    return parts, judge


def test_more_noise_is_less_faithful_and_the_rule_follows(trained, tmp_path):
    parts, judge = trained
    values = (0.02, 0.5, 0.95)
    found = by_strength.compare_strengths([Blend(s) for s in values], values, parts, judge, 40, 0)
    low, middle, high = found.levels
    assert found.real["agreement"] > 0.7
    assert low["agreement"] >= found.real["agreement"] - 0.02 > high["agreement"]
    assert low["own_nearest"] == 1 > high["own_nearest"]
    assert low["near_duplicates"] == 1
    assert high["near_duplicates"] == 0
    assert low["rms"] < middle["rms"] < high["rms"]
    assert low["kid"]["value"] < high["kid"]["value"]
    assert high["kid"]["n"] == (40, 40)
    assert found.chosen in (0.02, 0.5)
    lines = strength.format_report(found, "judge")
    assert lines[-1].endswith(f"{found.chosen:g}")
    assert len(lines) == 4 + 3 + 2
    strength.write_sheet(tmp_path / "sheet.png", found, parts.validation, values)
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_variants_do_not_depend_on_the_batch(trained, monkeypatch):
    parts, _ = trained
    whole = by_strength.validation_variants(Blend(0.5), parts.validation, np.arange(20), 0)
    monkeypatch.setattr(by_strength, "BATCH", 7)
    np.testing.assert_array_equal(
        by_strength.validation_variants(Blend(0.5), parts.validation, np.arange(20), 0), whole
    )


def test_the_rule():
    levels = [{"strength": s, "agreement": a} for s, a in ((0.1, 0.97), (0.5, 0.95), (0.7, 0.9))]
    assert by_strength.choose_strength(levels, 0.96) == 0.5
    assert by_strength.choose_strength(levels, 1.0) is None


def test_more_sources_than_others_are_refused(trained):
    with pytest.raises(ValueError, match="images is 41; allowed: 2 to 40"):
        by_strength.compare_strengths([], [], *trained, 41, 0)


def test_the_command_prints_a_table_and_writes_what_it_found(tmp_path, monkeypatch, capsys):
    loads = []

    def backend(generator, variants, classes, shape, device):
        loads.append(generator.model)
        return Blend(variants.strength)

    monkeypatch.setattr(resolve, "load_backend", backend)
    options = {
        "strengths": (0.1, 0.9),
        "images": 10,
        "train": 100,
        "validation": 20,
        "out": tmp_path,
        "device": "cpu",
    }
    assert strength.strength("digits", "blend", **options) == 0
    assert loads == ["blend"]  # once for all strengths
    assert "judge: resnet8 on 100 training images, 250 steps" in capsys.readouterr().out
    kept = json.loads((tmp_path / "strength-digits.json").read_text())
    assert [level["strength"] for level in kept["levels"]] == [0.1, 0.9]
    assert kept["settings"]["generator"] == {"kind": "blend"}
    assert (tmp_path / "strength-digits.png").exists()
