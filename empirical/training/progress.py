"""What a person sees of a run: a line an epoch on standard error, and curves in TensorBoard if they ask for them."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from empirical.training.fit import Progress


def progress(doing: str, total: int, unit: str) -> tqdm:
    """A bar on standard error for what takes longer than half a second: how far, the rate and the time left."""
    return tqdm(
        total=total, desc=doing, unit=f" {unit}s", file=sys.stderr, dynamic_ncols=True, delay=0.5
    )


class Lines:
    """A watcher of ``fit``. log: folder for TensorBoard, None for none; ValueError if TensorBoard is not installed."""

    def __init__(self, log: Path | None = None) -> None:
        self.writer = None
        if log is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ModuleNotFoundError:
                raise ValueError(
                    "--log needs TensorBoard, which is not installed: .venv/bin/python -m pip install tensorboard"
                ) from None
            self.writer = SummaryWriter(log)

    def __call__(self, progress: Progress) -> None:
        print(progress, file=sys.stderr, flush=True)
        if self.writer:
            for name, value in dataclasses.asdict(progress).items():
                if name not in ("step", "steps", "earlier") and value is not None:
                    self.writer.add_scalar(name, value, progress.step)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.writer:
            self.writer.close()
