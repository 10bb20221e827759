"""Independent jobs in parallel processes: progress, failures kept apart, interruptible at any moment."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from tqdm import tqdm

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
BAR = "{desc} {percentage:3.0f}% |{bar}| {n:.0f}/{total:.0f} {unit}s, {rate_noinv_fmt}, {elapsed} gone, {remaining} left"
Advance = Callable[[float], None]


class Interrupted(Exception):
    """The user stopped the work; what was finished is kept."""


def default_workers() -> int:
    """One process for each core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    function: Callable[[Any, Advance], None], *waves: Sequence[Any], total: float, workers: int, label: str, unit: str = "run"
) -> list[tuple[Any, str]]:
    """Call ``function(job, advance)`` for every job, in up to ``workers`` processes of one thread each; a wave waits for the one before.

    ``function`` is idempotent, writes its own results and calls ``advance(n)`` when n more of the ``total`` units are done:
    a bar on standard error shows units, rate and time left. A job that raises does not stop the others.
    Returns (job, message) for those that failed; raises Interrupted on Ctrl-C. Workers die with their parent, however it dies.
    """
    os.environ.update(ONE_THREAD)  # read by the workers' BLAS when it is loaded
    context = multiprocessing.get_context("spawn")
    progress, done, failures = context.SimpleQueue(), threading.Event(), []
    with tqdm(total=total, desc=label, unit=unit, file=sys.stderr, dynamic_ncols=True, bar_format=BAR) as bar:
        listener = threading.Thread(target=_listen, args=(progress, bar, done), daemon=True)
        listener.start()
        pool = ProcessPoolExecutor(max(1, min(workers, max(map(len, waves)))), context, initializer=_begin, initargs=(progress,))
        try:
            for wave in waves:
                futures = {pool.submit(_call, function, job): job for job in wave}
                ended = ((futures[future], future.exception()) for future in as_completed(futures))
                failures += [(job, _reason(error)) for job, error in ended if error is not None]
        except BrokenProcessPool as error:  # of a wave that could not begin
            failures.append((wave[0], _reason(error)))
        except KeyboardInterrupt:
            for process in list(pool._processes.values()):
                process.terminate()
            raise Interrupted from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            done.set()
            listener.join(timeout=5)  # a worker killed in the middle of a message would leave it waiting for the rest
    return failures


def _reason(error: BaseException) -> str:
    """One line: what went wrong, and where in the worker's code."""
    if isinstance(error, BrokenProcessPool):
        return "a worker was killed (out of memory? try --workers 1)"
    places = re.findall(r'File "([^"]+)", line (\d+)', str(error.__cause__ or ""))
    place = f" ({Path(places[-1][0]).name}, line {places[-1][1]})" if places else ""
    return f"{type(error).__name__}: {error}{place}"


def _listen(progress, bar: tqdm, done: threading.Event) -> None:
    while not (done.is_set() and progress.empty()):
        if progress.empty():
            done.wait(0.05)
        else:
            bar.update(min(progress.get(), bar.total - bar.n))  # shares of a job add up to one but for rounding


def _begin(progress) -> None:
    """Start of a worker: leave Ctrl-C to the parent, and follow the parent into death even if it was killed with -9."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process().sentinel
    threading.Thread(target=lambda: (wait([parent]), os._exit(1)), daemon=True).start()
    _call.advance = progress.put


def _call(function: Callable[[Any, Advance], None], job: Any) -> None:
    function(job, _call.advance)
