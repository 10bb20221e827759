"""Build the generator: a class-conditional diffusion model from diffusers' parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from empirical.config import Generator
from empirical.data.images import Images
from empirical.runtime.seeding import construction

if TYPE_CHECKING:
    from collections.abc import Callable

    from diffusers import DDPMScheduler, UNet2DModel

TIMESTEPS = 1000


def build_unet(images: Images, config: Generator, seed: int) -> UNet2DModel:
    """Return an untrained UNet with class embedding for images of this shape and these classes.

    The class after the last is the null class of classifier-free guidance. seed: of the first
    weights. Raises ValueError if the side cannot be halved once for every level after the first.
    """
    from diffusers import UNet2DModel

    levels = len(config.channels)
    channels, side = images.shape[:2]
    divisor = 2 ** (levels - 1)
    if side % divisor:
        raise ValueError(
            f"generator.channels has {levels} levels; images of side {side} allow sides "
            f"divisible by {divisor}"
        )
    lowest = "Attn" if config.attention else ""
    with construction(seed, "unet"):
        return UNet2DModel(
            sample_size=side,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=config.channels,
            layers_per_block=config.layers,
            down_block_types=("DownBlock2D",) * (levels - 1) + (f"{lowest}DownBlock2D",),
            up_block_types=(f"{lowest}UpBlock2D",) + ("UpBlock2D",) * (levels - 1),
            add_attention=config.attention,
            norm_num_groups=8,
            num_class_embeds=len(images.classes) + 1,
        )


def noise_schedule() -> DDPMScheduler:
    """Return GLIDE's cosine schedule with v-prediction; strength 1 starts at the last timestep.

    Predictions are not clipped, because noisy images leave [-1, 1].
    """
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        num_train_timesteps=TIMESTEPS,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        clip_sample=False,
        timestep_spacing="trailing",
    )


def guided_denoiser(
    model: UNet2DModel, guidance: float, null: int
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the function (x, t, labels) -> v with classifier-free guidance.

    v = v_null + guidance (v_label - v_null). null: number of the null class. With guidance 1 the
    network is evaluated once a step, else on a batch of twice the size.
    """

    def predict(x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        if guidance == 1:
            return model(x, t, class_labels=labels).sample
        both = torch.cat([labels, torch.full_like(labels, null)])
        conditional, unconditional = model(torch.cat([x, x]), t, class_labels=both).sample.chunk(2)
        return unconditional + guidance * (conditional - unconditional)

    return predict
