"""Test processes that fill one store: no image is made twice; a killed one loses its task."""

import collections
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from empirical.generation.store.store import Store, open_store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[4]
# twelve tasks of four images
PAIRS = np.stack([np.tile(np.arange(24), 2), np.repeat(np.arange(2), 24)], axis=1)
WORKER = """
import os, sys, time
import numpy as np
from pathlib import Path
from empirical.generation.store.store import Store

folder, log, stop, stale, go = sys.argv[1:]
made = 0

def note(text):
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, text.encode())
    os.close(file)

def make(sources, copies):
    global made
    if made == int(stop):
        note("hangs\\n")
        print("hangs", flush=True)
        time.sleep(600)
    made += 1
    time.sleep(0.005)
    note("".join(f"{source} {copy}\\n" for source, copy in zip(sources, copies)))
    values = (sources * 7 + copies).astype(np.uint8)
    return values[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)

print("ready", flush=True)
while not Path(go).exists():
    time.sleep(0.002)
pairs = np.stack([np.tile(np.arange(24), 2), np.repeat(np.arange(2), 24)], axis=1)
Store(Path(folder), stale=float(stale), poll=0.01).fill(pairs, make, labels=np.arange(24))
heavy = [name for name in ("torch", "diffusers", "matplotlib", "PIL") if name in sys.modules]
print("done", *heavy, flush=True)
"""


@pytest.fixture
def workplace(tmp_path):
    """Return a store, a folder and a function that starts workers; end workers that are left."""
    store = open_store(tmp_path / "store", {"seed": 0}, (2, 2, 1), "uint8", block=4)
    running = []
    (tmp_path / "go").touch()

    def start(stop=-1, stale=60, go="go"):
        arguments = [
            str(store.folder),
            str(tmp_path / "log"),
            str(stop),
            str(stale),
            str(tmp_path / go),
        ]
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", WORKER, *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        assert running[-1].stdout.readline() == "ready\n"
        return running[-1]

    yield store, tmp_path, start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def made(folder):
    """Return how often each image was made."""
    return collections.Counter(
        line for line in (folder / "log").read_text().splitlines() if line != "hangs"
    )


def finish(process):
    assert process.stdout.readline() == "done\n"  # and nothing heavy was loaded
    assert process.wait() == 0


def check(store, shards=12):
    values = store.read(PAIRS)[:, 0, 0, 0]
    assert np.array_equal(values, (PAIRS @ [7, 1]).astype(np.uint8))
    assert store.verify() == []
    assert (
        len(list(store.folder.glob("shard-*.json")))
        == len(list(store.folder.glob("shard-*.npy")))
        == shards
    )
    assert list((store.folder / "leases").iterdir()) == []


@pytest.mark.slow
def test_two_workers_share_the_work(workplace):
    store, folder, start = workplace
    workers = [start(go="later"), start(go="later")]
    (folder / "later").touch()
    for worker in workers:
        finish(worker)
    assert made(folder) == {f"{source} {copy}": 1 for source, copy in PAIRS}
    check(store)


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_its_task_alone(workplace):
    store, folder, start = workplace
    killed = start(stop=5)
    assert killed.stdout.readline() == "hangs\n"
    killed.kill()
    killed.wait()
    assert len(store.missing(PAIRS)) == 28  # five of twelve tasks were done
    finish(start())  # at once, for the process is known to be gone
    assert set(made(folder).values()) == {1}
    check(store)


@pytest.mark.slow
def test_a_worker_waits_for_one_that_may_live_and_takes_over_when_it_is_silent(workplace):
    store, folder, start = workplace
    killed = start(stop=0)
    assert killed.stdout.readline() == "hangs\n"
    killed.kill()
    killed.wait()
    (lease,) = (store.folder / "leases").iterdir()
    # a process on another machine, of which it is not known whether it lives
    lease.write_text('{"token": "theirs", "place": "another machine", "process": 1}')
    waiting = start(stale=0.5)
    finish(waiting)
    assert set(made(folder).values()) == {1}
    check(store)


@pytest.mark.slow
def test_one_that_is_silent_but_alive_does_no_harm(workplace):
    store, _, start = workplace
    assert start(stop=0).stdout.readline() == "hangs\n"
    (lease,) = (store.folder / "leases").iterdir()
    lease.write_text("")
    lease.touch()
    finish(start(stale=0.2, stop=-1))
    check(store)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["images", "description", "between"])
def test_killed_while_it_writes(workplace, moment):
    """Kill a worker within ``write_shard``, before or after the images have their name."""
    store, folder, start = workplace
    code = f"""
import os, signal, sys
from pathlib import Path
replace, kinds = Path.replace, {{"images": ".npy", "description": ".json", "between": ".npy"}}
def killed(self, target):
    if str(target).endswith(kinds["{moment}"]):
        if "{moment}" == "between":
            replace(self, target)
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = killed
"""
    arguments = [str(store.folder), str(folder / "log"), "-1", "60", str(folder / "go")]
    assert (
        subprocess.run(
            [sys.executable, "-c", code + WORKER, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL
        ).returncode
        == -9
    )
    assert len(Store(store.folder).missing(PAIRS)) == len(PAIRS)
    finish(start())
    assert sum(made(folder).values()) == len(PAIRS) + 4  # the one task was made twice
    check(store)
