"""Test that nothing is stored of a model that makes no numbers, or pixels of another scale."""

import re

import numpy as np
import pytest
import torch

from empirical.config import Data, Generator, Run, Training, Variants
from empirical.data.context import Context
from empirical.data.images import Images
from empirical.data.pixels import as_uint8
from empirical.generation import checks, denoising, stage
from empirical.generation.variants import make_variants
from empirical.runtime.seeding import torch_stream

pytestmark = pytest.mark.slow
STORED = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
IMAGES = Images(STORED, np.arange(3), ("a", "b", "c"))


def variants(change, images=IMAGES):
    backend = lambda pixels, labels, generators: change(pixels)  # noqa: E731
    return make_variants(backend, images, np.arange(3), np.ones(3, int), 0)


def one_value(value):
    """Return a function that gives one pixel of one image this value."""

    def change(pixels):
        made = pixels.clone()
        made[1, 0, 2, 3] = value
        return made

    return change


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_no_number_stops_the_run(value):
    said = r"1 of 3 images that the model made .* not a number or infinite"
    with pytest.raises(ValueError, match=said) as error:
        variants(one_value(value))
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="cannot become uint8"):
        as_uint8(one_value(value)(torch.zeros(3, 3, 8, 8)).numpy())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x / 2 + 0.5, "in [0, 1] of sources in [-1, 1]"),
        (lambda x: (x + 1) * 127.5, "pixels as large as 255"),
        (lambda x: x[:, :1], "shape (3, 1, 8, 8) of sources of shape (3, 3, 8, 8)"),
    ],
)
def test_pixels_of_another_scale_or_shape_stop_the_run(change, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        variants(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.bfloat16(),
        lambda x: x * 1.5,
        torch.ones_like,  # all white, but nearer to no source as another scale
        lambda x: -torch.ones_like(x),
        lambda x: x.numpy()[:, ::-1],
    ],
)
def test_what_may_be_variants_passes(change):
    assert variants(change).dtype == np.float32


def test_images_of_values_above_0_may_stay_so():
    bright = Images(STORED // 2 + 128, IMAGES.labels, IMAGES.classes)
    assert variants(lambda x: x, bright).min() >= 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_prediction_that_is_no_number_is_not_clipped_away(value):
    """A schedule that clips turns an infinite prediction into black or white pixels."""
    from diffusers import DDPMScheduler

    pixels = torch.from_numpy(IMAGES.pixels).contiguous()

    def denoiser(x, t, labels):
        made = torch.zeros_like(x)
        if t < 300:
            made[1, 0, 0, 0] = value
        return made

    def run(denoiser):
        return denoising.noise_then_denoise(
            denoiser,
            DDPMScheduler(clip_sample=True, timestep_spacing="trailing"),
            pixels,
            torch.zeros(3, dtype=torch.int64),
            Variants(0.5, 10),
            [torch_stream(0, i) for i in range(3)],
        )

    made = run(denoiser)
    assert made[1].isnan().all()
    sound = run(lambda x, t, labels: torch.zeros_like(x))
    assert torch.equal(made[[0, 2]], sound[[0, 2]])
    assert sound.isfinite().all()


def test_a_decoder_that_overflows_is_noticed():
    decoder = torch.nn.Identity()
    checks.mark_infinite(decoder)
    out = decoder(torch.tensor([1.0, float("inf"), -float("inf")]))
    assert out.clamp(0, 1).isnan().tolist() == [False, True, True]


def test_a_run_with_a_damaged_model_stores_no_variant(tmp_path, monkeypatch):
    """The digits' noise has no limits, so they are stored as floats; the check is the same."""
    run = Run(
        data=Data("digits", train=20),
        training=Training(width=8),
        generator=Generator(channels=(8,), steps=1, batch=4),
        variants=Variants(0.1),
    )
    context = Context(run, 0, tmp_path)
    trained = stage.load_or_train_generator(context)
    next(trained.parameters()).data.fill_(float("inf"))
    monkeypatch.setattr(stage, "load_or_train_generator", lambda context: trained)
    with pytest.raises(ValueError, match="not a number or infinite"):
        stage.load_or_make_variants(context, np.arange(4), np.ones(4, int))
    assert len(stage.open_variant_store(context)) == 0


def test_the_choice_of_a_strength_sees_no_broken_image():
    from empirical.generation.quality.by_strength import validation_variants

    with pytest.raises(ValueError, match="not a number"):
        validation_variants(lambda x, labels, generators: x * float("nan"), IMAGES, np.arange(3), 0)
