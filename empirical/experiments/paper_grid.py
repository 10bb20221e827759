"""The paper's experiments as sets of runs, at the scales of ``scales.py``.

All experiments of one setting share one folder of records: runs that several experiments need are
computed once. All compare at equal epochs, as the paper does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from empirical.config import (
    AugmentName,
    Gallery,
    Method,
    Recorded,
    RuleName,
    Run,
    Selection,
    SelectionAgreement,
)
from empirical.experiments.experiment import Experiment
from empirical.experiments.scales import (
    ORIGINAL,
    OWN,
    PAPER,
    REDUCED,
    REDUCED_CROP_FLIP,
    SETTINGS,
    SYN_ALL,
    SYN_RAND,
    TADA_2,
    USEFUL_2,
    Setting,
)

STRENGTHS = (0.3, 0.7)  # beside 0.5
RULES: tuple[RuleName, ...] = ("high-loss", "misclassified")  # beside clusters
RANDOM = Selection("random")  # as many images as the clusters select, drawn at random
SEEDS = {"reduced": 8, "paper": 5}


def test_error(of: Setting) -> list[Run]:
    """Return the paper's comparison: Original, USEFUL(2), TADA(best) with SGD and with SAM.

    With the other methods of its claim on targeting: TADA(2), Syn-rand and Syn-all.
    """
    main = of.runs(ORIGINAL, USEFUL_2, of.tada)
    with_sam = of.runs(ORIGINAL, USEFUL_2, of.tada, SYN_ALL, training=of.sam)
    return main + of.runs(TADA_2, SYN_RAND, SYN_ALL) + with_sam


def controls(of: Setting) -> list[Run]:
    """Return the runs that tell apart what variants bring: length, count, targeting, weight.

    Original trained as long as TADA(best); copies as many as its variants; as many variants of
    random images; and USEFUL's controls, random upsampling and a larger loss of slow images.
    """
    runs = of.runs(ORIGINAL, of.tada, USEFUL_2, TADA_2)
    runs += of.runs(ORIGINAL, length_of=of.tada)
    runs += of.runs(Method("useful", of.best), Method("reweighted", 2))
    return runs + of.runs(of.tada, USEFUL_2, selection=RANDOM)


def architectures(of: Setting) -> list[Run]:
    """Return Original, USEFUL(2) and TADA(best) with every network."""
    methods = (ORIGINAL, USEFUL_2, of.tada)
    others = [run for training in of.networks for run in of.runs(*methods, training=training)]
    return of.runs(*methods) + others


def stacking(of: Setting) -> list[Run]:
    """Return Original and TADA(best) under every augmentation."""
    runs = of.runs(ORIGINAL, of.tada)
    augmentations: tuple[AugmentName, ...] = ("none", "crop-flip", "crop-flip-trivial")
    base = of.base.training
    assert base.epochs is not None
    for augment in augmentations:
        if augment != base.augment:
            epochs = base.epochs * (of.longer if augment != "none" else 1)
            training = replace(base, augment=augment, epochs=epochs)
            runs += of.runs(ORIGINAL, of.tada, training=training)
    return runs


def factor(of: Setting) -> list[Run]:
    """Return USEFUL(k) and TADA(k) for every k."""
    return of.runs(ORIGINAL, *(Method(name, k) for k in of.factors for name in ("useful", "tada")))


def strength(of: Setting) -> list[Run]:
    """Return TADA(2) at every strength, and from pure noise."""
    runs = of.runs(ORIGINAL, TADA_2)
    for value in STRENGTHS:
        runs += of.runs(TADA_2, variants=of.variants(value))
    noise = replace(of.base.variants, alpha_bar=None, strength=1.0, from_noise=True)
    return runs + of.runs(TADA_2, variants=noise)


def selection(of: Setting) -> list[Run]:
    """Return TADA(2) by every selection rule, beside Syn-rand and Syn-all."""
    runs = of.runs(ORIGINAL, TADA_2, SYN_RAND, SYN_ALL)
    for rule in RULES:
        runs += of.runs(TADA_2, selection=Selection(rule))
    return runs


def stability(of: Setting) -> list[SelectionAgreement]:
    """Return the comparison of selections between seeds."""
    run = of.base
    rules = (Selection(), *map(Selection, RULES))
    settings = (run.experiment, run.data, run.training, run.early)
    return [SelectionAgreement(*settings, rules, seeds=5)]


def learning_speed(of: Setting) -> list[Run]:
    """Return the methods whose speeds of learning slow and fast images are compared."""
    return of.runs(ORIGINAL, USEFUL_2, TADA_2, of.tada, SYN_RAND, SYN_ALL)


def generator(of: Setting) -> list[Run]:
    """Return runs with a generator that saw other images, or only the run's training images."""
    return of.runs(ORIGINAL, TADA_2, SYN_ALL) + of.runs(TADA_2, SYN_ALL, generator=OWN)


