"""The generator: a class-conditional diffusion model built from diffusers' parts and trained from scratch on the training split."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from empirical.config import Generator
from empirical.data import Images
from empirical.seeding import construction, stream, torch_stream
from empirical.training import Diverged, batches

if TYPE_CHECKING:
    from diffusers import DDPMScheduler, UNet2DModel

TIMESTEPS = 1000


def unet(images: Images, config: Generator, seed: int) -> UNet2DModel:
    """A UNet with class embedding; the class after the last is the null class of classifier-free guidance. First weights by ``seed``."""
    from diffusers import UNet2DModel

    levels = len(config.channels)
    channels, side = images.shape[:2]
    if side % 2 ** (levels - 1):
        raise ValueError(f"generator.channels has {levels} levels; images of side {side} allow sides divisible by {2 ** (levels - 1)}")
    with construction(seed, "unet"):
        return UNet2DModel(
            sample_size=side,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=config.channels,
            layers_per_block=1,
            down_block_types=("DownBlock2D",) * levels,
            up_block_types=("UpBlock2D",) * levels,
            add_attention=False,
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


def learning_rate(step: int, steps: int, warmup: float = 0.05) -> float:
    """Factor on the learning rate: a linear rise over the first 5% of the steps, then half a cosine down to 0."""
    rise = max(1, round(warmup * steps))
    return (step + 1) / rise if step < rise else 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def train_generator(model: UNet2DModel, images: Images, config: Generator, seed: int) -> Iterator[float]:
    """Train in place, yielding the loss of every step; when the loop ends the model holds the averaged (EMA) weights.

    Loss: |v_hat - v|^2 with v = sqrt(a) noise - sqrt(1 - a) x at a uniform timestep, a = alpha_bar.
    Raises Diverged on a loss that is not finite.
    """
    from diffusers.training_utils import EMAModel

    schedule, draw = noise_schedule(), torch_stream(seed, "diffusion noise")
    pixels, labels = torch.from_numpy(images.pixels), torch.from_numpy(images.labels)
    optimiser = torch.optim.AdamW(model.parameters(), config.lr, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    decay = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate(step, config.steps))
    ema = EMAModel(model.parameters(), decay=config.ema, use_ema_warmup=True, power=0.75)
    order = batches(len(images), config.batch, stream(seed, "diffusion order"))
    model.train()
    for _ in range(config.steps):
        chosen = next(order)
        x, y = pixels[chosen], labels[chosen]
        noise = torch.randn(x.shape, generator=draw)
        t = torch.randint(TIMESTEPS, (len(x),), generator=draw)
        y = torch.where(torch.rand(len(y), generator=draw) < config.null, len(images.classes), y)
        target = schedule.get_velocity(x, noise, t)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            prediction = model(schedule.add_noise(x, noise, t), t, class_labels=y).sample
        loss = (prediction.float() - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
        ema.step(model.parameters())
        if not torch.isfinite(loss):
            raise Diverged(f"the generator's loss is {loss.item()}: lower generator.lr ({config.lr})")
        yield loss.item()
    ema.copy_to(model.parameters())
    model.eval()


def predict(model: UNet2DModel, guidance: float, null: int):
    """The model as a function (x, t, labels) -> v, guided: v = v_null + guidance (v_label - v_null). One evaluation where guidance is 1."""

    def evaluate(x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        if guidance == 1:
            return model(x, t, class_labels=labels).sample
        both = model(torch.cat([x, x]), t, class_labels=torch.cat([labels, torch.full_like(labels, null)])).sample
        conditional, unconditional = both.chunk(2)
        return unconditional + guidance * (conditional - unconditional)

    return evaluate
