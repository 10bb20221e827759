"""Measure how well a generator of this package denoises given images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from empirical.data.images import Images, tensors
from empirical.generation.denoising import draw_noise
from empirical.generation.unet import TIMESTEPS, noise_schedule
from empirical.runtime.seeding import torch_stream

if TYPE_CHECKING:
    from diffusers import UNet2DModel

IMAGES = 256  # images that are measured, evenly spaced over the data set
BATCH = 64


@torch.inference_mode()
def denoising_loss(model: UNet2DModel, images: Images, seed: int) -> float:
    """Return the mean squared error of the predicted v, with one timestep and noise for an image.

    Timesteps are evenly spaced, the noise is drawn by ``seed``: the loss of two models differs by
    the models alone.
    """
    import numpy as np

    count = min(len(images), IMAGES)
    chosen = np.linspace(0, len(images) - 1, count).astype(int)
    schedule = noise_schedule()
    times = torch.arange(count) * 7919 % TIMESTEPS  # every image has another one
    total = 0.0
    for start in range(0, count, BATCH):
        rows = slice(start, start + BATCH)
        x, labels = tensors(images[chosen[rows]])
        noise = draw_noise(x, [torch_stream(seed, "loss", int(i)) for i in chosen[rows]])
        t = times[rows]
        target = schedule.get_velocity(x, noise, t)
        noised = schedule.add_noise(x, noise, t)
        place = next(model.parameters()).device
        found = model(noised.to(place), t.to(place), class_labels=labels.to(place)).sample
        total += float(((found.float().cpu() - target) ** 2).mean((1, 2, 3)).sum())
    return total / count
