"""Show the progress of many jobs: a live table on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from empirical.experiments.jobs import STAGES, Graph, Job
from empirical.experiments.scheduler import Watcher
from empirical.experiments.stages import note_failure

STATES = ("done", "running", "waiting", "elsewhere", "failed", "not begun")
ALWAYS = STATES[:3]  # states that have a column even if no job is in them
REDRAW = 0.25  # seconds between two drawings of the table
QUIET = 2.0  # seconds between two lines, at least
LOUD = 60.0  # seconds between two lines, at most, while jobs are running


class Board(Watcher):
    """Show the state of the jobs that are left.

    workers: how many jobs are done side by side, at least 1. stream: where it is shown; standard
    error if None.
    """

    def __init__(self, jobs: Graph, workers: int, stream: TextIO | None = None) -> None:
        self.jobs = jobs
        self.workers = max(1, workers)
        self.stream = stream or sys.stderr
        self.state = dict.fromkeys(jobs, "waiting")
        self.part = dict.fromkeys(jobs, 0.0)  # fraction done of each job
        self.began_at: dict[str, float] = {}
        self.start = time.monotonic()
        self.drawn = 0.0
        # seconds of finished jobs by stage: expected, taken
        self.spent: dict[str, list[float]] = {stage: [0.0, 0.0] for stage in STAGES}
        self.live = None
        if self.stream.isatty():
            self.live = Live(console=Console(file=self.stream), auto_refresh=False)
            self.live.start()
            self.live.console.show_cursor()  # so that a killed process leaves none hidden

    # --- told by the scheduler

    def began(self, job: Job) -> None:
        """Note that a worker has begun the job."""
        self.state[job.name] = "running"
        self.part[job.name] = 0.0
        self.began_at[job.name] = time.monotonic()

    def progress(self, job: Job, fraction: float) -> None:
        """Note that a further fraction of the job is done."""
        self.part[job.name] = min(1.0, self.part[job.name] + fraction)

    def done(self, job: Job, here: bool) -> None:
        """Note that the job is done; its time corrects the time left if it was done here."""
        self.state[job.name] = "done"
        self.part[job.name] = 1.0
        if here and job.name in self.began_at:
            self.spent[job.stage][0] += job.seconds
            self.spent[job.stage][1] += time.monotonic() - self.began_at[job.name]
        self._report(job, "")

    def elsewhere(self, job: Job) -> None:
        """Note that another process works on the job."""
        self.state[job.name] = "elsewhere"

    def failed(self, job: Job, error: str, last: bool) -> None:
        """Note a failure, in a file as well if the disk has room."""
        self.state[job.name] = "failed" if last else "waiting"
        self.part[job.name] = 0.0
        with contextlib.suppress(OSError):  # a full disk is reported below all the same
            note_failure(job, error)
        again = "" if last else "; it is tried again"
        self._report(job, f" failed: {error}{again}", always=True)

    def blocked(self, job: Job) -> None:
        """Note that the job cannot begin."""
        self.state[job.name] = "not begun"

    def tick(self) -> None:
        """Redraw the table, or print a line if none was printed for a minute."""
        since = time.monotonic() - max(self.drawn, self.start)
        if self.live and since >= REDRAW:
            self._draw()
        elif not self.live and since >= LOUD:
            running = [job.label for job in self.jobs.values() if self._is(job, "running")]
            names = ", ".join(running[:2]) or "waiting for others"
            self._line(f": {names}{' ...' if len(running) > 2 else ''}")

    # --- numbers

    def share(self) -> float:
        """Return the share of the expected cost that is done, in [0, 1]."""
        cost = {name: job.seconds + 1 for name, job in self.jobs.items()}
        return sum(cost[name] * self.part[name] for name in cost) / max(1e-9, sum(cost.values()))

    def seconds_left(self) -> float:
        """Return the expected seconds until all jobs are done by the workers.

        The expected cost of each job is corrected by what finished jobs of its stage took.
        """
        expected, taken = (sum(part) for part in zip(*self.spent.values(), strict=True))
        usual = taken / expected if expected else 1.0
        left = []
        for name, job in self.jobs.items():
            if self.state[name] in ("waiting", "running", "elsewhere"):
                known, took = self.spent[job.stage]
                pace = took / known if known else usual
                left.append(job.seconds * pace * (1 - self.part[name]))
        side_by_side = min(self.workers, max(1, len(left)))
        return max(sum(left) / side_by_side, max(left, default=0.0))

    def counts(self) -> Mapping[str, dict[str, int]]:
        """Return the number of jobs by row and state.

        A row is a stage, or, of jobs that end in a record, the first experiment that needs it.
        """
        rows: dict[str, dict[str, int]] = {}
        for name, job in self.jobs.items():
            row = job.experiments[0] if job.path is not None else job.stage
            rows.setdefault(row, dict.fromkeys(STATES, 0))[self.state[name]] += 1
        return rows

    def summary(self) -> str:
        """Return one line: jobs done, share of the cost, rate, time gone and time left."""
        done = self._count("done")
        gone = time.monotonic() - self.start
        rate = f"{done / gone * 60:.1f} a minute, " if done else ""
        times = f"{clock(gone)} gone, about {clock(self.seconds_left())} left"
        return f"{done}/{len(self.jobs)} jobs, {self.share():4.0%}, {rate}{times}"

    def _is(self, job: Job, state: str) -> bool:
        return self.state[job.name] == state

    def _count(self, state: str) -> int:
        return sum(each == state for each in self.state.values())

    # --- showing

    def _report(self, job: Job, more: str, always: bool = False) -> None:
        if self.live:
            return
        first_or_last = self._count("done") in (1, len(self.jobs))
        if always or first_or_last or time.monotonic() - self.drawn >= QUIET:
            self._line(f": {job.label}{more}")

    def _line(self, more: str) -> None:
        self.drawn = time.monotonic()
        print(self.summary() + more, file=self.stream, flush=True)

    def _draw(self) -> None:
        assert self.live is not None
        self.drawn = time.monotonic()
        rows = self.counts()
        shown = [s for s in STATES if s in ALWAYS or any(row[s] for row in rows.values())]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("stage", no_wrap=True, overflow="ellipsis")
        for state in shown:
            table.add_column(state, justify="right", no_wrap=True)
        for label, row in rows.items():
            table.add_row(label, *(str(row[state] or "") for state in shown))
        self.live.update(Group(table, Text(self.summary())), refresh=True)

    def close(self) -> None:
        """Draw the table a last time and leave it on the terminal."""
        if self.live:
            self._draw()
            self.live.stop()


def clock(seconds: float) -> str:
    """Format seconds as ``0:07`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}"
