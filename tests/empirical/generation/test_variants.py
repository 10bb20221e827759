"""Test noising and denoising: exact denoisers, diffusers' own pipelines, limits, exact bits."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from empirical.config import Data, Generator, Variants
from empirical.data.images import Images
from empirical.data.split import split_dataset
from empirical.generation.backends.pixel_unet import wrap_unet
from empirical.generation.denoising import (
    noise_then_denoise,
    pixel_sampler,
    starting_noise_level,
    timesteps_to_run,
)
from empirical.generation.unet import build_unet, guided_denoiser, noise_schedule
from empirical.generation.variants import make_variants
from empirical.runtime.seeding import construction, torch_stream

pytestmark = pytest.mark.slow


def points():
    """Return four images of 2x2 pixels, far apart."""
    pixels = torch.tensor([[1.0, 1, -1, -1], [-1, 1, 1, -1], [-1, -1, 1, 1], [1, -1, -1, 1]]).view(
        4, 1, 2, 2
    )
    return pixels.double()


def exact_denoiser(data):
    """Return the best possible denoiser of a uniform distribution over ``data``.

    It predicts E[v | x_t], by the posterior over the data.
    """
    schedule = noise_schedule()

    def denoiser(x, t, labels):
        a = schedule.alphas_cumprod[int(t)].double()
        clean = (posterior(data, x, a) @ data.flatten(1)).view_as(x)
        return a.sqrt() * (x - a.sqrt() * clean) / (1 - a).sqrt() - (1 - a).sqrt() * clean

    return denoiser


def posterior(data, x, a):
    apart = ((x[:, None] - a.sqrt() * data[None]) ** 2).flatten(2).sum(2)  # (n, data)
    return (-apart / (2 * (1 - a))).softmax(1)


def generators(n, seed=0):
    return [torch_stream(seed, i) for i in range(n)]


def run(pixels, config, denoiser, n=None):
    schedule = pixel_sampler(config, noise_schedule())
    labels = torch.zeros(len(pixels), dtype=torch.int64)
    return noise_then_denoise(
        denoiser, schedule, pixels, labels, config, generators(n or len(pixels))
    )


@pytest.mark.parametrize("kind", ["ddpm", "ddim", "dpm-solver"])
def test_low_strength_returns_the_image(kind):
    data = points()
    torch.testing.assert_close(
        run(data, Variants(0.05, 100, sampler=kind), exact_denoiser(data)), data, atol=1e-3, rtol=0
    )


@pytest.mark.parametrize("kind", ["ddpm", "ddim", "dpm-solver"])
def test_as_strength_falls_the_change_vanishes_whatever_the_denoiser(kind):
    data = points()
    poor = lambda x, t, labels: torch.zeros_like(x)  # noqa: E731
    change = [
        float((run(data, Variants(s, 1000, sampler=kind), poor) - data).abs().max())
        for s in (0.3, 0.03, 0.003)
    ]
    assert change[0] > 3 * change[1] > 9 * change[2]
    assert change[2] < 0.05


@pytest.mark.parametrize("kind", ["ddpm", "ddim", "dpm-solver"])
def test_full_strength_draws_from_the_data_and_forgets_the_source(kind):
    data = points()
    made = run(
        data[:1].expand(400, -1, -1, -1), Variants(1.0, 50, sampler=kind), exact_denoiser(data)
    )
    apart = ((made[:, None] - data[None]) ** 2).flatten(2).sum(2)
    assert apart.min(1).values.max() < 1e-2
    counts = torch.bincount(apart.argmin(1), minlength=4)
    assert ((counts - 100).abs() < 45).all()  # 5 standard deviations


def test_in_between_a_variant_comes_back_to_its_source_as_often_as_the_posterior_says():
    """With the exact denoiser it ends at datum j with the posterior probability of j."""
    data = points()
    config = Variants(0.62, 200)
    n = 600
    schedule = noise_schedule()
    first = int(timesteps_to_run(schedule, config)[0])
    a = schedule.alphas_cumprod[first].double()
    noise = torch.stack([torch.randn(1, 2, 2, generator=g) for g in generators(n)]).double()
    expected = posterior(data, a.sqrt() * data[:1] + (1 - a).sqrt() * noise, a)[:, 0].mean()
    made = run(data[:1].expand(n, -1, -1, -1), config, exact_denoiser(data))
    home = (((made[:, None] - data[None]) ** 2).flatten(2).sum(2).argmin(1) == 0).double().mean()
    assert 0.4 < expected < 0.95
    assert abs(home - expected) < 4 * (expected * (1 - expected) / n) ** 0.5


@pytest.fixture(scope="module")
def model():
    images = split_dataset(Data(), 0).train
    return build_unet(images, Generator(channels=(8, 16)), 0).eval()


@pytest.mark.parametrize("kind", ["ddpm", "ddim"])
def test_from_pure_noise_it_is_diffusers_own_pipeline(kind):
    from diffusers import DDIMPipeline, DDPMPipeline, UNet2DModel

    with construction(0, "test"):
        net = UNet2DModel(
            sample_size=8,
            in_channels=1,
            out_channels=1,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D",) * 2,
            up_block_types=("UpBlock2D",) * 2,
            norm_num_groups=8,
        ).eval()
    config = Variants(1.0, 20, sampler=kind)
    n = 3
    schedule = pixel_sampler(config, noise_schedule())
    pipeline = {"ddpm": DDPMPipeline, "ddim": DDIMPipeline}[kind](net, schedule)
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        batch_size=n, generator=generators(n), num_inference_steps=20, output_type="np"
    ).images
    with torch.inference_mode():
        ours = run(torch.zeros(n, 1, 8, 8), config, lambda x, t, labels: net(x, t).sample)
    ours = (ours / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    assert 0.1 < ours.std() < 0.6
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


@settings(max_examples=30)
@given(
    grid=st.sampled_from([n for n in range(1, 1001) if 1000 % n == 0]),
    strength=st.floats(0.01, 1.0),
)
def test_only_the_steps_from_the_strength_on_are_run(grid, strength):
    if round(grid * strength) < 1:
        return
    config = Variants(strength, grid)
    schedule = noise_schedule()
    steps = timesteps_to_run(schedule, config)
    assert len(steps) == round(grid * strength)
    assert (steps.diff() < 0).all()
    assert abs(int(steps[0]) + 1 - 1000 * strength) <= 1000 / grid / 2 + 1e-6
    assert steps[-1] >= 0


def test_half_strength_is_half_the_signal_as_in_the_paper():
    level = starting_noise_level(noise_schedule(), Variants(0.5, 100))
    assert level["timestep"] == 499
    assert level["alpha_bar"] == pytest.approx(0.5, abs=0.02)
    assert level["sigma"] == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("kind", ["ddpm", "ddim", "dpm-solver"])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_variant_is_the_same_whatever_else_is_made(model, kind, guidance):
    images = split_dataset(Data(), 0).train
    config = Variants(0.5, 8, guidance, kind)
    backend = wrap_unet(model, noise_schedule(), config, images.classes)
    sources = np.arange(70)
    copies = np.tile([1, 2], 35)
    every = make_variants(backend, images, sources, copies, 0)
    order = np.random.default_rng(0).permutation(70)[:67]
    np.testing.assert_array_equal(
        make_variants(backend, images, sources[order], copies[order], 0), every[order]
    )
    np.testing.assert_array_equal(
        make_variants(backend, images, sources[9:10], copies[9:10], 0), every[9:10]
    )


def test_images_are_given_by_as_many_as_the_model_is_best_given():
    """The last batch is filled up; batches get smaller once the model has run out of memory."""

    class Shrinking:
        def __init__(self):
            self.batch = 32
            self.given = []

        def __call__(self, pixels, labels, rngs):
            self.given.append(len(pixels))
            if len(self.given) == 2:
                self.batch = 8
            return pixels + torch.stack([torch.randn(pixels.shape[1:], generator=g) for g in rngs])

    images = split_dataset(Data(), 0).train
    backend = Shrinking()
    made = make_variants(backend, images, np.arange(75), np.ones(75, int), 0)
    assert backend.given == [32, 32, 8, 8]
    function = lambda x, y, rngs: Shrinking()(x, y, rngs)  # noqa: E731
    plain = make_variants(function, images, np.arange(75), np.ones(75, int), 0)  # 64 at a time
    np.testing.assert_array_equal(plain, made)


def test_copies_and_seeds_differ(model):
    images = split_dataset(Data(), 0).train
    config = Variants(0.5, 8)
    backend = wrap_unet(model, noise_schedule(), config, images.classes)
    made = make_variants(backend, images, np.array([0, 0, 0]), np.array([1, 2, 3]), 0)
    other = make_variants(backend, images, np.array([0]), np.array([1]), 1)
    assert len({image.tobytes() for image in [*made, *other]}) == 4


def test_guidance_extrapolates_from_the_null_class(model):
    x = torch.randn(5, 1, 8, 8, generator=torch_stream(0, "x"))
    t = torch.tensor(400)
    labels = torch.arange(5)
    with torch.inference_mode():
        conditional = model(x, t, class_labels=labels).sample
        free = model(x, t, class_labels=torch.full((5,), 10)).sample
        guided = [guided_denoiser(model, g, null=10)(x, t, labels) for g in (0.0, 1.0, 2.5)]
    torch.testing.assert_close(guided[0], free)
    assert torch.equal(guided[1], conditional)
    torch.testing.assert_close(guided[2], free + 2.5 * (conditional - free))
    assert not torch.allclose(free, conditional)


def test_variants_keep_the_feature_and_redraw_the_noise():
    """Denoise class patterns plus noise with the exact denoiser of that distribution.

    At half strength a variant shows the pattern of its source, and noise of the same size that has
    little to do with the source's.
    """
    rng = torch_stream(0, "patterns")
    patterns = 2.0 * torch.randn(3, 1, 8, 8, generator=rng).double()
    labels = torch.arange(3).repeat(80)
    noise = 0.5 * torch.randn(240, 1, 8, 8, generator=rng).double()
    config = Variants(0.5, 100)
    schedule = noise_schedule()

    def denoiser(x, t, y):  # E[v | x_t] of N(pattern_y, 0.25 I)
        a = schedule.alphas_cumprod[int(t)].double()
        clean = patterns[y] + (a.sqrt() * 0.25 / (a * 0.25 + 1 - a)) * (x - a.sqrt() * patterns[y])
        return a.sqrt() * (x - a.sqrt() * clean) / (1 - a).sqrt() - (1 - a).sqrt() * clean

    made = noise_then_denoise(
        denoiser, schedule, patterns[labels] + noise, labels, config, generators(240)
    )
    redrawn = made - patterns[labels]
    torch.testing.assert_close(
        torch.stack([made[labels == c].mean(0) for c in range(3)]), patterns, atol=0.25, rtol=0
    )
    assert redrawn.std() == pytest.approx(0.5, rel=0.05)
    kept = float(torch.corrcoef(torch.stack([redrawn.flatten(), noise.flatten()]))[0, 1])
    a = starting_noise_level(schedule, config)["alpha_bar"]
    share = a * 0.25 / (a * 0.25 + 1 - a)  # of the noised image in the posterior mean
    assert kept == pytest.approx(share, abs=0.03)


def test_an_image_side_that_does_not_fit_the_levels_is_told():
    images = Images(np.zeros((1, 1, 6, 6), np.float32), np.zeros(1, np.int64), ("a",))
    with pytest.raises(ValueError, match="sides divisible by 4"):
        build_unet(images, Generator(channels=(8, 8, 8)), 0)
