"""The scheduler on jobs that compute nothing: order, failures, several invocations, progress."""

import dataclasses
import io
import itertools
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from empirical.config import Run
from empirical.experiments.jobs import Job
from empirical.experiments.progress_board import Board, clock
from empirical.experiments.scheduler import View, Watcher, complete
from empirical.experiments.stages import failure, note_of
from empirical.runtime.leases import Leases
from figures.records import Event, Pool, attempt, no_progress

ROOT = Path(__file__).resolve().parents[3]


class Here:
    """Do jobs in this process, one at a time."""

    def __init__(self, function):
        self.function, self.job = function, None

    @property
    def idle(self):
        return self.job is None

    def submit(self, job):
        self.job = job

    def wait(self, timeout=None):
        if self.job is None:
            time.sleep(timeout or 0)
            return []
        job, self.job = self.job, None
        return [Event(job, *attempt(self.function, job, no_progress))]


@dataclasses.dataclass(frozen=True)
class Fake:
    name: str
    needs: tuple[str, ...] = ()
    folder: Path = Path()
    failures: int = 0  # times that it fails before it succeeds
    seconds: float = 0.0


def note(job):
    """Add a line to the log of this job; returns how many there are now."""
    with (job.folder / f"{job.name}.log").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len((job.folder / f"{job.name}.log").read_text().splitlines())


def work(job, advance):
    with Leases(job.folder / "leases").held(job.name) as ours:
        if not ours:
            return "busy"
        if not is_done(job):
            if note(job) <= job.failures:
                raise ValueError(f"cannot do {job.name}")
            assert all((job.folder / f"{need}.done").exists() for need in job.needs)
            time.sleep(job.seconds)
            advance(1)
            (job.folder / f"{job.name}.done").write_text("")
        return "done"


def is_done(job):
    return (job.folder / f"{job.name}.done").exists()


def view(folder):
    leases = Leases(folder / "leases")
    return View(is_done, lambda job: leases.holder(job.name) is not None)


def diamond(folder, **settings):
    """Return jobs a -> b, c -> d, and e on its own. settings: job -> fields that differ."""
    needs = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ()}
    return {
        name: dataclasses.replace(Fake(name, of, folder), **settings.get(name, {}))
        for name, of in needs.items()
    }


def counts(folder):
    return {path.stem: len(path.read_text().splitlines()) for path in folder.glob("*.log")}


class Told(Watcher):
    def __init__(self):
        self.order, self.said = [], []

    def began(self, job):
        self.order.append(job.name)

    def failed(self, job, error, last):
        self.said.append((job.name, error.partition(" (")[0], last))

    def elsewhere(self, job):
        self.said.append((job.name, "elsewhere"))


def test_every_job_is_done_once_after_what_it_needs(tmp_path):
    outcome = complete(diamond(tmp_path), Here(work), view(tmp_path))
    assert (outcome.failed, outcome.blocked) == ({}, {})
    assert counts(tmp_path) == dict.fromkeys("abcde", 1)


@pytest.mark.slow
def test_in_several_processes_too(tmp_path):
    with Pool(work, 2) as pool:
        outcome = complete(diamond(tmp_path, b={"failures": 1}), pool, view(tmp_path))
    assert (outcome.failed, outcome.blocked) == ({}, {})
    assert counts(tmp_path) == {**dict.fromkeys("acde", 1), "b": 2}


def test_the_most_urgent_first_and_equals_in_order(tmp_path):
    told = Told()
    complete(
        diamond(tmp_path),
        Here(work),
        view(tmp_path),
        told,
        urgency={"a": 1, "b": 1, "c": 3, "d": 1, "e": 2},
    )
    assert told.order == ["e", "a", "c", "b", "d"]


def test_what_fails_once_is_tried_again(tmp_path):
    told = Told()
    outcome = complete(diamond(tmp_path, b={"failures": 1}), Here(work), view(tmp_path), told)
    assert (outcome.failed, outcome.blocked) == ({}, {})
    assert told.said == [("b", "ValueError: cannot do b", False)]
    assert counts(tmp_path)["b"] == 2


def test_what_fails_for_good_blocks_what_needs_it_and_nothing_else(tmp_path):
    outcome = complete(diamond(tmp_path, b={"failures": 9}), Here(work), view(tmp_path), retries=2)
    assert outcome.failed.keys() == {"b"}
    assert outcome.failed["b"].startswith("ValueError: cannot do b (test_scheduler.py, line ")
    assert outcome.blocked == {"d": "b"}
    assert counts(tmp_path) == {"a": 1, "b": 3, "c": 1, "e": 1}


