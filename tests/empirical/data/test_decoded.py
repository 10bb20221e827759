"""Test that decoded data sets are found again, renewed after changes, and never left half-done."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from image_files import cifar10_batches, own, pictures, save, tiny

from empirical.config import Data
from empirical.data import decoded as cache
from empirical.data.load import load_dataset
from empirical.data.sources import build
from empirical.data.sources.locate import FINDERS, NATIVE_SIDES, find_source
from empirical.data.sources.source import Missing

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def pets(tmp_path, monkeypatch):
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    return own(tmp_path / "sets/pets", suffix="bmp", size=(20, 20))


@pytest.fixture
def decoded(monkeypatch):
    """Return the list of paths that are decoded, filled as they are."""
    paths, honest = [], build.decode_image

    def noted(source, contents, item, side):
        paths.append(item.path)
        return honest(source, contents, item, side)

    monkeypatch.setattr(build, "decode_image", noted)
    return paths


def whole(tmp_path, name="folder:pets", verify=False, **settings):
    return load_dataset(Data(name, train=None, **settings), tmp_path / "artifacts", verify=verify)


def stores(tmp_path):
    return {path.parent for path in (tmp_path / "artifacts/data").glob("[!.]*/manifest.json")}


def leftovers(tmp_path):
    return list((tmp_path / "artifacts/data").glob(".partial*"))


def test_images_are_decoded_once(pets, tmp_path, decoded):
    first = whole(tmp_path)
    assert len(decoded) == 25
    assert first.fresh
    again = whole(tmp_path)
    assert not again.fresh
    np.testing.assert_array_equal(first.train.stored, again.train.stored)
    assert len(decoded) == 25
    os.utime(pets / "cats/0.bmp")  # touched: read again, but not decoded
    assert whole(tmp_path).folder == first.folder
    pets.rename(tmp_path / "sets/animals")  # moved: the same content
    assert whole(tmp_path, "folder:animals").manifest["content"] == first.manifest["content"]


def test_arrays_are_mapped_and_the_files_stay_as_they_are(pets, tmp_path):
    found = whole(tmp_path)
    base = found.train.stored
    while not isinstance(base, np.memmap) and base.base is not None:
        base = base.base
    assert isinstance(base, np.memmap)
    found.train.stored[:] = 0
    again = whole(tmp_path, verify=True)
    assert not again.fresh
    assert again.train.stored.any()
    assert not cache.describe_damage(found.folder, found.manifest, verify=True)


def test_other_settings_have_another_cache(pets, tmp_path, decoded):
    assert (
        whole(tmp_path, side=8).folder != whole(tmp_path, side=10).folder != whole(tmp_path).folder
    )
    save(pets / "owls/0.png", pictures(1, 9)[0])
    own(pets, counts=(5,), names=("owls",))
    two = whole(tmp_path, side=8, classes=("dogs", "cats"))
    assert two.train.classes == ("cats", "dogs")
    assert not two.fresh or two.folder != whole(tmp_path, side=8).folder
    before = len(decoded)
    whole(tmp_path, side=8, classes=("cats", "dogs"))
    assert len(decoded) == before


@pytest.mark.parametrize(
    "change", ["in place", "with its old times", "removed", "added", "renamed"]
)
def test_a_change_of_the_files_is_noticed(pets, tmp_path, change):
    first, path = whole(tmp_path), pets / "cats/0.bmp"
    if change in ("in place", "with its old times"):
        before, data = path.stat(), bytearray(path.read_bytes())
        data[-50] ^= 255
        path.write_bytes(data)
        assert path.stat().st_size == before.st_size
        if change == "with its old times":
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "removed":
        path.unlink()
    elif change == "added":
        save(pets / "cats/new.bmp", pictures(1, 20)[0])
    else:
        path.rename(pets / "dogs/new.bmp")
    second = whole(tmp_path)
    assert second.folder != first.folder
    assert second.manifest["content"] != first.manifest["content"]
    assert len(stores(tmp_path)) == 2


def test_a_change_while_the_files_are_read_is_told(pets, tmp_path, monkeypatch):
    honest = build.decode_image

    def meddle(source, contents, item, side):
        (pets / "dogs/0.bmp").write_bytes((pets / "dogs/0.bmp").read_bytes() + b"x")
        return honest(source, contents, item, side)

    monkeypatch.setattr(build, "decode_image", meddle)
    with pytest.raises(ValueError, match="was changed while it was read"):
        whole(tmp_path)
    assert stores(tmp_path) == set()


DAMAGE = {
    "cut short": lambda folder: (folder / "train.npy").write_bytes(
        (folder / "train.npy").read_bytes()[:-9]
    ),
    "longer": lambda folder: (folder / "train.npy").write_bytes(
        (folder / "train.npy").read_bytes() + b"x"
    ),
    "gone": lambda folder: (folder / "test-labels.npy").unlink(),
    "empty": lambda folder: (folder / "test.npy").write_bytes(b""),
    "other shape": lambda folder: np.save(folder / "test-labels.npy", np.zeros((1, 5), np.int64)),
    "other numbers": lambda folder: np.save(
        folder / "test-labels.npy", np.load(folder / "test-labels.npy").astype(float)
    ),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "other manifest": lambda folder: (folder / "manifest.json").write_text(
        (folder / "manifest.json").read_text().replace("cats", "cows")
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_cache_is_told_and_made_again(pets, tmp_path, capfd, kind):
    first = whole(tmp_path)
    expected = np.array(first.train.stored)
    DAMAGE[kind](first.folder)
    second = whole(tmp_path)
    assert second.fresh
    assert second.folder == first.folder
    np.testing.assert_array_equal(second.train.stored, expected)
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"{first.folder} is damaged (")
    assert not whole(tmp_path, verify=True).fresh


def test_a_changed_byte_is_found_when_all_are_compared(pets, tmp_path, capfd):
    folder = whole(tmp_path).folder
    data = bytearray((folder / "test.npy").read_bytes())
    data[-1] ^= 1
    (folder / "test.npy").write_bytes(data)
    assert not whole(tmp_path).fresh  # sizes alone are looked at in a run
    assert whole(tmp_path, verify=True).fresh
    assert "test.npy has other bytes" in capfd.readouterr().err
    assert not whole(tmp_path, verify=True).fresh


def test_what_was_decoded_serves_when_the_images_are_gone(tmp_path, monkeypatch):
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    cifar10_batches(tmp_path / "sets", monkeypatch)
    first, small = whole(tmp_path, "cifar10"), whole(tmp_path, "cifar10", side=8)
    (tmp_path / "sets").rename(tmp_path / "elsewhere")
    assert whole(tmp_path, "cifar10").folder == first.folder
    assert whole(tmp_path, "cifar10", side=8).folder == small.folder
    with pytest.raises(Missing, match="fetch it with: python -m empirical data cifar10"):
        whole(tmp_path, "cifar10", side=4)


def test_content_is_looked_for_under_its_name_and_settings(tmp_path, monkeypatch):
    """A digest finds a decoded data set only under its own name, side and classes."""
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    cifar10_batches(tmp_path / "sets", monkeypatch)
    own(tmp_path / "sets/cifar10-like/cifar10", suffix="bmp", size=(32, 32))
    large, small = whole(tmp_path, "cifar10"), whole(tmp_path, "cifar10", side=8)
    pets = whole(tmp_path, "folder:cifar10-like/cifar10", side=32)
    (tmp_path / "sets").rename(tmp_path / "elsewhere")

    def of(found, name="cifar10", **settings):
        return whole(tmp_path, name, content=found.manifest["content"][:16], **settings).folder

    assert of(large) == of(large, side=32) == large.folder  # a side not given is the images' own
    assert of(small, side=8) == small.folder
    assert of(pets, "folder:cifar10", side=32) == pets.folder
    strangers = [
        (pets, {}),
        (small, {}),
        (large, {"side": 8}),
        (large, {"classes": ("cat", "dog")}),
        (large, {"name": "cifar100"}),
    ]
    for found, settings in [
        *strangers,
        (large, {"name": "folder:cifar10", "side": 32}),
        (pets, {"name": "folder:cifar10"}),
    ]:
        with pytest.raises(ValueError, match=r"^no |^data\.content is"):
            of(found, **settings)


def test_the_sides_of_the_images_are_those_of_their_sources(tmp_path, monkeypatch):
    cifar10_batches(tmp_path / "cifar", monkeypatch)
    tiny(tmp_path / "tiny")
    for name, folder in (("cifar10", "cifar"), ("tiny-imagenet", "tiny")):
        monkeypatch.setenv("TADA_DATA", str(tmp_path / folder))
        assert find_source(name, None, False).native == NATIVE_SIDES[name]
    assert NATIVE_SIDES["cifar100"] == NATIVE_SIDES["cifar10"]
    assert NATIVE_SIDES.keys() == FINDERS.keys()


def test_content_with_images_left_out_serves_those_who_leave_them_out(pets, tmp_path):
    (pets / "cats/text.jpg").write_text("no image")
    found = whole(tmp_path, skip_unreadable=True)
    content = found.manifest["content"]
    assert whole(tmp_path, skip_unreadable=True, content=content).folder == found.folder
    with pytest.raises(ValueError, match=r"text\.jpg .*--skip-unreadable$"):
        whole(tmp_path, content=content)


def test_a_full_disk_leaves_nothing_half_written(pets, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build.NpyWriter, "add", full)
    with pytest.raises(OSError, match=r"no space left for the decoded images: .*artifacts/data"):
        whole(tmp_path)
    assert stores(tmp_path) == set()
    assert leftovers(tmp_path) == []
    monkeypatch.undo()
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    assert whole(tmp_path).fresh


SLOW = """
import os, sys, time
from pathlib import Path
from empirical.config import Data
from empirical.data import decoded as cache
from empirical.data.sources import build