def sheet(of: Setting) -> list[Gallery]:
    """Return the gallery of slow and fast images and of variants."""
    run = of.base
    settings = (run.experiment, run.data, run.training, run.early, run.generator, run.variants)
    return [Gallery(*settings, sample=300)]


# Original with as many epochs as it needs to learn so many images: size -> epochs.
SIZES = {2000: 60, 5000: 35, 10_000: 25}


def scaling(of: Setting) -> list[Run]:
    """Return Original, USEFUL(2), TADA(2) and Syn-all on fewer images of the same pool.

    The runs on all of its images are those of ``test-error``.
    """
    runs = []
    for size, epochs in SIZES.items():
        base = replace(
            of.base,
            experiment="reduced-scaling",
            data=replace(of.base.data, train=size),
            training=replace(of.base.training, epochs=epochs),
        )
        runs += replace(of, base=base).runs(ORIGINAL, USEFUL_2, TADA_2, SYN_ALL)
    return runs


@dataclass(frozen=True)
class Named:
    """An experiment that exists at some scales.

    make: function that returns its runs for a setting. claims: findings that it tests. settings:
    by scale, the settings it is made for. seeds: their number where it is not the scale's.
    """

    make: Callable[[Setting], Sequence[Recorded]]
    claims: tuple[str, ...]
    about: str
    settings: Mapping[str, tuple[Setting, ...]]
    seeds: int | None = None


ALL = SETTINGS  # all data sets of a scale
FIRST = {"reduced": (REDUCED,), "paper": (PAPER["cifar10"],)}  # what the paper did on CIFAR-10
SMALL = {"reduced": (REDUCED,)}  # at the reduced scale alone
CROP_FLIP = {"reduced": (REDUCED_CROP_FLIP,)}

NAMED: dict[str, Named] = {
    "test-error": Named(
        test_error, ("E1", "E2", "E3", "E4"), "the paper's methods with SGD and SAM", ALL
    ),
    "controls": Named(
        controls, ("E2", "E3"), "what length, count, weight and targeting bring", ALL
    ),
    "crop-flip": Named(
        lambda of: [*test_error(of), *controls(of)],
        ("E1", "E2", "E3", "E4"),
        "both with crop and flip, on 5,000 images",
        CROP_FLIP,
        5,
    ),
    "architectures": Named(architectures, ("E6",), "the main methods with other networks", FIRST),
    "stacking": Named(stacking, ("E5",), "TADA with crop and flip, and with TrivialAugment", FIRST),
    "factor": Named(factor, ("E7",), "copies and variants, by how many", ALL),
    "strength": Named(
        strength, ("E8",), "variants by how far images are noised; from pure noise", FIRST
    ),
    "selection": Named(
        selection, ("E9", "E10"), "variants of the images that other rules call slow", FIRST
    ),
    "stability": Named(
        stability, ("E9",), "how far seeds, and rules, agree on which images are slow", FIRST, 1
    ),
    "learning-speed": Named(
        learning_speed, ("E11",), "when slow and fast images are learned, by method", FIRST
    ),
    "generator": Named(generator, (), "variants by what the generator has seen", SMALL),
    "scaling": Named(scaling, ("E3",), "the methods by the number of training images", SMALL, 5),
    "sheet": Named(sheet, (), "slow and fast images; variants by strength", SMALL, 1),
}


def grid(name: str, scale: str) -> Experiment:
    """Return a named experiment at a scale, such as ``factor`` at ``reduced``.

    Its records lie in the folder that all experiments of the setting share.
    """
    named = NAMED[name]
    runs = tuple(dict.fromkeys(run for of in named.settings[scale] for run in named.make(of)))
    (records,) = {run.experiment for run in runs}
    seeds = named.seeds or SEEDS[scale]
    about = f"{named.about} ({scale})"
    return Experiment(f"{scale}-{name}", about, seeds, runs, records=records, claims=named.claims)


def names(scale: str) -> list[str]:
    """Return the names of the experiments at a scale."""
    return [name for name, named in NAMED.items() if scale in named.settings]
