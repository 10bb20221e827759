"""A named experiment: its runs and how many seeds each is computed for."""

from __future__ import annotations

import dataclasses

from empirical.config import (
    Recorded,
)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """runs: what is done for each of ``seeds`` seeds. records: the pool that holds its records, shared with others; its own if None.

    claims: those of the design that it bears on.
    """

    name: str
    about: str
    seeds: int
    runs: tuple[Recorded, ...]
    records: str | None = None
    claims: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where its records lie, below the folder of records."""
        return f"empirical/{self.records or self.name}"

    def first(self, seeds: int | None) -> int:
        """How many seeds are done if so many are asked for: all if None; what is made once is made once."""
        return self.seeds if seeds is None or self.seeds == 1 else seeds
