"""Test DPM-Solver++(2M) on even steps of the log-SNR: closed forms, diffusers' solver, levels."""

import math

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from hypothesis import given, settings
from hypothesis import strategies as st

from empirical.config import Variants
from empirical.generation.denoising import (
    draw_noise,
    noise_then_denoise,
    pixel_sampler,
    starting_noise_level,
    timesteps_to_run,
)
from empirical.generation.log_snr_solver import LogSnrSolver, log_snr_timesteps
from empirical.generation.samplers import latent_sampler
from empirical.generation.unet import noise_schedule
from empirical.runtime.seeding import torch_stream

pytestmark = pytest.mark.slow

BARS = noise_schedule().alphas_cumprod.double()
SPREADS = torch.tensor([0.05, 0.25, 1.0, 4.0]).double().view(1, 1, 2, 2)  # variance of each pixel


def config(strength=0.5, steps=20, **others):
    return Variants(strength, steps, sampler="dpm-solver", **others)


def gaussian_denoiser(x, t, labels):
    """Return E[v | x_t] of independent pixels of mean 0 and variances ``SPREADS``."""
    a = BARS[int(t)]
    clean = a.sqrt() * SPREADS / (a * SPREADS + 1 - a) * x
    return (a.sqrt() * x - clean) / (1 - a).sqrt()


def run(variants, denoiser=gaussian_denoiser, n=3):
    pixels = torch.randn(n, 1, 2, 2, generator=torch_stream(0, "pixels")).double()
    generators = [torch_stream(0, i) for i in range(n)]
    schedule = pixel_sampler(variants, noise_schedule())
    labels = torch.zeros(n, dtype=torch.int64)
    return noise_then_denoise(denoiser, schedule, pixels, labels, variants, generators)


def exact_end(strength, n=3):
    """Return where the exact trajectory of Gaussian data ends: the same quantile of the data.

    The last jump, from timestep 0 to no noise, is the posterior mean, as in the sampler.
    """
    pixels = torch.randn(n, 1, 2, 2, generator=torch_stream(0, "pixels")).double()
    noise = draw_noise(pixels, [torch_stream(0, i) for i in range(n)])
    first, last = BARS[round(1000 * strength) - 1], BARS[0]
    x = first.sqrt() * pixels + (1 - first).sqrt() * noise
    x = x * ((last * SPREADS + 1 - last) / (first * SPREADS + 1 - first)).sqrt()
    return last.sqrt() * SPREADS / (last * SPREADS + 1 - last) * x


@pytest.mark.parametrize("strength", [0.3, 0.5, 0.8])
def test_it_is_of_second_order(strength):
    """Three times the steps leave about a ninth of the distance to the exact trajectory."""
    expected = exact_end(strength)
    counts = (20, 40, 100)
    errors = [(run(config(strength, n)) - expected).abs().max().item() for n in counts]
    for few, many in ((0, 1), (1, 2), (0, 2)):
        order = math.log(errors[few] / errors[many]) / math.log(counts[many] / counts[few])
        assert order > 1.6
    assert errors[-1] < 2e-3


def test_it_is_nearer_to_the_trajectory_than_ddim_with_five_times_the_steps():
    expected = exact_end(0.5)
    ours = (run(config(0.5, 20)) - expected).abs().max()
    ddim = (run(Variants(0.5, 100, sampler="ddim")) - expected).abs().max()
    assert ours < ddim


def curved_denoiser(x, t, labels):
    return torch.tanh(x + int(t) / 1000)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # diffusers' own
@pytest.mark.parametrize(("strength", "steps"), [(0.5, 20), (0.3, 50), (1.0, 20), (0.7, 100)])
def test_it_is_diffusers_solver_on_the_same_timesteps(strength, steps):
    variants = config(strength, steps)
    theirs = DPMSolverMultistepScheduler(
        beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction"
    )
    chosen = timesteps_to_run(pixel_sampler(variants, noise_schedule()), variants)
    theirs.set_timesteps(timesteps=chosen.tolist())
    pixels = torch.randn(3, 1, 2, 2, generator=torch_stream(0, "pixels")).double()
    noise = draw_noise(pixels, [torch_stream(0, i) for i in range(3)])
    x = theirs.add_noise(pixels, noise, chosen[:1].expand(3))
    for t in chosen:
        x = theirs.step(curved_denoiser(x, t, None), t, x).prev_sample
    torch.testing.assert_close(run(variants, curved_denoiser), x, rtol=0, atol=0)


def test_it_is_the_formula_of_the_paper():
    """Lu et al. 2022b, algorithm 2, in float64."""
    variants = config(0.5, 20)
    chosen = timesteps_to_run(pixel_sampler(variants, noise_schedule()), variants)
    pixels = torch.randn(3, 1, 2, 2, generator=torch_stream(0, "pixels")).double()
    noise = draw_noise(pixels, [torch_stream(0, i) for i in range(3)])
    a, s = BARS[chosen].sqrt(), (1 - BARS[chosen]).sqrt()
    snr = (a / s).log()
    x = a[0] * pixels + s[0] * noise
    last = None
    for i in range(len(chosen)):
        clean = a[i] * x - s[i] * curved_denoiser(x, chosen[i], None)
        if i == len(chosen) - 1:
            x = clean
            break
        h = snr[i + 1] - snr[i]
        ahead = clean
        if last is not None:
            r = (snr[i] - snr[i - 1]) / h
            ahead = (1 + 1 / (2 * r)) * clean - 1 / (2 * r) * last
        x = s[i + 1] / s[i] * x - a[i + 1] * torch.expm1(-h) * ahead
        last = clean
    torch.testing.assert_close(run(variants, curved_denoiser), x, rtol=0, atol=1e-4)