honest, go, begun, end = build.decode_image, Path(sys.argv[2]), [], time.monotonic() + 30

def slow(source, contents, item, side):  # ten images, then no more until the test says so
    begun.append(item)
    os.write(1, b"decoding\\n")
    while len(begun) > 10 and not go.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return honest(source, contents, item, side)

build.decode_image, build.CHUNK = slow, 1
try:
    found = cache.find_or_decode(Data("folder:pets", train=None), Path(sys.argv[1]))
except KeyboardInterrupt:
    sys.exit(130)
print("made" if found.fresh else "found", found.manifest["content"])
"""


@pytest.fixture
def start(pets, tmp_path):
    """Return a function that starts a process, which stops half-way until ``go`` is there."""
    processes = []

    def start():
        words = [sys.executable, "-c", SLOW, str(tmp_path / "artifacts"), str(tmp_path / "go")]
        processes.append(
            subprocess.Popen(
                words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_two_processes_at_once_decode_once(start, tmp_path):
    first = start()
    assert first.stdout.readline() == "decoding\n"
    second = start()
    assert second.stderr.readline() == "another process is decoding images: waiting for it\n"
    (tmp_path / "go").touch()
    made, found = (
        process.stdout.read().splitlines() for process in (first, second)
    )  # communicate loses what readline has buffered
    assert made[-1].startswith("made ")
    assert found == [made[-1].replace("made", "found")]  # and nothing was decoded
    assert len(made) == 25  # with the line that was read above


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_the_middle_and_called_again(start, tmp_path, how):
    process = start()
    for _ in range(11):
        assert process.stdout.readline() == "decoding\n"
    process.send_signal(how)
    time.sleep(0.1)
    (tmp_path / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert stores(tmp_path) == set()
    assert len(leftovers(tmp_path)) == (0 if how == signal.SIGINT else 1)
    found = whole(tmp_path)
    assert found.fresh
    assert leftovers(tmp_path) == []
    assert not cache.describe_damage(found.folder, found.manifest, verify=True)
    assert json.loads((found.folder / "manifest.json").read_text())["name"] == "pets"


def test_a_reader_keeps_its_images_while_the_cache_is_made_again(pets, tmp_path):
    reader = whole(tmp_path)
    expected = np.array(reader.test.stored)
    (reader.folder / "train.npy").unlink()
    assert whole(tmp_path).fresh
    np.testing.assert_array_equal(reader.test.stored, expected)


def test_images_come_in_order_whatever_the_threads(pets, tmp_path, monkeypatch):
    honest, one = build.decode_image, whole(tmp_path)

    def uneven(source, contents, item, side):
        time.sleep(0.001 * (len(item.path) + hash(item.path)) % 0.004)
        return honest(source, contents, item, side)

    monkeypatch.setattr(build, "decode_image", uneven)
    monkeypatch.setattr(build, "CHUNK", 2)
    monkeypatch.setattr(build, "default_workers", lambda: 5)
    other = load_dataset(Data("folder:pets", train=None), tmp_path / "other")
    assert other.fresh
    assert other.manifest == one.manifest
