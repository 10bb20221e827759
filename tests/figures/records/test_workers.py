"""Parallel jobs: all are done, in order of waves; failures stay apart; workers end with parents."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from figures.records import run_jobs

ROOT = Path(__file__).resolve().parents[3]


def touch(job, advance):
    folder, name, needs = job
    if name == "bad":
        raise ValueError("cannot do bad")
    if needs:
        assert (folder / needs).exists(), f"{name} began before {needs} was done"
    (folder / name).write_text(str(os.environ["OMP_NUM_THREADS"]))
    advance(1)


@pytest.mark.slow
def test_every_job_is_done_and_waves_wait(tmp_path, capfd):
    first = [(tmp_path, f"a{i}", None) for i in range(3)]
    second = [(tmp_path, f"b{i}", f"a{2 - i}") for i in range(3)]
    assert run_jobs(touch, first, second, total=6, workers=2, label="work") == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert {p.read_text() for p in tmp_path.iterdir()} == {"1"}
    assert "6/6" in capfd.readouterr().err


@pytest.mark.slow
def test_a_failure_is_told_and_stops_nothing(tmp_path):
    jobs = [(tmp_path, "bad", None), (tmp_path, "good", None)]
    ((job, message),) = run_jobs(touch, jobs, total=2, workers=1, label="work")
    assert job == jobs[0]
    line = touch.__code__.co_firstlineno + 3
    assert message == f"ValueError: cannot do bad (test_workers.py, line {line})"
    assert (tmp_path / "good").exists()


def die(job, advance):
    os._exit(1)


def remember(job, advance):
    """Raise ValueError for the job "bad", and for every later job in the same process."""
    spoilt = getattr(remember, "spoilt", False)
    remember.spoilt = spoilt or job == "bad"
    if remember.spoilt:
        raise ValueError(job)


@pytest.mark.slow
def test_a_failure_does_not_spoil_the_jobs_after_it():
    failures = run_jobs(remember, ["bad", "a", "b", "bad", "c"], total=5, workers=1, label="x")
    assert [job for job, _ in failures] == ["bad", "bad"]


def blocked(job, advance):
    """Write whether Ctrl-C is blocked in this process."""
    Path(job).write_text(str(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())))


def test_ctrl_c_is_kept_from_every_worker(tmp_path):
    files = [str(tmp_path / name) for name in "abc"]
    assert run_jobs(blocked, files, total=3, workers=1, label="x") == []
    assert {Path(file).read_text() for file in files} == {"True"}
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.slow
def test_a_killed_worker_is_told(tmp_path):
    failures = run_jobs(die, [1, 2], [3], total=3, workers=1, label="work")
    assert {why for _, why in failures} == {"a worker was killed (out of memory? try --workers 1)"}
    assert {job for job, _ in failures} == {1, 2, 3}


SLEEPER = """
import sys, time, os, pathlib
from figures.records import run_jobs
def sleep(job, advance):
    pathlib.Path(job).write_text(str(os.getpid()))
    time.sleep(600)
if __name__ == "__main__":
    run_jobs(sleep, [sys.argv[1]], total=1, workers=1, label="sleep")
"""


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").exists() else True
    )


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def sleeping(tmp_path):
    """Start a parent process with a sleeping worker; yield the process and the worker's number."""
    note = tmp_path / "pid"
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "sleeper.py", note], env=environment, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: note.exists() and note.read_text())
    yield parent, int(note.read_text())
    parent.kill()
    parent.wait()


def test_workers_die_with_a_killed_parent(sleeping):
    parent, worker = sleeping
    assert alive(worker)
    parent.kill()
    parent.wait()
    wait_for(lambda: not alive(worker))


@pytest.mark.slow
def test_ctrl_c_ends_the_workers_too(sleeping):
    parent, worker = sleeping
    parent.send_signal(signal.SIGINT)
    assert parent.wait(30) != 0
    wait_for(lambda: not alive(worker))
