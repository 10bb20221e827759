"""Train a generator: v-prediction at uniform timesteps, averaged weights, resumable bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from empirical.config import Generator
from empirical.data.images import Images, stored_tensors
from empirical.data.pixels import normalised
from empirical.generation.unet import TIMESTEPS, noise_schedule
from empirical.runtime.seeding import stream, torch_stream
from empirical.training import schedules
from empirical.training.trainer import CHECK_EVERY, Diverged, Order

if TYPE_CHECKING:
    from diffusers import UNet2DModel

WARMUP = 0.05  # fraction of the steps


def learning_rate_factor(step: int, steps: int) -> float:
    """Return the factor on the learning rate at ``step`` of 0, 1, ..., steps - 1.

    It rises linearly over the first 5% of the steps, at least one, then falls as half a cosine.
    """
    return schedules.with_warmup("cosine", step, steps, max(1, round(WARMUP * steps)))


class DenoiserTrainer:
    """Trains a diffusion model; can be stopped after any step and resumed, on a CPU bit for bit.

    Loss: |v_hat - v|^2 with v = sqrt(a) noise - sqrt(1 - a) x, a = alpha_bar of a timestep drawn
    uniformly. Optimiser: AdamW with ``learning_rate_factor``. Averaged weights (EMA) have the decay
    1 - (1 + step)^(-3/4), at most ``config.ema``.

    model: trained in place, on the device where it is. images: copied to that device as they are
    stored, most often uint8. compile: compile the model. On a GPU only every 50th step reads a
    value back from the device.
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

        self.model = model
        self.config = config
        self.device = model.device
        self.null_class = len(images.classes)
        self.pixels, self.labels = (part.to(self.device) for part in stored_tensors(images))
        self.schedule = noise_schedule()
        self.noise_rng = device_stream(self.device, seed, "diffusion noise")
        self.flip_rng = device_stream(self.device, seed, "diffusion flip")
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
        self.step = 0
        self.check_every = 1 if on_cpu else CHECK_EVERY
        self.loss = torch.zeros((), device=self.device)  # of the last step
        if compile:
            model.compile()
        model.train()

    def run(self) -> Iterator[int]:
        """Train to the end, yielding the number of steps done after each step.

        Raises Diverged when the loss is no longer finite.
        """
        steps = self.config.steps
        while self.step < steps:
            self._update()
            due = self.step % self.check_every == 0 or self.step == steps
            if due and not torch.isfinite(self.loss):
                raise Diverged(
                    f"the generator's loss is {self.loss.item()} at step {self.step}: "
                    f"lower generator.lr ({self.config.lr})"
                )
            yield self.step

    def averaged(self) -> UNet2DModel:
        """Return a copy of the model with the averaged weights, in evaluation mode."""
        model = copy.deepcopy(self.model)  # compiled code is not copied
        self.ema.copy_to(model.parameters())
        return model.eval()

    def state_dict(self) -> dict[str, Any]:
        """Return everything the next steps depend on, except the settings and the data.

        The order of the images is not in it, because it follows from the number of the step.
        """
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "draw": self.noise_rng.get_state(),
            "mirror": self.flip_rng.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of a trainer with the same settings, data and seed."""
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.noise_rng.set_state(state["draw"].cpu())
        self.flip_rng.set_state(state["mirror"].cpu())
        self.step = state["step"]

    def _update(self) -> None:
        """Take one optimiser step and update the averaged weights."""
        factor = learning_rate_factor(self.step, self.config.steps)
        schedules.set_rate(self.optimiser, self.config.lr * factor)
        x, labels = self._batch(self.order.batch(self.step))
        noise = torch.randn(x.shape, generator=self.noise_rng, device=self.device)
        t = torch.randint(TIMESTEPS, (len(x),), generator=self.noise_rng, device=self.device)
        draws = torch.rand(len(labels), generator=self.noise_rng, device=self.device)
        labels = torch.where(draws < self.config.label_dropout, self.null_class, labels)
        target = self.schedule.get_velocity(x, noise, t)
        half = self.config.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            noisy = self.schedule.add_noise(x, noise, t)
            prediction = self.model(noisy, t, class_labels=labels).sample
        loss = (prediction.float() - target).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.ema.step(self.model.parameters())
        self.loss = loss.detach()
        self.step += 1

    def _batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return the chosen images and their labels (batch,), mirrored at random if so set.

        Images are (batch, channels, height, width) float32 in [-1, 1].
        """
        x = self.pixels[chosen]
        if x.dtype == torch.uint8:
            x = normalised(x.permute(0, 3, 1, 2))
        if self.config.flip:
            mirrored = torch.rand(len(x), generator=self.flip_rng, device=self.device) < 0.5
            x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
        return x, self.labels[chosen]


def device_stream(device: torch.device, seed: int, *purpose: str | int) -> torch.Generator:
    """Return the generator of ``torch_stream`` on a device.

    Each kind of device draws other numbers from the same seed.
    """
    generator = torch_stream(seed, *purpose)
    if device.type == "cpu":
        return generator
    return torch.Generator(device).manual_seed(generator.initial_seed())


def train_generator(
    model: UNet2DModel, images: Images, config: Generator, seed: int
) -> Iterator[float]:
    """Train a model in place, yielding the loss of every step.

    When the loop ends the model holds the averaged (EMA) weights and is in evaluation mode. See
    ``DenoiserTrainer``. Raises Diverged when the loss is not finite.
    """
    trainer = DenoiserTrainer(model, images, config, seed)
    for _ in trainer.run():
        yield trainer.loss.item()
    trainer.ema.copy_to(model.parameters())
    model.eval()
