"""Make variants with text-to-image models, such as Stable Diffusion.

The class's name is in the prompt. The denoising loops are diffusers' own image-to-image pipelines.
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_files import (
    describe_model,
    load_pipeline,
    model_file,
    network_dtype,
    square_side,
)
from empirical.generation.backends.passes import Passes, PassesBackend
from empirical.generation.checks import mark_infinite
from empirical.generation.noise_levels import (
    alpha_bars,
    describe_noise_level,
    is_flow,
    starts_at_level,
    steps_to_run,
)
from empirical.generation.samplers import latent_sampler

Prompt = tuple[str, str]  # a prompt and a negative prompt, which may be empty


class TextBackend(PassesBackend):
    """A text-to-image model as a ``Backend``.

    Images are resized to the model's side and back. Models of flow matching keep their own sampler.
    From pure noise the source is a grey image at the noisiest timestep. Guidance 1 uses the prompt
    without guidance, as Turbo models need it.
    """

    kind = "text"

    def __init__(
        self,
        pipe,
        prompts: Sequence[Sequence[Prompt]],
        variants: Variants,
        device: torch.device | str,
        description: dict[str, Any],
    ) -> None:
        """Move an image-to-image pipeline to ``device``.

        prompts: at least one for each class; an image draws one of them by its own generator.
        description: what ``describe`` returns beside kind and pipeline. Raises ValueError if the
        pipeline has no strength, or if there are negative prompts and it has none.
        """
        parameters = inspect.signature(pipe.__call__).parameters
        require(
            "strength" in parameters and hasattr(pipe, "get_timesteps"),
            "generator.model's pipeline",
            type(pipe).__name__,
            "an image-to-image pipeline with a strength",
        )
        self.negative = any(negative for own in prompts for _, negative in own)
        require(
            not self.negative or "negative_prompt" in parameters,
            "negative prompts",
            "given",
            f"none with {type(pipe).__name__}, which does not read them",
        )
        if getattr(pipe, "watermark", None) is not None:
            pipe.watermark = None  # SDXL would put one into every training image
        mark_infinite(pipe.vae.decoder)
        pipe.set_progress_bar_config(disable=True)
        self.pipe = pipe.to(device)
        self.prompts = prompts
        self.device = device
        self.description = description
        self.has_sides = "height" in parameters
        self.side = native_side(pipe)
        self.network = denoising_network(pipe)
        self.passes = Passes(self.side, device)
        self._configure(variants)

    def _configure(self, variants: Variants) -> None:
        self.variants = variants
        require(
            not self.negative or variants.guidance > 1,
            "guidance with negative prompts",
            variants.guidance,
            "above 1: without guidance they are not read",
        )
        pipe = copy.copy(self.pipe)  # shares all parts with the original, except the scheduler
        if is_flow(pipe.scheduler):
            pipe.scheduler = copy.copy(pipe.scheduler)
        else:
            pipe.scheduler = latent_sampler(variants, pipe.scheduler)
        self.pipe = pipe
        self.options: dict[str, Any] = {
            "num_inference_steps": variants.num_inference_steps,
            "guidance_scale": variants.guidance,
            "output_type": "pt",
        }
        if self.has_sides:
            self.options |= {"height": self.side, "width": self.side}
        grey = torch.full((1, 3, self.side, self.side), 0.5)
        set_timesteps(pipe, prompt=self.prompts[0][0][0], image=grey, strength=1.0, **self.options)
        bars = alpha_bars(pipe.scheduler)
        if starts_at_level(pipe.scheduler):
            self.steps = self.options["num_inference_steps"] = len(bars)
        else:
            self.steps = steps_to_run(variants, bars)
        grid = self.options["num_inference_steps"]
        self.options["strength"] = exact_strength(pipe, grid, self.steps, self.device)
        first = len(bars) - self.steps
        self.first_level = describe_noise_level(
            float(pipe.scheduler.timesteps[first]), float(bars[first])
        )

    def describe(self) -> dict[str, Any]:
        """Return which model this is; see ``Backend``."""
        return {"kind": self.kind, "pipeline": type(self.pipe).__name__, **self.description}

    def level(self) -> dict[str, float | None]:
        """Return the noise level before the first step; see ``Backend``."""
        return self.first_level

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return variants of images; see ``Backend``."""
        return self.passes(self._make, pixels, labels, generators)

    def _make(self, x: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return variants of one pass of images of the model's side."""
        image = torch.full_like(x, 0.5) if self.variants.from_noise else (x / 2 + 0.5).clamp(0, 1)
        drawn = [
            draw_prompt(self.prompts[label], rng)
            for label, rng in zip(labels.tolist(), generators, strict=True)
        ]
        words = {"prompt": [prompt for prompt, _ in drawn]}
        if self.negative:
            words["negative_prompt"] = [negative for _, negative in drawn]
        out = self.pipe(image=image, generator=generators, **words, **self.options)
        return out.images.float() * 2 - 1


def draw_prompt(prompts: Sequence[Prompt], rng: torch.Generator) -> Prompt:
    """Return one of the prompts; nothing is drawn if there is only one."""
    if len(prompts) == 1:
        return prompts[0]
    return prompts[int(torch.randint(len(prompts), (), generator=rng))]


def class_prompts(generator: Generator, classes: Sequence[str]) -> list[list[Prompt]]:
    """Return the prompts of each class, at least one, each with its negative prompt."""
    found = []
    for name in classes:
        own = [(words, negative) for other, words, negative in generator.words if other == name]
        own = own or [(name.replace("_", " "), "")]
        found.append(
            [(generator.prompt.replace("{class}", words), negative) for words, negative in own]
        )
    return found


class _TimestepsSet(Exception):
    """Raised to leave a pipeline as soon as it has set its timesteps."""


def set_timesteps(pipe, **options: Any) -> None:
    """Let a pipeline set its scheduler's timesteps as in a call, and stop there.

    Some pipelines shift the timesteps by the image size, which only a call does.
    """

    def stop(*_: Any, **__: Any) -> None:
        raise _TimestepsSet

    pipe.get_timesteps = stop
    try:
        pipe(**options)
    except _TimestepsSet:
        pass
    finally:
        del pipe.get_timesteps


def exact_strength(pipe, grid: int, steps: int, device: torch.device | str) -> float:
    """Return a strength, in (0, 1], with which the pipeline runs exactly ``steps`` steps.

    grid: steps of the whole schedule. Some pipelines round grid * strength down, others
    grid * (1 - strength). Raises ValueError if no strength gives so many steps.
    """
    for strength in (steps / grid, (steps + 0.5) / grid, (steps - 0.5) / grid):
        if strength <= 1 and len(pipe.get_timesteps(grid, strength, device)[0]) == steps:
            return strength
    raise ValueError(
        f"the scheduler of {type(pipe).__name__} does not run {steps} of {grid} steps; allowed: "
        "one evaluation a step"
    )


def denoising_network(pipe) -> torch.nn.Module:
    """Return the network that every denoising step evaluates."""
    unet = getattr(pipe, "unet", None)
    return pipe.transformer if unet is None else unet


def native_side(pipe) -> int:
    """Return the side of the model's images in pixels.

    It is the side of the latents that the model was trained on, times the factor of the VAE.
    """
    part: Any = denoising_network(pipe)
    size: Any = getattr(part.config, "sample_size", None) or getattr(
        pipe, "default_sample_size", 128
    )
    return square_side(size) * pipe.vae_scale_factor


def load_text_to_image(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str,
) -> TextBackend:
    """Load a text-to-image pipeline from a folder or the hub.

    shape: (channels, height, width) of the images. Raises ValueError if the model or a library is
    missing, the images have neither one nor three channels, or the guidance is below 1.
    """
    require(
        shape[0] in (1, 3), "channels of the images, for a text-to-image model,", shape[0], "1, 3"
    )
    require(
        variants.guidance >= 1,
        "variants.guidance of a text-to-image model",
        variants.guidance,
        "at least 1; 1 is the prompt alone",
    )
    if find_spec("transformers") is None:
        raise ValueError(
            "generator.kind is 'text', which needs a package that is not here; install it with: "
            "pip install transformers"
        )
    parts = json.loads(model_file(generator, "model_index.json").read_text())
    options: dict[str, Any] = {}
    for name, part in parts.items():
        if part == [None, None]:  # left out when the pipeline was saved
            options[name] = None
    if "safety_checker" in parts:  # it replaces images by black ones
        options |= {"safety_checker": None, "requires_safety_checker": False}
    from diffusers import AutoPipelineForImage2Image
    from transformers.utils import logging

    logging.disable_progress_bar()
    dtype = network_dtype(generator, device)
    pipe = load_pipeline(AutoPipelineForImage2Image.from_pretrained, generator, dtype, **options)
    prompts = class_prompts(generator, classes)
    description = {**describe_model(generator), "prompt": generator.prompt}
    return TextBackend(pipe, prompts, variants, device, description)
