"""The named experiments: which runs, over which seeds.

A seed decides the split, the first weights, the orders of images and the generator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from empirical.config import Data, Gallery, Generator, Method, Run, Training, Variants, require
from empirical.config.generation import KindName
from empirical.experiments import bridge, paper_grid, scales
from empirical.experiments.experiment import Experiment

ORIGINAL, USEFUL_2, USEFUL_5 = Method("original"), Method("useful", 2), Method("useful", 5)
TADA_2, TADA_5, SYN_RAND, SYN_ALL = (
    Method("tada", 2),
    Method("tada", 5),
    Method("syn-rand"),
    Method("syn-all"),
)
METHODS = (ORIGINAL, USEFUL_2, USEFUL_5, TADA_2, TADA_5, SYN_RAND, SYN_ALL)

STEPS = Training(steps=250)
EPOCHS = Training(
    steps=None, epochs=40
)  # as many gradient steps as STEPS, give or take a batch, on the 400 originals
SAM_STEPS = replace(STEPS, optimiser="sam")


def methods(name: str, data: Data) -> tuple[Run, ...]:
    """Return the runs of the small experiments.

    All methods at equal steps and at equal epochs with SGD, Original trained as long as TADA(5),
    and the main methods with SAM.
    """
    equal_steps = [Run(name, method, data, STEPS) for method in METHODS]
    assert STEPS.steps is not None
    assert data.train is not None
    epochs = replace(EPOCHS, epochs=STEPS.steps * STEPS.batch // data.train)
    equal_epochs = [Run(name, method, data, epochs) for method in METHODS if method is not ORIGINAL]
    longer = Run(name, ORIGINAL, data, epochs, length_of=TADA_5)
    sam = [
        Run(name, method, data, SAM_STEPS)
        for method in (ORIGINAL, USEFUL_5, TADA_2, TADA_5, SYN_ALL)
    ]
    return (*equal_steps, *equal_epochs, longer, *sam)


def noisy_digits() -> Experiment:
    name = "noisy-digits"
    return Experiment(
        name,
        "all methods on 400 scanned digits with pixel noise 0.5",
        20,
        methods(name, Data("noisy-digits", train=400)),
    )


def digits() -> Experiment:
    name = "digits"
    return Experiment(
        name,
        "all methods on 200 clean scanned digits",
        10,
        methods(name, Data("digits", train=200)),
    )


def noisy_digits_sheet() -> Experiment:
    name = "noisy-digits-sheet"
    return Experiment(
        name,
        "slow and fast noisy digits; variants by strength",
        1,
        (Gallery(name, Data("noisy-digits", train=400)),),
    )


def digits_sheet() -> Experiment:
    name = "digits-sheet"
    return Experiment(
        name,
        "slow and fast clean digits; variants by strength",
        1,
        (Gallery(name, Data("digits", train=200)),),
    )


def smoke() -> Experiment:
    name = "smoke"
    data = Data("digits", train=60, validation=0)
    training = Training(steps=6, width=8)
    small = Run(
        name,
        data=data,
        generator=Generator(channels=(8,), steps=3),
        variants=Variants(num_inference_steps=4),
    )
    epochs, sam = replace(training, steps=None, epochs=4), replace(training, optimiser="sam")
    runs = [
        replace(small, method=method, training=t)
        for t in (training, epochs, sam)
        for method in (ORIGINAL, TADA_2, SYN_RAND)
    ]
    sheet = Gallery(
        name,
        data,
        training,
        generator=small.generator,
        variants=small.variants,
        strengths=(0.5,),
    )
    return Experiment(
        name, "does everything work here? seconds; its numbers mean nothing", 2, (*runs, sheet)
    )


EXPERIMENTS: dict[str, Callable[[], Experiment]] = {
    "noisy-digits": noisy_digits,
    "noisy-digits-sheet": noisy_digits_sheet,
    "digits": digits,
    "digits-sheet": digits_sheet,
    "smoke": smoke,
    **{name: partial(bridge.experiment, name) for name in bridge.NAMED},
    **{
        f"{scale}-{name}": partial(paper_grid.grid, name, scale)
        for scale in scales.SETTINGS
        for name in paper_grid.names(scale)
    },
}


def experiment(name: str) -> Experiment:
    """Return the experiment of a name. Raises ValueError that lists the names."""
    if name not in EXPERIMENTS:
        raise ValueError(f"no experiment {name!r}; allowed: {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]()


def choose(
    names: Sequence[str], scale: str, model: str | None = None, kind: KindName = "auto"
) -> list[Experiment]:
    """Return the experiments that names stand for, each once.

    scale: of names that do not say it. model and kind: take the place of the external generator;
    None keeps it. Raises ValueError that lists the names.
    """
    require(len(names) >= 1, "names", names, "at least one")
    chosen = [
        experiment(full)
        for full in dict.fromkeys(full for name in names for full in full_names(name, scale))
    ]
    return [with_model(each, model, kind) for each in chosen] if model is not None else chosen


def full_names(name: str, scale: str) -> list[str]:
    """Return the experiments of ``factor``, ``reduced-factor``, ``E7`` or ``all``."""
    of_scale = {short: f"{scale}-{short}" for short in paper_grid.names(scale)}
    claims = sorted(
        {claim for named in paper_grid.NAMED.values() for claim in named.claims},
        key=lambda claim: int(claim[1:]),
    )
    if name == "all":
        return list(of_scale.values())
    if name in claims:
        return [full for short, full in of_scale.items() if name in paper_grid.NAMED[short].claims]
    found = name if name in EXPERIMENTS else of_scale.get(name, "")
    require(
        found != "",
        "name",
        name,
        f"{', '.join(of_scale)}, {', '.join(EXPERIMENTS)}, {', '.join(claims)}, all",
    )
    return [found]


def with_model(experiment: Experiment, model: str, kind: KindName) -> Experiment:
    """Return the experiment with another model in place of its external generator.

    Raises ValueError if the experiment has no external generator.
    """

    def replaced(run):
        if not run.generates or run.generator.trained_on != "external":
            return run  # as it stands in the pool: no variants, or a generator of its own
        own = {name: getattr(run.generator, name) for name in ("precision", "prompt")}
        return dataclasses.replace(
            run, generator=Generator(model=model, kind=kind, trained_on="external", **own)
        )

    runs = tuple(map(replaced, experiment.runs))
    require(
        runs != experiment.runs,
        "model",
        model,
        f"with experiments that have an external generator, which {experiment.name} has not",
    )
    return dataclasses.replace(experiment, runs=runs)
