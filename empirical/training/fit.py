"""Train a classifier with evaluations, checkpoints and reports of progress on the way."""

from __future__ import annotations

import contextlib
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from empirical.config import Training
from empirical.runtime.machine import Machine
from empirical.training.evaluation import History
from empirical.training.progress import Progress, Watch
from empirical.training.trainer import Diverged, Trainer, check_finite
from figures.records import Advance, atomic_write, leftovers

Pair = tuple[Tensor, Tensor]  # images and labels


def fit(
    network: nn.Module,
    images: Pair,
    originals: Pair,
    config: Training,
    steps: int,
    history: History,
    evaluations: int,
    rng: np.random.Generator,
    checkpoint: Path,
    machine: Machine,
    advance: Advance,
    watch: Watch | None = None,
    weights: Tensor | None = None,
) -> None:
    """Train the network in place; resume from the checkpoint if there is one.

    images, originals: the training set and the original images, with labels, on the network's
    device. The network is evaluated on the originals ``evaluations`` times, evenly spaced, and
    history keeps the results. advance: called with the fractions of the run that are done. watch:
    called after every epoch. weights: of the training images' losses, (m,), or None if all count
    alike. The result does not depend on where, or how often, the run was interrupted. Raises
    Diverged, and then removes the checkpoint.
    """
    engine = (machine.compile, machine.cuda_graph)
    trainer = Trainer(network, *images, config, steps, rng, *engine, weights)
    began = time.monotonic()
    earlier = 0.0
    if (kept := load_checkpoint(checkpoint, images[0].device)) is not None:
        trainer.load_state_dict(kept["trainer"])
        history.load_state_dict(kept["history"])
        earlier = kept["seconds"]
    evaluated = evenly_spaced_steps(steps, evaluations)
    advance(len(history.steps) / len(evaluated))
    clock = _EpochClock(trainer, len(images[1]), earlier)
    saved = time.monotonic()
    try:
        for step in trainer.run():
            if step in evaluated:
                history.add(step, network, *originals)
                check_finite(history.losses[-1].mean(), step, config)
                advance(1 / len(evaluated))
            if watch and clock.epoch_ends(step):
                watch(clock.progress(history))
            if time.monotonic() - saved >= machine.checkpoint and step < steps:
                state = {
                    "trainer": trainer.state_dict(),
                    "history": history.state_dict(),
                    "seconds": earlier + time.monotonic() - began,
                }
                save_checkpoint(checkpoint, state)
                saved = time.monotonic()
    except Diverged:
        forget_checkpoint(checkpoint)
        raise


def evenly_spaced_steps(steps: int, count: int) -> list[int]:
    """Return ``count`` evenly spaced steps of 1, ..., ``steps``, the last included, increasing.

    All steps if there are fewer than ``count``.
    """
    return sorted({max(1, round(steps * (i + 1) / count)) for i in range(count)})


class _EpochClock:
    """Find the last step of each epoch, and measure the epoch's speed.

    n: images in an epoch. earlier: seconds spent by earlier processes.
    """

    def __init__(self, trainer: Trainer, n: int, earlier: float) -> None:
        self.trainer = trainer
        self.n = n
        self.earlier = earlier
        self.step = trainer.step  # at the last report
        self.time = time.monotonic()  # at the last report

    def epoch_ends(self, step: int) -> bool:
        """Return whether an epoch, or the run, ends with this step."""
        batch = self.trainer.config.batch
        return step == self.trainer.steps or step * batch // self.n > (step - 1) * batch // self.n

    def progress(self, history: History) -> Progress:
        """Return the state of the run; speed and loss are those since the last call."""
        step = self.trainer.step
        now = time.monotonic()
        done = step - self.step
        seconds = now - self.time
        self.step = step
        self.time = now
        batch = self.trainer.config.batch
        return Progress(
            step=step,
            steps=self.trainer.steps,
            epoch=step * batch / self.n,
            loss=self.trainer.mean_loss(),
            rate=done * batch / max(seconds, 1e-9),
            seconds_left=(self.trainer.steps - step) * seconds / max(1, done),
            error=float(1 - history.right[-1].mean()) if history.right else None,
            earlier=self.earlier,
        )


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, complete or not at all."""
    # another process that finishes the same run may remove the temporary file
    with contextlib.suppress(FileNotFoundError), atomic_write(path) as temporary:
        torch.save(state, temporary)


def forget_checkpoint(path: Path) -> None:
    """Remove a checkpoint and the temporary files of processes killed while they wrote it."""
    for left in (path, *leftovers(path)):
        left.unlink(missing_ok=True)


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """Return what ``save_checkpoint`` wrote; None if there is no checkpoint or it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch itself does not compare checksums
        return None if damaged else torch.load(path, map_location=device, weights_only=True)
    except Exception:  # whatever a missing or damaged file makes zipfile or torch raise
        return None
