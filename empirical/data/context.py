"""One run of one seed together with where it is computed: what every stage needs."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from empirical.config import Run
from empirical.data.split import Split, split_dataset
from empirical.runtime.machine import DEFAULT_MACHINE, Machine

if TYPE_CHECKING:
    import torch


@dataclasses.dataclass(frozen=True)
class Context:
    """A run, its seed, the folder of stage results, and the machine; the split is made on demand.

    run: the settings. seed: at least 0. root: the artifacts folder. machine: device and speed,
    which do not change the numbers on a CPU.
    """

    run: Run
    seed: int
    root: Path
    machine: Machine = DEFAULT_MACHINE

    @cached_property
    def parts(self) -> Split:
        """The split of this seed, made once. Raises ValueError as ``split`` does."""
        return split_dataset(self.run.data, self.seed, self.root)

    @property
    def device(self) -> torch.device:
        """The device for this run's data. Raises ValueError if it is not there."""
        return self.machine.on(self.run.data)

    def with_run(self, run: Run) -> Context:
        """Return this context for another run; a split already made is kept if the data agree."""
        other = dataclasses.replace(self, run=run)
        if "parts" in vars(self) and run.data == self.run.data:
            return other.with_parts(self.parts)
        return other

    def with_parts(self, parts: Split) -> Context:
        """Return this context with the given split in place of the one of its seed."""
        other = dataclasses.replace(self)
        vars(other)["parts"] = parts
        return other
