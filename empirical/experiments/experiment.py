"""A named experiment: its runs and how many seeds each is computed for."""

from __future__ import annotations

import dataclasses

from empirical.config import (
    Recorded,
)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Runs that are computed and judged together.

    runs: computed for each of ``seeds`` seeds. records: the folder of records that it shares with
    other experiments; None for a folder of its own. claims: those of the design that it bears on.
    """

    name: str
    about: str
    seeds: int
    runs: tuple[Recorded, ...]
    records: str | None = None
    claims: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Return where its records lie, below the folder of records."""
        return f"empirical/{self.records or self.name}"

    def first(self, seeds: int | None) -> int:
        """Return the number of seeds to run when ``seeds`` are requested: all of them for None.

        Experiments with a single seed always run once.
        """
        return self.seeds if seeds is None or self.seeds == 1 else seeds
