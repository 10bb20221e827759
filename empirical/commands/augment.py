"""Add variants of slow-to-learn images to a folder of images: the command ``augment``."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Annotated

import tyro

from empirical.commands.options import ModelKind, Revision, SkipUnreadable
from empirical.config import (
    AugmentName,
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
from empirical.generation.sizes import named_size
from empirical.own_images.folder import default_side, folder_source
from empirical.own_images.forecast import forecast_cost
from empirical.own_images.stages import AugmentTask
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from empirical.runtime.precision import default_precision
from empirical.selection.scores import BUDGET
from figures.records import OUTPUT

STEPS = 400  # early training may last so many steps, also where 100 epochs are fewer
MAX_SIDE = {True: 32, False: 64}  # default limit on a CPU or not, if the generator is trained here
MAX_SIDE_PRETRAINED = {True: 32, False: 128}  # the same with a pre-trained generator

Folder = tyro.conf.Positional[
    Annotated[
        Path,
        tyro.conf.arg(
            metavar="FOLDER",
            help="folder of images: CLASS/*, all used for training, or train/CLASS/* and "
            "test/CLASS/*, where the test images are only copied.",
        ),
    ]
]


def augment(
    folder: Folder,
    /,
    out: Path,
    k: int = 2,
    generator: str | None = None,
    kind: ModelKind = "auto",
    revision: Revision = None,
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
    skip_unreadable: SkipUnreadable = False,
    link: bool = True,
    seed: int = 0,
    dry_run: bool = False,
    machine: Machine = DEFAULT_MACHINE,
    cache: Path = OUTPUT,
) -> int:
    """Add variants of slow-to-learn images to a folder of images.

    It trains a network briefly, selects the slow images, generates variants, and writes a folder.

    If interrupted, the same command resumes.

    Args:
        out: folder to write, new or empty: originals, variants (NAME-variant-COPY.png), scores.csv,
            variants.csv and manifest.json.
        k: times that a slow image appears, itself and k - 1 variants; at least 2.
        generator: pre-trained diffusion model, a folder or a name on the Hugging Face hub; if not
            given, a small one is trained on the folder.
        prompt: prompt of a text-to-image model; {class} stands for the name of the class's folder.
        strength: how far a variant leaves its source, a fraction of the noise schedule, (0, 1].
        guidance: scale of classifier-free guidance, at least 0; 1 is the conditional model itself;
            text-to-image models are made for 3 to 8.
        mix: join half of the source with half of its variant and a little of a fractal, as in
            DiffuseMix.
        side: side of the variants and of all images computed on, in pixels, a multiple of 8; if not
            given, that of the images, at most 32 on a CPU, on a GPU at most 64 (128 with
            --generator).
        rule: rule that selects the slow images.
        steps: number of steps that the generator is trained on the folder; if not given, 2000.
        precision: precision of the generator's passes; if not given, float32 with --generator;
            otherwise bfloat16, but float32 on a processor without bfloat16 arithmetic.
        network: network of early training; if not given, resnet8 on a CPU, resnet18 on a GPU.
        epochs: most epochs of early training, at least 1; if not given, 100, or as many as make 400
            steps.
        flip: mirror images at random in training; use --no-flip for letters and the like.
        hold_out: with CLASS/*, draw a fifth of each class as test images, and write train/ and
            test/.
        link: write originals as hard links if possible; with --no-link they are copied, so that
            changing one leaves the other as it is.
        seed: seed of all random draws, at least 0.
        dry_run: print how much there is to do and how long it takes, and write nothing.
        cache: folder that keeps the results of stages for later calls.
    """
    require(k >= 2, "k", k, "at least 2")
    require(seed >= 0, "seed", seed, "at least 0")
    require(epochs is None or epochs >= 1, "epochs", epochs, "at least 1")
    require(side is None or (side >= 8 and side % 8 == 0), "side", side, "multiples of 8")
    variants = Variants(strength, guidance=guidance, mix=mix)
    model = generator_settings(generator, kind, revision, prompt, steps, flip)
    source = folder_source(folder, hold_out)
    require_apart(out, source.where)
    contents = source.open()
    on_cpu = machine.on(Data("folder:x", None, 0)).type == "cpu"
    limit = (MAX_SIDE if generator is None else MAX_SIDE_PRETRAINED)[on_cpu]
    data = Data(
        f"{FOLDER_PREFIX}{source.where.name or 'images'}",
        train=None,
        validation=0,
        side=side or default_side(source, contents, limit),
        skip_unreadable=skip_unreadable,
    )
    if precision is not None or generator is None:
        model = dataclasses.replace(model, precision=precision or default_precision(on_cpu))
    training = early_recipe(network, on_cpu, flip)
    count = sum(item.part == "train" for item in contents.items)
    budget = epochs or max(BUDGET, math.ceil(STEPS * training.batch / count))
    run = Run(
        "augment",
        Method("tada", k),
        data,
        training,
        Early(stop="auto", epochs=budget),
        model,
        variants,
        selection=Selection(rule),
    )
    print(*format_plan(run, source, count, len(contents.classes)), sep="\n", flush=True)
    task = AugmentTask(run, seed, source, cache / "artifacts", machine, link)
    if dry_run:
        print(*forecast_cost(run, count, contents.classes, task.known_share(), machine), sep="\n")
        return 0
    print(*task.augment(out), sep="\n")
    return 0


def generator_settings(
    model: str | None,
    kind: KindName,
    revision: str | None,
    prompt: str,
    steps: int | None,
    flip: bool,
) -> Generator:
    """Return a pre-trained generator if ``model`` is given, else one to be trained on the folder.

    A pre-trained one counts as trained on other images, unless its own description says otherwise.
    Raises ValueError for options that do not go together.
    """
    if model is not None:
        given = "steps with a pre-trained generator"
        require(steps is None, given, steps, "none, as it is not trained")
        return Generator(
            model=model, kind=kind, revision=revision, prompt=prompt, trained_on="external"
        )
    require(
        kind == "auto" and revision is None,
        "kind, revision without a generator",
        (kind, revision),
        "auto, none",
    )
    small = named_size("small")
    return dataclasses.replace(small, steps=small.steps if steps is None else steps, flip=flip)


def early_recipe(network: str | None, on_cpu: bool, flip: bool) -> Training:
    """Return the settings of early training: the paper's on a GPU, a small network on a CPU.

    A CPU also takes fewer images in a batch.
    """
    base = Training(network="resnet8") if on_cpu else PAPER_SGD
    augment: AugmentName = "crop-flip" if flip else "crop"
    return dataclasses.replace(base, network=network or base.network, augment=augment)


def require_apart(out: Path, where: Path) -> None:
    """Raise ValueError if one folder lies in the other: the output would be read as a class."""
    target = out.expanduser().resolve()
    images = where.resolve()
    apart = not (target.is_relative_to(images) or images.is_relative_to(target))
    require(apart, "out", str(out), f"a folder neither in {where} nor above it")


def format_plan(run: Run, source: Source, count: int, classes: int) -> list[str]:
    """Format what was found, the side that is computed on, and which generator makes variants."""
    side = run.data.side
    lines = [
        f"{source.about}: {count:,} training images, {classes} classes",
        f"computed on and written at {side} x {side} pixels (the centre square); "
        "another size: --side",
    ]
    model, variants = run.generator.model, run.variants
    if model is not None:
        noise = f"strength {variants.strength:g}, guidance {variants.guidance:g}"
        return [*lines, f"variants by {model}, {noise}"]
    steps = run.generator.steps
    return [
        *lines,
        f"variants by a small model trained only on these images, {steps:,} steps",
        "note: a model trained for minutes on few images makes blurry, timid variants; "
        "if you can, use a pre-trained one: --generator",
    ]
