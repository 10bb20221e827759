"""Train a diffusion model on a data set and keep it in a folder: the command ``diffusion``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from empirical.commands.options import (
    Classes,
    DataName,
    Root,
    Side,
    Train,
    Validation,
    data_settings,
    decode_first,
)
from empirical.config import Data, Generator, Run, require
from empirical.config.generation import TrainedOnName
from empirical.config.training import PrecisionName
from empirical.data.sources.locate import FOLDER_PREFIX, set_data_root
from empirical.generation.sizes import SizeName, count_parameters, named_size
from empirical.runtime import precision as bfloat16
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from figures.records import OUTPUT

if TYPE_CHECKING:
    from empirical.generation.training import TrainingTask

Action = tyro.conf.Positional[Annotated[Literal["train"], tyro.conf.arg(help="what to do.")]]


def diffusion(
    action: Action,
    name: DataName,
    /,
    size: SizeName = "medium",
    trained_on: TrainedOnName = "own",
    steps: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    flip: bool | None = None,
    precision: PrecisionName | None = None,
    side: Side = None,
    train: Train = None,
    candidate_pool: int | None = None,
    validation: Validation = None,
    classes: Classes = None,
    seed: int = 0,
    folder: Path | None = None,
    bf16: bool = False,
    sheets: int = 4,
    dry_run: bool = False,
    machine: Machine = DEFAULT_MACHINE,
    root: Root = None,
    out: Path = OUTPUT,
) -> int:
    """Train a class-conditional diffusion model on a data set and keep it in a folder.

    diffusers loads the folder, which also says which images the model was trained on.

    If interrupted, the same command resumes. Contact sheets are written during training.

    Args:
        size: size of the network, with a suitable number of steps: 0.2 (digits), 0.6, 2.5, 14, 26
            (gpu) or 20 (cifar10-gpu, a quarter of an hour on a GPU) million parameters.
        trained_on: images to train on; own: the training images of this seed; external: images that
            are in no training or validation set, with --candidate-pool of any seed.
        steps: number of training steps, at least 1; if not given, that of the size.
        batch: number of images in a batch, at least 1; if not given, that of the size.
        lr: learning rate, above 0; if not given, that of the size.
        flip: mirror training images at random; if not given, as the size says.
        precision: precision of the passes through the network; bfloat16 is slow on a processor
            without bfloat16 arithmetic; if not given, that of the size.
        candidate_pool: number of images from which the training images of every seed are drawn, at
            least --train (if that is not given, all of the pool are trained on); all other images
            are left for external models; if not given, all images that are not held out.
        seed: seed of the split, the first weights, the order and the noise, at least 0.
        folder: folder to write the model to; if not given, generators/NAME in the folder of --out.
        bf16: store the weights in bfloat16, half the bytes.
        sheets: number of contact sheets (sources, variants, images from noise), at least 0; the
            last is written at the end.
        dry_run: time a few steps, print the size and the expected duration, and stop.
        out: output folder; decoded images and models are kept there.
    """
    require(sheets >= 0, "sheets", sheets, "at least 0")
    require(seed >= 0, "seed", seed, "at least 0")
    require(
        not machine.cuda_graph,
        "machine.cuda_graph of a generator",
        machine.cuda_graph,
        "False; use --machine.compile",
    )
    set_data_root(root)
    settings = generator_settings(
        size, trained_on=trained_on, steps=steps, batch=batch, lr=lr, flip=flip, precision=precision
    )
    data = data_settings(name, train, validation, side, classes, candidate_pool=candidate_pool)
    machine.check(data)
    decode_first(data, out / "artifacts")

    import torch

    from empirical.generation.training import measure_speed, train_to_folder

    torch.set_num_threads(1)  # the same numbers as in an experiment
    task = make_task(data, settings, seed, out / "artifacts")
    print(*format_task(task), sep="\n", flush=True)
    on_cpu = machine.on(data).type == "cpu"
    if settings.precision == "bfloat16" and on_cpu and bfloat16.lacks_bfloat16():
        print(bfloat16.slow_precision_note("--precision"), flush=True)
    if dry_run:
        print(format_forecast(task, measure_speed(task, machine), machine))
        return 0
    folder = folder or out / "generators" / folder_name(task, size)
    about = train_to_folder(task, folder, machine, sheets, bf16)
    minutes = about["seconds"] / 60
    print(
        f"loss {about['loss']:.4f} after {about['images_seen']:,} images, "
        f"{minutes:.1f} minutes: {folder}"
    )
    return 0


def generator_settings(name: str, **changes: Any) -> Generator:
    """Return the settings of a named size, with the changes that are not None."""
    given = {field: value for field, value in changes.items() if value is not None}
    return dataclasses.replace(named_size(name), **given)


def make_task(data: Data, settings: Generator, seed: int, root: Path) -> TrainingTask:
    """Return the task with the images that experiments would allow this generator to see.

    root: folder of decoded images. Raises ValueError if no image is left over for it.
    """
    from empirical.data.context import Context
    from empirical.data.load import identify_by_content
    from empirical.generation.stage import training_images
    from empirical.generation.training import TrainingTask

    context = Context(Run(data=data, generator=settings), seed, root)
    images, indices, _ = training_images(context)
    content = context.parts.content
    return TrainingTask(identify_by_content(data, root), images, indices, content, settings, seed)


def folder_name(task: TrainingTask, size: str) -> str:
    """Return the name of the model's folder, such as ``cifar10-16px-medium-external-0``."""
    name = task.data.name.removeprefix(FOLDER_PREFIX)
    return f"{name}-{task.images.shape[1]}px-{size}-{task.settings.trained_on}-{task.seed}"


def format_task(task: TrainingTask) -> list[str]:
    """Format what is trained: the network, the images, and how many are seen."""
    settings = task.settings
    channels, side, _ = task.images.shape
    count = count_parameters(task.images, settings)
    classes = len(task.images.classes)
    total = settings.steps * settings.batch
    epochs = total / len(task.images)
    return [
        f"network        {count:,} parameters, channels {settings.channels}, "
        f"{channels} x {side} x {side} pixels",
        f"trained on     {len(task.images):,} images ({settings.trained_on}) of {classes} classes",
        f"to be seen     {total:,} images: {settings.steps:,} steps of {settings.batch}, "
        f"{epochs:.1f} epochs",
    ]


def format_forecast(task: TrainingTask, rate: float, machine: Machine) -> str:
    """Format the duration at ``rate`` images a second, without contact sheets."""
    minutes = task.settings.steps * task.settings.batch / rate / 60
    place = machine.on(task.data)
    return f"expected       {minutes:,.1f} minutes at {rate:,.0f} images/s on {place}"
