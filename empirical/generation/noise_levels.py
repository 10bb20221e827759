"""What a strength means on a schedule of somebody else's: the steps that are run, and alpha_bar and sigma of the first of them.

Of every schedule x = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) noise, up to a factor, and sigma = sqrt((1 - alpha_bar) / alpha_bar).
Flow matching, x = (1 - s) x0 + s noise, has alpha_bar = (1 - s)^2 / ((1 - s)^2 + s^2).
"""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.config import Variants, require

NOISE = 0.02  # alpha_bar below which an image is as good as gone


def is_flow(schedule) -> bool:
    """Flow matching, whose images are noised by interpolation."""
    return hasattr(schedule, "scale_noise") or bool(schedule.config.get("use_flow_sigmas", False))


def alpha_bars(schedule) -> Tensor:
    """Of every timestep that ``set_timesteps`` has set, (steps,) float64 on the CPU, in [0, 1)."""
    sigmas = getattr(schedule, "sigmas", None)
    if sigmas is None:
        return schedule.alphas_cumprod.cpu()[schedule.timesteps.cpu().long()].double()
    s = torch.as_tensor(sigmas)[: len(schedule.timesteps)].double().cpu()
    return (1 - s) ** 2 / ((1 - s) ** 2 + s**2) if is_flow(schedule) else 1 / (1 + s**2)


def steps_to_run(variants: Variants, bars: Tensor) -> int:
    """How many of the last steps of the grid: round(grid * strength); from the timestep of alpha_bar nearest to the one asked for; or all.

    bars: alpha_bar of every step of the grid. Raises ValueError if all are asked for and the first leaves something of the source.
    """
    if variants.from_noise:
        top = float(bars[0])
        require(
            top < NOISE,
            "alpha_bar of the model's noisiest timestep",
            round(top, 4),
            f"below {NOISE} with variants.from_noise",
        )
        return len(bars)
    if variants.alpha_bar is not None:
        return len(bars) - int((bars - variants.alpha_bar).abs().argmin())
    return round(variants.num_inference_steps * variants.strength)


def level(timestep: float, alpha_bar: float) -> dict[str, float | None]:
    """For a manifest. sigma is None, not infinite, where nothing of the image is left."""
    return {
        "timestep": timestep,
        "alpha_bar": alpha_bar,
        "sigma": ((1 - alpha_bar) / alpha_bar) ** 0.5 if alpha_bar > 0 else None,
    }


def latent_sampler(variants: Variants, schedule):
    """DDPM or DDIM on the noise schedule that is stored, whatever sampler it was stored with; latents are not clipped.

    A variance that was learned is dropped with the channels that hold it. Raises ValueError of a schedule that is none of alpha_bar.
    """
    from diffusers import DDIMScheduler, DDPMScheduler

    name = type(schedule).__name__
    require(
        hasattr(schedule, "alphas_cumprod"),
        "the model's scheduler",
        name,
        "one with a schedule of alpha_bar, or flow matching",
    )
    changes = {"timestep_spacing": "trailing", "clip_sample": False, "thresholding": False}
    if variants.sampler == "ddim":
        return DDIMScheduler.from_config(schedule.config, **changes)
    return DDPMScheduler.from_config(schedule.config, **changes, variance_type="fixed_small")
