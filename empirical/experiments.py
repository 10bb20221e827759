"""Named experiments: which runs, over which seeds. A seed draws the split, the first weights, the orders and the generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace

from empirical.config import Data, Early, Generator, Method, Run, Sheet, Training, Variants
from empirical.recipes import PAPER_SAM, PAPER_SGD

ORIGINAL, USEFUL_2, USEFUL_5 = Method("original"), Method("useful", 2), Method("useful", 5)
TADA_2, TADA_5, SYN_RAND, SYN_ALL = Method("tada", 2), Method("tada", 5), Method("syn-rand"), Method("syn-all")
METHODS = (ORIGINAL, USEFUL_2, USEFUL_5, TADA_2, TADA_5, SYN_RAND, SYN_ALL)

STEPS = Training(steps=250)
EPOCHS = Training(steps=None, epochs=40)  # as many gradient steps as STEPS, give or take a batch, on the 400 originals
SAM_STEPS = replace(STEPS, optimiser="sam")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """runs: what is done for each of ``seeds`` seeds."""

    name: str
    about: str
    seeds: int
    runs: tuple[Run | Sheet, ...]


def methods(name: str, data: Data) -> tuple[Run, ...]:
    """All methods at equal steps and at equal epochs with SGD, Original given TADA(5)'s steps, and the main ones with SAM."""
    equal_steps = [Run(name, method, data, STEPS) for method in METHODS]
    epochs = replace(EPOCHS, epochs=STEPS.steps * STEPS.batch // data.train)
    equal_epochs = [Run(name, method, data, epochs) for method in METHODS if method is not ORIGINAL]
    longer = Run(name, ORIGINAL, data, epochs, length_of=TADA_5)
    sam = [Run(name, method, data, SAM_STEPS) for method in (ORIGINAL, USEFUL_5, TADA_2, TADA_5, SYN_ALL)]
    return (*equal_steps, *equal_epochs, longer, *sam)


def noisy_digits() -> Experiment:
    name = "noisy-digits"
    return Experiment(name, "all methods on 400 scanned digits with pixel noise 0.5", 20, methods(name, Data("noisy-digits", train=400)))


def digits() -> Experiment:
    name = "digits"
    return Experiment(name, "all methods on 200 clean scanned digits", 10, methods(name, Data("digits", train=200)))


def noisy_digits_sheet() -> Experiment:
    name = "noisy-digits-sheet"
    return Experiment(name, "slow and fast noisy digits; variants by strength", 1, (Sheet(name, Data("noisy-digits", train=400)),))


def digits_sheet() -> Experiment:
    name = "digits-sheet"
    return Experiment(name, "slow and fast clean digits; variants by strength", 1, (Sheet(name, Data("digits", train=200)),))


def cifar10_16() -> Experiment:
    """Copies and SAM need no generator: what can be run at once wherever CIFAR-10 is."""
    name, data = "cifar10-16", Data("cifar10", train=2000, validation=1000, side=16)
    early = Early(error=0.35, every=20, limit=1500)  # on so few images clusters tell apart what is learned from what is not until here
    sgd = Training(steps=2000, augment="crop-flip", weight_decay=5e-4)
    sam = replace(sgd, optimiser="sam")
    runs = tuple(Run(name, method, data, training, early) for training in (sgd, sam) for method in (ORIGINAL, USEFUL_2))
    return Experiment(name, "SGD and SAM on 2,000 CIFAR-10 images at 16x16, a small network", 3, runs)


def cifar10_resnet18() -> Experiment:
    """The paper's training at full length, on all 50,000 images; for a GPU."""
    name, data, early = "cifar10-resnet18", Data("cifar10", train=None, validation=0), Early(stop="epochs", epochs=8)
    fast = {"precision": "bfloat16"}
    runs = tuple(Run(name, m, data, replace(t, **fast), early, checks=200) for t in (PAPER_SGD, PAPER_SAM) for m in (ORIGINAL, USEFUL_2))
    return Experiment(name, "SGD and SAM, 200 epochs of ResNet18 on CIFAR-10 (a GPU)", 3, runs)


def smoke() -> Experiment:
    name, data, training = "smoke", Data("digits", train=60, validation=0), Training(steps=6, width=4)
    small = {"data": data, "generator": Generator(channels=(8,), steps=3), "variants": Variants(grid=4)}
    epochs, sam = replace(training, steps=None, epochs=4), replace(training, optimiser="sam")
    runs = [Run(name, method, training=t, **small) for t in (training, epochs, sam) for method in (ORIGINAL, TADA_2, SYN_RAND)]
    sheet = Sheet(name, data, training, generator=small["generator"], variants=small["variants"], strengths=(0.5,))
    return Experiment(name, "does everything work here? seconds; its numbers mean nothing", 2, (*runs, sheet))


EXPERIMENTS: dict[str, Callable[[], Experiment]] = {
    "noisy-digits": noisy_digits,
    "noisy-digits-sheet": noisy_digits_sheet,
    "digits": digits,
    "digits-sheet": digits_sheet,
    "cifar10-16": cifar10_16,
    "cifar10-resnet18": cifar10_resnet18,
    "smoke": smoke,
}


def experiment(name: str) -> Experiment:
    """Look an experiment up by name; ValueError lists the names there are."""
    if name not in EXPERIMENTS:
        raise ValueError(f"no experiment {name!r}; allowed: {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]()
