"""The generator: a class-conditional diffusion model built from diffusers' parts and trained from scratch on the training split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from empirical.config import Generator
from empirical.data.images import Images
from empirical.runtime.seeding import construction

if TYPE_CHECKING:
    from diffusers import DDPMScheduler, UNet2DModel

TIMESTEPS = 1000


def unet(images: Images, config: Generator, seed: int) -> UNet2DModel:
    """A UNet with class embedding; the class after the last is the null class of classifier-free guidance. First weights by ``seed``."""
    from diffusers import UNet2DModel

    levels = len(config.channels)
    channels, side = images.shape[:2]
    if side % 2 ** (levels - 1):
        raise ValueError(
            f"generator.channels has {levels} levels; images of side {side} allow sides divisible by {2 ** (levels - 1)}"
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
    """GLIDE's cosine schedule, v-prediction, no clipping (noisy images leave [-1, 1]); strength 1 starts at the last timestep."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        num_train_timesteps=TIMESTEPS,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        clip_sample=False,
        timestep_spacing="trailing",
    )


def predict(model: UNet2DModel, guidance: float, null: int):
    """The model as a function (x, t, labels) -> v, guided: v = v_null + guidance (v_label - v_null). One evaluation where guidance is 1."""

    def evaluate(x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        if guidance == 1:
            return model(x, t, class_labels=labels).sample
        both = model(
            torch.cat([x, x]), t, class_labels=torch.cat([labels, torch.full_like(labels, null)])
        ).sample
        conditional, unconditional = both.chunk(2)
        return unconditional + guidance * (conditional - unconditional)

    return evaluate
