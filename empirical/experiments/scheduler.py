"""Who does which job when: the longest chain first, nothing twice, failures tried again and then kept apart.

Generic over the jobs (a name, and the names of those that it needs) and over who works: processes of this machine, or a cluster.
"""

from __future__ import annotations

import dataclasses
import heapq
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from figures.records import Event

POLL = 1.0  # seconds between looks at what other processes do


class Job(Protocol):
    """needs: names of jobs that have to be done before, all of them among the jobs."""

    @property
    def name(self) -> str: ...
    @property
    def needs(self) -> tuple[str, ...]: ...


class Workers(Protocol):
    """Do jobs side by side. A job's function returns "done", or "busy" if another process is at it."""

    @property
    def idle(self) -> int: ...
    def submit(self, job: Any) -> None: ...
    def wait(self, timeout: float | None = None) -> list[Event]: ...


@dataclasses.dataclass(frozen=True)
class View:
    """How the outside is seen. is_done: whether a job's result is there. is_held: whether another process is at it."""

    is_done: Callable[[Any], bool]
    is_held: Callable[[Any], bool] = lambda job: False


class Watcher:
    """Told what happens; this one looks away."""

    def began(self, job: Any) -> None: ...
    def progress(self, job: Any, fraction: float) -> None: ...
    def done(self, job: Any, here: bool) -> None:
        """here: whether it was done by this invocation."""

    def elsewhere(self, job: Any) -> None:
        """Another process is at it."""

    def failed(self, job: Any, error: str, last: bool) -> None:
        """last: it will not be tried again."""

    def blocked(self, job: Any) -> None: ...
    def tick(self) -> None:
        """Called at least every ``POLL`` seconds."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """failed: name -> error. blocked: name of what was not begun -> name of the failed job that it would have needed."""

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
    """Do all jobs, those of greater ``urgency`` first. Returns once each is done, has failed 1 + ``retries`` times, or needs one that has.

    What another process is doing is left to it, and done here after all if it ends without a result.
    """
    return _Work(jobs, workers, view, watcher or Watcher(), retries, urgency or {}, poll).run()


class _Work:
    """What stands where. waiting: job -> needs that are not done; ready: a heap; elsewhere: in the hands of others."""

    def __init__(self, jobs, workers, view, watcher, retries, urgency, poll) -> None:
        self.jobs, self.workers, self.view, self.watcher = jobs, workers, view, watcher
        self.retries, self.urgency, self.poll = retries, urgency, poll
        self.order = {name: i for i, name in enumerate(jobs)}
        self.waiting = {name: set(job.needs) for name, job in jobs.items()}
        self.after: dict[str, list[str]] = {}
        for name, job in jobs.items():
            for need in job.needs:
                self.after.setdefault(need, []).append(name)
        self.ready: list[tuple[float, int, str]] = []
        self.running, self.elsewhere, self.failures = set(), set(), dict.fromkeys(jobs, 0)
        self.outcome, self.looked = Outcome({}, {}), time.monotonic()
        for name in [name for name, needs in self.waiting.items() if not needs]:
            self._make_ready(name)

    def run(self) -> Outcome:
        while True:
            self._begin()
            if not (self.running or self.ready or self.elsewhere):
                return self.outcome
            for event in self.workers.wait(self.poll):
                self._hear(event)
            if self.elsewhere and time.monotonic() - self.looked >= self.poll:
                self._look()
            self.watcher.tick()

    def _begin(self) -> None:
        while self.ready and self.workers.idle:
            name = heapq.heappop(self.ready)[2]
            job = self.jobs[name]
            if self.view.is_done(job):  # by another process, since it was planned
                self._finish(name, here=False)
            elif self.view.is_held(job):
                self._leave(name)
            else:
                self.running.add(name)
                self.watcher.began(job)
                self.workers.submit(job)

    def _hear(self, event: Event) -> None:
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
        """What has become of the jobs that others do."""
        self.looked = time.monotonic()
        for name in sorted(self.elsewhere, key=self.order.get):
            done = self.view.is_done(self.jobs[name])
            if done or not self.view.is_held(self.jobs[name]):
                self.elsewhere.discard(name)
                self._finish(name, here=False) if done else self._make_ready(name)

    def _make_ready(self, name: str) -> None:
        self.waiting.pop(name, None)
        heapq.heappush(self.ready, (-self.urgency.get(name, 0.0), self.order[name], name))

    def _leave(self, name: str) -> None:
        self.elsewhere.add(name)
        self.watcher.elsewhere(self.jobs[name])

    def _finish(self, name: str, here: bool) -> None:
        self.watcher.done(self.jobs[name], here)
        for other in self.after.get(name, ()):
            if other in self.waiting:
                self.waiting[other].discard(name)
                if not self.waiting[other]:
                    self._make_ready(other)

    def _fail(self, name: str, error: str) -> None:
        self.failures[name] += 1
        last = self.failures[name] > self.retries
        self.watcher.failed(self.jobs[name], error, last)
        if not last:
            self._make_ready(name)
            return
        self.outcome.failed[name] = error
        below = list(self.after.get(name, ()))
        while below:
            other = below.pop()
            if self.waiting.pop(other, None) is not None:
                self.outcome.blocked[other] = name
                self.watcher.blocked(self.jobs[other])
                below += self.after.get(other, ())
