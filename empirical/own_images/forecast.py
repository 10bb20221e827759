"""What augmenting a folder will take: images, variants, denoiser evaluations, and time at rates measured on this machine."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from empirical.config import Run, Variants
from empirical.runtime.machine import Machine

if TYPE_CHECKING:
    import torch

    from empirical.data.images import Images

USUAL_SHARE = (0.3, 0.4)  # of slow examples, where early training stops in time (the paper's)
TIMED = 2  # steps that are timed, after one that is not
BATCH = (
    64  # images of an evaluation on a CPU: variants.BATCH, which torch would have to be loaded for
)


def forecast(
    run: Run, images: int, classes: tuple[str, ...], share: float | None, machine: Machine
) -> list[str]:
    """The lines of a dry run. share: of slow images, where early training is done already."""
    shares = (
        (1.0, 1.0)
        if run.selection.rule == "all"
        else USUAL_SHARE
        if share is None
        else (share, share)
    )
    known = run.selection.rule == "all" or share is not None
    each = round(run.variants.num_inference_steps * run.variants.strength) * (
        1 if run.variants.guidance == 1 else 2
    )
    made = [round(part * images) * (run.method.k - 1) for part in shares]
    steps = max(1, round(run.early.epochs * images / run.training.batch))
    measured = rates(run, classes, machine)
    early = steps * measured["early"] * (share is None)
    trained = run.generator.steps * measured["generator"] if run.generator.model is None else 0
    lines = [
        f"slow share      {span(*shares, '.0%')} ({'known' if known else 'what is usual; early training will tell'})",
        f"variants        {span(*made, ',')}",
        f"evaluations     {span(*(each * count for count in made), ',')} of the denoiser, about {each} for a variant",
        f"early training  {'done already' if share is not None else f'at most {minutes(early)}, {steps:,} steps of {run.training.batch}'}",
    ]
    if run.generator.model is None:
        lines.append(
            f"generator       {minutes(trained)}, {run.generator.steps:,} steps of {run.generator.batch}"
        )
    if (rate := measured["evaluation"]) is None:
        return [
            *lines,
            f"time            not known before {run.generator.model} is loaded; each evaluation is one pass of it",
        ]
    total = [
        early + trained + rate * each * max(BATCH, count) for count in made
    ]  # the last batch is filled up
    return [
        *lines,
        f"time            about {span(*map(minutes, total))}, at rates measured just now",
    ]


def span(low, high, form: str = "") -> str:
    """``low`` to ``high``, or one of them where they are the same."""
    a, b = format(low, form), format(high, form)
    return a if a == b else f"{a} to {b}"


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1, round(seconds))} s"


def rates(run: Run, classes: tuple[str, ...], machine: Machine) -> dict[str, float | None]:
    """Seconds of a step of early training, of a step of the generator's training, and of one image's evaluation; on random images.

    The last is None of a model on the hub, which is not fetched to be timed.
    """
    import numpy as np
    import torch

    from empirical.data.images import Images, on_device
    from empirical.generation import denoiser_trainer
    from empirical.generation import unet as diffusion
    from empirical.generation.backends.model_files import folder_of, precision
    from empirical.generation.backends.pixel_unet import from_unet
    from empirical.generation.backends.resolve import backend
    from empirical.runtime.seeding import stream
    from empirical.training.networks import classifier
    from empirical.training.trainer import train

    torch.set_num_threads(1)
    rng, side, device = stream(0, "forecast"), run.data.side, machine.on(run.data)
    noise = Images(
        rng.integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8),
        rng.integers(0, len(classes), BATCH),
        classes,
    )
    network = classifier(noise, run.training, 0).to(device)
    order = stream(0, "forecast order")
    found = {
        "early": seconds(
            train(network, *on_device(noise, device), run.training, 1 + TIMED, order), device
        )
    }
    one_step = dataclasses.replace(
        run.variants, strength=1 / run.variants.num_inference_steps, alpha_bar=None, from_noise=False
    )
    if run.generator.model is None:
        model = diffusion.unet(noise, run.generator, 0)
        few, dtype = (
            dataclasses.replace(run.generator, steps=1 + TIMED),
            precision(run.generator, device),
        )
        found["generator"] = seconds(
            denoiser_trainer.train_generator(model.to(device), noise, few, 0), device
        )
        made = from_unet(model, diffusion.noise_schedule(), one_step, classes, device, dtype=dtype)
        return {**found, "evaluation": evaluation(made, noise, one_step)}
    there = folder_of(run.generator.model) is not None
    made = backend(run.generator, one_step, classes, noise.shape, device) if there else None
    return {
        **found,
        "generator": None,
        "evaluation": evaluation(made, noise, one_step) if there else None,
    }


def seconds(steps, device: torch.device) -> float:
    """Of a step of a loop that yields after each."""
    import torch

    next(steps)
    began = time.monotonic()
    done = sum(1 for _ in steps)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.monotonic() - began) / max(1, done)


def evaluation(way, images: Images, variants: Variants) -> float:
    """Seconds of one image's evaluation, in a batch."""
    from empirical.data.images import tensors
    from empirical.runtime.seeding import torch_stream

    pixels, labels = tensors(images)
    generators = [torch_stream(0, "forecast", i) for i in range(len(pixels))]
    began = time.monotonic()
    way(pixels, labels, generators)
    return (time.monotonic() - began) / len(pixels) / (1 if variants.guidance == 1 else 2)
