"""Tell which denoising steps a strength means on a noise schedule, and how noisy the first one is.

On every schedule x = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) noise, up to a factor, and the noise
level is sigma = sqrt((1 - alpha_bar) / alpha_bar). Flow matching, x = (1 - s) x0 + s noise, has
alpha_bar = (1 - s)^2 / ((1 - s)^2 + s^2).
"""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.config import Variants, require

PURE_NOISE = 0.02  # alpha_bar below which practically nothing of an image is left


def is_flow(schedule) -> bool:
    """Return whether a schedule is one of flow matching, which noises images by interpolation."""
    return hasattr(schedule, "scale_noise") or bool(schedule.config.get("use_flow_sigmas", False))


def starts_at_level(schedule) -> bool:
    """Return whether all steps of a schedule are run, because they begin at the named level."""
    return bool(getattr(schedule, "starts_at_level", False))


def alpha_bars(schedule) -> Tensor:
    """Return alpha_bar of every timestep of the grid that ``set_timesteps`` has set.

    Shape (steps,), float64 on the CPU, in [0, 1), from the noisiest timestep on.
    """
    sigmas = getattr(schedule, "sigmas", None)
    if sigmas is None:
        return schedule.alphas_cumprod.cpu()[schedule.timesteps.cpu().long()].double()
    s = torch.as_tensor(sigmas)[: len(schedule.timesteps)].double().cpu()
    return (1 - s) ** 2 / ((1 - s) ** 2 + s**2) if is_flow(schedule) else 1 / (1 + s**2)


def steps_to_run(variants: Variants, bars: Tensor) -> int:
    """Return how many of the last steps of the grid are run; the image is noised to the first.

    With ``from_noise`` all of them; with ``alpha_bar`` those from the timestep whose alpha_bar is
    nearest to it; else round(num_inference_steps * strength).
    bars: (steps,), alpha_bar of every step of the grid, rising. Raises ValueError with
    ``from_noise`` if the noisiest timestep leaves something of the source (alpha_bar >= 0.02).
    """
    if variants.from_noise:
        _check_pure_noise(float(bars[0]))
        return len(bars)
    if variants.alpha_bar is not None:
        return len(bars) - int((bars - variants.alpha_bar).abs().argmin())
    return round(variants.num_inference_steps * variants.strength)


def first_timestep(variants: Variants, bars: Tensor) -> int:
    """Return the timestep of the whole schedule that the settings name, from 0 on.

    With ``from_noise`` the noisiest; with ``alpha_bar`` the one whose alpha_bar is nearest to it;
    else round(timesteps * strength) - 1. bars: (timesteps,), alpha_bar of every timestep, falling.
    Raises ValueError with ``from_noise`` as ``steps_to_run`` does.
    """
    if variants.from_noise:
        _check_pure_noise(float(bars[-1]))
        return len(bars) - 1
    if variants.alpha_bar is not None:
        return int((bars.double() - variants.alpha_bar).abs().argmin())
    return max(1, round(len(bars) * variants.strength)) - 1


def _check_pure_noise(top: float) -> None:
    """Raise ValueError if alpha_bar of the noisiest timestep leaves something of the source."""
    require(
        top < PURE_NOISE,
        "alpha_bar of the model's noisiest timestep",
        round(top, 4),
        f"below {PURE_NOISE} with variants.from_noise",
    )


def describe_noise_level(timestep: float, alpha_bar: float) -> dict[str, float | None]:
    """Return timestep, alpha_bar and sigma for a manifest. sigma is None if alpha_bar is 0."""
    sigma = ((1 - alpha_bar) / alpha_bar) ** 0.5 if alpha_bar > 0 else None
    return {"timestep": timestep, "alpha_bar": alpha_bar, "sigma": sigma}
