"""Training a generator to keep: a bar that tells how far it is, checkpoints, contact sheets on the way, and the finished folder."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from empirical.config import Data, Generator, Variants
from empirical.data.images import Images, tensors
from empirical.generation import denoiser_trainer
from empirical.generation import saved_model as generator_folder
from empirical.generation import unet as diffusion
from empirical.generation.denoising import noise_then_denoise
from empirical.generation.quality.contact_sheet import contact_sheet
from empirical.runtime.locks import locked
from empirical.runtime.machine import Machine
from empirical.runtime.seeding import torch_stream
from empirical.training.fit import check_steps, forget_checkpoint, load_checkpoint, save_checkpoint
from empirical.training.trainer import Diverged
from figures.records import digest

if TYPE_CHECKING:
    from diffusers import UNet2DModel
    from tqdm import tqdm

LOOKS = 100  # times the mean loss is asked for, which makes the host wait for a GPU
LAST = 5  # of them, whose mean is the final loss
STRENGTHS = (0.3, 0.5, 0.7)
FROM_NOISE = 2  # images a class drawn from pure noise
ROWS = 20  # classes on a sheet at most
WARM, TIMED, LONG = (
    5,
    20,
    20,
)  # steps of warming up (on a CPU 1), steps timed at most, seconds after which they are enough


@dataclasses.dataclass(frozen=True)
class Task:
    """What is trained on what. images: those seen, ``indices`` of the data set's training images; content: digest of the data set."""

    data: Data
    images: Images
    indices: np.ndarray
    content: str
    settings: Generator
    seed: int

    @property
    def identity(self) -> str:
        """Digest of all that the weights depend on, on one kind of device."""
        seen = generator_folder.sha256(self.indices)
        return digest([self.data, self.content, seen, self.settings, self.seed, versions()])

    def trainer(self, device: torch.device, compile: bool) -> denoiser_trainer.DenoiserTrainer:
        model = diffusion.unet(self.images, self.settings, self.seed).to(device)
        return denoiser_trainer.DenoiserTrainer(
            model, self.images, self.settings, self.seed, compile
        )


def versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "diffusers", "numpy")}


