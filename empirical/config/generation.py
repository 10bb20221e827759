"""Settings of the generation: the diffusion model that makes variants, and how it is used."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, get_args

from empirical.config.require import require, require_one_of
from empirical.config.training import PrecisionName

SamplerName = Literal["ddpm", "ddim", "dpm-solver"]
KindName = Literal["auto", "unet", "text", "dit", "glide", "ideal"]
TrainedOnName = Literal["own", "external"]


@dataclasses.dataclass(frozen=True)
class Generator:
    """The diffusion model that makes variants: trained for the run, or an existing one (``model``).

    A model trained for the run is a class-conditional UNet with v-prediction and a cosine schedule
    of 1,000 steps. Existing models are class-conditional or unconditional UNets (kind ``unet``),
    text-to-image pipelines (``text``), DiT (``dit``) and the paper's GLIDE (``glide``, a folder
    with the weights that OpenAI published).
    """

    channels: tuple[int, ...] = (16, 32)  # channels of each resolution level, multiples of 8
    steps: int = 400  # training steps, at least 1
    batch: int = 64  # images of a training step, at least 1
    lr: float = 4e-3  # learning rate of this training, above 0
    # fraction of the labels replaced by the null class in training, as classifier-free guidance
    # needs, [0, 1)
    label_dropout: float = 0.1
    ema: float = 0.995  # decay of the exponential moving average of the weights, warmed up, [0, 1)
    # images that the model was trained on; own: the run's training images; external: images in no
    # training, validation or test set. What an existing model says about itself is compared with
    # the split
    trained_on: TrainedOnName = "own"
    layers: int = 1  # residual blocks of each resolution level, at least 1
    attention: bool = False  # use self-attention at the lowest resolution
    flip: bool = False  # mirror training images at random
    precision: PrecisionName = "float32"  # precision of the forward and backward passes
    # folder of an existing model, or its name on the Hugging Face hub; None: train one for the run
    model: str | None = None
    # kind of the existing model; auto: read it from the model's model_index.json; ideal: no model,
    # but the theory's own variants of images whose noise is known
    kind: KindName = "auto"
    # commit of a model on the hub, which fixes its weights; None: the latest
    revision: str | None = None
    prompt: str = "a photo of a {class}"  # prompt for text-to-image models; must contain {class}
    # words for {class}: (class, words, negative prompt), several for a class are used in turn by
    # chance; a class without any is called by its own name
    words: tuple[tuple[str, str, str], ...] = ()
    # CLASS=OTHER for each class: OTHER is the class of a class-conditional model, by number or
    # name; none: classes are matched by name, or by order if there are as many
    classes_of_model: tuple[str, ...] = ()
    # steps in which a text-to-image model is adapted to the training images by LoRA; 0: none
    adapt: int = 0

    def __post_init__(self) -> None:
        multiples = len(self.channels) >= 1 and all(c >= 8 and c % 8 == 0 for c in self.channels)
        require(multiples, "generator.channels", self.channels, "multiples of 8")
        require(self.steps >= 1, "generator.steps", self.steps, "at least 1")
        require(self.batch >= 1, "generator.batch", self.batch, "at least 1")
        require(self.lr > 0, "generator.lr", self.lr, "above 0")
        require(
            0 <= self.label_dropout < 1 and 0 <= self.ema < 1,
            "generator.label_dropout, ema",
            (self.label_dropout, self.ema),
            "[0, 1)",
        )
        require(self.layers >= 1, "generator.layers", self.layers, "at least 1")
        require_one_of("generator.trained_on", self.trained_on, get_args(TrainedOnName))
        require_one_of("generator.kind", self.kind, get_args(KindName))
        require_one_of("generator.precision", self.precision, get_args(PrecisionName))
        allowed = "a text with {class} where the class's name goes"
        require("{class}" in self.prompt, "generator.prompt", self.prompt, allowed)
        pairs = all("=" in text for text in self.classes_of_model)
        require(pairs, "generator.classes_of_model", self.classes_of_model, "CLASS=OTHER")
        require(self.adapt >= 0, "generator.adapt", self.adapt, "at least 0")
        alone = self.model is not None or not (self.words or self.classes_of_model or self.adapt)
        allowed = "none of these without generator.model"
        require(alone, "generator.words, classes_of_model, adapt", "given", allowed)
        fits = self.model is not None or self.kind in ("auto", "ideal")
        require(fits, "generator.kind without generator.model", self.kind, "auto, ideal")
        free = self.kind != "ideal" or self.model is None
        require(free, "generator.model of generator.kind ideal", self.model, "none")

    @property
    def is_trained(self) -> bool:
        """Whether a model is trained for the run."""
        return self.model is None and self.kind != "ideal"


@dataclasses.dataclass(frozen=True)
class Variants:
    """How a variant is made: noise a real image to ``strength``, then denoise it.

    Strength 0.5 on the cosine schedule is alpha_bar = 0.5, which corresponds to 50 of the 100 steps
    of GLIDE.
    """

    strength: float = 0.5  # fraction of the noise schedule that is run, (0, 1]
    # denoising steps of the whole schedule, a divisor of 1000; round(num_inference_steps *
    # strength) of them are run
    num_inference_steps: int = 50
    # scale of classifier-free guidance, at least 0; 1: the conditional model without guidance
    guidance: float = 1.0
    # ddpm: stochastic; ddim: deterministic after the first noise; dpm-solver: too, DPM-Solver++(2M)
    # on steps uniform in the log-SNR, which needs fewer of them
    sampler: SamplerName = "ddpm"
    # noise level that replaces strength, (0, 1); it means the same on every schedule; None: use
    # strength
    alpha_bar: float | None = None
    # start from pure noise and run the whole schedule; of the source only its class is used
    from_noise: bool = False
    # DiffuseMix: join half of the source with half of its variant, and blend in a fractal image
    mix: bool = False
    # of the ideal generator: share of the source's noise that a variant keeps, [0, 1]; 1: a copy
    kappa: float = 0.0
    # of the ideal generator: fidelity of the features, [0, 1]; 0: nothing but a blur is left
    fidelity: float = 1.0
    # of the ideal generator: size of the fresh noise, in units of the data's, at least 0
    fresh_noise: float = 1.0
    # of the ideal generator: draw anew whether a variant has the cue, whatever the source has
    cue_redrawn: bool = False

    def __post_init__(self) -> None:
        require(0 < self.strength <= 1, "variants.strength", self.strength, "(0, 1]")
        steps = self.num_inference_steps
        require(
            steps >= 1 and 1000 % steps == 0,
            "variants.num_inference_steps",
            steps,
            "divisors of 1000, so that the steps are even",
        )
        require(
            round(steps * self.strength) >= 1,
            "variants.num_inference_steps * strength",
            steps * self.strength,
            "at least one step: raise either",
        )
        require(self.guidance >= 0, "variants.guidance", self.guidance, "at least 0")
        require_one_of("variants.sampler", self.sampler, get_args(SamplerName))
        level = self.alpha_bar
        require(level is None or 0 < level < 1, "variants.alpha_bar", level, "(0, 1)")
        require(0 <= self.kappa <= 1, "variants.kappa", self.kappa, "[0, 1]")
        require(0 <= self.fidelity <= 1, "variants.fidelity", self.fidelity, "[0, 1]")
        finite = math.isfinite(self.fresh_noise) and self.fresh_noise >= 0
        require(finite, "variants.fresh_noise", self.fresh_noise, "at least 0")

    @property
    def dials(self) -> dict[str, float]:
        """Return the settings of the ideal generator that are not at their defaults."""
        names = ("kappa", "fidelity", "fresh_noise", "cue_redrawn")
        return {n: getattr(self, n) for n in names if getattr(self, n) != getattr(Variants, n)}

    @property
    def label(self) -> str:
        """The part of a record's label that tells these variants from the default ones.

        Such as ``-noise``, ``-alpha-bar-0.5`` or ``-strength-0.3-mix``; empty for the default.
        """
        if self.from_noise:
            noised = "-noise"
        elif self.alpha_bar is not None:
            noised = f"-alpha-bar-{self.alpha_bar:g}"
        else:
            noised = f"-strength-{self.strength:g}" if self.strength != Variants.strength else ""
        dials = "".join(
            f"-{name.replace('_', '-')}-{value:g}" for name, value in self.dials.items()
        )
        return f"{noised}{'-mix' if self.mix else ''}{dials}"
