"""Start and stop worker processes of one thread.

Each does one job at a time, reports its progress, and ends with its parent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
KILLED = "a worker was killed (out of memory? try --workers 1)"
PATIENCE = 5.0  # seconds to wait for a worker to end by itself before it is killed
Advance = Callable[[float], None]


def no_progress(done: float) -> None:
    """Ignore progress: a callback that does nothing."""


class Interrupted(Exception):
    """The user stopped the work; finished results are kept."""


@dataclasses.dataclass(frozen=True)
class Event:
    """News of a job.

    value: of ``progress`` the units done since the last event, of ``done`` what the function
    returned, of ``failed`` one line that says what went wrong.
    """

    job: Any
    kind: Literal["progress", "done", "failed"]
    value: Any


@dataclasses.dataclass
class _Worker:
    """A process, our end of its pipe, its place among the workers, and its job if it is busy."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection
    place: int
    job: Any = None
    busy: bool = False


class Pool:
    """Up to ``workers`` processes, each started when there is work for it.

    A worker that is killed, or whose job fails, is replaced; only its job is lost. Leaving the
    block by an exception ends all workers at once.

    function: called as ``function(job, advance)``; writes its own results and calls ``advance(n)``
    when n more units are done. environments: variables added to those of the parent; worker i gets
    entry i modulo their number.
    """

    def __init__(
        self,
        function: Callable[[Any, Advance], Any],
        workers: int,
        environments: Sequence[Mapping[str, str]] = ({},),
    ) -> None:
        os.environ.update(ONE_THREAD)  # read by the workers' BLAS when it is loaded
        self.function = function
        self.environments = environments
        self._context = multiprocessing.get_context("spawn")
        self._free = list(range(max(1, workers)))[::-1]  # places without a worker
        self._workers: list[_Worker] = []

    @property
    def idle(self) -> int:
        """The number of jobs that could start now."""
        return len(self._free) + sum(not worker.busy for worker in self._workers)

    def submit(self, job: Any) -> None:
        """Give the job to an idle worker; there must be one."""
        idle = (worker for worker in self._workers if not worker.busy)
        worker = next(idle, None) or self._start()
        worker.job = job
        worker.busy = True
        with contextlib.suppress(OSError):  # it died while it was idle: ``wait`` will report it
            worker.pipe.send(job)

    def wait(self, timeout: float | None = None) -> list[Event]:
        """Return the next events; [] if there are none within ``timeout`` seconds (None: wait)."""
        busy: dict[Any, _Worker] = {worker.pipe: worker for worker in self._workers if worker.busy}
        return [self._receive(busy[pipe]) for pipe in wait(list(busy), timeout)]

    def _start(self) -> _Worker:
        """Start a worker at a free place."""
        place = self._free.pop()
        ours, theirs = self._context.Pipe()
        environment = self.environments[place % len(self.environments)]
        process = self._context.Process(
            target=_work, args=(self.function, theirs, environment), daemon=True
        )
        with _uninterrupted():
            process.start()
        theirs.close()  # so that the pipe ends when the process does
        worker = _Worker(process, ours, place)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> Event:
        """Return the event that a worker has sent, or the failure of one that has ended."""
        job = worker.job
        try:
            kind, value = worker.pipe.recv()
        except (EOFError, OSError):
            kind, value = "failed", KILLED
        if kind == "failed":
            self._replace(worker)
        elif kind != "progress":
            worker.job = None
            worker.busy = False
        return Event(job, kind, value)

    def _replace(self, worker: _Worker) -> None:
        """End a worker; the next job at its place gets a new process.

        A failure may have spoiled the process, as an error of a GPU does.
        """
        self._workers.remove(worker)
        self._free.append(worker.place)
        worker.process.terminate()
        worker.pipe.close()
        _stop(worker, PATIENCE)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for worker in self._workers:
            if kind is not None:
                worker.process.terminate()
            worker.pipe.close()  # an idle worker ends at the end of its pipe
        for worker in self._workers:
            _stop(worker, PATIENCE)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C until the block ends; processes started in the block never receive it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it later would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(worker: _Worker, patience: float) -> None:
    """Wait ``patience`` seconds for the process to end, then kill it."""
    worker.process.join(patience)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.process.close()


def _work(
    function: Callable[[Any, Advance], Any], pipe: Connection, environment: Mapping[str, str]
) -> None:
    """Do jobs from the pipe until it ends: the main function of a worker process.

    Ctrl-C is left to the parent. The worker ends with its parent, even if that is killed with -9.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(environment)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(function, job, lambda n: pipe.send(("progress", n))))


def _end_with_parent() -> None:
    """Wait for the parent process to end, then end this one at once."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def attempt(function: Callable[[Any, Advance], Any], job: Any, advance: Advance) -> tuple[str, Any]:
    """Return ("done", the result), or ("failed", one line: what went wrong and where)."""
    try:
        return "done", function(job, advance)
    except Exception as error:
        return "failed", reason(error)


def reason(error: BaseException) -> str:
    """Return one line: what went wrong, and where in the code."""
    places = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(places[-1].filename).name}, line {places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"
