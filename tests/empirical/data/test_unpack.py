"""Test unpacking of the official CIFAR archive: complete, by one process, with holes filled."""

import hashlib
import shutil
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from image_files import cifar10_batches
from torchvision import datasets

from empirical.data.sources import cifar
from empirical.data.sources.source import Missing

KIND = cifar.KINDS["cifar10"]
EXTRACT = datasets.utils.extract_archive


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder that holds only the archive; torchvision knows it and has no network."""
    cifar10_batches(tmp_path / "made", monkeypatch)
    (tmp_path / "sets").mkdir()
    archive = tmp_path / "sets" / KIND.archive
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(tmp_path / "made" / KIND.folder, KIND.folder)
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setattr(datasets.utils, "_get_redirect_url", lambda url, max_hops: url)
    monkeypatch.setattr(datasets.utils, "_urlretrieve", fail)
    return archive.parent


def fail(url, path):
    """Break off a download half-way."""
    Path(path).write_bytes(b"half")
    raise TimeoutError("no answer")


def files(place):
    return {path.name: path.stat().st_ino for path in (place / KIND.folder).iterdir()}


def found(place):
    return cifar.find_cifar("cifar10", place, None, fetch=False).open()


def test_nothing_is_there_until_all_is(place, monkeypatch):
    def watched(*words, **options):
        EXTRACT(*words, **options)
        assert [path.name for path in place.glob("[!.]*")] == [KIND.archive]

    monkeypatch.setattr(datasets.utils, "extract_archive", watched)
    assert len(found(place).items) == 80
    assert sorted(path.name for path in place.iterdir()) == [KIND.folder, KIND.archive]
    assert not (place / KIND.archive).is_symlink()


def test_what_another_unpacked_meanwhile_stays(place, monkeypatch):
    seen = []

    def overtaken(*words, **options):
        monkeypatch.setattr(datasets.utils, "extract_archive", EXTRACT)
        cifar.unpack(KIND, place)
        seen.append(files(place))
        EXTRACT(*words, **options)

    monkeypatch.setattr(datasets.utils, "extract_archive", overtaken)
    assert len(found(place).items) == 80
    assert seen == [files(place)]


def test_many_at_once(place, monkeypatch):
    start = Barrier(4)

    def together(*words, **options):
        start.wait(20)
        EXTRACT(*words, **options)

    monkeypatch.setattr(datasets.utils, "extract_archive", together)
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda _: cifar.unpack(KIND, place), range(4)):
            pass
    assert len(found(place).items) == 80
    assert sorted(path.name for path in place.iterdir()) == [KIND.folder, KIND.archive]


def test_a_folder_with_holes_is_filled(place):
    cifar.unpack(KIND, place)
    (place / KIND.folder / "data_batch_3").unlink()
    (place / KIND.folder / "data_batch_4").write_bytes(b"damaged")
    assert len(found(place).items) == 80


def test_a_folder_that_cannot_be_made_is_told(place):
    (place / KIND.folder).write_text("a file")
    with pytest.raises(OSError, match=KIND.folder):
        cifar.unpack(KIND, place)


def test_a_damaged_archive_stays_until_another_is_fetched(place, monkeypatch):
    whole = (place / KIND.archive).read_bytes()
    (place / KIND.archive).write_bytes(whole[:-1])
    with pytest.raises(Missing, match="the download failed"):
        cifar.unpack(KIND, place)
    assert (place / KIND.archive).read_bytes() == whole[:-1]
    assert [path.name for path in place.iterdir()] == [KIND.archive]
    (place.parent / "published").write_bytes(whole)
    monkeypatch.setattr(
        datasets.utils,
        "_urlretrieve",
        lambda url, path: shutil.copy(place.parent / "published", path),
    )
    cifar.unpack(KIND, place)
    assert (place / KIND.archive).read_bytes() == whole
    assert len(found(place).items) == 80
