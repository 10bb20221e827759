"""Text-to-image models, such as Stable Diffusion, with the class's name in the prompt: diffusers' own image-to-image pipelines."""

from __future__ import annotations

import copy
import inspect
import json
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from empirical.config import Generator, Variants, require
from empirical.generation.backends.model_files import find, loaded, precision, provenance
from empirical.generation.backends.passes import Passes, Settable
from empirical.generation.noise_levels import (
    alpha_bars,
    is_flow,
    latent_sampler,
    level,
    steps_to_run,
)


class TextBackend(Settable):
    """See ``Backend``. Images are resized to the model's side and back; latents of flow matching keep the model's own sampler.

    From pure noise the source is a grey image at the noisiest timestep. guidance: 1, as Turbo models want it, is the prompt alone.
    """

    kind = "text"

    def __init__(
        self,
        pipe,
        prompts: list[str],
        variants: Variants,
        device: torch.device | str,
        said: dict[str, Any],
    ) -> None:
        """pipe: an image-to-image pipeline. prompts: one for each class. ValueError if the pipeline knows no strength."""
        takes = inspect.signature(pipe.__call__).parameters
        strength = "strength" in takes and hasattr(pipe, "get_timesteps")
        require(
            strength,
            "generator.model's pipeline",
            type(pipe).__name__,
            "an image-to-image pipeline with a strength",
        )
        if getattr(pipe, "watermark", None) is not None:
            pipe.watermark = None  # SDXL's would be in every training image
        pipe.set_progress_bar_config(disable=True)
        self.pipe, self.prompts, self.device, self.said = pipe.to(device), prompts, device, said
        self.takes, self.side = takes, native_side(pipe)
        self.network, self.passes = network_of(pipe), Passes(self.side, device)
        self._set(variants)

    def _set(self, variants: Variants) -> None:
        pipe = self.pipe = copy.copy(self.pipe)  # the parts are shared, but for the scheduler
        pipe.scheduler = (
            copy.copy(pipe.scheduler)
            if is_flow(pipe.scheduler)
            else latent_sampler(variants, pipe.scheduler)
        )
        self.variants = variants
        self.options = {
            "num_inference_steps": variants.num_inference_steps,
            "guidance_scale": variants.guidance,
            "output_type": "pt",
        }
        if "height" in self.takes:
            self.options |= {"height": self.side, "width": self.side}
        set_grid(
            pipe,
            prompt=self.prompts[0],
            image=torch.full((1, 3, self.side, self.side), 0.5),
            strength=1.0,
            **self.options,
        )
        bars = alpha_bars(pipe.scheduler)
        self.steps = steps_to_run(variants, bars)
        self.options["strength"] = exact_strength(pipe, variants.num_inference_steps, self.steps, self.device)
        first = len(bars) - self.steps
        self.first = level(float(pipe.scheduler.timesteps[first]), float(bars[first]))

    def describe(self) -> dict[str, Any]:
        return {"kind": self.kind, "pipeline": type(self.pipe).__name__, **self.said}

    def level(self) -> dict[str, float | None]:
        return self.first

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        return self.passes(self._make, pixels, labels, generators)

    def _make(self, x: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        image = torch.full_like(x, 0.5) if self.variants.from_noise else (x / 2 + 0.5).clamp(0, 1)
        prompts = [self.prompts[label] for label in labels.tolist()]
        return (
            self.pipe(
                prompt=prompts, image=image, generator=generators, **self.options
            ).images.float()
            * 2
            - 1
        )


class _Set(Exception):
    """The pipeline has set its timesteps."""


def set_grid(pipe, **options: Any) -> None:
    """Let the pipeline set its scheduler's timesteps as in a call, with the shift by image size that some models have, and stop there."""

    def stop(*_: Any, **__: Any) -> None:
        raise _Set

    pipe.get_timesteps = stop
    try:
        pipe(**options)
    except _Set:
        pass
    finally:
        del pipe.get_timesteps


def exact_strength(pipe, grid: int, steps: int, device: torch.device | str) -> float:
    """A strength of which the pipeline makes so many steps: pipelines round grid * strength down, others grid * (1 - strength)."""
    for strength in (steps / grid, (steps + 0.5) / grid, (steps - 0.5) / grid):
        if strength <= 1 and len(pipe.get_timesteps(grid, strength, device)[0]) == steps:
            return strength
    raise ValueError(
        f"the scheduler of {type(pipe).__name__} does not run {steps} of {grid} steps; allowed: one evaluation a step"
    )


def network_of(pipe) -> torch.nn.Module:
    """What every denoising step is a pass of."""
    return getattr(pipe, "unet", None) or getattr(pipe, "transformer", None)


def native_side(pipe) -> int:
    """Pixels: the side of the latents that the model was trained on, times the factor of the VAE."""
    part = network_of(pipe)
    size = getattr(part.config, "sample_size", None) or getattr(pipe, "default_sample_size", 128)
    return (size if isinstance(size, int) else size[0]) * pipe.vae_scale_factor


def load(
    generator: Generator,
    variants: Variants,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    device: torch.device | str,
) -> TextBackend:
    """A pipeline of a folder or the hub. ValueError if it is not there, or for images that are neither grey nor of three channels."""
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
            "generator.kind is 'text', which needs a package that is not here; install it with: pip install transformers"
        )
    parts = json.loads(find(generator, "model_index.json").read_text())
    options = {
        name: None for name, part in parts.items() if part == [None, None]
    }  # left out when it was saved
    if "safety_checker" in parts:
        options |= {
            "safety_checker": None,
            "requires_safety_checker": False,
        }  # it returns black images
    from diffusers import AutoPipelineForImage2Image
    from transformers.utils import logging

    logging.disable_progress_bar()
    pipe = loaded(
        AutoPipelineForImage2Image.from_pretrained,
        generator,
        precision(generator, device),
        **options,
    )
    prompts = [generator.prompt.replace("{class}", name.replace("_", " ")) for name in classes]
    return TextBackend(
        pipe, prompts, variants, device, {**provenance(generator), "prompt": generator.prompt}
    )
