"""From a training set to a trained and measured classifier: checks on the way, checkpoints, and what a watcher is told."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from empirical.config import Training
from empirical.runtime.machine import Machine
from empirical.training.evaluation import History
from empirical.training.trainer import Diverged, Trainer, check_finite
from figures.records import atomic_write, leftovers

Pair = tuple[Tensor, Tensor]


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands after an epoch."""

    step: int
    steps: int
    epoch: float
    loss: float  # mean over the epoch
    rate: float  # images a second; SAM sees each twice, which counts once
    seconds_left: float
    error: float | None  # on the training originals, at the last check
    earlier: float = 0.0  # seconds that processes before this one trained, whose checkpoint this one went on from

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds_left), 60)
        error = "" if self.error is None else f"  training error {self.error:6.2%}"
        done = f"epoch {self.epoch:6.1f}  step {self.step}/{self.steps}"
        return f"{done}  loss {self.loss:.4f}{error}  {self.rate:,.0f} images/s  {minutes}:{seconds:02d} left"


Watch = Callable[[Progress], None]


def fit(
    network: nn.Module,
    images: Pair,
    originals: Pair,
    config: Training,
    steps: int,
    history: History,
    checks: int,
    rng: np.random.Generator,
    checkpoint: Path,
    machine: Machine,
    advance: Callable[[float], None],
    watch: Watch | None = None,
) -> None:
    """Train the network in place, looking at the originals ``checks`` times, evenly; goes on from the checkpoint if there is one.

    images, originals: pixels and labels on the network's device. advance: told the fractions of the run that are done. The result does
    not depend on where, or how often, the run was interrupted. Raises Diverged, and leaves no checkpoint of what is lost.
    """
    trainer = Trainer(network, *images, config, steps, rng, machine.compile, machine.cuda_graph)
    began, earlier = time.monotonic(), 0.0
    if (kept := load_checkpoint(checkpoint, images[0].device)) is not None:
        trainer.load_state_dict(kept["trainer"])
        history.load_state_dict(kept["history"])
        earlier = kept["seconds"]
    places = check_steps(steps, checks)
    advance(len(history.steps) / len(places))
    told, saved = _Clock(trainer, len(images[1]), earlier), time.monotonic()
    try:
        for step in trainer.run():
            if step in places:
                history.add(step, network, *originals)
                check_finite(history.losses[-1].mean(), step, config)
                advance(1 / len(places))
            if watch and told.due(step):
                watch(told.progress(history))
            if time.monotonic() - saved >= machine.checkpoint and step < steps:
                spent = earlier + time.monotonic() - began
                save_checkpoint(
                    checkpoint,
                    {
                        "trainer": trainer.state_dict(),
                        "history": history.state_dict(),
                        "seconds": spent,
                    },
                )
                saved = time.monotonic()
    except Diverged:
        forget_checkpoint(checkpoint)
        raise


def check_steps(steps: int, checks: int) -> list[int]:
    """``checks`` steps, or as many as there are, evenly up to the last; increasing."""
    return sorted({max(1, round(steps * (i + 1) / checks)) for i in range(checks)})


class _Clock:
    """Tells when an epoch is over, and how fast it went."""

    def __init__(self, trainer: Trainer, n: int, earlier: float) -> None:
        self.trainer, self.n, self.earlier, self.step, self.time = (
            trainer,
            n,
            earlier,
            trainer.step,
            time.monotonic(),
        )

    def due(self, step: int) -> bool:
        batch = self.trainer.config.batch
        return step == self.trainer.steps or step * batch // self.n > (step - 1) * batch // self.n

    def progress(self, history: History) -> Progress:
        step, now, batch = self.trainer.step, time.monotonic(), self.trainer.config.batch
        done, seconds = step - self.step, now - self.time
        self.step, self.time = step, now
        error = float(1 - history.right[-1].mean()) if history.right else None
        left = (self.trainer.steps - step) * seconds / max(1, done)
        rate = done * batch / max(seconds, 1e-9)
        return Progress(
            step,
            self.trainer.steps,
            step * batch / self.n,
            self.trainer.mean_loss(),
            rate,
            left,
            error,
            self.earlier,
        )


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Written whole or not at all."""
    with (
        contextlib.suppress(FileNotFoundError),
        atomic_write(path) as temporary,
    ):  # another process has finished the same run, and cleared away
        torch.save(state, temporary)


def forget_checkpoint(path: Path) -> None:
    """Remove it, and what processes that were killed while they wrote it have left."""
    for left in (path, *leftovers(path)):
        left.unlink(missing_ok=True)


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """What ``save_checkpoint`` wrote, or None if there is none or it is damaged."""
    try:
        with zipfile.ZipFile(path) as whole:
            damaged = whole.testzip()  # torch itself does not compare checksums
        return None if damaged else torch.load(path, map_location=device, weights_only=True)
    except (
        Exception
    ):  # none, or whatever a damaged file makes zipfile or torch raise: the run then begins anew
        return None
