"""Add variants of slow-to-learn images to a folder of images: the command ``augment``."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Annotated

import tyro

from empirical.commands.options import ModelKind, Revision, SkipUnreadable
from empirical.config import (
    Data,
    Early,
    Generator,
    Method,
    PrecisionName,
    RuleName,
    Run,
    Selection,
    Variants,
    require,
)
from empirical.config.generation import KindName
from empirical.data.sources.locate import FOLDER_PREFIX
from empirical.data.sources.source import Contents, Source
from empirical.generation.backends.model_files import local_folder
from empirical.generation.backends.resolve import check_model, model_kind
from empirical.generation.sizes import named_size
from empirical.own_images.augmenting import augment_folder
from empirical.own_images.early import SIDES, early_epochs, network_recipe
from empirical.own_images.folder import default_side, folder_source
from empirical.own_images.forecast import forecast_cost
from empirical.own_images.judge import judge_recipe
from empirical.own_images.named_models import NAMED
from empirical.own_images.suspects import read_exclusions
from empirical.own_images.targets import claimed
from empirical.own_images.task import AugmentTask, Options
from empirical.own_images.words import class_words, read_mapping, require_words
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from empirical.runtime.precision import default_precision
from figures.records import OUTPUT, default_workers

DENOISING_STEPS = Variants().num_inference_steps

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
    guidance: float | None = None,
    denoising_steps: int | None = None,
    mix: bool = False,
    side: int | None = None,
    resolution: int | None = None,
    prompts: Path | None = None,
    negative_prompt: str = "",
    classes_of_model: Path | None = None,
    adapt: int = 0,
    rule: RuleName = "cluster",
    outputs: Path | None = None,
    steps: int | None = None,
    precision: PrecisionName | None = None,
    network: str | None = None,
    epochs: int | None = None,
    flip: bool = True,
    accept: bool = False,
    reject: bool = False,
    exclude: Path | None = None,
    drop_suspects: bool = False,
    hold_out: bool = False,
    skip_unreadable: SkipUnreadable = False,
    link: bool = False,
    seed: int = 0,
    threads: int | None = None,
    dry_run: bool = False,
    machine: Machine = DEFAULT_MACHINE,
    cache: Path = OUTPUT,
) -> int:
    """Add variants of slow-to-learn images to a folder of images.

    It trains a network briefly, selects the slow images, generates variants, and writes a folder.

    Variants that a judge does not recognise are not written. If interrupted, the same command
    resumes.

    Args:
        out: folder to write, new or empty: originals, variants (NAME-variant-COPY.png), sheet.png,
            scores.csv, variants.csv, suspects.csv and manifest.json.
        k: times that a slow image appears, itself and k - 1 variants; at least 2.
        generator: pre-trained diffusion model: sd15, sd-turbo, sdxl, sdxl-turbo, sd3, flux, a
            folder, or a name on the Hugging Face hub; if not given, a small one is trained on the
            folder.
        prompt: prompt of a text-to-image model; {class} stands for the name of the class's folder,
            or for its words in --prompts.
        strength: how far a variant leaves its source, a fraction of the noise schedule, (0, 1].
        guidance: scale of classifier-free guidance, at least 0; 1 is the conditional model itself;
            if not given, what a named generator is made for, else 1; text-to-image models are made
            for 3 to 8.
        denoising_steps: denoising steps of the whole schedule, of which a part as large as
            --strength is run; a divisor of 1000; if not given, what a named generator is made for,
            else 50.
        mix: join half of the source with half of its variant and a little of a fractal, as in
            DiffuseMix.
        side: write all images, originals too, as squares of this side, in pixels, a multiple of 8;
            if not given, each variant has the size and frame of its source.
        resolution: side of the images that networks are trained on, in pixels, a multiple of 8; if
            not given, that of the images, at most 32 on a CPU and 64 on a GPU.
        prompts: CSV file with the columns class, words and, if you like, negative: what a
            text-to-image model reads for a class; several lines for a class are used in turn.
        negative_prompt: what a text-to-image model is to avoid, in all classes.
        classes_of_model: CSV file with the columns class and model_class, a name or number, for a
            class-conditional generator; needed if it knows its classes by other names.
        adapt: adapt a text-to-image generator to the images by LoRA for so many steps (500 to 2000
            are usual); 0: take it as it is.
        rule: rule that selects the slow images.
        outputs: outputs of your own model, early in its training, that select in place of early
            training here: a .npz file (outputs, files), a .csv file (file, a column for each
            class), or scores.csv of an earlier result.
        steps: number of steps that the generator is trained on the folder; if not given, 2000, and
            up to twice doubled while the judge refuses its variants.
        precision: precision of the generator's passes; if not given, float32 with --generator;
            otherwise bfloat16, but float32 on a processor without bfloat16 arithmetic.
        network: network of early training and of the judge; if not given, resnet8 on a CPU,
            resnet18 on a GPU.
        epochs: most epochs of early training, at least 1; if not given, 100, or as many as make 400
            steps.
        flip: mirror images at random in training; use --no-flip for letters and the like.
        accept: write the variants even if the judge does not recognise them.
        reject: leave out each variant that the judge does not recognise.
        exclude: file with images to leave out: a CSV file with a column file, such as suspects.csv,
            or one path in the folder in each line.
        drop_suspects: leave out all images whose label may be wrong.
        hold_out: with CLASS/*, draw a fifth of each class as test images, and write train/ and
            test/.
        link: write originals as hard links where possible: they take no room, but changing one
            changes the other; if not given, they are copied.
        seed: seed of all random draws, at least 0.
        threads: threads of the CPU; if not given, all cores; with 1 the same command gives the same
            bits on every machine of the same kind.
        dry_run: print how much there is to do and how long it takes, and write nothing.
        cache: folder that keeps the results of stages for later calls.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # or busy cores make threads wait for ever
    require(k >= 2, "k", k, "at least 2")
    require(seed >= 0, "seed", seed, "at least 0")
    require(epochs is None or epochs >= 1, "epochs", epochs, "at least 1")
    for name, value in (("side", side), ("resolution", resolution)):
        require(value is None or (value >= 8 and value % 8 == 0), name, value, "multiples of 8")
    require(threads is None or threads >= 1, "threads", threads, "at least 1")
    require(not (accept and reject), "accept, reject", "both", "at most one of them")
    known = NAMED.get(generator or "")
    variants = Variants(
        strength,
        num_inference_steps=denoising_steps or (known.steps if known else DENOISING_STEPS),
        guidance=guidance if guidance is not None else (known.guidance if known else 1.0),
        mix=mix,
    )
    excluded = frozenset[str]() if exclude is None else read_exclusions(exclude)
    source = folder_source(folder, hold_out, excluded)
    require_apart(out, source.where)
    contents = source.open()
    model = generator_settings(generator, kind, revision, prompt, steps, flip)
    model = with_class_files(
        model, source, contents.classes, prompts, negative_prompt, classes_of_model, adapt
    )
    on_cpu = machine.on(Data("folder:x", None, 0)).type == "cpu"
    count = sum(item.part == "train" for item in contents.items)
    data = Data(
        f"{FOLDER_PREFIX}{source.where.name or 'images'}",
        train=None,
        validation=0,
        side=resolution or default_side(source, contents, SIDES[on_cpu]),
        skip_unreadable=skip_unreadable,
    )
    if precision is not None or generator is None:
        model = dataclasses.replace(model, precision=precision or default_precision(on_cpu))
    training = network_recipe(network, on_cpu, flip)
    budget = epochs or early_epochs(count, training.batch)
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
    options = Options(
        judge_recipe(count, network, on_cpu, flip),
        side,
        accept,
        reject,
        drop_suspects,
        outputs,
        search=steps is None,
        threads=threads or default_workers(),
    )
    print(*format_plan(run, source, count, contents, options), sep="\n", flush=True)
    task = AugmentTask(run, seed, source, cache / "artifacts", machine, link, options)
    if dry_run:
        check_model(model)
        share = task.known_share()
        lines = forecast_cost(run, count, contents.classes, share, machine, options)
        print(*lines, sep="\n")
        return 0
    with claimed(out):
        print(*augment_folder(task, out), sep="\n")
    return 0


def with_class_files(
    model: Generator,
    source: Source,
    classes: tuple[str, ...],
    prompts: Path | None,
    negative_prompt: str,
    classes_of_model: Path | None,
    adapt: int,
) -> Generator:
    """Return a generator's settings with words, classes and adaptation as files and options say.

    Raises ValueError for options without a pre-trained generator, and for files that do not fit.
    """
    if model.model is None:
        given = [
            name
            for name, value in (
                ("prompts", prompts),
                ("negative-prompt", negative_prompt),
                ("classes-of-model", classes_of_model),
                ("adapt", adapt),
            )
            if value
        ]
        require(not given, "options without --generator", ", ".join(given), "none of these")
        return model
    words = class_words(source.where, classes, prompts, negative_prompt)
    known = next((each for each in NAMED.values() if each.model == model.model), None)
    is_text = known is not None or (
        local_folder(model.model) is not None and model_kind(model) == "text"
    )
    if is_text:
        require_words(classes, words)
    if known is not None:
        allowed = "0 for a model that is distilled to few steps, which adapting undoes"
        require(adapt == 0 or not known.distilled, "adapt", adapt, allowed)
    return dataclasses.replace(
        model,
        words=words,
        classes_of_model=() if classes_of_model is None else read_mapping(classes_of_model),
        adapt=adapt,
    )


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
        known = NAMED.get(model)
        return Generator(
            model=known.model if known else model,
            kind=kind,
            revision=revision,
            prompt=prompt,
            trained_on="external",
            flip=flip,
        )
    require(
        kind == "auto" and revision is None,
        "kind, revision without a generator",
        (kind, revision),
        "auto, none",
    )
    small = named_size("small")
    return dataclasses.replace(small, steps=small.steps if steps is None else steps, flip=flip)


def require_apart(out: Path, where: Path) -> None:
    """Raise ValueError if one folder lies in the other: the output would be read as a class."""
    target = out.expanduser().resolve()
    images = where.resolve()
    apart = not (target.is_relative_to(images) or images.is_relative_to(target))
    require(apart, "out", str(out), f"a folder neither in {where} nor above it")


def format_plan(
    run: Run, source: Source, count: int, contents: Contents, options: Options
) -> list[str]:
    """Format what was found, the side that is computed on, and which generator makes variants."""
    side = run.data.side
    if options.side is None:
        written = "each variant is written at the size of its source"
    else:
        written = f"all images are written as squares of {options.side} pixels"
    lines = [
        f"{source.about}: {count:,} training images, {len(contents.classes)} classes",
        f"networks see {side} x {side} pixels (--resolution); {written}",
    ]
    if contents.ignored or contents.problems:
        lines.append(
            f"{contents.ignored:,} files are no images and are ignored; "
            f"{len(contents.problems):,} cannot be used"
        )
    lines += contents.notes
    model, variants = run.generator.model, run.variants
    if model is not None:
        noise = (
            f"strength {variants.strength:g}, guidance {variants.guidance:g}, "
            f"{round(variants.strength * variants.num_inference_steps)} denoising steps"
        )
        known = next((each for each in NAMED.values() if each.model == model), None)
        lines.append(f"variants by {model}, {noise}")
        return lines if known is None else [*lines, known.about]
    steps = run.generator.steps
    return [
        *lines,
        f"variants by a small model trained only on these images, {steps:,} steps"
        + (" or more" if options.search else ""),
        "note: a model trained for minutes on few images makes blurry, timid variants; "
        "if you can, use a pre-trained one: --generator sd-turbo",
    ]
