"""The command ``augment``: from a folder of your own images to one that also holds variants of those that are slow to learn."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import tyro

from empirical.config import (
    Data,
    Early,
    Generator,
    Method,
    PrecisionName,
    RuleName,
    Run,
    Selection,
    Training,
    Variants,
    require,
)
from empirical.config.generation import KindName
from empirical.config.recipes import PAPER_SGD
from empirical.data.sources.locate import FOLDER_PREFIX
from empirical.data.sources.source import Source
from empirical.generation.sizes import size
from empirical.own_images.folder import source_of, usual_side
from empirical.own_images.forecast import forecast
from empirical.own_images.stages import Task
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from empirical.runtime.precision import default_precision
from empirical.selection.scores import BUDGET
from figures.records import OUTPUT

STEPS = 400  # of early training at most, where 100 epochs are fewer
SIDES = {
    True: 32,
    False: 64,
}  # largest side that is taken by itself, on a CPU or not, with a generator trained on the folder
SIDES_OF_MODEL = {True: 32, False: 128}  # the same with a model that is there


def augment(
    folder: tyro.conf.Positional[Path],
    /,
    out: Path,
    k: int = 2,
    generator: str | None = None,
    kind: KindName = "auto",
    revision: str | None = None,
    prompt: str = Generator().prompt,
    strength: float = 0.5,
    guidance: float = 1.0,
    mix: bool = False,
    side: int | None = None,
    rule: RuleName = "cluster",
    steps: int | None = None,
    precision: PrecisionName | None = None,
    network: str | None = None,
    epochs: int | None = None,
    flip: bool = True,
    hold_out: bool = False,
    skip_unreadable: bool = False,
    link: bool = True,
    seed: int = 0,
    dry_run: bool = False,
    machine: Machine = DEFAULT_MACHINE,
    cache: Path = OUTPUT,
) -> int:
    """Add variants of slow-to-learn images to a folder of images: train early, select, generate, and write an ordinary image folder.

    Stopped, the same command goes on from the last finished stage.

    Args:
        folder: <class>/* of images, all for training; or train/<class>/* and test/<class>/*, of which the test images are copied.
        out: the folder to write: originals, variants (STEM-variant-COPY.png), scores.csv, variants.csv and manifest.json.
        k: a slow image appears k times, itself and k - 1 variants; at least 2.
        generator: a diffusion model that is there, a folder or a name on the Hugging Face hub; a small one is trained if not given.
        kind: of the generator.
        revision: of a name on the hub, the commit.
        prompt: for text-to-image models; {class} is the name of the class's folder.
        strength: how far a variant leaves its source, (0, 1].
        guidance: 1 for the conditional model alone; text-to-image models are made for 3 to 8.
        mix: join half of the source with half of its variant, and a little of a fractal (DiffuseMix).
        side: of the variants and of all that is computed on; the images' own if not given, at most 32 on a CPU, 64 or 128 on a GPU.
        rule: which images are slow.
        steps: of training the generator on the folder; 2,000 if not given.
        precision: of the generator's passes. If not given, float32 for one that is there; for one that is trained bfloat16, but float32 on
            a processor without bfloat16 arithmetic.
        network: of early training; resnet8 on a CPU, resnet18 on a GPU, if not given.
        epochs: of early training at most; 100, or those of 400 steps, if not given.
        flip: an image may be mirrored in training; say --no-flip for letters and the like.
        hold_out: of <class>/*, draw a fifth of each class as test images, and write train/ and test/.
        skip_unreadable: leave out files that cannot be read as images, instead of stopping.
        link: originals become hard links where that can be; --no-link copies them, so that a change of one leaves the other.
        seed: at least 0.
        dry_run: say how much there is to do and how long it takes, and write nothing.
        cache: folder for the stages' results, which are used again.
    """
    require(k >= 2, "k", k, "at least 2")
    require(seed >= 0, "seed", seed, "at least 0")
    require(epochs is None or epochs >= 1, "epochs", epochs, "at least 1")
    require(side is None or (side >= 8 and side % 8 == 0), "side", side, "multiples of 8")
    level, model = (
        Variants(strength, guidance=guidance, mix=mix),
        generator_settings(generator, kind, revision, prompt, steps, flip),
    )
    source = source_of(folder, hold_out)
    require_apart(out, source.where)
    contents = source.open()
    on_cpu = machine.on(Data("folder:x", None, 0)).type == "cpu"
    data = Data(
        f"{FOLDER_PREFIX}{source.where.name or 'images'}",
        None,
        0,
        side
        or usual_side(source, contents, (SIDES if generator is None else SIDES_OF_MODEL)[on_cpu]),
        skip_unreadable=skip_unreadable,
    )
    if precision is not None or generator is None:
        model = dataclasses.replace(model, precision=precision or default_precision(on_cpu))
    training = early_recipe(network, on_cpu, flip)
    count = sum(item.part == "train" for item in contents.items)
    early = Early(
        stop="auto", epochs=epochs or max(BUDGET, math.ceil(STEPS * training.batch / count))
    )
    run = Run(
        "augment", Method("tada", k), data, training, early, model, level, selection=Selection(rule)
    )
    print(*format_plan(run, source, count, len(contents.classes)), sep="\n", flush=True)
    task = Task(run, seed, source, cache / "artifacts", machine, link)
    if dry_run:
        print(*forecast(run, count, contents.classes, task.known_share(), machine), sep="\n")
        return 0
    print(*task.carry_out(out), sep="\n")
    return 0


def generator_settings(
    model: str | None,
    kind: KindName,
    revision: str | None,
    prompt: str,
    steps: int | None,
    flip: bool,
) -> Generator:
    """The model that is named, or one to be trained on the folder. What is named has seen other images, unless it says so itself."""
    require(
        model is None or steps is None,
        "steps with a generator that is there",
        steps,
        "none, as it is not trained",
    )
    if model is not None:
        return Generator(model=model, kind=kind, revision=revision, prompt=prompt, trained_on="external")
    require(
        kind == "auto" and revision is None,
        "kind, revision without a generator",
        (kind, revision),
        "auto, none",
    )
    small = size("small")
    return dataclasses.replace(small, steps=small.steps if steps is None else steps, flip=flip)


def early_recipe(network: str | None, on_cpu: bool, flip: bool) -> Training:
    """Early training: the paper's on a GPU; on a CPU a small network, which also needs fewer images in a batch."""
    base = Training(network="resnet8") if on_cpu else PAPER_SGD
    return dataclasses.replace(
        base, network=network or base.network, augment="crop-flip" if flip else "crop"
    )


def require_apart(out: Path, where: Path) -> None:
    """Raise ValueError if one of the two folders lies in the other: what is written would be read as a class."""
    a, b = out.expanduser().resolve(), where.resolve()
    require(
        not (a.is_relative_to(b) or b.is_relative_to(a)),
        "out",
        str(out),
        f"a folder neither in {where} nor above it",
    )


def format_plan(run: Run, source: Source, count: int, classes: int) -> list[str]:
    """What there is, and what to expect of it."""
    lines = [
        f"{source.about}: {count:,} training images, {classes} classes",
        f"computed on and written at {run.data.side} x {run.data.side} pixels (the centre square); another size: --side",
    ]
    if run.generator.model is not None:
        return [
            *lines,
            f"variants by {run.generator.model}, strength {run.variants.strength:g}, guidance {run.variants.guidance:g}",
        ]
    return [
        *lines,
        f"variants by a small model trained on these images alone, {run.generator.steps:,} steps",
        "note: a model trained for minutes on few images makes blurry, timid variants; where you can, use a pre-trained one: --generator",
    ]
