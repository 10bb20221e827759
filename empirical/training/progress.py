"""Report how far a long computation is: a bar, one line per epoch, curves in TensorBoard."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

NOT_PLOTTED = ("step", "steps", "earlier")  # fields of ``Progress`` without a TensorBoard curve


@dataclasses.dataclass(frozen=True)
class Progress:
    """The state of a classifier's training at the end of an epoch; ``str`` gives one line of it."""

    step: int  # steps done
    steps: int  # steps of the whole run
    epoch: float  # epochs done
    loss: float  # mean over the steps of this epoch
    rate: float  # images per second; SAM passes over each image twice, which counts once
    seconds_left: float
    error: float | None  # on the training originals at the last evaluation; None before the first
    earlier: float = 0.0  # seconds spent by earlier processes whose checkpoint this one resumed

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds_left), 60)
        error = "" if self.error is None else f"  training error {self.error:6.2%}"
        return (
            f"epoch {self.epoch:6.1f}  step {self.step}/{self.steps}  loss {self.loss:.4f}{error}"
            f"  {self.rate:,.0f} images/s  {minutes}:{seconds:02d} left"
        )


Watch = Callable[[Progress], None]  # is called after every epoch


def progress_bar(doing: str, total: int, unit: str) -> tqdm:
    """Return a bar on standard error that appears after half a second.

    It shows the fraction done, the rate and the time left. doing: what is done. unit: singular.
    """
    return tqdm(
        total=total, desc=doing, unit=f" {unit}s", file=sys.stderr, dynamic_ncols=True, delay=0.5
    )


class ProgressLog:
    """A ``Watch`` that prints one line per epoch on standard error.

    log: folder for TensorBoard curves; None for none. Raises ValueError if TensorBoard is needed
    and not installed. Use it as a context manager: leaving the block closes the TensorBoard file.
    """

    def __init__(self, log: Path | None = None) -> None:
        self.writer: SummaryWriter | None = None
        if log is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ModuleNotFoundError:
                raise ValueError(
                    "--log needs TensorBoard, which is not installed: "
                    ".venv/bin/python -m pip install tensorboard"
                ) from None
            self.writer = SummaryWriter(log)

    def __call__(self, progress: Progress) -> None:
        print(progress, file=sys.stderr, flush=True)
        if self.writer:
            for name, value in dataclasses.asdict(progress).items():
                if name not in NOT_PLOTTED and value is not None:
                    self.writer.add_scalar(name, value, progress.step)

    def __enter__(self) -> ProgressLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.writer:
            self.writer.close()
