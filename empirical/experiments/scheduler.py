"""Do jobs in the order of their needs, the longest chain first; failures are tried again.

Generic over the jobs (a name, and the names of the jobs that it needs) and over the workers:
processes of this machine, or a cluster.
"""

from __future__ import annotations

import dataclasses
import heapq
import time
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from typing import Any, Protocol

from figures.records import Event

POLL = 1.0  # seconds between looks at the jobs of other processes


class Job(Protocol):
    """What the scheduler reads of a job. needs: names of jobs to be done before, all known."""

    @property
    def name(self) -> str: ...
    @property
    def needs(self) -> tuple[str, ...]: ...


class Workers(Protocol):
    """Do jobs side by side.

    A job's function returns "done", or "busy" if another process works on the same job.
    """

    @property
    def idle(self) -> int: ...
    def submit(self, job: Any) -> None: ...
    def wait(self, timeout: float | None = None) -> list[Event]: ...


@dataclasses.dataclass(frozen=True)
class View:
    """How to see what other processes did.

    is_done: whether a job's result exists. is_held: whether another process works on the job.
    """

    is_done: Callable[[Any], bool]
    is_held: Callable[[Any], bool] = lambda job: False


class Watcher:
    """Receive what happens to the jobs; this one ignores it."""

    def began(self, job: Any) -> None:
        """Note that a worker has begun the job."""

    def progress(self, job: Any, fraction: float) -> None:
        """Note that a further fraction of the job, in [0, 1], is done."""

    def done(self, job: Any, here: bool) -> None:
        """Note that the job is done. here: by this invocation."""

    def elsewhere(self, job: Any) -> None:
        """Note that another process works on the job."""

    def failed(self, job: Any, error: str, last: bool) -> None:
        """Note a failure. last: the job will not be tried again."""

    def blocked(self, job: Any) -> None:
        """Note that the job cannot begin, because one that it needs has failed."""

    def tick(self) -> None:
        """Do what is to be done at least every ``POLL`` seconds, such as redrawing."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What went wrong.

    failed: name -> error. blocked: name of a job that could not begin -> name of the failed job
    that it needed.
    """

    failed: dict[str, str]
    blocked: dict[str, str]


def complete(
    jobs: Mapping[str, Job],
    workers: Workers,
    view: View,
    watcher: Watcher | None = None,
    retries: int = 1,
    urgency: Mapping[str, float] | None = None,
    poll: float = POLL,
) -> Outcome:
    """Do all jobs; returns once each is done, failed or blocked.

    retries: how often a failed job is tried again, at least 0. urgency: of jobs that are ready,
    those of greater urgency begin first. poll: seconds. A job that another process works on is left
    to it, and done here if that process ends without a result. Raises CycleError if jobs need each
    other.
    """
    return _Scheduler(jobs, workers, view, watcher or Watcher(), retries, urgency or {}, poll).run()


class _Scheduler:
    """The state of ``complete``.

    ready: a heap of jobs whose needs are done. running: begun here. elsewhere: left to others.
    """

    def __init__(
        self,
        jobs: Mapping[str, Job],
        workers: Workers,
        view: View,
        watcher: Watcher,
        retries: int,
        urgency: Mapping[str, float],
        poll: float,
    ) -> None:
        self.jobs = jobs
        self.workers = workers
        self.view = view
        self.watcher = watcher
        self.retries = retries
        self.urgency = urgency
        self.poll = poll
        self.place = {name: i for i, name in enumerate(jobs)}
        needs = {name: job.needs for name, job in jobs.items()}
        self.order = tuple(TopologicalSorter(needs).static_order())
        self.sorter = TopologicalSorter(needs)
        self.sorter.prepare()
        self.ready: list[tuple[float, int, str]] = []
        self.running: set[str] = set()
        self.elsewhere: set[str] = set()
        self.failures = dict.fromkeys(jobs, 0)
        self.outcome = Outcome({}, {})
        self.looked = time.monotonic()

    def run(self) -> Outcome:
        while True:
            self._begin()
            if not (self.running or self.ready or self.elsewhere):
                return self.outcome
            for event in self.workers.wait(self.poll):
                self._receive(event)
            if self.elsewhere and time.monotonic() - self.looked >= self.poll:
                self._look()
            self.watcher.tick()

    def _begin(self) -> None:
        """Give ready jobs to idle workers."""
        self._collect_ready()
        while self.ready and self.workers.idle:
            name = heapq.heappop(self.ready)[2]
            job = self.jobs[name]
            if self.view.is_done(job):  # by another process, since the jobs were planned
                self._finish(name, here=False)
            elif self.view.is_held(job):
                self._leave(name)
            else:
                self.running.add(name)
                self.watcher.began(job)
                self.workers.submit(job)

    def _collect_ready(self) -> None:
        for name in self.sorter.get_ready():
            self._push(name)

    def _push(self, name: str) -> None:
        heapq.heappush(self.ready, (-self.urgency.get(name, 0.0), self.place[name], name))

    def _receive(self, event: Event) -> None:
        name = event.job.name
        if event.kind == "progress":
            self.watcher.progress(event.job, event.value)
            return
        self.running.discard(name)
        if event.kind == "failed":
            self._fail(name, event.value)
        elif event.value == "busy":
            self._leave(name)
        else:
            self._finish(name, here=True)

    def _look(self) -> None:
        """Look at the jobs that other processes work on."""
        self.looked = time.monotonic()
        for name in sorted(self.elsewhere, key=self.place.__getitem__):
            done = self.view.is_done(self.jobs[name])
            if done or not self.view.is_held(self.jobs[name]):
                self.elsewhere.discard(name)
                if done:
                    self._finish(name, here=False)
                else:
                    self._push(name)

    def _leave(self, name: str) -> None:
        self.elsewhere.add(name)
        self.watcher.elsewhere(self.jobs[name])

    def _finish(self, name: str, here: bool) -> None:
        self.watcher.done(self.jobs[name], here)
        self.sorter.done(name)
        self._collect_ready()

    def _fail(self, name: str, error: str) -> None:
        self.failures[name] += 1
        last = self.failures[name] > self.retries
        self.watcher.failed(self.jobs[name], error, last)
        if not last:
            self._push(name)
            return
        self.outcome.failed[name] = error
        lost = {name}
        for other in self.order:  # every job after those that it needs
            if other not in self.outcome.blocked and not lost.isdisjoint(self.jobs[other].needs):
                lost.add(other)
                self.outcome.blocked[other] = name
                self.watcher.blocked(self.jobs[other])
