"""Noise images to a strength, then denoise them with a diffusion model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from empirical.config import Variants
from empirical.generation.noise_levels import (
    alpha_bars,
    describe_noise_level,
    starts_at_level,
    steps_to_run,
)

# (x, timestep, labels) -> the prediction that the schedule expects: the noise, or v
Denoiser = Callable[[Tensor, Tensor, Tensor], Tensor]


def timesteps_to_run(schedule, config: Variants) -> Tensor:
    """Return the timesteps of the denoising steps, (steps,), falling from t* on.

    They are the last ``steps_to_run`` timesteps of the sampling grid, which this function sets; of
    ``LogSnrSolver``, whose grid begins at t*, all. The image is noised to exactly the first of
    them. Raises ValueError as ``steps_to_run`` does.
    """
    schedule.set_timesteps(config.num_inference_steps)
    if starts_at_level(schedule):
        return schedule.timesteps
    bars = alpha_bars(schedule)
    return schedule.timesteps[len(bars) - steps_to_run(config, bars) :]


def starting_noise_level(schedule, config: Variants) -> dict[str, float | None]:
    """Return timestep, alpha_bar and sigma = sqrt((1 - alpha_bar) / alpha_bar) of the first step.

    sigma is None if alpha_bar is 0.
    """
    first = int(timesteps_to_run(schedule, config)[0])
    return describe_noise_level(first, float(schedule.alphas_cumprod[first]))


def draw_noise(x: Tensor, generators: list[torch.Generator]) -> Tensor:
    """Return standard normal noise like x (n, ...), drawn for each image by its own generator."""
    return torch.stack([torch.randn(x.shape[1:], generator=g) for g in generators]).to(x)


def noise_then_denoise(
    denoiser: Denoiser,
    schedule,
    pixels: Tensor,
    labels: Tensor,
    config: Variants,
    generators: list[torch.Generator],
) -> Tensor:
    """Return variants of images: noise them to t*, then run the denoising steps from t* on.

    pixels: (n, channels, height, width), and so is the result. labels: (n,). generators: one for
    each image, on the CPU; all noise of an image comes from its own. An image is NaN if a
    prediction for it was not finite, which a schedule that clips would hide as black or white.
    """
    steps = timesteps_to_run(schedule, config)
    x = draw_noise(pixels, generators)
    if not config.from_noise:
        x = schedule.add_noise(pixels, x, steps[:1].expand(len(pixels)))
    options = {"generator": generators} if config.sampler == "ddpm" else {}
    broken = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for t in steps:
        made = denoiser(x, t, labels)
        broken |= ~made.isfinite().flatten(1).all(1)
        x = schedule.step(made, t, x, **options).prev_sample
    return x.masked_fill(broken.view(-1, *[1] * (x.ndim - 1)), torch.nan)


def pixel_sampler(config: Variants, schedule):
    """Return the scheduler of ``config.sampler`` on the given noise schedule.

    ddpm: ancestral sampling, the schedule itself. ddim and dpm-solver: deterministic given the
    first noise.
    """
    if config.sampler == "ddpm":
        return schedule
    if config.sampler == "dpm-solver":
        from empirical.generation.log_snr_solver import LogSnrSolver

        return LogSnrSolver.of(schedule.config, config)
    from diffusers import DDIMScheduler

    return DDIMScheduler.from_config(schedule.config, set_alpha_to_one=True)