def linear_schedule():
    return (1 - torch.linspace(1e-4, 0.02, 1000).double()).cumprod(0)


@settings(max_examples=60, deadline=None)
@given(first=st.integers(0, 999), share=st.floats(0, 1), cosine=st.booleans())
def test_timesteps_fall_from_the_first_to_0_without_repeats(first, share, cosine):
    steps = 1 + round(share * first)
    chosen = log_snr_timesteps(BARS if cosine else linear_schedule(), first, steps)
    assert len(chosen) == steps
    assert chosen[0] == first
    assert steps == 1 or chosen[-1] == 0
    assert (np.diff(chosen) < 0).all()


@pytest.mark.parametrize("strength", [0.3, 0.5, 0.7])
def test_steps_are_even_in_the_log_snr_up_to_whole_timesteps(strength):
    first = round(1000 * strength) - 1
    snr = (BARS / (1 - BARS)).log() / 2
    chosen = log_snr_timesteps(BARS, first, 10)
    even = torch.linspace(float(snr[first]), float(snr[0]), 10).double()
    around = torch.maximum(  # to the next timesteps on both sides
        snr[[max(t - 1, 0) for t in chosen]] - snr[chosen],
        snr[chosen] - snr[[t + 1 for t in chosen]],
    )
    assert ((snr[chosen] - even).abs() <= around / 2 + 1e-9).all()


def test_from_pure_noise_only_one_step_starts_where_there_is_noise_alone():
    chosen = timesteps_to_run(
        pixel_sampler(config(0.5, 20, from_noise=True), noise_schedule()),
        config(0.5, 20, from_noise=True),
    )
    snr = (BARS[chosen] / (1 - BARS[chosen])).log() / 2
    assert len(chosen) == 20
    assert chosen[0] == 999
    assert (snr < -5.2).sum() == 1


@pytest.mark.parametrize("steps", [1, 4, 20, 25, 1000])
@pytest.mark.parametrize("strength", [0.29, 0.333, 0.5, 1.0])
def test_images_are_noised_to_exactly_the_level_that_is_named(strength, steps):
    """Whatever the number of steps, it is the level of the whole schedule's grid."""
    if round(steps * strength) < 1:
        return
    seen = []

    def denoiser(x, t, labels):
        seen.append((int(t), x.clone()))
        return torch.zeros_like(x)

    variants = config(strength, steps)
    run(variants, denoiser)
    first = round(1000 * strength) - 1
    assert len(seen) == max(1, round(steps * (first + 1) / 1000))
    level = starting_noise_level(pixel_sampler(variants, noise_schedule()), variants)
    whole = starting_noise_level(noise_schedule(), Variants(strength, 1000))
    assert level == whole
    assert level["timestep"] == seen[0][0] == first
    pixels = torch.randn(3, 1, 2, 2, generator=torch_stream(0, "pixels")).double()
    noise = draw_noise(pixels, [torch_stream(0, i) for i in range(3)])
    noised = BARS[first].sqrt() * pixels + (1 - BARS[first]).sqrt() * noise
    torch.testing.assert_close(seen[0][1], noised, rtol=0, atol=1e-5)


def test_a_named_alpha_bar_is_the_nearest_of_all_timesteps():
    variants = config(0.5, 10, alpha_bar=0.8)
    first = int(timesteps_to_run(pixel_sampler(variants, noise_schedule()), variants)[0])
    assert first == int((BARS - 0.8).abs().argmin())
    assert abs(BARS[first] - 0.8) < 1e-3


def test_latents_have_the_same_steps_whatever_sampler_was_stored():
    from diffusers import PNDMScheduler

    stored = PNDMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1
    )
    variants = config(0.5, 40, alpha_bar=0.5)
    solver = latent_sampler(variants, stored)
    assert isinstance(solver, LogSnrSolver)
    assert solver.config.prediction_type == "epsilon"
    chosen = timesteps_to_run(solver, variants)
    bars = solver.alphas_cumprod
    torch.testing.assert_close(bars, stored.alphas_cumprod)
    assert bars[chosen[0]].item() == pytest.approx(0.5, abs=2e-3)
    assert len(chosen) == round(40 * (int(chosen[0]) + 1) / 1000)


def test_a_schedule_that_never_reaches_noise_cannot_begin_there():
    from diffusers import DDPMScheduler

    weak = DDPMScheduler(beta_end=0.001)
    variants = config(0.5, 20, from_noise=True)
    with pytest.raises(ValueError, match=r"noisiest timestep is 0\.\d+; allowed: below 0\.02"):
        timesteps_to_run(pixel_sampler(variants, weak), variants)


def test_only_known_samplers_are_allowed():
    with pytest.raises(ValueError, match=r"sampler is 'dpm'; allowed: ddpm, ddim, dpm-solver"):
        Variants(sampler="dpm")
