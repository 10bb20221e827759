"""Train a generator to keep: progress bar, checkpoints, contact sheets, and the finished folder."""

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
from empirical.generation.denoising import noise_then_denoise
from empirical.generation.quality.contact_sheet import write_contact_sheet
from empirical.generation.saved_model import digest_indices, read_training_info, save_generator
from empirical.generation.unet import build_unet, guided_denoiser, noise_schedule
from empirical.runtime.locks import locked
from empirical.runtime.machine import Machine
from empirical.runtime.seeding import torch_stream
from empirical.training.fit import (
    evenly_spaced_steps,
    forget_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from empirical.training.trainer import Diverged
from figures.records import digest

if TYPE_CHECKING:
    from diffusers import UNet2DModel
    from tqdm import tqdm

POINTS = 100  # points of the loss curve; reading the loss makes the host wait for a GPU
LAST = 5  # points at the end of the curve whose mean is the final loss
STRENGTHS = (0.3, 0.5, 0.7)  # columns of a contact sheet
FROM_NOISE = 2  # further columns: images drawn from pure noise
ROWS = 20  # classes shown on a contact sheet at most
WARM_UP = 5  # steps before timing begins; 1 on a CPU
TIMED = 20  # steps that are timed at most
TIMED_SECONDS = 20  # timing ends after so many seconds


@dataclasses.dataclass(frozen=True)
class TrainingTask:
    """What a generator is trained on, and how.

    images: the images seen. indices: (n,), which of the data set's training images they are.
    content_digest: of the whole data set; empty for digits.
    """

    data: Data
    images: Images
    indices: np.ndarray
    content_digest: str
    settings: Generator
    seed: int

    @property
    def identity(self) -> str:
        """Digest of everything the weights depend on, on one kind of device."""
        seen = digest_indices(self.indices)
        return digest(
            [
                self.data,
                self.content_digest,
                seen,
                self.settings,
                self.seed,
                training_versions(),
            ]
        )

    def trainer(self, device: torch.device, compile: bool) -> denoiser_trainer.DenoiserTrainer:
        """Return a trainer that has not begun, with its model on ``device``."""
        model = build_unet(self.images, self.settings, self.seed).to(device)
        return denoiser_trainer.DenoiserTrainer(
            model, self.images, self.settings, self.seed, compile
        )


def training_versions() -> dict[str, str]:
    """Return the versions of the libraries that the weights depend on."""
    return {name: version(name) for name in ("torch", "diffusers", "numpy")}


def train_to_folder(
    task: TrainingTask,
    folder: Path,
    machine: Machine,
    sheets: int = 4,
    bf16: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Train a generator to the end and write its folder; return the content of its training.json.

    A folder that was finished before is left as it is. sheets: number of contact sheets, evenly
    spaced over the training, the last at its end. bf16: store the weights in half the bytes.

    During the training ``FOLDER.training`` holds the checkpoint and the contact sheets, which are
    then moved into the folder. After an interruption the same call continues from the last
    checkpoint, on a CPU to the same bits. Raises ValueError if there is the result of another task,
    Diverged if the loss is not finite.
    """
    working = folder.with_name(folder.name + ".training")
    working.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if folder.exists():
            if read_training_info(folder).get("identity") != task.identity:
                raise ValueError(
                    f"{folder} holds another generator; allowed: that of these settings; give "
                    "another --folder or remove it"
                )
        else:
            trainer, info = _train(task, working, machine, sheets, quiet)
            save_generator(folder, trainer.averaged(), noise_schedule(), info, task.indices, bf16)
        for sheet in sorted(working.glob("*.png")):
            sheet.replace(folder / sheet.name)
        shutil.rmtree(working)
    return read_training_info(folder)


def _train(
    task: TrainingTask, working: Path, machine: Machine, sheets: int, quiet: bool
) -> tuple[denoiser_trainer.DenoiserTrainer, dict[str, Any]]:
    """Train to the end; return the trainer and the content of training.json."""
    steps = task.settings.steps
    batch = task.settings.batch
    sheet_steps = set(evenly_spaced_steps(steps, sheets)) if sheets else set()
    trainer = task.trainer(machine.on(task.data), machine.compile)
    curve = LossCurve(trainer)
    checkpoint = working / "checkpoint.pt"
    training = train_with_checkpoints(trainer, checkpoint, machine.checkpoint, task.identity, curve)
    with _progress_bar(task, trainer.step, quiet) as bar:
        for step in training:
            bar.update(batch)
            if curve.add(step):
                bar.set_postfix(loss=f"{curve.points[-1][1]:.4f}", refresh=False)
            if step in sheet_steps:
                path = working / f"step-{step:07d}.png"
                write_sample_sheet(path, trainer.averaged(), noise_schedule(), task)
    return trainer, _training_info(task, trainer.device, curve)


def _training_info(task: TrainingTask, device: torch.device, curve: LossCurve) -> dict[str, Any]:
    """Return the content of training.json; ``loss`` is the mean of the last 5% of the steps."""
    settings = task.settings
    return {
        "classes": list(task.images.classes),
        "data": task.data,
        "data_content": task.content_digest,
        "seen": settings.trained_on,
        "settings": settings,
        "seed": task.seed,
        "steps": settings.steps,
        "images_seen": settings.steps * settings.batch,
        "loss": float(np.mean([loss for _, loss in curve.points[-LAST:]])),
        "curve": curve.points,
        "seconds": round(curve.seconds, 1),
        "device": str(device),
        "versions": training_versions(),
        "identity": task.identity,
    }


def train_with_checkpoints(
    trainer: denoiser_trainer.DenoiserTrainer,
    checkpoint: Path,
    interval: float,
    identity: str,
    curve: LossCurve | None = None,
) -> Iterator[int]:
    """Return an iterator that trains to the end and yields the number of every step done.

    It continues from the checkpoint if there is one, and writes it every ``interval`` seconds.
    identity: digest of what is trained on what. curve: saved and restored with the training. On a
    CPU the result does not depend on where, or how often, the training was interrupted.
    Raises ValueError at once if the checkpoint belongs to another training or another kind of
    device; Diverged while training, and then removes the checkpoint, if the loss is not finite.
    """
    identity = f"{identity} {trainer.device.type}"  # each kind of device draws other numbers
    if (saved := load_checkpoint(checkpoint, trainer.device)) is not None:
        if saved["identity"] != identity:
            raise ValueError(
                f"{checkpoint.parent} holds training with other settings, or on another device; "
                "allowed: these; give another --folder or remove it"
            )
        trainer.load_state_dict(saved["trainer"])
        if curve is not None:
            curve.load_state_dict(saved["loss_curve"])
    return _train_saving(trainer, checkpoint, interval, identity, curve)


def _train_saving(
    trainer: denoiser_trainer.DenoiserTrainer,
    checkpoint: Path,
    interval: float,
    identity: str,
    curve: LossCurve | None,
) -> Iterator[int]:
    """Train from where the trainer stands, saving a checkpoint every ``interval`` seconds."""
    last_saved = time.monotonic()
    try:
        for step in trainer.run():
            yield step
            due = time.monotonic() - last_saved >= interval
            if due and step < trainer.config.steps:
                state = {"identity": identity, "trainer": trainer.state_dict()}
                if curve is not None:
                    state["loss_curve"] = curve.state_dict()
                save_checkpoint(checkpoint, state)
                last_saved = time.monotonic()
    except Diverged:
        forget_checkpoint(checkpoint)
        raise


class LossCurve:
    """The loss at up to ``POINTS`` evenly spaced steps, and the seconds that training has taken.

    points: list of (step, mean loss since the point before).
    """

    def __init__(self, trainer: denoiser_trainer.DenoiserTrainer) -> None:
        self.trainer = trainer
        self.steps = set(evenly_spaced_steps(trainer.config.steps, POINTS))
        self.total = torch.zeros((), device=trainer.device)
        self.points: list[tuple[int, float]] = []
        self.earlier = 0.0  # seconds of the training before the last interruption
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of training, those before interruptions included."""
        return self.earlier + time.monotonic() - self.began

    def add(self, step: int) -> bool:
        """Add the loss of a step; return whether the step completes a point of the curve."""
        self.total += self.trainer.loss
        if step not in self.steps:
            return False
        before = self.points[-1][0] if self.points else 0
        self.points.append((step, self.total.item() / (step - before)))
        self.total.zero_()
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return the points, the sum since the last one, and the seconds."""
        return {"total": self.total, "curve": self.points, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned; the clock starts again."""
        self.total.copy_(state["total"])
        self.points = list(state["curve"])
        self.earlier = state["seconds"]
        self.began = time.monotonic()


def _progress_bar(task: TrainingTask, step: int, quiet: bool) -> tqdm:
    """Return a bar that shows images seen, the total, images a second, and the time left."""
    from tqdm import tqdm

    batch = task.settings.batch
    return tqdm(
        total=task.settings.steps * batch,
        initial=step * batch,
        desc="generator",
        disable=quiet,
        unit=" images",
        unit_scale=True,
        dynamic_ncols=True,
        mininterval=1,
    )


def write_sample_sheet(path: Path, model: UNet2DModel, schedule, task: TrainingTask) -> None:
    """Write a PNG with a row for each class, at most 20.

    A row shows an image the model has seen, its variants at several strengths, and images of the
    class drawn from pure noise.
    """
    images = task.images
    names = list(images.classes)[:ROWS]
    shown = [np.flatnonzero(images.labels == c)[:1] for c in range(len(names))]
    names = [name for name, members in zip(names, shown, strict=True) if len(members)]
    pixels, labels = tensors(images[np.concatenate(shown)])
    pixels = pixels.contiguous()
    blank = torch.zeros_like(pixels)
    columns = [pixels]
    columns += [
        denoise_samples(model, schedule, pixels, labels, strength, (0,), task)
        for strength in STRENGTHS
    ]
    columns += [
        denoise_samples(model, schedule, blank, labels, 1.0, (1, i), task)
        for i in range(FROM_NOISE)
    ]
    titles = ["source", *map(str, STRENGTHS), *["noise"] * FROM_NOISE]
    write_contact_sheet(path, torch.stack(columns, 1).numpy(), names, titles)


def denoise_samples(
    model: UNet2DModel,
    schedule,
    pixels: Tensor,
    labels: Tensor,
    strength: float,
    purpose: Sequence[int],
    task: TrainingTask,
) -> Tensor:
    """Return images noised to ``strength`` and denoised on the model's device, on the CPU.

    pixels: (n, channels, height, width), and so is the result. Each image has noise of its own,
    from a stream of ``purpose``. With strength 1 nothing is left of the source.
    """
    device = model.device
    generators = [
        torch_stream(task.seed, "diffusion sheet", *purpose, i) for i in range(len(pixels))
    ]
    predict = guided_denoiser(model, 1.0, null=len(task.images.classes))
    half = task.settings.precision == "bfloat16"
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        made = noise_then_denoise(
            lambda x, t, y: predict(x, t, y).float(),
            schedule,
            pixels.to(device),
            labels.to(device),
            Variants(strength),
            generators,
        )
    return made.float().cpu()


def measure_speed(task: TrainingTask, machine: Machine) -> float:
    """Return the images trained on in a second, measured over a few steps that are discarded."""
    device = machine.on(task.data)
    warm_up = 1 if device.type == "cpu" else WARM_UP
    settings = dataclasses.replace(task.settings, steps=warm_up + TIMED)
    trainer = dataclasses.replace(task, settings=settings).trainer(device, machine.compile)
    began = time.monotonic()
    for step in trainer.run():
        if step == warm_up:
            trainer.loss.item()  # waits for the device
            began = time.monotonic()
        elif time.monotonic() - began > TIMED_SECONDS:
            break
    trainer.loss.item()
    seconds = max(time.monotonic() - began, 1e-9)
    return (trainer.step - warm_up) * task.settings.batch / seconds
