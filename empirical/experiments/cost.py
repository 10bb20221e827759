"""Estimate how long stages take: seconds of one core here, or of one H200.

Nothing is computed and torch is not loaded. On this processor, training times are taken from
committed records where there are any, else from rates that were measured once on one core. Times of
an H200 are **estimated** from counted work: nothing has been measured there.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from empirical.config import Data, Gallery, Generator, Method, Recorded, Run, Training
from empirical.generation.backends.model_files import local_folder
from figures.records import COMMITTED, recorded_seconds

SLOW = 0.35  # of the images, expected
SIZES = {
    "cifar10": 50_000,
    "cifar100": 50_000,
    "tiny-imagenet": 100_000,
}  # training images; of a folder, a guess
TESTS = {"digits": 1_400, "noisy-digits": 1_400}
SIDES = {"digits": 8, "noisy-digits": 8, "cifar10": 32, "cifar100": 32}  # others 64
IDEAL_VARIANT = 3e-4  # seconds of a variant made by a formula
FORWARD = 3  # an evaluation costs a third of a training step
HOSTED = ("text", "dit", "glide")  # kinds of models that are other people's, and large
MEDIUM = Generator((32, 64, 128))  # what a model in a folder that cannot be read is taken for


@dataclasses.dataclass(frozen=True)
class Rates:
    """The speed of a device.

    classifier: training images a second at 32x32, by network, at width 16 where widths differ.
    step: seconds that a step takes beside that. unet: training images a second of a UNet with
    ``WORK`` channel products an image. most: images a second that no UNet exceeds. hosted:
    evaluations a second of a text-to-image model at 512 pixels.
    """

    classifier: Mapping[str, float]
    step: float
    unet: float
    most: float
    hosted: float

    def training(self, config: Training, side: int) -> float:
        """Return the seconds of one gradient of a classifier."""
        rate = self.classifier.get(config.network, self.classifier["resnet18"])
        if config.network in ("resnet8", "resnet20"):
            rate *= (16 / config.width) ** 1.3
        return config.batch * (side / 32) ** 2 / rate + self.step

    def diffusion(self, config: Generator, side: int) -> float:
        """Return the seconds of one image in a training step of a generator of our own."""
        work = sum(
            (side / 2**level) ** 2 * config.layers * width**2
            for level, width in enumerate(config.channels)
        )
        return max(1 / self.most, (work / WORK) ** 0.7 / self.unet)


WORK = 786_432  # of channels 16, 32, 64 with one layer at 32x32

# Images a second of one core: ResNets measured on a free core; the others measured beside a
# ResNet18, and put in proportion
HERE = Rates(
    {
        "resnet8": 972,
        "resnet20": 451,
        "vit-xs": 540,
        "resnet18": 50,
        "vit-s": 26,
        "densenet121": 23,
        "vgg19-bn": 55,
        "convnext-t": 88,
        "swin-t": 120,
    },
    step=0.006,
    unet=159,
    most=1e9,
    hosted=0.08,
)

# Estimated: ResNet18 70,000 images a second with captured steps, the others by counted work;
# 96-channel UNets 8,400, larger than WORK by 54
H200 = Rates(
    {
        "resnet8": 400_000,
        "resnet20": 250_000,
        "vit-xs": 150_000,
        "resnet18": 70_000,
        "vit-s": 32_000,
        "densenet121": 13_000,
        "vgg19-bn": 75_000,
        "convnext-t": 40_000,
        "swin-t": 40_000,
    },
    step=0.001,
    unet=8_400 * 54**0.7,
    most=40_000,
    hosted=580,
)


# --- how much there is to do


def train_images(data: Data) -> int:
    return data.train or SIZES.get(data.name, 10_000) - data.validation


def side_of(data: Data) -> int:
    return data.side or SIDES.get(data.name, 64)


def examples(method: Method, n: int) -> float:
    """Return the expected size of a method's training set, given ``n`` originals."""
    added = {"original": 0.0, "syn-all": 1.0, "syn-rand": SLOW}
    return n * (1 + added.get(method.name, SLOW * (method.k - 1)))


