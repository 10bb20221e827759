"""Worker processes of one thread: each does one job at a time, says how far it is, and dies with its parent."""

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
PATIENCE = 5.0  # seconds that a worker is given to end by itself
Advance = Callable[[float], None]


class Interrupted(Exception):
    """The user stopped the work; what was finished is kept."""


@dataclasses.dataclass(frozen=True)
class Event:
    """What became of a job. value: units done since the last event; what the function returned; or one line of what went wrong."""

    job: Any
    kind: Literal["progress", "done", "failed"]
    value: Any


@dataclasses.dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    place: int
    job: Any = None
    busy: bool = False


class Pool:
    """Up to ``workers`` processes, begun when there is work for them; one that is killed or fails costs its job and is replaced.

    ``function(job, advance)`` writes its own results and calls ``advance(n)`` when n more units are done. environments: variables that
    worker i has beside its parent's, those at i modulo their number. Leaving the block by an exception ends all workers at once.
    """

    def __init__(
        self,
        function: Callable[[Any, Advance], Any],
        workers: int,
        environments: Sequence[Mapping[str, str]] = ({},),
    ) -> None:
        os.environ.update(ONE_THREAD)  # read by the workers' BLAS when it is loaded
        self.function, self.environments = function, environments
        self._context = multiprocessing.get_context("spawn")
        self._free, self._workers = list(range(max(1, workers)))[::-1], []

    @property
    def idle(self) -> int:
        """Jobs that could begin at once."""
        return len(self._free) + sum(not worker.busy for worker in self._workers)

    def submit(self, job: Any) -> None:
        """Let an idle worker begin; there must be one."""
        worker = (
            next((worker for worker in self._workers if not worker.busy), None) or self._begin()
        )
        worker.job, worker.busy = job, True
        with contextlib.suppress(OSError):  # it has died while it was idle: ``wait`` will find out
            worker.pipe.send(job)

    def wait(self, timeout: float | None = None) -> list[Event]:
        """What happened; nothing if that was nothing within ``timeout`` seconds."""
        busy = {worker.pipe: worker for worker in self._workers if worker.busy}
        return [self._hear(busy[pipe]) for pipe in wait(list(busy), timeout)]

    def _begin(self) -> _Worker:
        place = self._free.pop()
        ours, theirs = self._context.Pipe()
        environment = self.environments[place % len(self.environments)]
        process = self._context.Process(
            target=_work, args=(self.function, theirs, environment), daemon=True
        )
        with _uninterrupted():
            process.start()
        theirs.close()  # so that its death is heard as the end of the pipe
        self._workers.append(_Worker(process, ours, place))
        return self._workers[-1]

    def _hear(self, worker: _Worker) -> Event:
        job = worker.job
        try:
            kind, value = worker.pipe.recv()
        except (EOFError, OSError):
            kind, value = "failed", KILLED
        if kind == "failed":
            self._replace(worker)
        elif kind != "progress":
            worker.job, worker.busy = None, False
        return Event(job, kind, value)

    def _replace(self, worker: _Worker) -> None:
        """A failure may have spoiled the process, as an error of a GPU does: the next job at its place gets a new one."""
        self._workers.remove(worker)
        self._free.append(worker.place)
        worker.process.terminate()
        worker.pipe.close()
        _end(worker, PATIENCE)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for worker in self._workers:
            if kind is not None:
                worker.process.terminate()
            worker.pipe.close()  # an idle worker ends at the end of its pipe
        for worker in self._workers:
            _end(worker, PATIENCE)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the end; processes begun meanwhile never hear of it."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "pthread_sigmask"
    ):
        yield
        return
    resource_tracker.ensure_running()  # its own start would unblock
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(worker: _Worker, patience: float) -> None:
    worker.process.join(patience)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.process.close()


def _work(
    function: Callable[[Any, Advance], Any], pipe: Connection, environment: Mapping[str, str]
) -> None:
    """A worker: Ctrl-C is left to the parent, which is followed into death even if it was killed with -9."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process().sentinel
    threading.Thread(target=lambda: (wait([parent]), os._exit(1)), daemon=True).start()
    os.environ.update(environment)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(function, job, lambda n: pipe.send(("progress", n))))


def attempt(function: Callable[[Any, Advance], Any], job: Any, advance: Advance) -> tuple[str, Any]:
    """("done", what the function returned), or ("failed", one line: what went wrong, and where in the code)."""
    try:
        return "done", function(job, advance)
    except Exception as error:
        return "failed", reason(error)


def reason(error: BaseException) -> str:
    """One line: what went wrong, and where in the code."""
    places = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(places[-1].filename).name}, line {places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"
