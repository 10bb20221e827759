"""Choose the sampler of latent models on the noise schedule that is stored with them."""

from __future__ import annotations

from empirical.config import Variants, require


def latent_sampler(variants: Variants, schedule):
    """Return the sampler on a stored noise schedule, whatever sampler was stored with it.

    Latents are not clipped. A learned variance is ignored, and so are the channels that hold it.
    Raises ValueError for a schedule without alpha_bar.
    """
    from diffusers import DDIMScheduler, DDPMScheduler

    require(
        hasattr(schedule, "alphas_cumprod"),
        "the model's scheduler",
        type(schedule).__name__,
        "one with a schedule of alpha_bar, or flow matching",
    )
    if variants.sampler == "dpm-solver":
        from empirical.generation.log_snr_solver import LogSnrSolver

        return LogSnrSolver.of(schedule.config, variants)
    changes = {"timestep_spacing": "trailing", "clip_sample": False, "thresholding": False}
    if variants.sampler == "ddim":
        return DDIMScheduler.from_config(schedule.config, **changes)
    return DDPMScheduler.from_config(schedule.config, **changes, variance_type="fixed_small")
