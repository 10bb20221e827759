"""Make variants with the paper's generator, GLIDE (Nichol et al. 2022).

The denoising loop is ours, because openai's starts from pure noise only. The network is openai's
package, which is neither on PyPI nor in diffusers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_files import (
    describe_model,
    local_folder,
    model_name,
    network_dtype,
)
from empirical.generation.backends.passes import Passes, PassesBackend
from empirical.generation.denoising import draw_noise, noise_then_denoise, timesteps_to_run
from empirical.generation.noise_levels import describe_noise_level, steps_to_run

TIMESTEPS = 1000
WEIGHTS = "base.pt"  # openai's name for the weights of the base model
SIDE = 64  # pixels
INSTALL = "pip install git+https://github.com/openai/glide-text2im"

# A prompt ("" for none) -> padded token numbers, and which of them belong to the prompt
Tokenizer = Callable[[str], tuple[list[int], list[bool]]]


def respaced_schedule(steps: int) -> tuple[list[int], list[float]]:
    """Return ``steps`` of GLIDE's 1,000 timesteps, evenly from 0 to 999, and alpha_bar of each.

    Cosine schedule: alpha_bar_t = prod (1 - beta), beta = min(0.999, 1 - f(t + 1) / f(t)), with
    f(t) = cos^2(pi / 2 (t / 1000 + 0.008) / 1.008).
    """
    f = [math.cos((t / TIMESTEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(TIMESTEPS + 1)]
    bars = []
    bar = 1.0
    for t in range(TIMESTEPS):
        bar *= 1 - min(0.999, 1 - f[t + 1] / f[t])
        bars.append(bar)
    stride = (TIMESTEPS - 1) / (steps - 1) if steps > 1 else 1
    chosen = [round(i * stride) for i in range(steps)]
    return chosen, [bars[t] for t in chosen]


def clean_image(x: Tensor, noise: Tensor, bar: float) -> Tensor:
    """Return the clean image that a predicted noise means at this alpha_bar, clipped to [-1, 1]."""
    return ((x - math.sqrt(1 - bar) * noise) / math.sqrt(bar)).clamp(-1, 1)


class GlideBackend(PassesBackend):
    """GLIDE as a ``Backend``.

    network: model(x, t, tokens=, mask=) returns 2 * 3 channels: the noise, and where the variance
    lies between its bounds.
    """

    kind = "glide"

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Tokenizer,
        prompts: list[str],
        variants: Variants,
        device: torch.device | str,
        description: dict[str, Any],
        side: int = SIDE,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Move the model to ``device``.

        prompts: one for each class. description: what ``describe`` returns beside the kind. side:
        of the model's images, in pixels. dtype: number type of the network.
        """
        self.network = model.to(device).eval()
        self.description = description
        self.passes = Passes(side, device)
        self.device = torch.device(device)
        self.half = dtype == torch.bfloat16
        padded = [tokenizer(prompt) for prompt in (*prompts, "")]  # the last row is no prompt
        self.tokens = torch.tensor([ids for ids, _ in padded], device=device)
        self.mask = torch.tensor([counts for _, counts in padded], dtype=torch.bool, device=device)
        self._configure(variants)

    def _configure(self, variants: Variants) -> None:
        self.variants = variants
        self.solver = None
        if variants.sampler == "dpm-solver":
            from empirical.generation.log_snr_solver import LogSnrSolver

            config = {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample"}
            self.solver = LogSnrSolver.of(config, variants)
            self.timesteps = timesteps_to_run(self.solver, variants).flip(0).tolist()
            every = respaced_schedule(TIMESTEPS)[1]
            self.bars = [every[t] for t in self.timesteps]
            self.steps = len(self.timesteps)
            return
        self.timesteps, self.bars = respaced_schedule(variants.num_inference_steps)
        falling = torch.tensor(self.bars[::-1], dtype=torch.float64)
        self.steps = steps_to_run(variants, falling)

    def describe(self) -> dict[str, Any]:
        """Return which model this is; see ``Backend``."""
        return {"kind": self.kind, **self.description}

    def level(self) -> dict[str, float | None]:
        """Return the noise level before the first step; see ``Backend``."""
        return describe_noise_level(self.timesteps[self.steps - 1], self.bars[self.steps - 1])

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return variants of images; see ``Backend``."""
        return self.passes(self._make, pixels, labels, generators)

    def _make(self, x: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return variants of one pass of images of the model's side."""
        if self.solver is not None:
            return noise_then_denoise(
                self._predict_clean, self.solver, x, labels, self.variants, generators
            )
        bar = self.bars[self.steps - 1]
        noise = draw_noise(x, generators)
        x = noise if self.variants.from_noise else math.sqrt(bar) * x + math.sqrt(1 - bar) * noise
        broken = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for step in range(self.steps - 1, -1, -1):
            noise, place = self._predict(x, step, labels)
            broken |= ~(noise + place).isfinite().flatten(1).all(1)
            x = self._step(x, step, noise, place, generators)
        return x.masked_fill(broken.view(-1, 1, 1, 1), torch.nan)  # clipping would hide it

    def _predict(self, x: Tensor, step: int, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the noise and the variance's place in [0, 1], both (n, 3, side, side).

        The noise is guided: none + guidance (prompt - none).
        """
        n = len(x)
        guidance = self.variants.guidance
        if guidance != 1:
            no_prompt = torch.full_like(labels, len(self.tokens) - 1)
            x = torch.cat([x, x])
            labels = torch.cat([labels, no_prompt])
        t = torch.full((len(x),), self.timesteps[step], device=x.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            made = self.network(x, t, tokens=self.tokens[labels], mask=self.mask[labels])
        noise, place = made.float().chunk(2, dim=1)
        if guidance != 1:
            noise = noise[n:] + guidance * (noise[:n] - noise[n:])
        return noise, (place[:n] + 1) / 2

    def _predict_clean(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """Return the clipped clean image, as the solver expects it, (n, 3, side, side)."""
        step = self.timesteps.index(int(t))
        return clean_image(x, self._predict(x, step, labels)[0], self.bars[step])

    def _step(
        self, x: Tensor, step: int, noise: Tensor, place: Tensor, generators: list[torch.Generator]
    ) -> Tensor:
        """Return x after one denoising step, by DDPM or DDIM.

        DDPM draws from a normal distribution with the posterior mean of the clipped x0 and the
        variance exp(place log beta + (1 - place) log beta_tilde).
        """
        bar = self.bars[step]
        before = self.bars[step - 1] if step else 1.0
        clean = clean_image(x, noise, bar)
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
        low = math.log(beta * (1 - before) / (1 - bar))
        high = math.log(beta)
        deviation = (0.5 * (place * high + (1 - place) * low)).exp()
        return mean + deviation * draw_noise(x, generators)


def glide_weights(generator: Generator) -> Path:
    """Return the path of the model's weights. Raises ValueError if its folder has none."""
    name = model_name(generator)
    weights = (local_folder(name) or Path(name)) / WEIGHTS
    require(
        weights.is_file(), "generator.model", generator.model, f"a folder with openai's {WEIGHTS}"
    )
    return weights


def load_glide(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str,
) -> GlideBackend:
    """Load openai's base model at 64 pixels.

    Raises ValueError if openai's package is not installed, or the folder has no ``base.pt``.
    """
    require(shape[0] in (1, 3), "channels of the images, for GLIDE,", shape[0], "1, 3")
    weights = glide_weights(generator)
    try:
        from glide_text2im.model_creation import (
            create_model_and_diffusion,
            model_and_diffusion_defaults,
        )
    except ImportError:
        raise ValueError(
            "generator.kind is 'glide', which needs a package that is not here; install it with: "
            f"{INSTALL}"
        ) from None
    options = model_and_diffusion_defaults()
    model, _ = create_model_and_diffusion(**{**options, "use_fp16": False})
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))

    def tokenizer(prompt: str) -> tuple[list[int], list[bool]]:
        tokens = model.tokenizer.encode(prompt) if prompt else []
        return model.tokenizer.padded_tokens_and_mask(tokens, options["text_ctx"])

    prompts = [generator.prompt.replace("{class}", name.replace("_", " ")) for name in classes]
    description = {**describe_model(generator), "prompt": generator.prompt}
    dtype = network_dtype(generator, device)
    return GlideBackend(model, tokenizer, prompts, variants, device, description, dtype=dtype)
