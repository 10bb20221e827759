"""A lock lets one process or thread in at a time, and is free again when its holder has ended."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from empirical.runtime.locks import locked

ROOT = Path(__file__).resolve().parents[3]
HOLD = (
    "import sys, time; from pathlib import Path; from empirical.runtime.locks import locked\n"
    "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds the lock of ``tmp_path``/result."""
    words = [sys.executable, "-c", HOLD, str(tmp_path / "result")]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_thread_waits_and_says_so(tmp_path, capsys):
    order, first = [], threading.Event()

    def second():
        first.wait(10)
        with locked(tmp_path / "result", "waiting for the result"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(tmp_path / "result", "waiting for the result"):
        first.set()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert capsys.readouterr().err == "waiting for the result\n"


def test_a_killed_process_holds_no_lock(tmp_path, holder):
    with (
        pytest.raises(BlockingIOError, match="another process"),
        locked(tmp_path / "result", wait=False),
    ):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(10)
    with locked(tmp_path / "result", wait=False):
        pass


def test_an_error_in_the_block_releases_the_lock(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "result"):
        raise KeyError
    with locked(tmp_path / "result", wait=False, keep=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError), locked(tmp_path / "file" / "result"):  # noqa: PT011
        pass
