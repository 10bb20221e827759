"""Test faithfulness: distances by their definition, copies and strangers, last-layer features."""

import numpy as np
import pytest
import torch

from empirical.config import Training
from empirical.data.images import Images
from empirical.generation.quality import faithfulness
from empirical.generation.quality.contact_sheet import write_contact_sheet
from empirical.runtime.seeding import stream
from empirical.training.evaluation import logits
from empirical.training.networks import classifier


def images(n=30, side=8, *purpose):
    return stream(0, "images", *purpose).uniform(-1, 1, (n, 1, side, side)).astype(np.float32)


def test_nearest_is_the_definition_in_any_block(monkeypatch):
    x = faithfulness.as_rows(images(20))
    y = faithfulness.as_rows(images(30, 8, "b"))
    skip = np.where(np.arange(20) % 2, 3, -1)
    apart = np.sqrt(((x[:, None] - y[None]) ** 2).mean(2))
    apart[skip == 3, 3] = np.inf
    for block in (7, 1024):
        monkeypatch.setattr(faithfulness, "BLOCK", block)
        distance, index = faithfulness.nearest_rows(x, y, skip)
        np.testing.assert_array_equal(index, apart.argmin(1))
        np.testing.assert_allclose(distance, apart.min(1))


def test_copies_small_changes_and_strangers():
    real = images()
    sources = np.arange(30)
    copies = faithfulness.closeness(real, real, sources)
    assert (copies["own_nearest"], copies["near_duplicates"], copies["rms"]) == (1, 1, 0)
    strangers = faithfulness.closeness(real, images(30, 8, "c"), sources)
    assert strangers["own_nearest"] < 0.3
    assert strangers["near_duplicates"] < 0.1
    swapped = faithfulness.closeness(real, real[::-1], sources)
    assert (swapped["own_nearest"], swapped["copied_others"], swapped["near_duplicates"]) == (
        0,
        1,
        0,
    )
    assert faithfulness.closeness(real, real + 0.1, sources)["rms"] == pytest.approx(0.1, rel=1e-5)


def test_grain_is_relative_and_blind_to_brightness():
    real = images()
    assert faithfulness.grain(real + 0.3, real) == pytest.approx(1, rel=1e-4)
    assert faithfulness.grain(real / 2, real) == pytest.approx(0.25)
    with pytest.raises(ValueError, match="not all flat"):
        faithfulness.grain(real, np.zeros_like(real))


def test_diversity_is_the_mean_over_pairs():
    made = images(6)
    sources = np.array([0, 0, 0, 1, 1, 2])
    rows = faithfulness.as_rows(made)
    pairs = [((rows[i] - rows[j]) ** 2).mean() for i, j in [(0, 1), (0, 2), (1, 2), (3, 4)]]
    assert faithfulness.diversity(made, sources) == pytest.approx(np.sqrt(np.mean(pairs)))
    assert faithfulness.diversity(made, np.arange(6)) is None


def test_features_are_what_the_last_layer_sees():
    real = images()
    network = classifier(
        Images(real, np.zeros(30, np.int64), ("a", "b", "c")), Training(width=8), 0
    ).train()
    seen = faithfulness.last_layer_features(network, torch.from_numpy(real), batch=7)
    assert seen.shape == (30, 32)
    assert network.training
    assert not network[-1]._forward_pre_hooks
    outputs = network[-1](torch.from_numpy(seen)).detach()
    torch.testing.assert_close(outputs, logits(network, torch.from_numpy(real)))
    with pytest.raises(ValueError, match="linear layer"):
        faithfulness.last_layer_features(torch.nn.Flatten(), torch.from_numpy(real))


def test_agreement_and_bad_input():
    assert faithfulness.label_agreement(np.eye(4), np.array([0, 1, 2, 0])) == 0.75
    with pytest.raises(ValueError, match="one for each variant"):
        faithfulness.closeness(images(), images(), np.arange(3))
    with pytest.raises(ValueError, match=r"quantile is 0; allowed"):
        faithfulness.closeness(images(), images(), np.arange(30), quantile=0)


def test_a_contact_sheet_holds_the_images(tmp_path):
    from PIL import Image

    tiles = stream(0).integers(0, 256, (2, 3, 3, 5, 5), dtype=np.uint8)
    write_contact_sheet(
        tmp_path / "sheet.png", tiles, ["first", "second"], ["a", "b", "c"], scale=2
    )
    with Image.open(tmp_path / "sheet.png") as file:
        sheet = np.asarray(file)
    left = 6 * 7 + 4
    top = 14
    np.testing.assert_array_equal(
        sheet[top : top + 10 : 2, left : left + 10 : 2], tiles[0, 0].transpose(1, 2, 0)
    )
    with pytest.raises(ValueError, match="as many as images"):
        write_contact_sheet(tmp_path / "sheet.png", tiles, ["first"], ["a", "b", "c"])
