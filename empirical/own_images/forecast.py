"""Forecast what augmenting a folder takes, at rates measured on this machine.

The numbers are variants, evaluations of the denoiser, and time.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from empirical.config import Run, Variants
from empirical.generation.quality.cross_fit import FOLDS
from empirical.runtime.machine import Machine

if TYPE_CHECKING:
    import torch

    from empirical.data.images import Images
    from empirical.generation.backends.protocol import Backend
    from empirical.own_images.task import Options

USUAL_SHARE = (0.3, 0.4)  # of slow examples, if early training stops in time (the paper's range)
TIMED = 2  # steps that are timed, after one that is not
BATCH = 64  # images of a call on a CPU: generation.variants.BATCH, whose import would load torch


@dataclasses.dataclass(frozen=True)
class Rates:
    """Seconds of one step or evaluation on this machine.

    early: a step of early training. generator: a step of the generator's training; 0 if none is
    trained. evaluation: one evaluation of the denoiser on one image; None for a model on the hub,
    which is not downloaded to be timed.
    """

    early: float
    generator: float
    evaluation: float | None


def forecast_cost(
    run: Run,
    images: int,
    classes: tuple[str, ...],
    share: float | None,
    machine: Machine,
    options: Options,
) -> list[str]:
    """Return the lines of a dry run.

    images: number of training images. share: share of slow images, known if early training is done
    already; None if not. A few steps of early training and of the generator are run and timed.
    """
    known = run.selection.rule == "all" or share is not None
    if run.selection.rule == "all":
        shares = (1.0, 1.0)
    else:
        shares = USUAL_SHARE if share is None else (share, share)
    strength_steps = round(run.variants.num_inference_steps * run.variants.strength)
    each = strength_steps * evaluations_per_step(run.variants)
    made = [round(part * images) * (run.method.k - 1) for part in shares]
    rates = measure_rates(run, classes, machine, options.threads)
    epochs = run.early.epochs or 0
    steps = max(1, round(epochs * images / run.training.batch))
    early = steps * rates.early if share is None else 0.0
    early_text = "done already"
    if share is None:
        early_text = f"at most {format_duration(early)}, {steps:,} steps of {run.training.batch}"
    if options.outputs is not None:
        early, early_text = 0.0, "none, by --outputs"
    judge_steps = FOLDS * (options.judging.steps or 0)
    judging = judge_steps * rates.early
    evaluations = [each * count for count in made]
    known_text = "known" if known else "what is usual; early training will tell"
    lines = [
        f"slow share      {format_range(shares[0], shares[1], '.0%')} ({known_text})",
        f"variants        {format_range(made[0], made[1], ',')}",
        f"evaluations     {format_range(evaluations[0], evaluations[1], ',')} of the denoiser, "
        f"about {each} for a variant",
        f"early training  {early_text}",
        f"judge           {format_duration(judging)}, {judge_steps:,} steps of "
        f"{options.judging.batch}",
    ]
    trained = run.generator.steps * rates.generator
    longer = ", or twice or four times as long" if options.search else ""
    if run.generator.model is None:
        lines.append(
            f"generator       {format_duration(trained)}, {run.generator.steps:,} steps of "
            f"{run.generator.batch}{longer}"
        )
    if rates.evaluation is None:
        lines.append(
            f"time            not known before {run.generator.model} is loaded; each evaluation is "
            "one pass of it"
        )
        return lines
    # the last batch is filled up, so a batch is the least that is computed
    total = [
        early + judging + trained + rates.evaluation * each * max(BATCH, count) for count in made
    ]
    time_text = format_range(*map(format_duration, total))
    return [*lines, f"time            about {time_text}, at rates measured just now"]


def evaluations_per_step(variants: Variants) -> int:
    """Return the evaluations of the denoiser per step and image: 2 with guidance, else 1."""
    return 1 if variants.guidance == 1 else 2


def format_range(low: object, high: object, form: str = "") -> str:
    """Format two values as ``low to high``, or as one if they look the same."""
    a = format(low, form)
    b = format(high, form)
    return a if a == b else f"{a} to {b}"


def format_duration(seconds: float) -> str:
    """Format a duration in minutes, below 90 seconds in seconds."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1, round(seconds))} s"


def measure_rates(run: Run, classes: tuple[str, ...], machine: Machine, threads: int) -> Rates:
    """Return how long steps and evaluations take, measured on random images."""
    import numpy as np
    import torch

    from empirical.data.images import Images, on_device
    from empirical.generation.backends.model_files import local_folder, network_dtype
    from empirical.generation.backends.pixel_unet import wrap_unet
    from empirical.generation.backends.resolve import load_backend
    from empirical.generation.denoiser_trainer import train_generator
    from empirical.generation.unet import build_unet, noise_schedule
    from empirical.runtime.seeding import stream
    from empirical.training.networks import classifier
    from empirical.training.trainer import train_classifier

    torch.set_num_threads(threads)
    rng = stream(0, "forecast")
    side = run.data.side
    assert side is not None  # whoever asks for a forecast has decided it
    device = machine.on(run.data)
    noise = Images(
        rng.integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8),
        rng.integers(0, len(classes), BATCH),
        classes,
    )
    network = classifier(noise, run.training, 0).to(device)
    pixels, labels = on_device(noise, device)
    order = stream(0, "forecast order")
    steps = train_classifier(network, pixels, labels, run.training, 1 + TIMED, order)
    early = seconds_per_step(steps, device)
    one_step = dataclasses.replace(
        run.variants,
        strength=1 / run.variants.num_inference_steps,
        alpha_bar=None,
        from_noise=False,
    )
    if run.generator.model is None:
        model = build_unet(noise, run.generator, 0).to(device)
        settings = dataclasses.replace(run.generator, steps=1 + TIMED)
        generator = seconds_per_step(train_generator(model, noise, settings, 0), device)
        dtype = network_dtype(run.generator, device)
        own = wrap_unet(model, noise_schedule(), one_step, classes, device, dtype=dtype)
        return Rates(early, generator, seconds_per_evaluation(own, noise, one_step))
    if local_folder(run.generator.model) is None:
        return Rates(early, 0.0, None)
    backend = load_backend(run.generator, one_step, classes, noise.shape, device)
    return Rates(early, 0.0, seconds_per_evaluation(backend, noise, one_step))


def seconds_per_step(steps: Iterator, device: torch.device) -> float:
    """Return the seconds of a step of a loop that yields after each; the first is not timed."""
    import torch

    next(steps)
    began = time.monotonic()
    done = sum(1 for _ in steps)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.monotonic() - began) / max(1, done)


def seconds_per_evaluation(backend: Backend, images: Images, variants: Variants) -> float:
    """Return the seconds of one evaluation of one image, in a batch.

    variants: settings of the backend, with a single denoising step.
    """
    from empirical.data.images import tensors
    from empirical.runtime.seeding import torch_stream

    pixels, labels = tensors(images)
    generators = [torch_stream(0, "forecast", i) for i in range(len(pixels))]
    began = time.monotonic()
    backend(pixels, labels, generators)
    return (time.monotonic() - began) / len(pixels) / evaluations_per_step(variants)