def steps(run: Run) -> int:
    """Return the expected gradient steps of a run."""
    config = run.training
    if config.epochs is None:
        return config.steps or 0
    count = examples(run.length_of or run.method, train_images(run.data))
    return round(config.epochs * count / config.batch)


def images(runs: Sequence[Run]) -> int:
    """Return how many distinct variants these runs need of one store, with one selection."""
    n, methods = train_images(runs[0].data), [run.method for run in runs]
    names, k = (
        {method.name for method in methods},
        max((method.k for method in methods if method.name == "tada"), default=1),
    )
    unlike = (
        1.0
        if "syn-all" in names
        else 1 - (1 - SLOW * ("tada" in names)) * (1 - SLOW * ("syn-rand" in names))
    )
    return round(n * (unlike + SLOW * max(0, k - 2)))


# --- how long it takes


def early(run: Recorded, rates: Rates) -> float:
    """Return the expected seconds of early training."""
    n, config = train_images(run.data), run.early
    budget = config.epochs * n / run.training.batch if config.epochs else config.limit
    taken, measured = (
        budget if config.stop == "epochs" else budget / 2,
        max(config.every, n / run.training.batch / 4),
    )
    one = rates.training(run.training, side_of(run.data))
    return (
        taken
        * one
        * (
            1
            + min(n, config.sample)
            / run.training.batch
            / FORWARD
            / measured
            * (config.stop != "epochs")
        )
    )


def generator(config: Generator, data: Data, rates: Rates) -> float:
    return config.steps * config.batch * rates.diffusion(config, side_of(data))


def variants(runs: Sequence[Run], rates: Rates) -> float:
    """Return the seconds of all variants that these runs need of one store."""
    return images(runs) * one_variant(runs[0], runs[0].variants.strength, rates)


def one_variant(run: Run | Gallery, strength: float, rates: Rates) -> float:
    """Return the seconds of a variant: the steps from t* on, each twice with guidance."""
    levels, config = run.variants, run.generator
    if config.kind == "ideal":
        return IDEAL_VARIANT
    part = 1.0 if levels.from_noise else 0.5 if levels.alpha_bar is not None else strength
    evaluations = round(levels.num_inference_steps * part) * (1 if levels.guidance == 1 else 2)
    return evaluations * (
        1 / rates.hosted
        if config.kind in HOSTED
        else rates.diffusion(shape(config), side_of(run.data)) / FORWARD
    )


def shape(config: Generator) -> Generator:
    """Return the channels and layers of a generator, read from its folder if it is given."""
    if config.model is None:
        return config
    try:
        folder = local_folder(config.model) or Path(config.model)
        said = json.loads((folder / "unet" / "config.json").read_text())
        return Generator(tuple(said["block_out_channels"]), layers=said["layers_per_block"])
    except (OSError, ValueError, KeyError, TypeError):
        return MEDIUM


def classifier(run: Run, rates: Rates) -> float:
    """Return the seconds of a classifier's training and of its evaluations on the way."""
    one = rates.training(run.training, side_of(run.data))
    tests = TESTS.get(run.data.name, 10_000)
    evaluated = run.evaluations * train_images(run.data) + tests
    gradients = steps(run) * run.training.gradients
    return one * (gradients + evaluated / run.training.batch / FORWARD)


def gallery(run: Gallery, rates: Rates) -> float:
    """Return the seconds of making a gallery's variants, at all of its strengths."""
    shown = run.sample or train_images(run.data)
    return sum(one_variant(run, strength, rates) * shown for strength in run.strengths)


@cache
def measured(folder: str, name: str, committed: Path = COMMITTED) -> float | None:
    """Return the seconds in the committed record of a run, or None if there is none."""
    return recorded_seconds(committed / "empirical" / folder / name)


def duration(seconds: float) -> str:
    """Format seconds as ``12 s``, ``3.4 min``, ``5.6 h`` or ``7 days``."""
    for unit, name, most in ((1, "s", 99.5), (60, "min", 99.5), (3600, "h", 72)):
        if seconds / unit < most:
            return (
                f"{seconds / unit:.0f} {name}"
                if unit == 1 or seconds / unit >= 10
                else f"{seconds / unit:.1f} {name}"
            )
    return f"{seconds / 86400:,.0f} days"
