"""The paper's experiments as sets of runs, at two scales.

All experiments of one scale share one folder of records: runs that several experiments need are
computed once.

``reduced``: 2,000 CIFAR-10 images averaged down to 16x16 and a small network, in minutes of two CPU
cores. Without variants the network learns all of its images; with variants that takes longer than
the equal gradient steps allow. The generator was trained on 41,000 other images of CIFAR-10 for as
long as a CPU allows: a small stand-in for the paper's.

``paper``: the paper's data sets, networks and schedules at equal epochs; for a GPU.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from empirical.config import (
    AugmentName,
    Data,
    Early,
    Gallery,
    Generator,
    Method,
    Recorded,
    RuleName,
    Run,
    Selection,
    SelectionAgreement,
    Training,
    Variants,
)
from empirical.config.recipes import PAPER_SAM, PAPER_SAM_CIFAR100, PAPER_SGD, RECIPES
from empirical.experiments.experiment import Experiment

ORIGINAL, SYN_RAND, SYN_ALL = Method("original"), Method("syn-rand"), Method("syn-all")
STRENGTHS = (0.3, 0.7)  # beside 0.5
RULES: tuple[RuleName, ...] = ("high-loss", "misclassified")  # beside clusters
SEEDS = 3


@dataclasses.dataclass(frozen=True)
class Setting:
    """One data set at one scale.

    base: Original with SGD. sam: its training with SAM. factors: values of k for TADA and USEFUL;
    the first is that of the main comparison. networks: trainings of other networks. longer:
    multiple of the base's length where images are augmented at random, since these take longer to
    learn.
    """

    base: Run
    sam: Training
    factors: tuple[int, ...]
    networks: tuple[Training, ...]
    longer: int = (
        1  # times the base's length where images are augmented at random: they take longer to learn
    )

    def runs(self, *methods: Method, **changes: Any) -> list[Run]:
        """Return the base with each of these methods, and with the given settings changed."""
        return [replace(self.base, method=method, **changes) for method in methods]

    @property
    def main(self) -> tuple[Method, ...]:
        """Return the methods of the main comparison."""
        k = self.factors[0]
        return (ORIGINAL, Method("useful", k), Method("tada", k), SYN_RAND, SYN_ALL)

    def variants(self, strength: float) -> Variants:
        """Return variants noised as far as ``strength`` of GLIDE's cosine schedule."""
        if self.base.variants.alpha_bar is None:
            return replace(self.base.variants, strength=strength)
        return replace(
            self.base.variants,
            alpha_bar=round(math.cos((strength + 0.008) / 1.008 * math.pi / 2) ** 2, 3),
        )


# --- the two scales

REDUCED = Setting(
    base=Run(
        "reduced",
        ORIGINAL,
        Data("cifar10", train=2000, validation=1000, side=16, candidate_pool=8000),
        Training(steps=800),
        Early(error=0.35, every=20, limit=1500),
        Generator(model="paper/models/cifar10-16px-external", trained_on="external"),
        Variants(num_inference_steps=20, sampler="ddim"),
    ),
    sam=Training(steps=800, optimiser="sam"),
    factors=(2, 5),
    networks=(
        Training(steps=800, network="resnet20"),
        Training(
            steps=800,
            network="vit-xs",
            optimiser="adamw",
            lr=1e-3,
            weight_decay=0.05,
            schedule="cosine",
            warmup=0.05,
        ),
    ),
    longer=2,
)
OWN = Generator(
    (16, 32, 64), steps=1000, lr=2e-3, flip=True
)  # trained on the 2,000 images of the run: one for each seed

STABLE = Generator(
    model="stable-diffusion-v1-5/stable-diffusion-v1-5",
    kind="text",
    trained_on="external",
    precision="bfloat16",
)


ADAMW = ("vit-s-adamw", "convnext-t-adamw", "swin-t-adamw")


def fast(recipe: Training) -> Training:
    """Return a recipe in bfloat16, for a GPU."""
    return replace(recipe, precision="bfloat16")


def _paper(data: str, epochs: int, sam: Training, factors: tuple[int, ...]) -> Setting:
    base = Run(
        "paper",
        ORIGINAL,
        Data(data, train=None, validation=0),
        fast(PAPER_SGD),
        Early(stop="epochs", epochs=epochs),
        STABLE,
        Variants(alpha_bar=0.5, guidance=3.0, sampler="ddim"),
        evaluations=200,
    )
    others = [
        *(replace(PAPER_SGD, network=name) for name in ("densenet121", "vgg19-bn")),
        *(RECIPES[name] for name in ADAMW),
    ]
    return Setting(base, fast(sam), factors, tuple(map(fast, others)))


PAPER = {
    "cifar10": _paper("cifar10", 8, PAPER_SAM, (2, 3, 4, 5, 6)),
    "cifar100": _paper("cifar100", 20, PAPER_SAM_CIFAR100, (2, 3, 4, 5, 6)),
    "tiny-imagenet": _paper("tiny-imagenet", 10, PAPER_SAM, (2, 3, 4, 5)),
}
SETTINGS: dict[str, tuple[Setting, ...]] = {"reduced": (REDUCED,), "paper": tuple(PAPER.values())}


# --- the experiments


