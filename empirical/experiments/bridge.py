"""The bridge from theory to images: TADA with the generator's quality as a dial.

The images have noise that is known, and may have a planted fast feature, the cue, so that who is
slow in truth is known too. Variants are made by the theory's formula (``Generator.kind`` ideal).
All runs compare at equal epochs, as the paper does, unless their experiment says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from empirical.config import (
    Data,
    Early,
    Gallery,
    Generator,
    Method,
    Recorded,
    Run,
    Selection,
    Training,
    Variants,
)
from empirical.experiments.experiment import Experiment

ORIGINAL, SYN_ALL = Method("original"), Method("syn-all")
TADA_5, USEFUL_5 = Method("tada", 5), Method("useful", 5)
IDEAL = Generator(kind="ideal")
RANDOM, TRUTH = Selection("random"), Selection("truth")
PLAIN = Data("noisy-digits", train=400)
CUED = replace(PLAIN, cue="beside")
EPOCHS = Training(steps=None, epochs=40)  # on the 400 originals; more images take more steps
STEPS = Training(steps=250)  # as many steps as those of the originals

KAPPAS = (0.3, 0.5, 0.7, 0.9, 1.0)  # share of the source's noise that a variant keeps
SIZES = (0.0, 0.5, 1.5, 2.0)  # relative size of its fresh noise
FIDELITIES = (0.0, 0.25, 0.5, 0.75)  # of its features
SHARES = (0.5, 0.65, 0.9, 0.95)  # of images with a cue, beside 0.8
STRENGTHS = (0.125, 0.25, 0.5)  # of the cue, beside 1
STEPS_OF_GENERATORS = (100, 400, 1600)  # how long generators of our own are trained


def base(name: str, data: Data, training: Training = EPOCHS) -> Run:
    """Return Original on these data, with the ideal generator for the methods that generate."""
    return Run(name, ORIGINAL, data, training, Early(), IDEAL)


def by_method(run: Run, *methods: Method, **changes: Any) -> list[Run]:
    """Return the run with each of these methods, and with the given settings changed."""
    return [replace(run, method=method, **changes) for method in methods]


def main_comparison(run: Run) -> list[Run]:
    """Return Original, Original trained longer, copies, targeted and random variants, Syn-all."""
    copies = [Method("useful", k) for k in (2, 5)]
    variants = [Method("tada", k) for k in (2, 5, 8)]
    runs = by_method(run, ORIGINAL, *copies, *variants, SYN_ALL)
    runs += by_method(run, ORIGINAL, length_of=TADA_5)
    runs += by_method(run, *variants, selection=RANDOM)
    if run.data.cue != "none":
        runs += by_method(run, TADA_5, selection=TRUTH)
    return runs


def ideal(name: str) -> list[Run]:
    """Return the main comparison on digits with a cue, with responses during training."""
    return [replace(run, responses=True) for run in main_comparison(base(name, CUED))]


def ideal_plain(name: str) -> list[Run]:
    """Return the main comparison on digits without a cue, which are about equally difficult."""
    return main_comparison(base(name, PLAIN))


def ideal_sam(name: str) -> list[Run]:
    """Return the main methods with SAM, on digits with a cue."""
    run = base(name, CUED, replace(EPOCHS, optimiser="sam"))
    chosen = by_method(run, ORIGINAL, USEFUL_5, TADA_5, SYN_ALL)
    return chosen + by_method(run, TADA_5, selection=RANDOM)


def ideal_steps(name: str) -> list[Run]:
    """Return the main methods at equal gradient steps, on digits with a cue."""
    run = base(name, CUED, STEPS)
    chosen = by_method(run, ORIGINAL, USEFUL_5, Method("tada", 2), TADA_5, SYN_ALL)
    return chosen + by_method(run, TADA_5, selection=RANDOM)


def lines(run: Run, settings: Iterable[Variants]) -> list[Run]:
    """Return TADA(5), as many random variants, and Syn-all, for each setting of the variants."""
    runs = []
    for variants in settings:
        changed = replace(run, variants=variants)
        runs += by_method(changed, TADA_5, SYN_ALL)
        runs += by_method(changed, TADA_5, selection=RANDOM)
    return runs


def dose(name: str) -> list[Run]:
    """Return how the gain depends on kappa, on the size of fresh noise and on fidelity."""
    settings = [
        Variants(),
        *(Variants(kappa=value) for value in KAPPAS),
        *(Variants(fresh_noise=value) for value in SIZES),
        *(Variants(fidelity=value) for value in FIDELITIES),
        Variants(cue_redrawn=True),
    ]
    return by_method(base(name, CUED), ORIGINAL) + lines(base(name, CUED), settings)


def heterogeneity(name: str) -> list[Run]:
    """Return the main methods by the cue's share and strength, to see where targeting pays."""
    worlds = [replace(CUED, cue_share=share) for share in SHARES]
    worlds += [replace(CUED, cue_strength=strength) for strength in STRENGTHS]
    runs = []
    for data in (CUED, *worlds):
        run = base(name, data)
        runs += by_method(run, ORIGINAL, USEFUL_5, TADA_5, SYN_ALL)
        runs += by_method(run, TADA_5, selection=RANDOM)
    return runs


