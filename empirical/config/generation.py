"""Which diffusion model makes variants, and how."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from empirical.config.require import require
from empirical.config.training import PrecisionName

SamplerName = Literal["ddpm", "ddim"]
KindName = Literal["auto", "unet", "text", "dit", "glide"]
TrainedOnName = Literal["own", "external"]


@dataclasses.dataclass(frozen=True)
class Generator:
    """The diffusion model that makes variants: trained for the run (``model`` is None), or one that is there already.

    Trained: a class-conditional UNet, v-prediction, cosine schedule of 1,000 steps, on the training split alone (``own``) or on images
    that are in no training, validation or test set (``external``). A model that is there: a folder, or a name on the Hugging Face hub, of
    a class-conditional or unconditional UNet (``unet``), a text-to-image pipeline (``text``), a DiT (``dit``), or the paper's GLIDE
    (``glide``, a folder with openai's weights); ``auto`` reads which from the model's ``model_index.json``.
    """

    channels: tuple[int, ...] = (16, 32)  # per resolution level, multiples of 8
    steps: int = 400
    batch: int = 64
    lr: float = 4e-3
    label_dropout: float = (
        0.1  # fraction of labels replaced by the null class, [0, 1): for classifier-free guidance
    )
    ema: float = 0.995  # decay of the averaged weights, warmed up
    trained_on: TrainedOnName = "own"  # of a model that is there: what it says of itself is checked against the split, where it says so
    layers: int = 1  # residual blocks per resolution level, at least 1
    attention: bool = False  # self-attention at the lowest resolution
    flip: bool = False  # mirror training images at random
    precision: PrecisionName = "float32"  # of the passes through the network
    model: str | None = None  # folder or hub name of a model that is there; None: train one
    kind: KindName = "auto"  # of that model
    revision: str | None = None  # of a hub name: the commit, so that the weights stay the same
    prompt: str = "a photo of a {class}"  # of text-to-image models

    def __post_init__(self) -> None:
        multiples = len(self.channels) >= 1 and all(c >= 8 and c % 8 == 0 for c in self.channels)
        require(multiples, "generator.channels", self.channels, "multiples of 8")
        for name in ("steps", "batch"):
            require(
                getattr(self, name) >= 1, f"generator.{name}", getattr(self, name), "at least 1"
            )
        require(self.lr > 0, "generator.lr", self.lr, "above 0")
        require(
            0 <= self.label_dropout < 1 and 0 <= self.ema < 1,
            "generator.label_dropout, ema",
            (self.label_dropout, self.ema),
            "[0, 1)",
        )
        require(self.layers >= 1, "generator.layers", self.layers, "at least 1")
        for name, kind in (("trained_on", TrainedOnName), ("kind", KindName), ("precision", PrecisionName)):
            require(
                getattr(self, name) in get_args(kind),
                f"generator.{name}",
                getattr(self, name),
                ", ".join(get_args(kind)),
            )
        require(
            "{class}" in self.prompt,
            "generator.prompt",
            self.prompt,
            "a text with {class} where the class's name goes",
        )
        require(
            self.model is not None or self.kind == "auto",
            "generator.kind of no generator.model",
            self.kind,
            "auto",
        )


@dataclasses.dataclass(frozen=True)
class Variants:
    """Noise a real image to ``strength``, then denoise it. 0.5 on the cosine schedule is alpha_bar = 0.5, as 50 of GLIDE's 100 steps."""

    strength: float = 0.5  # fraction of the schedule, (0, 1]
    num_inference_steps: int = 50  # denoising steps of the whole schedule; round(num_inference_steps * strength) of them are run
    guidance: float = 1.0  # 1: the conditional model alone
    sampler: SamplerName = "ddpm"
    alpha_bar: float | None = (
        None  # instead of strength, (0, 1): the noise level that means the same on every schedule
    )
    from_noise: bool = False  # begin with pure noise: nothing of the source is left but its class (all of the schedule is run)
    mix: bool = False  # join half of the source with half of its variant, and a little of a fractal: DiffuseMix

    def __post_init__(self) -> None:
        require(0 < self.strength <= 1, "variants.strength", self.strength, "(0, 1]")
        require(
            self.num_inference_steps >= 1 and 1000 % self.num_inference_steps == 0,
            "variants.num_inference_steps",
            self.num_inference_steps,
            "divisors of 1000, so that the steps are even",
        )
        require(
            round(self.num_inference_steps * self.strength) >= 1,
            "variants.num_inference_steps * strength",
            self.num_inference_steps * self.strength,
            "at least one step: raise either",
        )
        require(self.guidance >= 0, "variants.guidance", self.guidance, "at least 0")
        require(
            self.sampler in get_args(SamplerName),
            "variants.sampler",
            self.sampler,
            ", ".join(get_args(SamplerName)),
        )
        require(
            self.alpha_bar is None or 0 < self.alpha_bar < 1,
            "variants.alpha_bar",
            self.alpha_bar,
            "(0, 1)",
        )

    @property
    def label(self) -> str:
        """What a reader tells variants by, where it differs from the default: ``-noise``, ``-alpha-bar-0.5``, ``-strength-0.3-mix``; else
        nothing.
        """
        if self.from_noise:
            noised = "-noise"
        elif self.alpha_bar is not None:
            noised = f"-alpha-bar-{self.alpha_bar:g}"
        else:
            noised = f"-strength-{self.strength:g}" if self.strength != Variants.strength else ""
        return f"{noised}{'-mix' if self.mix else ''}"
