"""Noise images to a strength, then denoise them with a pixel-space generator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from empirical.config import Variants
from empirical.generation.noise_levels import level

Denoiser = Callable[
    [Tensor, Tensor, Tensor], Tensor
]  # (x, timestep, labels) -> the scheduler's kind of prediction


def timesteps(schedule, config: Variants) -> Tensor:
    """The last round(grid * strength) timesteps of the sampling grid, from t* down. The image is noised to exactly the first of them.

    With ``alpha_bar`` set, t* is the one of the grid whose noise level is nearest to it; from pure noise all are run.
    """
    schedule.set_timesteps(config.num_inference_steps)
    if config.from_noise:
        return schedule.timesteps
    if config.alpha_bar is not None:
        return schedule.timesteps[
            int((schedule.alphas_cumprod[schedule.timesteps] - config.alpha_bar).abs().argmin()) :
        ]
    return schedule.timesteps[config.num_inference_steps - round(config.num_inference_steps * config.strength) :]


def noise_level(schedule, config: Variants) -> dict[str, float | None]:
    """What the strength means on this schedule: the first timestep, its alpha_bar, and sigma = sqrt((1 - alpha_bar) / alpha_bar)."""
    first = int(timesteps(schedule, config)[0])
    return level(first, float(schedule.alphas_cumprod[first]))


def noise_then_denoise(
    denoiser: Denoiser,
    schedule,
    pixels: Tensor,
    labels: Tensor,
    config: Variants,
    generators: list[torch.Generator],
) -> Tensor:
    """Variants of ``pixels``, (n, channels, height, width) in and out, one generator each; only the steps from t* on are run."""
    steps = timesteps(schedule, config)
    noise = torch.stack([torch.randn(pixels.shape[1:], generator=g) for g in generators]).to(pixels)
    x = (
        noise
        if config.from_noise
        else schedule.add_noise(pixels, noise, steps[:1].expand(len(pixels)))
    )
    for t in steps:
        options = {"generator": generators} if config.sampler == "ddpm" else {}
        x = schedule.step(denoiser(x, t, labels), t, x, **options).prev_sample
    return x


def sampler(config: Variants, schedule):
    """The scheduler that runs the steps: DDPM (ancestral) or DDIM (deterministic given the first noise), on the same noise schedule."""
    if config.sampler == "ddpm":
        return schedule
    from diffusers import DDIMScheduler

    return DDIMScheduler.from_config(schedule.config, set_alpha_to_one=True)
