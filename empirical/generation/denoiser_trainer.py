"""Train a generator: v-prediction at uniform timesteps, averaged weights, resumable bit for bit."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from empirical.config import Generator
from empirical.data.images import Images, stored_tensors
from empirical.runtime.seeding import stream, torch_stream
from empirical.training import schedules
from empirical.training.trainer import CHECK, Diverged, Order

if TYPE_CHECKING:
    from diffusers import UNet2DModel
from empirical.generation.unet import TIMESTEPS, noise_schedule


def learning_rate(step: int, steps: int, warmup: float = 0.05) -> float:
    """Factor on the learning rate: a linear rise over the first 5% of the steps, then half a cosine down to 0."""
    rise = max(1, round(warmup * steps))
    return (
        (step + 1) / rise
        if step < rise
        else 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
    )


class DenoiserTrainer:
    """A diffusion model in training, which can be stopped after any step and go on elsewhere as if it had not been.

    Loss: |v_hat - v|^2 with v = sqrt(a) noise - sqrt(1 - a) x at a uniform timestep, a = alpha_bar; AdamW, ``learning_rate``, averaged
    weights (EMA) of the decay 1 - (1 + step)^(-3/4), at most ``config.ema``.
    model: on the device where it is trained, in place. images: kept there as they are stored, most often uint8. On a GPU no step reads a
    value from the device but every 50th.
    """

    def __init__(
        self,
        model: UNet2DModel,
        images: Images,
        config: Generator,
        seed: int,
        compile: bool = False,
    ) -> None:
        from diffusers.training_utils import EMAModel

        self.model, self.config, self.device, self.null = (
            model,
            config,
            model.device,
            len(images.classes),
        )
        self.pixels, self.labels = (part.to(self.device) for part in stored_tensors(images))
        self.schedule = noise_schedule()
        self.draw, self.mirror = (
            device_stream(self.device, seed, purpose)
            for purpose in ("diffusion noise", "diffusion flip")
        )
        on_cpu = self.device.type == "cpu"
        parameters = list(model.parameters())
        fused = self.device.type in ("cpu", "cuda")
        self.optimiser = torch.optim.AdamW(
            parameters, config.lr, betas=(0.9, 0.99), weight_decay=1e-4, fused=fused
        )
        self.ema = EMAModel(
            parameters, decay=config.ema, use_ema_warmup=True, power=0.75, foreach=not on_cpu
        )
        self.order = Order(len(images), config.batch, stream(seed, "diffusion order"), self.device)
        self.step, self.check = 0, 1 if on_cpu else CHECK
        self.value = torch.zeros((), device=self.device)  # loss of the last step
        if compile:
            model.compile()
        model.train()

    def run(self) -> Iterator[int]:
        """Train to the end, yielding the number of steps done. Raises Diverged when the loss is no longer finite."""
        while self.step < self.config.steps:
            self._once()
            if (
                self.step % self.check == 0 or self.step == self.config.steps
            ) and not torch.isfinite(self.value):
                lower = f"lower generator.lr ({self.config.lr})"
                raise Diverged(
                    f"the generator's loss is {self.value.item()} at step {self.step}: {lower}"
                )
            yield self.step

    def averaged(self) -> UNet2DModel:
        """A copy of the model with the averaged weights, for evaluating."""
        model = copy.deepcopy(self.model)  # what is compiled stays behind
        self.ema.copy_to(model.parameters())
        return model.eval()

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on beside the settings and data; the order follows from the number of the step."""
        parts = {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        return {
            "step": self.step,
            **parts,
            "draw": self.draw.get_state(),
            "mirror": self.mirror.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another trainer of the same settings, data and seed stood."""
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.draw.set_state(state["draw"].cpu())
        self.mirror.set_state(state["mirror"].cpu())
        self.step = state["step"]

    def _once(self) -> None:
        schedules.set_rate(
            self.optimiser, self.config.lr * learning_rate(self.step, self.config.steps)
        )
        x, y = self._batch(self.order.batch(self.step))
        noise = torch.randn(x.shape, generator=self.draw, device=self.device)
        t = torch.randint(TIMESTEPS, (len(x),), generator=self.draw, device=self.device)
        y = torch.where(
            torch.rand(len(y), generator=self.draw, device=self.device) < self.config.label_dropout,
            self.null,
            y,
        )
        target = self.schedule.get_velocity(x, noise, t)
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"
        ):
            prediction = self.model(self.schedule.add_noise(x, noise, t), t, class_labels=y).sample
        loss = (prediction.float() - target).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.ema.step(self.model.parameters())
        self.value = loss.detach()
        self.step += 1

    def _batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (batch, channels, height, width) float32 in [-1, 1], mirrored at random if so set, and labels (batch,)."""
        x = self.pixels[chosen]
        if x.dtype == torch.uint8:
            x = x.float().div_(127.5).sub_(1).permute(0, 3, 1, 2)
        if self.config.flip:
            mirrored = torch.rand(len(x), generator=self.mirror, device=self.device) < 0.5
            x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
        return x, self.labels[chosen]


def device_stream(device: torch.device, seed: int, *purpose: str | int) -> torch.Generator:
    """The generator of ``torch_stream`` on a device; each kind of device draws numbers of its own from the same seed."""
    generator = torch_stream(seed, *purpose)
    return (
        generator
        if device.type == "cpu"
        else torch.Generator(device).manual_seed(generator.initial_seed())
    )


def train_generator(
    model: UNet2DModel, images: Images, config: Generator, seed: int
) -> Iterator[float]:
    """Train in place, yielding the loss of every step; when the loop ends the model holds the averaged (EMA) weights.

    See ``DenoiserTrainer``. Raises Diverged on a loss that is not finite.
    """
    trainer = DenoiserTrainer(model, images, config, seed)
    for _ in trainer.run():
        yield trainer.value.item()
    trainer.ema.copy_to(model.parameters())
    model.eval()
