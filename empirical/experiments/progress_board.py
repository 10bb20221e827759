"""How far the work is: a small table redrawn in place on a terminal; elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from empirical.experiments.jobs import STAGES, Graph, Job
from empirical.experiments.scheduler import Watcher
from empirical.experiments.stages import note_failure

STATES = ("done", "running", "waiting", "elsewhere", "failed", "not begun")
REDRAW = 0.25  # seconds between two pictures
QUIET = 2.0  # seconds between two lines, at least, and ...
LOUD = 60.0  # ... at most, while there is something to do


class Board(Watcher):
    """Watches the jobs that are left. workers: how many work side by side. stream: where it shows; standard error if None."""

    def __init__(self, jobs: Graph, workers: int, stream: TextIO | None = None) -> None:
        self.jobs, self.workers, self.stream = jobs, max(1, workers), stream or sys.stderr
        self.state, self.part = dict.fromkeys(jobs, "waiting"), dict.fromkeys(jobs, 0.0)
        self.start, self.began_at, self.drawn, self.lines = time.monotonic(), {}, 0.0, 0
        self.spent: dict[str, list[float]] = {
            stage: [0.0, 0.0] for stage in STAGES
        }  # seconds of finished jobs: expected, taken
        self.live = self.stream.isatty()

    # --- told by the scheduler

    def began(self, job: Job) -> None:
        self.state[job.name], self.began_at[job.name], self.part[job.name] = (
            "running",
            time.monotonic(),
            0.0,
        )

    def progress(self, job: Job, fraction: float) -> None:
        self.part[job.name] = min(1.0, self.part[job.name] + fraction)

    def done(self, job: Job, here: bool) -> None:
        self.state[job.name], self.part[job.name] = "done", 1.0
        if here and job.name in self.began_at:
            self.spent[job.stage][0] += job.seconds
            self.spent[job.stage][1] += time.monotonic() - self.began_at[job.name]
        self._say(job, "")

    def elsewhere(self, job: Job) -> None:
        self.state[job.name] = "elsewhere"

    def failed(self, job: Job, error: str, last: bool) -> None:
        self.state[job.name], self.part[job.name] = "failed" if last else "waiting", 0.0
        with contextlib.suppress(
            OSError
        ):  # such as a disk that is full, which is told below all the same
            note_failure(job, error)
        self._say(job, f" failed: {error}" + ("" if last else "; it is tried again"), always=True)

    def blocked(self, job: Job) -> None:
        self.state[job.name] = "not begun"

    def tick(self) -> None:
        since = time.monotonic() - max(self.drawn, self.start)
        if self.live and since >= REDRAW:
            self._draw()
        elif not self.live and since >= LOUD:
            running = [
                job.label for name, job in self.jobs.items() if self.state[name] == "running"
            ]
            self._line(
                f": {', '.join(running[:2]) or 'waiting for others'}{' ...' if len(running) > 2 else ''}"
            )

    # --- numbers

    def share(self) -> float:
        """What is done, of what it costs, [0, 1]."""
        cost = {name: job.seconds + 1 for name, job in self.jobs.items()}
        return sum(cost[name] * self.part[name] for name in cost) / max(1e-9, sum(cost.values()))

    def seconds_left(self) -> float:
        """Expected cost of what is left, put right by what finished jobs of the same stage took, shared among the workers."""
        total = [sum(part) for part in zip(*self.spent.values(), strict=True)]
        usual = total[1] / total[0] if total[0] else 1.0
        pace = {
            stage: taken / expected if expected else usual
            for stage, (expected, taken) in self.spent.items()
        }
        open_ = (
            name
            for name, state in self.state.items()
            if state in ("waiting", "running", "elsewhere")
        )
        left = [
            self.jobs[name].seconds * pace[self.jobs[name].stage] * (1 - self.part[name])
            for name in open_
        ]
        return max(sum(left) / min(self.workers, max(1, len(left))), max(left, default=0.0))

    def counts(self) -> Mapping[str, dict[str, int]]:
        """Stage, or of what ends in a record the first experiment that needs it -> state -> jobs."""
        rows: dict[str, dict[str, int]] = {}
        for name, job in self.jobs.items():
            row = rows.setdefault(
                job.experiments[0] if job.path is not None else job.stage, dict.fromkeys(STATES, 0)
            )
            row[self.state[name]] += 1
        return rows

    def summary(self) -> str:
        done, gone = (
            sum(state == "done" for state in self.state.values()),
            time.monotonic() - self.start,
        )
        rate = f"{done / gone * 60:.1f} a minute, " if done else ""
        return f"{done}/{len(self.jobs)} jobs, {self.share():4.0%}, {rate}{clock(gone)} gone, about {clock(self.seconds_left())} left"

    # --- showing

    def _say(self, job: Job, more: str, always: bool = False) -> None:
        if self.live:
            return
        done = sum(state == "done" for state in self.state.values())
        if always or done in (1, len(self.jobs)) or time.monotonic() - self.drawn >= QUIET:
            self._line(f": {job.label}{more}")

    def _line(self, more: str) -> None:
        self.drawn = time.monotonic()
        print(self.summary() + more, file=self.stream, flush=True)

    def _draw(self) -> None:
        self.drawn = time.monotonic()
        rows = self.counts()
        shown = [
            state
            for state in STATES
            if state in STATES[:3] or any(row[state] for row in rows.values())
        ]
        width = max(len("stage"), *map(len, rows))
        lines = [" ".join(["stage".ljust(width), *(f"{state:>9s}" for state in shown)])]
        lines += [
            " ".join([label.ljust(width), *(f"{row[state] or '':>9}" for state in shown)])
            for label, row in rows.items()
        ]
        up, columns = (
            f"\x1b[{self.lines}A" if self.lines else "",
            shutil.get_terminal_size().columns,
        )
        self.stream.write(
            up
            + "".join(f"\x1b[2K{line[: columns - 1]}\n" for line in [*lines, self.summary()])
            + "\x1b[J"
        )
        self.stream.flush()
        self.lines = len(lines) + 1

    def close(self) -> None:
        """The last picture."""
        if self.live:
            self._draw()


def clock(seconds: float) -> str:
    """``0:07``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
        if minutes >= 60
        else f"{minutes}:{rest:02d}"
    )