def train(
    task: Task,
    folder: Path,
    machine: Machine,
    sheets: int = 4,
    bf16: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Train to the end and write ``folder``; returns what it says of itself. A folder finished before is left as it is.

    On the way ``FOLDER.training`` holds the checkpoint and the sheets (``sheets`` of them, evenly, the last at the end), which then move
    into the folder. Stopped anywhere, the same call goes on from the last checkpoint, on a CPU to the same bits. Raises ValueError if what
    is there is of another task, Diverged if the loss is not finite.
    """
    working = folder.with_name(folder.name + ".training")
    working.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if folder.exists():
            if generator_folder.load_about(folder).get("identity") != task.identity:
                raise ValueError(
                    f"{folder} holds another generator; allowed: that of these settings; give another --folder or remove it"
                )
        else:
            trainer, about = _run(task, working, machine, sheets, quiet)
            generator_folder.save(
                folder, trainer.averaged(), diffusion.noise_schedule(), about, task.indices, bf16
            )
        for drawn in sorted(working.glob("*.png")):
            drawn.replace(folder / drawn.name)
        shutil.rmtree(working)
    return generator_folder.load_about(folder)


def _about(
    task: Task, device: torch.device, curve: list[tuple[int, float]], seconds: float
) -> dict[str, Any]:
    """What the folder says; ``loss`` is the mean of the last twentieth of the steps."""
    return {
        "classes": list(task.images.classes),
        "data": task.data,
        "data_content": task.content,
        "seen": task.settings.trained_on,
        "settings": task.settings,
        "seed": task.seed,
        "steps": task.settings.steps,
        "images_seen": task.settings.steps * task.settings.batch,
        "loss": float(np.mean([loss for _, loss in curve[-LAST:]])),
        "curve": curve,
        "seconds": round(seconds, 1),
        "device": str(device),
        "versions": versions(),
        "identity": task.identity,
    }


def _run(
    task: Task, working: Path, machine: Machine, sheets: int, quiet: bool
) -> tuple[denoiser_trainer.DenoiserTrainer, dict[str, Any]]:
    """The trainer at its end, and what there is to say of it."""
    trainer = task.trainer(machine.on(task.data), machine.compile)
    looks, batch = Looks(trainer), task.settings.batch
    drawn = set(check_steps(task.settings.steps, sheets) if sheets else ())
    steps = going_on(trainer, working / "checkpoint.pt", machine.checkpoint, task.identity, looks)
    with _bar(task, trainer.step, quiet) as bar:
        for step in steps:
            bar.update(batch)
            if looks.add(step):
                bar.set_postfix(loss=f"{looks.curve[-1][1]:.4f}", refresh=False)
            if step in drawn:
                sheet(
                    working / f"step-{step:07d}.png",
                    trainer.averaged(),
                    diffusion.noise_schedule(),
                    task,
                )
    return trainer, _about(task, trainer.device, looks.curve, looks.seconds)


def going_on(
    trainer: denoiser_trainer.DenoiserTrainer,
    checkpoint: Path,
    every: float,
    identity: str,
    looks: Looks | None = None,
) -> Iterator[int]:
    """The steps to the end, each yielded when it is done, from the checkpoint if there is one; it is written every so many seconds.

    identity: of what is trained on what. looks: go on with the training. On a CPU the result does not depend on where, or how often, it was
    interrupted. Raises ValueError at once for a checkpoint of something else, or of another kind of device; on the way Diverged, with no
    checkpoint left, when the loss is not finite.
    """
    identity = f"{identity} {trainer.device.type}"  # each kind of device draws numbers of its own
    if (kept := load_checkpoint(checkpoint, trainer.device)) is not None:
        if kept["identity"] != identity:
            where = f"{checkpoint.parent} holds training with other settings, or on another device"
            raise ValueError(f"{where}; allowed: these; give another --folder or remove it")
        trainer.load_state_dict(kept["trainer"])
        if looks is not None:
            looks.load_state_dict(kept["looks"])
    return _saving(trainer, checkpoint, every, identity, looks)


def _saving(
    trainer: denoiser_trainer.DenoiserTrainer,
    checkpoint: Path,
    every: float,
    identity: str,
    looks: Looks | None,
) -> Iterator[int]:
    saved = time.monotonic()
    try:
        for step in trainer.run():
            yield step
            if time.monotonic() - saved >= every and step < trainer.config.steps:
                beside = {} if looks is None else {"looks": looks.state_dict()}
                save_checkpoint(
                    checkpoint, {"identity": identity, "trainer": trainer.state_dict(), **beside}
                )
                saved = time.monotonic()
    except Diverged:
        forget_checkpoint(checkpoint)
        raise


class Looks:
    """The mean loss since the look before, at up to ``LOOKS`` steps, evenly; and the seconds that training has taken."""

    def __init__(self, trainer: denoiser_trainer.DenoiserTrainer) -> None:
        self.trainer, self.steps = trainer, set(check_steps(trainer.config.steps, LOOKS))
        self.total, self.curve = torch.zeros((), device=trainer.device), []  # (step, mean loss)
        self.before, self.began = 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    def add(self, step: int) -> bool:
        """Count a step in; whether it was one to look at."""
        self.total += self.trainer.value
        if step in self.steps:
            self.curve.append(
                (step, self.total.item() / (step - (self.curve[-1][0] if self.curve else 0)))
            )
            self.total.zero_()
        return step in self.steps

    def state_dict(self) -> dict[str, Any]:
        return {"total": self.total, "curve": self.curve, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.total.copy_(state["total"])
        self.curve, self.before, self.began = (
            list(state["curve"]),
            state["seconds"],
            time.monotonic(),
        )


def _bar(task: Task, step: int, quiet: bool) -> tqdm:
    """Images seen, of how many, how many a second, and the time left."""
    from tqdm import tqdm

    batch = task.settings.batch
    words = {"unit": " images", "unit_scale": True, "dynamic_ncols": True, "mininterval": 1}
    return tqdm(
        total=task.settings.steps * batch,
        initial=step * batch,
        desc="generator",
        disable=quiet,
        **words,
    )


def sheet(path: Path, model: UNet2DModel, schedule, task: Task) -> None:
    """A PNG: a row for each class (20 at most), a seen image of it, its variants at several strengths, and images from pure noise."""
    images, names = task.images, list(task.images.classes)[:ROWS]
    shown = [np.flatnonzero(images.labels == c)[:1] for c in range(len(names))]
    names = [name for name, members in zip(names, shown, strict=True) if len(members)]
    pixels, labels = tensors(images[np.concatenate(shown)])
    pixels = pixels.contiguous()
    columns = [
        pixels,
        *(variants(model, schedule, pixels, labels, s, (0,), task) for s in STRENGTHS),
    ]
    columns += [
        variants(model, schedule, torch.zeros_like(pixels), labels, 1.0, (1, i), task)
        for i in range(FROM_NOISE)
    ]
    heads = ["source", *map(str, STRENGTHS), *["noise"] * FROM_NOISE]
    contact_sheet(path, torch.stack(columns, 1).numpy(), names, heads)


def variants(
    model: UNet2DModel,
    schedule,
    pixels: Tensor,
    labels: Tensor,
    strength: float,
    purpose: Sequence[int],
    task: Task,
) -> Tensor:
    """Noise to ``strength`` and denoise on the model's device, with noise of its own for each image; of strength 1 nothing is left."""
    device = model.device
    generators = [
        torch_stream(task.seed, "diffusion sheet", *purpose, i) for i in range(len(pixels))
    ]
    denoiser = diffusion.predict(model, 1.0, null=len(task.images.classes))
    with (
        torch.inference_mode(),
        torch.autocast(device.type, torch.bfloat16, enabled=task.settings.precision == "bfloat16"),
    ):
        made = noise_then_denoise(
            lambda x, t, y: denoiser(x, t, y).float(),
            schedule,
            pixels.to(device),
            labels.to(device),
            Variants(strength),
            generators,
        )
    return made.float().cpu()


def rate(task: Task, machine: Machine) -> float:
    """Images a second, measured over a few steps, or as many as end within seconds, that are then forgotten."""
    device = machine.on(task.data)
    warm = 1 if device.type == "cpu" else WARM
    few = dataclasses.replace(task, settings=dataclasses.replace(task.settings, steps=warm + TIMED))
    trainer = few.trainer(device, machine.compile)
    began = time.monotonic()
    for step in trainer.run():
        if step == warm:
            trainer.value.item()  # waits for the device
            began = time.monotonic()
        elif time.monotonic() - began > LONG:
            break
    trainer.value.item()
    return (trainer.step - warm) * task.settings.batch / max(time.monotonic() - began, 1e-9)
