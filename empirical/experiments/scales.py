"""Define the settings of the paper's experiments at each scale: data, recipes, generators.

``reduced``: all of a pool of 20,000 CIFAR-10 images averaged down to 16x16, and a small residual
network that learns its originals; seeds vary weights, order, selection and variants. The generator
was trained on 29,000 other images of CIFAR-10: a small stand-in for the paper's. Recipe, length,
sampler and strength were fixed by training error, by the variants' faithfulness and on validation
images, before any test error was looked at.

``reduced-crop-flip``: the paper's augmentation, on fewer images and a wider network, since with
crop and flip the small network does not learn 20,000 images to the end.

``paper``: the paper's data sets, networks and schedules; for a GPU.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from typing import Any

from empirical.config import Data, Early, Generator, Method, Run, Training, Variants
from empirical.config.recipes import (
    FEW_STEPS,
    PAPER_SAM,
    PAPER_SAM_CIFAR100,
    PAPER_SGD,
    PAPER_STEPS,
    RECIPES,
)

ORIGINAL, SYN_RAND, SYN_ALL = Method("original"), Method("syn-rand"), Method("syn-all")
TADA_2, USEFUL_2 = Method("tada", 2), Method("useful", 2)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One data set at one scale.

    base: Original with SGD. sam: its training with SAM. best: the paper's best k of TADA on these
    data, that of the main comparison. factors: values of k for TADA and USEFUL. networks: trainings
    of other networks. longer: multiple of the base's length under TrivialAugment, which takes
    longer to learn.
    """

    base: Run
    sam: Training
    best: int
    factors: tuple[int, ...]
    networks: tuple[Training, ...]
    longer: int = 1

    def runs(self, *methods: Method, **changes: Any) -> list[Run]:
        """Return the base with each of these methods, and with the given settings changed."""
        return [replace(self.base, method=method, **changes) for method in methods]

    @property
    def tada(self) -> Method:
        """Return TADA with the paper's best k."""
        return Method("tada", self.best)

    def variants(self, strength: float) -> Variants:
        """Return variants noised as far as ``strength`` of GLIDE's cosine schedule."""
        if self.base.variants.alpha_bar is None:
            return replace(self.base.variants, strength=strength)
        return replace(
            self.base.variants,
            alpha_bar=round(math.cos((strength + 0.008) / 1.008 * math.pi / 2) ** 2, 3),
        )


# --- reduced

POOL = Data("cifar10", train=20_000, validation=1000, side=16, candidate_pool=20_000)
LEARNED = Training(steps=None, epochs=20, width=32, batch=128)  # to a training error below 0.5%
VIT = replace(
    LEARNED,
    network="vit-xs",
    width=16,
    optimiser="adamw",
    lr=1e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup=0.05,
)
REDUCED = Setting(
    base=Run(
        "reduced",
        ORIGINAL,
        POOL,
        LEARNED,
        Early(error=0.4, every=20, limit=1500),
        Generator(model="paper/models/cifar10-16px-29k", trained_on="external"),
        FEW_STEPS,
    ),
    sam=replace(LEARNED, optimiser="sam"),
    best=5,
    factors=(2, 3, 5),
    networks=(replace(LEARNED, network="resnet20", width=16), VIT),
    longer=2,
)
CROPPED = replace(LEARNED, epochs=100, width=64, augment="crop-flip")
REDUCED_CROP_FLIP = replace(
    REDUCED,
    base=replace(
        REDUCED.base,
        experiment="reduced-crop-flip",
        data=replace(POOL, train=5000),
        training=CROPPED,
    ),
    sam=replace(CROPPED, optimiser="sam"),
)
OWN = Generator(  # trained on the run's 20,000 images: one for each seed
    (32, 64, 128), steps=6000, batch=128, lr=2e-3, flip=True
)

# --- paper

STABLE = Generator(
    model="stable-diffusion-v1-5/stable-diffusion-v1-5",
    kind="text",
    trained_on="external",
    precision="bfloat16",
)


def fast(recipe: Training) -> Training:
    """Return a recipe in bfloat16, for a GPU."""
    return replace(recipe, precision="bfloat16")


def _paper(data: str, epochs: int, sam: Training, best: int) -> Setting:
    base = Run(
        "paper",
        ORIGINAL,
        Data(data, train=None, validation=0),
        fast(PAPER_SGD),
        Early(stop="epochs", epochs=epochs),
        STABLE,
        replace(PAPER_STEPS, alpha_bar=0.5, guidance=3.0),
        evaluations=200,
    )
    convolutional = ("densenet121", "vgg19-bn", "convnext-t", "swin-t")
    plain = [replace(PAPER_SGD, network=name) for name in convolutional]
    ours = [RECIPES[f"{name}-adamw"] for name in ("vit-s", "convnext-t", "swin-t")]
    others = [*plain, *ours]
    return Setting(base, fast(sam), best, (2, 3, 4, 5, 6), tuple(map(fast, others)))


PAPER = {
    "cifar10": _paper("cifar10", 8, PAPER_SAM, 5),
    "cifar100": _paper("cifar100", 20, PAPER_SAM_CIFAR100, 5),
    "tiny-imagenet": _paper("tiny-imagenet", 10, PAPER_SAM, 4),
}
SETTINGS: dict[str, tuple[Setting, ...]] = {"reduced": (REDUCED,), "paper": tuple(PAPER.values())}
