"""Independent jobs in parallel processes, with a bar: progress, failures kept apart, interruptible at any moment."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tqdm import tqdm

from figures.records.workers.pool import Advance, Event, Interrupted, Pool

BAR = "{desc} {percentage:3.0f}% |{bar}| {n:.0f}/{total:.0f} {unit}s, {rate_noinv_fmt}, {elapsed} gone, {remaining} left"


def default_workers() -> int:
    """One process for each core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    function: Callable[[Any, Advance], None],
    *waves: Sequence[Any],
    total: float,
    workers: int,
    label: str,
    unit: str = "run",
) -> list[tuple[Any, str]]:
    """Call ``function(job, advance)`` for every job, in up to ``workers`` processes of one thread each; a wave waits for the one before.

    ``function`` is idempotent, writes its own results and calls ``advance(n)`` when n more of the ``total`` units are done:
    a bar on standard error shows units, rate and time left. A job that raises does not stop the others.
    Returns (job, message) for those that failed; raises Interrupted on Ctrl-C. Workers die with their parent, however it dies.
    """
    failures = []
    bar = tqdm(
        total=total, desc=label, unit=unit, file=sys.stderr, dynamic_ncols=True, bar_format=BAR
    )
    try:
        with bar, Pool(function, min(workers, max(map(len, waves)))) as pool:
            for wave in waves:
                for event in _one_wave(pool, wave):
                    if event.kind == "progress":
                        bar.update(
                            min(event.value, bar.total - bar.n)
                        )  # shares of a job add up to one but for rounding
                    elif event.kind == "failed":
                        failures.append((event.job, event.value))
    except KeyboardInterrupt:
        raise Interrupted from None
    return failures


def _one_wave(pool: Pool, wave: Sequence[Any]) -> Iterator[Event]:
    """Everything that happens until all jobs of the wave have ended."""
    waiting, left = deque(wave), len(wave)
    while left:
        while waiting and pool.idle:
            pool.submit(waiting.popleft())
        for event in pool.wait():
            left -= event.kind != "progress"
            yield event
