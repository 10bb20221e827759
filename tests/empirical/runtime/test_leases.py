"""One worker holds a lease; a stale one is taken over, by one worker, and a young one is not."""

import json
import os

import pytest

from empirical.runtime.leases import Leases


def age(path, seconds):
    """Make a file as old as if it had not been touched for so many seconds."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


@pytest.fixture
def leases(tmp_path):
    return Leases(tmp_path, stale=100)


def test_a_lease_goes_when_its_block_ends(leases):
    with leases.held("task") as ours, leases.held("task") as twice:
        assert (ours, twice) == (True, False)
        assert leases.holder("task")["process"] == os.getpid()
    assert leases.holder("task") is None
    assert list(leases.folder.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", json.dumps({"token": "theirs", "place": "another machine", "process": 1})]
)
def test_a_young_lease_is_respected_and_a_stale_one_taken_over(leases, text):
    (leases.folder / "task").write_text(text)
    with leases.held("task") as ours:
        assert not ours
    age(leases.folder / "task", 101)
    with leases.held("task") as ours, leases.held("task") as twice:
        assert (ours, twice) == (True, False)
    assert list(leases.folder.iterdir()) == []


def test_a_right_to_take_over_that_was_never_used_grows_stale(leases):
    task = leases.folder / "task"
    right = leases.folder / ".task.theirs"
    task.write_text(json.dumps({"token": "theirs"}))
    right.touch()
    age(task, 101)
    with leases.held("task") as ours:
        assert not ours
    age(right, 101)
    with leases.held("task") as ours:  # removes the right
        assert not ours
    with leases.held("task") as ours:
        assert ours


def test_a_lease_that_was_taken_over_is_not_removed_by_its_first_holder(leases):
    task = leases.folder / "task"
    with leases.held("task") as first:
        age(task, 101)
        with Leases(leases.folder, stale=100).held("task") as second:
            assert first
            assert second
            theirs = task.read_text()
    assert json.loads(theirs)["process"] == os.getpid()
    assert list(leases.folder.iterdir()) == []


def test_sweeping_removes_stale_files_and_leaves_young_ones(leases):
    for name in ("old", ".old.right", "young"):
        (leases.folder / name).touch()
    age(leases.folder / "old", 101)
    age(leases.folder / ".old.right", 101)
    leases.sweep()
    assert [path.name for path in leases.folder.iterdir()] == ["young"]


def test_the_time_until_a_lease_is_stale_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match=r"^stale is 0; allowed: above 0 seconds"):
        Leases(tmp_path, stale=0)
