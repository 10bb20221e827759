"""The ideal generator against its formula, and the dial that reads it back."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empirical import pipeline
from empirical.config import Data, Early, Generator, Method, Run, Selection, Training, Variants
from empirical.data.context import Context
from empirical.data.split import split_dataset
from empirical.generation import stage
from empirical.generation.backends.ideal import IdealBackend, blur
from empirical.generation.quality.dial import read_dial
from empirical.generation.variants import make_variants

DATA = Data("noisy-digits", train=100, validation=50, cue="beside")
IDEAL = Generator(kind="ideal")
RUN = Run(
    "x",
    Method("tada", 3),
    DATA,
    Training(steps=3, width=8, batch=16),
    Early(limit=2),
    IDEAL,
)


@pytest.fixture(scope="module")
def train():
    return split_dataset(DATA, 0).train


def variants(train, settings, seed=0, copies=1):
    everyone = np.arange(len(train))
    return make_variants(IdealBackend(settings), train, everyone, np.full(len(train), copies), seed)


def test_kappa_one_is_a_copy(train):
    made = variants(train, Variants(kappa=1.0))
    np.testing.assert_allclose(made, train.pixels, atol=2e-6)


def test_fresh_noise_is_independent_of_the_source_and_of_its_size(train):
    made = variants(train, Variants())
    noise = made - train.truth.clean
    own = train.pixels - train.truth.clean
    assert noise.std() == pytest.approx(0.5, rel=0.03)
    assert abs(np.corrcoef(noise.ravel(), own.ravel())[0, 1]) < 0.03
    again = variants(train, Variants(), copies=2) - train.truth.clean
    assert abs(np.corrcoef(noise.ravel(), again.ravel())[0, 1]) < 0.03


@pytest.mark.slow
@given(
    kappa=st.floats(0, 0.8),
    fidelity=st.floats(0.2, 1),
    size=st.floats(0.3, 2),
)
def test_the_dial_reads_back_what_was_set(train, kappa, fidelity, size):
    settings = Variants(kappa=kappa, fidelity=fidelity, fresh_noise=size)
    found = read_dial(variants(train, settings), train.pixels, train.truth)
    assert found["kappa"] == pytest.approx(kappa, abs=0.06 * (1 + size))
    assert found["fidelity"] == pytest.approx(fidelity, abs=0.06 * (1 + size))
    assert found["fresh_noise"] == pytest.approx(size, rel=0.06)


def test_without_fidelity_nothing_but_the_blur_is_left(train):
    made = variants(train, Variants(fidelity=0.0, fresh_noise=0.0))
    np.testing.assert_allclose(made, blur(torch.from_numpy(train.truth.clean)).numpy(), atol=1e-6)


def test_blur_keeps_constants_and_the_mean_of_symmetric_images():
    flat = torch.full((1, 2, 6, 8), 0.3)
    torch.testing.assert_close(blur(flat), flat)
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(2, 1, 8, 8, generator=rng)
    assert blur(images).std() < images.std() / 2
    torch.testing.assert_close(blur(images + 1), blur(images) + 1)


def test_a_redrawn_cue_is_there_with_its_probability_whatever_the_source_has(train):
    found = []
    for copy in range(1, 21):
        settings = Variants(cue_redrawn=True, fresh_noise=0.0)
        made = variants(train, settings, copies=copy)
        found.append(np.abs(made[:, :, 0] - train.truth.image[:, :, 0]).max((1, 2)) > 0.5)
    found = np.array(found)  # (copies, images)
    assert found.mean() == pytest.approx(0.8, abs=0.03)
    assert found[:, train.truth.present].mean() == pytest.approx(0.8, abs=0.05)
    assert found[:, ~train.truth.present].mean() == pytest.approx(0.8, abs=0.05)
    kept = variants(train, Variants(fresh_noise=0.0))
    there = np.abs(kept[:, :, 0]).max((1, 2)) > 0.5
    np.testing.assert_array_equal(there, train.truth.present)


def test_a_variant_depends_on_its_source_and_number_only(train, tmp_path):
    context = Context(RUN, 0, tmp_path)
    sources = np.array([5, 3, 5])
    copies = np.array([1, 2, 2])
    whole = stage.load_or_make_variants(context, sources, copies)
    one = stage.load_or_make_variants(
        Context(RUN, 0, tmp_path / "other"), sources[1:2], copies[1:2]
    )
    np.testing.assert_array_equal(one, whole[1:2])
    assert not np.array_equal(whole[0], whole[2])
    about = stage.describe_variants(context)
    assert about["kind"] == "ideal"
    assert about["kappa"] == 0.0


@pytest.mark.slow
def test_a_whole_run_measures_who_has_no_cue(tmp_path):
    run = replace(RUN, selection=Selection("truth"), responses=True, evaluations=2)
    metrics = pipeline.execute(Context(run, 0, tmp_path))
    parts = split_dataset(DATA, 0)
    slow = ~parts.train.truth.present
    assert metrics["slow_fraction"] == pytest.approx(slow.mean())
    assert metrics["generated"] == 2 * slow.sum()
    assert (metrics["selection_recall"], metrics["selection_precision"]) == (1.0, 1.0)
    tested = parts.test.truth.present
    both = metrics["test_error_cued"] * tested.mean() + metrics["test_error_uncued"] * (
        1 - tested.mean()
    )
    assert both == pytest.approx(metrics["test_error"])
    for name in ("cue", "image", "own_noise", "fresh_noise", "own", "fresh"):
        assert len(metrics[f"response_{name}"]) == 2
    assert metrics == pipeline.execute(Context(run, 0, tmp_path / "again"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": Data("digits", train=100)}, "data without known noise"),
        ({"variants": Variants(mix=True)}, "from_noise of generator.kind ideal"),
        ({"selection": Selection("truth"), "data": Data("noisy-digits")}, "selection.rule truth"),
    ],
)
def test_ideal_without_known_noise_is_one_line(changes, message):
    with pytest.raises(ValueError, match=message) as error:
        dataclasses.replace(RUN, **changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kappa": 1.5}, r"variants.kappa is 1.5; allowed: \[0, 1\]"),
        ({"kappa": float("nan")}, "variants.kappa is nan"),
        ({"fidelity": -0.1}, r"variants.fidelity is -0.1; allowed: \[0, 1\]"),
        ({"fresh_noise": -1.0}, "variants.fresh_noise is -1.0; allowed: at least 0"),
        ({"fresh_noise": float("inf")}, "variants.fresh_noise is inf"),
    ],
)
def test_settings_out_of_range_are_one_line(settings, message):
    with pytest.raises(ValueError, match=message):
        Variants(**settings)


def test_settings_of_the_ideal_generator_are_for_it_only():
    with pytest.raises(ValueError, match="kappa"):
        Run("x", Method("tada"), DATA, generator=Generator(), variants=Variants(kappa=0.5))
