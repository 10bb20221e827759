"""DPM-Solver++(2M) on steps that are uniform in the log-SNR, from any timestep on.

Lu et al. 2022, https://arxiv.org/abs/2211.01095: second order with one evaluation a step. The steps
are diffusers'; where they lie is ours, because diffusers has such steps for the whole schedule only
and rounds them away from the noise levels that it uses.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler

from empirical.config import Variants
from empirical.generation.noise_levels import first_timestep

NOISIEST = -5.1  # half log-SNR below which an image is noise alone: only one step starts there


def log_snr_timesteps(alpha_bars: torch.Tensor, first: int, steps: int) -> list[int]:
    """Return ``steps`` timesteps from ``first`` down to 0, as evenly in the log-SNR as they can be.

    alpha_bars: (timesteps,), falling, of every timestep of the schedule. steps: 1 to first + 1; one
    step is ``first`` alone. The timesteps are whole numbers, on which models are trained, and all
    different, so that where the schedule is coarse they follow one another.
    """
    bars = alpha_bars.double().cpu().numpy()[: first + 1]
    snr = np.log(np.maximum(bars, 1e-12) / (1 - bars)) / 2
    rising = np.linspace(max(snr[-1], NOISIEST), snr[0], steps)
    chosen = np.abs(snr[:, None] - rising).argmin(0)
    chosen[0] = first
    countdown = np.arange(steps)
    chosen = np.minimum.accumulate(chosen + countdown) - countdown  # each below the one before
    return np.maximum(chosen, countdown[::-1]).tolist()  # room for those that follow


class LogSnrSolver(DPMSolverMultistepScheduler):
    """A scheduler of diffusers whose steps begin at the noise level of ``variants``.

    It runs num_inference_steps times the share of the schedule's timesteps that lies below that
    level, at least one step. ``set_timesteps`` sets these steps, whatever number it is given.
    """

    starts_at_level = True
    variants: Variants

    @classmethod
    def of(cls, config, variants: Variants) -> LogSnrSolver:
        """Return the solver for a stored schedule's settings.

        Predictions are not clipped, and a learned variance is ignored.
        """
        solver = cls.from_config(
            config,
            solver_order=2,
            algorithm_type="dpmsolver++",
            solver_type="midpoint",
            final_sigmas_type="zero",
            thresholding=False,
            variance_type=None,
            use_karras_sigmas=False,
            use_exponential_sigmas=False,
            use_beta_sigmas=False,
            use_lu_lambdas=False,
        )
        solver.variants = variants
        return solver

    def set_timesteps(self, num_inference_steps=None, device=None, **options) -> None:
        """Set the timesteps that are run, all of them; both arguments are diffusers' own."""
        first = first_timestep(self.variants, self.alphas_cumprod)
        share = (first + 1) / len(self.alphas_cumprod)
        steps = min(max(1, round(self.variants.num_inference_steps * share)), first + 1)
        chosen = log_snr_timesteps(self.alphas_cumprod, first, steps)
        with warnings.catch_warnings():  # diffusers makes arrays of tensors in an outdated way
            warnings.simplefilter("ignore", DeprecationWarning)
            super().set_timesteps(device=device, timesteps=chosen)