def test_the_cause_of_a_whole_chain_is_named(tmp_path):
    outcome = complete(diamond(tmp_path, a={"failures": 9}), Here(work), view(tmp_path), retries=0)
    assert outcome.blocked == dict.fromkeys("bcd", "a")
    assert counts(tmp_path) == {"a": 1, "e": 1}


def test_what_others_have_done_meanwhile_is_not_done_again(tmp_path):
    jobs = diamond(tmp_path)
    (tmp_path / "e.done").write_text("")
    complete(jobs, Here(work), view(tmp_path))
    assert counts(tmp_path) == dict.fromkeys("abcd", 1)


def test_what_others_do_is_waited_for_while_the_rest_is_done(tmp_path):
    told, jobs = Told(), diamond(tmp_path)
    with Leases(tmp_path / "leases").held("a") as ours:
        assert ours
        thread = threading.Thread(
            target=complete, args=(jobs, Here(work), view(tmp_path), told), kwargs={"poll": 0.02}
        )
        thread.start()
        while not (tmp_path / "e.done").exists():
            time.sleep(0.01)
        assert counts(tmp_path) == {"e": 1}
        (tmp_path / "a.done").write_text("")
    thread.join(30)
    assert told.said == [("a", "elsewhere")]
    assert counts(tmp_path) == dict.fromkeys("bcde", 1)


def test_what_others_left_unfinished_is_done_after_all(tmp_path):
    with Leases(tmp_path / "leases").held("a"):
        thread = threading.Thread(
            target=complete,
            args=(diamond(tmp_path), Here(work), view(tmp_path)),
            kwargs={"poll": 0.02},
        )
        thread.start()
        while not (tmp_path / "e.done").exists():
            time.sleep(0.01)
    thread.join(30)
    assert counts(tmp_path) == dict.fromkeys("abcde", 1)


class Hasty:
    """Workers that find another process at each job when they come to it the first time."""

    def __init__(self):
        self.there, self.met = Here(work), set()

    @property
    def idle(self):
        return self.there.idle

    def submit(self, job):
        self.there.submit(job)

    def wait(self, timeout=None):
        if self.there.job and self.there.job.name not in self.met:
            self.met.add(self.there.job.name)
            job, self.there.job = self.there.job, None
            return [Event(job, "done", "busy")]
        return self.there.wait(timeout)


def test_who_comes_too_late_looks_again(tmp_path):
    outcome = complete(diamond(tmp_path), Hasty(), view(tmp_path), poll=0.01)
    assert outcome.failed == {}
    assert counts(tmp_path) == dict.fromkeys("abcde", 1)


SECOND = """
import sys
from pathlib import Path
from test_scheduler import Fake, Here, view, work
from empirical.experiments.scheduler import complete
folder = Path(sys.argv[1])
needs = {i: (f"j{i - 4}",) if i >= 4 else () for i in range(24)}
jobs = {f"j{i}": Fake(f"j{i}", needs[i], folder, seconds=0.02) for i in needs}
(folder / f"ready-{sys.argv[2]}").write_text("")
while len(list(folder.glob("ready-*"))) < 2: pass
assert complete(jobs, Here(work), view(folder), poll=0.02).failed == {}
assert len(list(folder.glob("*.done"))) == 24
"""


@pytest.mark.slow
def test_two_invocations_at_once_do_each_job_once(tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
    }
    both = [
        subprocess.Popen([sys.executable, "-c", SECOND, tmp_path, str(i)], env=environment)
        for i in range(2)
    ]
    assert [process.wait(120) for process in both] == [0, 0]
    assert counts(tmp_path) == {f"j{i}": 1 for i in range(24)}
    by = Counter(path.read_text() for path in tmp_path.glob("*.log"))
    assert len(by) == 2  # both had a share in it


def die_once(job, advance):
    if note(job) == 1:
        os._exit(1)
    (job.folder / f"{job.name}.done").write_text("")
    return "done"


@pytest.mark.slow
def test_a_killed_worker_costs_its_job_alone(tmp_path):
    told = Told()
    with Pool(die_once, 2) as pool:
        outcome = complete(diamond(tmp_path), pool, view(tmp_path), told)
    assert outcome.failed == {}
    assert set(told.said) == {(name, "a worker was killed", False) for name in "abcde"}
    assert counts(tmp_path) == dict.fromkeys("abcde", 2)


# --- what is shown


