"""The paper's generator, GLIDE: our own loop, begun midway, over openai's model, which is neither on PyPI nor in diffusers."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_files import folder_of, precision, provenance
from empirical.generation.backends.passes import Passes, Settable
from empirical.generation.noise_levels import level, steps_to_run

TIMESTEPS = 1000
WEIGHTS, SIDE = "base.pt", 64  # as openai names its base model's
INSTALL = "pip install git+https://github.com/openai/glide-text2im"

Tokens = Callable[
    [str], tuple[list[int], list[bool]]
]  # a prompt, "" for none, to padded tokens and which of them count


def respaced(grid: int) -> tuple[list[int], list[float]]:
    """GLIDE's respacing: ``grid`` timesteps of its 1,000, evenly from 0 to 999, and alpha_bar of each on the cosine schedule.

    alpha_bar_t = prod (1 - beta), beta = min(0.999, 1 - f(t + 1) / f(t)), f(t) = cos^2(pi / 2 (t / 1000 + 0.008) / 1.008).
    """
    f = [math.cos((t / TIMESTEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(TIMESTEPS + 1)]
    bars, bar = [], 1.0
    for t in range(TIMESTEPS):
        bar *= 1 - min(0.999, 1 - f[t + 1] / f[t])
        bars.append(bar)
    stride = (TIMESTEPS - 1) / (grid - 1) if grid > 1 else 1
    chosen = [round(i * stride) for i in range(grid)]
    return chosen, [bars[t] for t in chosen]


class GlideBackend(Settable):
    """See ``Backend``. model(x, t, tokens=, mask=) returns the noise and the variance's place between its bounds, 2 * 3 channels."""

    kind = "glide"

    def __init__(
        self,
        model: nn.Module,
        tokens: Tokens,
        prompts: list[str],
        variants: Variants,
        device: torch.device | str,
        said: dict[str, Any],
        side: int = SIDE,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """prompts: one for each class. dtype: of the passes through the network."""
        self.network, self.said, self.passes = model.to(device).eval(), said, Passes(side, device)
        self.device, self.half = torch.device(device), dtype == torch.bfloat16
        padded = [tokens(prompt) for prompt in (*prompts, "")]  # the last is of no prompt
        self.tokens = torch.tensor([ids for ids, _ in padded], device=device)
        self.mask = torch.tensor([counts for _, counts in padded], dtype=torch.bool, device=device)
        self._set(variants)

    def _set(self, variants: Variants) -> None:
        self.variants, (self.timesteps, self.bars) = variants, respaced(variants.num_inference_steps)
        self.steps = steps_to_run(variants, torch.tensor(self.bars[::-1], dtype=torch.float64))

    def describe(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.said}

    def level(self) -> dict[str, float | None]:
        return level(self.timesteps[self.steps - 1], self.bars[self.steps - 1])

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        return self.passes(self._make, pixels, labels, generators)

    def _make(self, x: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        bar = self.bars[self.steps - 1]
        noise = draw(x, generators)
        x = noise if self.variants.from_noise else math.sqrt(bar) * x + math.sqrt(1 - bar) * noise
        for step in range(self.steps - 1, -1, -1):
            x = self._step(x, step, *self._predict(x, step, labels), generators)
        return x

    def _predict(self, x: Tensor, step: int, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The noise, guided: none + guidance (prompt - none), and the variance's place in [0, 1]; both (n, 3, side, side)."""
        n, guidance = len(x), self.variants.guidance
        if guidance != 1:
            x, labels = (
                torch.cat([x, x]),
                torch.cat([labels, torch.full_like(labels, len(self.tokens) - 1)]),
            )
        t = torch.full((len(x),), self.timesteps[step], device=x.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            made = self.network(x, t, tokens=self.tokens[labels], mask=self.mask[labels])
        noise, place = made.float().chunk(2, dim=1)
        if guidance != 1:
            noise = noise[n:] + guidance * (noise[:n] - noise[n:])
        return noise, (place[:n] + 1) / 2

    def _step(
        self, x: Tensor, step: int, noise: Tensor, place: Tensor, generators: list[torch.Generator]
    ) -> Tensor:
        """One step down. DDPM: N(posterior mean of the clipped x0, exp(place log beta + (1 - place) log beta_tilde)); or DDIM."""
        bar, before = self.bars[step], self.bars[step - 1] if step else 1.0
        clean = ((x - math.sqrt(1 - bar) * noise) / math.sqrt(bar)).clamp(-1, 1)
        if self.variants.sampler == "ddim":
            noise = (x - math.sqrt(bar) * clean) / math.sqrt(1 - bar)
            return math.sqrt(before) * clean + math.sqrt(1 - before) * noise
        beta = 1 - bar / before
        mean = (
            math.sqrt(before) * beta / (1 - bar) * clean
            + math.sqrt(1 - beta) * (1 - before) / (1 - bar) * x
        )
        if step == 0:
            return mean
        low, high = math.log(beta * (1 - before) / (1 - bar)), math.log(beta)
        return mean + (0.5 * (place * high + (1 - place) * low)).exp() * draw(x, generators)


def draw(x: Tensor, generators: list[torch.Generator]) -> Tensor:
    """Standard normal noise in the shape of x, each image's from its own generator."""
    return torch.stack([torch.randn(x.shape[1:], generator=g) for g in generators]).to(x)


def weights_of(generator: Generator) -> Path:
    """The file; ValueError if the folder has none."""
    weights = (folder_of(generator.model) or Path(generator.model)) / WEIGHTS
    require(
        weights.is_file(), "generator.model", generator.model, f"a folder with openai's {WEIGHTS}"
    )
    return weights


def load(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str,
) -> GlideBackend:
    """openai's base model at 64 pixels, if the reader has installed it and its ``base.pt`` lies in the folder; ValueError if not."""
    require(shape[0] in (1, 3), "channels of the images, for GLIDE,", shape[0], "1, 3")
    weights = weights_of(generator)
    try:
        from glide_text2im.model_creation import (
            create_model_and_diffusion,
            model_and_diffusion_defaults,
        )
    except ImportError:
        raise ValueError(
            f"generator.kind is 'glide', which needs a package that is not here; install it with: {INSTALL}"
        ) from None
    options = model_and_diffusion_defaults()
    model, _ = create_model_and_diffusion(**{**options, "use_fp16": False})
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))

    def tokens(prompt: str) -> tuple[list[int], list[bool]]:
        return model.tokenizer.padded_tokens_and_mask(
            model.tokenizer.encode(prompt) if prompt else [], options["text_ctx"]
        )

    prompts = [generator.prompt.replace("{class}", name.replace("_", " ")) for name in classes]
    said = {**provenance(generator), "prompt": generator.prompt}
    return GlideBackend(
        model, tokens, prompts, variants, device, said, dtype=precision(generator, device)
    )