def generators() -> list[tuple[Generator, Variants]]:
    """Return the real generators that are placed on the dial: lengths of training, samplers."""
    trained = [Generator(steps=steps) for steps in STEPS_OF_GENERATORS]
    found = [(each, Variants()) for each in trained]
    return [*found, (trained[1], Variants(sampler="ddim")), (trained[1], Variants(strength=0.3))]


def dial(name: str) -> list[Recorded]:
    """Return real generators on the dial: their kappa and fidelity, and the gains they bring."""
    runs: list[Recorded] = []
    for generator, variants in generators():
        run = replace(base(name, CUED), generator=generator, variants=variants)
        runs += by_method(run, TADA_5, SYN_ALL)
        shown = Gallery(name, CUED, EPOCHS, Early(), generator, variants, (variants.strength,))
        runs.append(
            replace(shown, label=f"dial-{generator.steps}-{variants.sampler}{variants.label}")
        )
    return by_method(base(name, CUED), ORIGINAL) + runs


def cifar(name: str) -> list[Run]:
    """Return the main comparison on CIFAR-10 at 16x16 with noise and with a cue in a corner."""
    data = Data("cifar10", train=4000, validation=1000, side=16, pixel_noise=0.5, cue="patch")
    training = Training(steps=None, epochs=25, width=32, batch=128)
    run = Run(name, ORIGINAL, data, training, Early(error=0.3, every=10, limit=800), IDEAL)
    chosen = by_method(run, ORIGINAL, USEFUL_5, Method("tada", 2), TADA_5, SYN_ALL)
    chosen += by_method(run, ORIGINAL, length_of=TADA_5)
    return chosen + by_method(run, TADA_5, selection=RANDOM)


NAMED: dict[str, tuple[Callable[[str], list], int, tuple[str, ...], str]] = {
    "ideal": (ideal, 8, ("E1", "E2", "E3", "E7"), "ideal variants of noisy digits with a cue"),
    "ideal-plain": (ideal_plain, 8, ("E1", "E2", "E3", "E7"), "the same without a cue"),
    "ideal-sam": (ideal_sam, 8, ("E1", "E4"), "the same with a cue and SAM"),
    "ideal-steps": (ideal_steps, 8, ("E1", "E2", "E3"), "the same at equal gradient steps"),
    "dose": (dose, 8, ("E2", "E3"), "gain against the quality of ideal variants"),
    "heterogeneity": (heterogeneity, 8, ("E3",), "gain against share and strength of the cue"),
    "dial": (dial, 3, ("E2",), "real generators placed on the ideal generator's dial"),
    "ideal-cifar": (cifar, 8, ("E1", "E2", "E3"), "noisy CIFAR-10 at 16x16 with a cue"),
}


def experiment(name: str) -> Experiment:
    """Return a named experiment of the bridge."""
    make, seeds, claims, about = NAMED[name]
    return Experiment(name, about, seeds, tuple(dict.fromkeys(make(name))), claims=claims)