def jobs_of(folder):
    """Return a stage and two records."""
    early = Job("early", "early-1", (Run(),), 0, folder, seconds=10.0, experiments=("one", "two"))
    records = [
        Job(
            "train",
            f"{name}.x",
            (Run(),),
            0,
            folder,
            ("early-1",),
            20.0,
            folder / f"{name}-x.json",
            experiments=(name,),
        )
        for name in ("one", "two")
    ]
    return {job.name: job for job in (early, *records)}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_a_table_that_is_redrawn_in_place(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    clock_ticks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: next(clock_ticks))  # a picture is always due
    jobs, screen = jobs_of(tmp_path), Terminal()
    board = Board(jobs, 1, screen)
    board.began(jobs["early-1"])
    board.tick()
    board.done(jobs["early-1"], here=True)
    board.began(jobs["one.x"])
    board.progress(jobs["one.x"], 0.5)
    board.close()
    assert "\x1b[1A" in screen.getvalue()  # goes up, to draw over the first picture
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", screen.getvalue())
    rows = [line.split() for line in plain.split("stage ")[-1].splitlines() if line.strip()]
    assert rows[0] == ["done", "running", "waiting"]
    assert rows[1:4] == [["early", "1"], ["one", "1"], ["two", "1"]]
    assert " ".join(rows[4]).startswith("1/3 jobs, 41%,")  # 11 + 10.5 of 53


def test_elsewhere_a_line_now_and_then(tmp_path):
    jobs, said = jobs_of(tmp_path), io.StringIO()
    board = Board(jobs, 1, said)
    for job in jobs.values():
        board.began(job)
        board.tick()
        board.done(job, here=True)
    first, last = said.getvalue().splitlines()
    assert first.startswith("1/3 jobs,")
    assert last.startswith("3/3 jobs, 100%,")
    assert "\x1b" not in said.getvalue()


def test_a_failure_is_said_and_noted_until_the_job_succeeds(tmp_path):
    jobs, said = jobs_of(tmp_path), io.StringIO()
    board = Board(jobs, 1, said)
    board.failed(jobs["early-1"], "ValueError: no", last=True)
    board.blocked(jobs["one.x"])
    assert said.getvalue().splitlines()[0].endswith("failed: ValueError: no")
    assert failure(jobs["early-1"]) == "ValueError: no"
    assert board.counts()["early"]["failed"] == board.counts()["one"]["not begun"] == 1
    note_of(jobs["early-1"]).write_text("{")
    assert failure(jobs["early-1"]) is None


def test_a_failed_attempt_counts_for_nothing_and_needs_no_room_for_its_note(tmp_path, monkeypatch):
    jobs, said = jobs_of(tmp_path), io.StringIO()

    def full(job, error):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("empirical.experiments.progress_board.note_failure", full)
    board = Board(jobs, 1, said)
    board.began(jobs["early-1"])
    board.progress(jobs["early-1"], 0.9)
    board.failed(jobs["early-1"], "OSError: no space", last=False)
    assert board.share() == 0
    assert said.getvalue().splitlines()[0].endswith("failed: OSError: no space; it is tried again")


def test_elsewhere_a_long_job_is_named_every_minute(tmp_path, monkeypatch):
    jobs, now, said = jobs_of(tmp_path), [100.0], io.StringIO()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    board = Board(jobs, 1, said)
    board.began(jobs["early-1"])
    for _ in range(150):
        now[0] += 1
        board.tick()
    lines = said.getvalue().splitlines()
    assert len(lines) == 2
    assert all(
        line.startswith("0/3 jobs") and line.endswith(": early resnet8, seed 0 (1)")
        for line in lines
    )


def test_time_left_goes_by_what_jobs_of_the_stage_took(tmp_path, monkeypatch):
    jobs, now = jobs_of(tmp_path), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    board = Board(jobs, 2, io.StringIO())
    assert board.seconds_left() == pytest.approx(25)  # 10 + 20 + 20 by two workers
    board.began(jobs["early-1"])
    now[0] += 30  # three times as long as expected
    board.done(jobs["early-1"], here=True)
    assert board.seconds_left() == pytest.approx(60)  # both side by side, three times 20
    board.began(jobs["one.x"])
    now[0] += 10
    board.done(jobs["one.x"], here=True)  # half of what was expected
    assert board.seconds_left() == pytest.approx(10)
    board.done(jobs["two.x"], here=False)
    assert (board.seconds_left(), board.share()) == (0, 1)


def test_clock():
    assert [clock(s) for s in (0, 7.4, 61, 3723)] == ["0:00", "0:07", "1:01", "1:02:03"]
