"""A job is done once, by the first process that takes its lease, and says how it ended."""

import pytest

from empirical.config import Data, Method, Run, Training
from empirical.experiments import stages
from empirical.experiments.experiment import Experiment
from empirical.experiments.jobs import graph


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Return the early training of a run, which only notes that it was done."""
    run = Run(
        "x", Method("original"), Data("digits", train=60, validation=0), Training(steps=2, width=8)
    )
    found = next(iter(graph([(Experiment("x", "", 1, (run,)), 1)], tmp_path).values()))
    monkeypatch.setitem(stages.DO, found.stage, lambda job, advance: advance(1.0))
    return found


def perform(job):
    """Return the outcome and how much was done."""
    done = []
    return stages.perform(job, done.append), sum(done)


def test_a_job_is_done_once(job):
    assert not job.is_done()
    assert perform(job) == (stages.DONE, 1.0)
    assert job.is_done()
    assert perform(job) == (stages.DONE, 0)


def test_what_another_process_is_at_is_left_to_it(job):
    with stages.leases(job.out).held(job.name) as ours:
        assert ours
        assert perform(job) == (stages.BUSY, 0)
        assert not job.is_done()
    assert perform(job) == (stages.DONE, 1.0)


def test_a_note_of_failure_is_gone_once_the_job_succeeds(job):
    stages.note_failure(job, "no room")
    assert stages.failure(job) == "no room"
    perform(job)
    assert stages.failure(job) is None
