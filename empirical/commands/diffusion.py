"""The command ``diffusion``: train a generator on a data set, or on what an experiment leaves of it, and keep it in a folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from empirical.config import Data, Generator, Run, require
from empirical.config.generation import TrainedOnName
from empirical.config.training import PrecisionName
from empirical.data.decoded import find_or_decode
from empirical.data.sources.locate import FOLDER_PREFIX, set_data_root
from empirical.generation.sizes import SizeName, parameters, size
from empirical.runtime import precision as bfloat16
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from figures.records import OUTPUT

if TYPE_CHECKING:
    from empirical.generation.training import Task


def diffusion(
    action: tyro.conf.Positional[Literal["train"]],
    dataset: tyro.conf.Positional[str],
    /,
    size: SizeName = "medium",
    trained_on: TrainedOnName = "own",
    steps: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    flip: bool | None = None,
    precision: PrecisionName | None = None,
    side: int | None = None,
    train: int | None = None,
    candidate_pool: int | None = None,
    validation: int | None = None,
    classes: tuple[str, ...] | None = None,
    seed: int = 0,
    folder: Path | None = None,
    bf16: bool = False,
    sheets: int = 4,
    dry_run: bool = False,
    machine: Machine = DEFAULT_MACHINE,
    root: Path | None = None,
    out: Path = OUTPUT,
) -> int:
    """Train a class-conditional diffusion model and keep it as a folder that diffusers loads, which says what images it has seen.

    Stopped, the same command goes on from the last checkpoint. Contact sheets (sources, variants, images from noise) are made on the way.

    Args:
        action: train.
        dataset: digits, noisy-digits, cifar10, cifar100, tiny-imagenet, or folder:PATH for images of your own.
        size: of the network, with a budget of steps that suits it: 0.2, 0.6, 2.5, 14, 26 or 20 million parameters; the last is for CIFAR-10
            in a quarter of an hour of a GPU.
        trained_on: own, the training split of this seed; or external, the images that no seed of the pool trains or validates on.
        steps: the size's own if not given.
        batch: the size's own if not given.
        lr: the size's own if not given.
        flip: mirror images at random; the size's own if not given.
        precision: of the passes through the network; the size's own if not given. Processors without bfloat16 arithmetic are far quicker
            in float32.
        side: average pixels down to this side; of folder:PATH, the side to resize to (64 if not given).
        train: training images drawn by seed; the pool, or all that are not held out, if not given (400 digits).
        candidate_pool: draw the training images of every seed from so many; all others are for external generators.
        validation: images held out; 200 if not given, none of a folder.
        classes: these classes alone.
        seed: of the split, the first weights, the order and the noise.
        folder: of the generator; OUT/generators/NAME if not given.
        bf16: store the weights in half the bytes.
        sheets: contact sheets on the way, the last at the end.
        dry_run: say how large it is and how long it takes, measured by a few steps, and stop.
        root: where data sets lie; the environment variable TADA_DATA, or the folder data, if not given.
        out: folder for the decoded images and the generators.
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
    data = data_settings(
        dataset, side=side, train=train, candidate_pool=candidate_pool, validation=validation, classes=classes
    )
    machine.check(data)
    if not data.from_library:
        find_or_decode(
            data, out / "artifacts"
        )  # before torch is loaded: what is missing is told at once

    import torch

    from empirical.generation import training as generator_training

    torch.set_num_threads(1)  # the same numbers as in an experiment
    task = make_task(data, settings, seed, out / "artifacts")
    print(*format_task(task), sep="\n", flush=True)
    on_cpu = machine.on(data).type == "cpu"
    if settings.precision == "bfloat16" and on_cpu and bfloat16.lacks_bfloat16():
        print(bfloat16.slow_precision_note("--precision"), flush=True)
    if dry_run:
        print(format_forecast(task, generator_training.rate(task, machine), machine))
        return 0
    folder = folder or out / "generators" / folder_name(task, size)
    about = generator_training.train(task, folder, machine, sheets, bf16)
    print(
        f"loss {about['loss']:.4f} after {about['images_seen']:,} images, {about['seconds'] / 60:.1f} minutes: {folder}"
    )
    return 0


def generator_settings(name: str, **changes: object) -> Generator:
    """A named size with what is given (not None) changed."""
    return dataclasses.replace(
        size(name), **{field: value for field, value in changes.items() if value is not None}
    )


def data_settings(name: str, **settings: object) -> Data:
    """The data set: of digits the usual split where nothing is given; of others all images not held out, or all of the pool."""
    given = {field: value for field, value in settings.items() if value is not None}
    if name not in ("digits", "noisy-digits"):
        given = {
            "train": given.get("candidate_pool"),
            **({"validation": 0} if name.startswith(FOLDER_PREFIX) else {}),
            **given,
        }
    return Data(name, **given)


def make_task(data: Data, settings: Generator, seed: int, root: Path) -> Task:
    """The images that the generator may see, by the rule that experiments go by. Raises ValueError if none are left over."""
    from empirical.data.context import Context
    from empirical.data.load import identify_by_content
    from empirical.generation.stage import training_images
    from empirical.generation.training import Task

    context = Context(Run(data=data, generator=settings), seed, root)
    images, indices, _ = training_images(context)
    content = context.parts.content
    return Task(identify_by_content(data, root), images, indices, content, settings, seed)


def folder_name(task: Task, size: str) -> str:
    """Such as cifar10-16px-medium-external-0."""
    return f"{task.data.name.removeprefix(FOLDER_PREFIX)}-{task.images.shape[1]}px-{size}-{task.settings.trained_on}-{task.seed}"


def format_task(task: Task) -> list[str]:
    """What is going to be trained."""
    settings, (channels, side, _) = task.settings, task.images.shape
    count, total = parameters(task.images, settings), settings.steps * settings.batch
    return [
        f"network        {count:,} parameters, channels {settings.channels}, {channels} x {side} x {side} pixels",
        f"trained on     {len(task.images):,} images ({settings.trained_on}) of {len(task.images.classes)} classes",
        f"to be seen     {total:,} images: {settings.steps:,} steps of {settings.batch}, {total / len(task.images):.1f} epochs",
    ]


def format_forecast(task: Task, rate: float, machine: Machine) -> str:
    """How long it takes at so many images a second, contact sheets not counted."""
    minutes = task.settings.steps * task.settings.batch / rate / 60
    return (
        f"expected       {minutes:,.1f} minutes at {rate:,.0f} images/s on {machine.on(task.data)}"
    )