def test_error(of: Setting) -> list[Run]:
    """Return all methods with SGD and with SAM, and Original trained as long as Syn-all.

    Where the base has equal steps, SGD also at equal epochs.
    """
    original, *others = of.main
    base, sam, n = of.base.training, of.sam, of.base.data.train
    if base.steps is None:
        return (
            of.runs(*of.main)
            + of.runs(*of.main, training=sam)
            + of.runs(original, length_of=SYN_ALL)
        )
    assert n is not None  # equal steps are of the reduced scale, which says how many images
    epochs = replace(base, steps=None, epochs=base.steps * base.batch // n)
    few = [method for method in others if method != SYN_RAND]
    runs = of.runs(*of.main) + of.runs(original, *few, training=sam)
    return (
        runs
        + of.runs(*few, training=epochs)
        + of.runs(original, training=epochs, length_of=SYN_ALL)
    )


def architectures(of: Setting) -> list[Run]:
    """Return Original and TADA with every network."""
    original, _, tada, *_ = of.main
    return of.runs(original, tada) + [
        run for training in of.networks for run in of.runs(original, tada, training=training)
    ]


def stacking(of: Setting) -> list[Run]:
    """Return Original and TADA under every augmentation."""
    original, _, tada, *_ = of.main
    runs, base = of.runs(original, tada), of.base.training
    augmentations: tuple[AugmentName, ...] = ("none", "crop-flip", "crop-flip-trivial")
    for augment in augmentations:
        if augment != base.augment:
            training = replace(base, augment=augment)
            if augment != "none" and base.steps is not None:
                training = replace(training, steps=of.longer * base.steps)
            elif augment != "none" and base.epochs is not None:
                training = replace(training, epochs=of.longer * base.epochs)
            runs += of.runs(original, tada, training=training)
    return runs


def factor(of: Setting) -> list[Run]:
    """Return USEFUL(k) and TADA(k) for every k."""
    return of.runs(ORIGINAL, *(Method(name, k) for k in of.factors for name in ("useful", "tada")))


def strength(of: Setting) -> list[Run]:
    """Return TADA at every strength, and from pure noise."""
    original, _, tada, *_ = of.main
    runs = of.runs(original, tada)
    for value in STRENGTHS:
        runs += of.runs(tada, variants=of.variants(value))
    return runs + of.runs(
        tada, variants=replace(of.base.variants, alpha_bar=None, strength=1.0, from_noise=True)
    )


def selection(of: Setting) -> list[Run]:
    """Return TADA by every selection rule, beside the main comparison's other methods."""
    original, _, tada, rand, everything = of.main
    runs = of.runs(original, tada, rand, everything)
    for rule in RULES:
        runs += of.runs(tada, selection=Selection(rule))
    return runs


def stability(of: Setting) -> list[SelectionAgreement]:
    """Return the comparison of selections between seeds."""
    run = of.base
    return [
        SelectionAgreement(
            run.experiment,
            run.data,
            run.training,
            run.early,
            (Selection(), *map(Selection, RULES)),
            SEEDS,
        )
    ]


def generator(of: Setting) -> list[Run]:
    """Return runs with a generator that saw other images, or only the run's training images."""
    _, _, tada, _, everything = of.main
    return of.runs(ORIGINAL, tada, everything) + of.runs(tada, everything, generator=OWN)


def learning_speed(of: Setting) -> list[Run]:
    """Return the methods of the main comparison."""
    return of.runs(*of.main)


def sheet(of: Setting) -> list[Gallery]:
    """Return the gallery of slow and fast images and of variants."""
    run = of.base
    return [
        Gallery(
            run.experiment,
            run.data,
            run.training,
            run.early,
            run.generator,
            run.variants,
            sample=300,
        )
    ]


NAMED: dict[str, tuple[Callable[[Setting], Sequence[Recorded]], tuple[str, ...], str]] = {
    "test-error": (
        test_error,
        ("E1", "E2", "E3", "E4"),
        "all methods with SGD and SAM, at equal steps and equal epochs",
    ),
    "architectures": (architectures, ("E6",), "Original and TADA with other networks"),
    "stacking": (
        stacking,
        ("E5",),
        "Original and TADA with crop and flip, and with TrivialAugment",
    ),
    "factor": (factor, ("E7",), "copies and variants, by how many"),
    "strength": (strength, ("E8",), "variants by how far images are noised; from pure noise"),
    "selection": (selection, ("E9", "E10"), "variants of the images that other rules call slow"),
    "stability": (stability, ("E9",), "how far seeds, and rules, agree on which images are slow"),
    "learning-speed": (
        learning_speed,
        ("E11",),
        "when slow and fast images are learned, by method",
    ),
    "generator": (generator, (), "variants by what the generator has seen"),
    "sheet": (sheet, (), "slow and fast images; variants by strength"),
}
FIRST = (
    "cifar10",
)  # at the paper's scale, the data sets of experiments that the paper did on CIFAR-10 alone
WIDE = ("test-error", "factor")  # experiments on all data sets
SMALL = ("generator", "sheet")  # at the reduced scale alone
ONCE = ("stability", "sheet")  # one record, whatever the seeds


def grid(name: str, scale: str) -> Experiment:
    """Return a named experiment at a scale, such as ``factor`` at ``reduced``.

    Its records lie in the folder that all experiments of the scale share.
    """
    make, claims, about = NAMED[name]
    settings = [
        s
        for s in SETTINGS[scale]
        if scale == "reduced" or name in WIDE or s.base.data.name in FIRST
    ]
    runs = dict.fromkeys(run for setting in settings for run in make(setting))
    seeds = 1 if name in ONCE else SEEDS
    return Experiment(
        f"{scale}-{name}", f"{about} ({scale})", seeds, tuple(runs), records=scale, claims=claims
    )


def names(scale: str) -> list[str]:
    """Return the names of the experiments at a scale."""
    return [name for name in NAMED if scale == "reduced" or name not in SMALL]
