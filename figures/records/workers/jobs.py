"""Run independent jobs in parallel processes, with a progress bar."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tqdm import tqdm

from figures.records.workers.pool import Advance, Event, Interrupted, Pool

BAR = (
    "{desc} {percentage:3.0f}% |{bar}| {n:.0f}/{total:.0f} {unit}s, {rate_noinv_fmt}, "
    "{elapsed} gone, {remaining} left"
)


def default_workers() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    function: Callable[[Any, Advance], None],
    *waves: Sequence[Any],
    total: float,
    workers: int,
    label: str,
    unit: str = "run",
) -> list[tuple[Any, str]]:
    """Call ``function(job, advance)`` for every job; return (job, message) for those that failed.

    Up to ``workers`` processes of one thread each do the jobs; a wave of jobs begins when the wave
    before has ended. A job that raises does not stop the others. Workers end with their parent,
    however it ends. Raises Interrupted on Ctrl-C.

    function: idempotent, writes its own results and calls ``advance(n)`` when n more of the
    ``total`` units are done. label, unit: texts of the bar on standard error, which shows units,
    rate and time left.
    """
    failures = []
    style = {"file": sys.stderr, "dynamic_ncols": True, "bar_format": BAR}
    bar = tqdm(total=total, desc=label, unit=unit, **style)
    try:
        with bar, Pool(function, min(workers, max(map(len, waves)))) as pool:
            for wave in waves:
                for event in _one_wave(pool, wave):
                    if event.kind == "progress":
                        # the shares of a job add up to its units only up to rounding
                        bar.update(min(event.value, bar.total - bar.n))
                    elif event.kind == "failed":
                        failures.append((event.job, event.value))
    except KeyboardInterrupt:
        raise Interrupted from None
    return failures


def _one_wave(pool: Pool, wave: Sequence[Any]) -> Iterator[Event]:
    """Yield all events until every job of the wave has ended."""
    waiting = deque(wave)
    left = len(wave)
    while left:
        while waiting and pool.idle:
            pool.submit(waiting.popleft())
        for event in pool.wait():
            left -= event.kind != "progress"
            yield event
