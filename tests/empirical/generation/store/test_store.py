"""Test that a store returns what was made, in any order and blocks; damage counts as missing."""

import csv
import dataclasses
import json
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from empirical.data.pixels import as_pixels, as_uint8
from empirical.generation.store import shards
from empirical.generation.store.export import StoreDataset, export_images
from empirical.generation.store.index import keys_of, pairs_of
from empirical.generation.store.store import Store, open_store

DESCRIPTION = {"model": "none", "seed": 3, "strength": 0.5, "versions": {"numpy": "2"}}
KINDS = {"uint8": (3, 2, 1), "float32": (1, 2, 3)}
pair_lists = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=40)


def image(sources, copies, kind="uint8"):
    """Return the images that any store must hold, which depend only on the pairs."""
    value = (np.asarray(sources) * 7 + np.asarray(copies) * 31).reshape(-1, 1, 1, 1)
    place = np.arange(np.prod(KINDS[kind])).reshape(KINDS[kind])
    return (
        ((value + place) % 256).astype(np.uint8)
        if kind == "uint8"
        else np.float32(np.sin(value + place))
    )


def make(sources, copies):
    return image(sources, copies)


def never(sources, copies):
    raise AssertionError("everything is there")


def fresh(folder, block=4, kind="uint8", **options):
    return open_store(
        Path(folder) / "store", DESCRIPTION, KINDS[kind], kind, block, poll=0.001, **options
    )


def content(store):
    return {path.name: path.read_bytes() for path in store.folder.glob("shard-*")}


def grid(sources=10, copies=2):
    return np.stack(
        [np.tile(np.arange(sources), copies), np.repeat(np.arange(copies), sources)], axis=1
    )


@pytest.fixture
def filled(tmp_path):
    """Return a store with 20 images in six shards."""
    store = fresh(tmp_path)
    assert store.fill(grid(), make, labels=np.arange(10) % 3) == 20
    return store


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15)
@given(first=pair_lists, second=pair_lists, block=st.integers(1, 40))
def test_what_is_read_is_what_is_made(kind, first, second, block):
    with tempfile.TemporaryDirectory() as folder:
        store = fresh(folder, block, kind)
        told = []
        assert (
            store.fill(first, lambda s, c: image(s, c, kind), advance=told.append)
            == len(set(first))
            == sum(told)
        )
        assert set(map(tuple, store.missing(second).tolist())) == set(second) - set(first)
        assert store.fill(second, lambda s, c: image(s, c, kind)) == len(set(second) - set(first))
        for reader in (store, Store(store.folder)):
            for pairs in (first, second, first + second[::-1]):
                read = reader.read(pairs)
                assert read.dtype == kind
                assert np.array_equal(read, image(*pairs_of(keys_of(pairs)).T, kind))
            assert {tuple(pair) for pair in reader.pairs().tolist()} == set(first) | set(second)
            assert len(reader) == len(set(first) | set(second))
            assert reader.verify() == []


@pytest.mark.slow
@settings(max_examples=15)
@given(pairs=pair_lists, data=st.data())
def test_files_do_not_depend_on_the_order_of_asking(pairs, data):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        stores = fresh(one), fresh(other)
        stores[0].fill(pairs, make)
        stores[1].fill(data.draw(st.permutations(pairs + pairs[:3])), make)
        assert content(stores[0]) == content(stores[1])


@given(pairs=st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**31 - 1)), min_size=1))
def test_a_key_is_a_pair(pairs):
    assert pairs_of(keys_of(pairs)).tolist() == [list(pair) for pair in pairs]


def test_no_call_makes_more_than_a_block_or_what_is_there(tmp_path):
    store = fresh(tmp_path, block=8)
    calls = []

    def watched(sources, copies):
        calls.append((sources, copies))
        return make(sources, copies)

    store.fill([[3, 0], [9, 0]], watched)
    store.fill(grid(20, 2), watched)
    assert all(len(set(sources // 8)) == len(set(copies)) == 1 for sources, copies in calls)
    assert sum(len(sources) for sources, _ in calls) == 40
    assert store.fill(grid(20, 2), never) == 0


def test_labels_and_seeds_are_said(filled):
    assert filled.labels([[7, 1], [2, 0], [7, 1]]).tolist() == [1, 2, 1]
    for path in filled.folder.glob("shard-*.json"):
        body = json.loads(path.read_text())
        assert body["labels"] == [source % 3 for source, _ in body["pairs"]]
        assert "torch_stream(seed" in body["seeds"]
        assert len(np.load(path.with_suffix(".npy"), mmap_mode="r")) == len(body["pairs"])


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (
            [[0, 0], [99, 1], [98, 0]],
            "2 of 3 variants are not in .*, the first is source 99, copy 1; .*fill",
        ),
        ([[0, -1]], "allowed: sources below 2.32, copies below 2.31, from 0"),
        ([[2**32, 0]], "allowed: sources below"),
        ([[0.5, 0]], "allowed: whole numbers"),
        ([1, 2, 3], r"allowed: whole numbers of shape \(m, 2\)"),
    ],
)
def test_what_cannot_be_read_is_told(filled, pairs, message):
    with pytest.raises(ValueError, match=message) as error:
        filled.read(pairs)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda s, c: make(s, c)[:-1], "allowed: uint8"),
        (lambda s, c: make(s, c).astype(np.float32), "are float32"),
    ],
)
def test_images_of_another_shape_or_kind_are_not_kept(tmp_path, made, message):
    store = fresh(tmp_path)
    with pytest.raises(ValueError, match=message):
        store.fill(grid(), made)
    assert content(store) == {}
    assert store.fill(grid(), make) == 20  # the lease was given up


def test_labels_of_too_few_sources_are_told_before_anything_is_made(tmp_path):
    with pytest.raises(ValueError, match="labels are of 9 sources; allowed: more than 9"):
        fresh(tmp_path).fill(grid(), never, labels=np.arange(9))


def test_not_a_number_is_not_kept(tmp_path):
    with pytest.raises(ValueError, match="not finite"):
        fresh(tmp_path, kind="float32").fill([[0, 0]], lambda s, c: image(s, c, "float32") * np.nan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"description": {**DESCRIPTION, "strength": 0.3}},
            "strength is 0.3, but the images in .* have 0.5; .*another folder",
        ),
        ({"description": {**DESCRIPTION, "new": 1}}, "new is 1, but .* have None"),
        ({"description": {**DESCRIPTION, "revision": None}}, "description.revision is None, but"),
        ({"shape": (4, 2, 1)}, "shape is .4, 2, 1., but"),
        ({"dtype": "float32"}, "dtype is 'float32', but"),
        ({"dtype": "float64"}, "allowed: uint8"),
        ({"block": 0}, "block is 0; allowed: at least 1"),
        ({"stale": 0}, "stale is 0; allowed: above 0"),
    ],
)
def test_another_description_is_another_store(filled, change, message):
    asked = {"description": DESCRIPTION, "shape": KINDS["uint8"], "dtype": "uint8", **change}
    with pytest.raises(ValueError, match=message) as error:
        open_store(filled.folder, **asked)
    assert "\n" not in str(error.value)


def test_a_store_keeps_its_block_and_description(filled):
    @dataclasses.dataclass
    class Versions:
        numpy: str = "2"

    again = open_store(
        filled.folder, {**DESCRIPTION, "versions": Versions()}, KINDS["uint8"], np.uint8, block=7
    )
    assert (again.block, again.description, again.shape) == (4, DESCRIPTION, KINDS["uint8"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no images"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"format": 9}', "is of format 9"),
    ],
)
def test_a_folder_that_is_no_store_is_told(tmp_path, text, message):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        Store(tmp_path)


def flip(path):
    raw = bytearray(path.read_bytes())
    raw[-2] ^= 1
    path.write_bytes(raw)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-2])


SEEN_ON_OPENING = [
    ("npy", truncate, "truncate"),
    ("npy", Path.unlink, "unlink"),
    ("json", truncate, "truncate"),
    ("json", Path.unlink, "unlink"),
    (
        "json",
        lambda path: path.write_text(path.read_text().replace('"pairs":[[0,', '"pairs":[[1,')),
        "another pair",
    ),
    ("json", lambda path: path.write_text("null"), "null"),
]
SEEN_BY_VERIFY = [
    ("npy", flip, "flip"),
    (
        "json",
        lambda path: path.write_text(path.read_text().replace('"labels":[0', '"labels":[2')),
        "another label",
    ),
]


def damage(store, suffix, how):
    """Damage the shard of the first four images."""
    name = shards.shard_name(keys_of(grid(4, 1)))
    before = (store.folder / f"shard-{name}.{suffix}").read_bytes()
    how(store.folder / f"shard-{name}.{suffix}")
    path = store.folder / f"shard-{name}.{suffix}"
    assert not path.exists() or (len(before) > 4 and path.read_bytes() != before)
    return name


@pytest.mark.parametrize(
    ("suffix", "how", "_"),
    SEEN_ON_OPENING,
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("repair", [True, False])
def test_a_damaged_shard_alone_is_made_again(filled, suffix, how, _, repair):
    before = content(filled)
    name = damage(filled, suffix, how)
    store = Store(filled.folder)
    assert store.missing(grid()).tolist() == grid(4, 1).tolist()
    assert store.verify() == [name]
    if repair:
        assert store.repair() == [name]
    assert store.fill(grid(), make, labels=np.arange(10) % 3) == 4
    assert content(store) == before
    assert store.verify() == []
    # a reader that was open all the time reads the same
    assert np.array_equal(filled.read(grid()), make(*grid().T))


@pytest.mark.parametrize(
    ("suffix", "how", "_"),
    SEEN_BY_VERIFY,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_altered_shard_is_found_by_its_digest(filled, suffix, how, _):
    before = content(filled)
    reader = Store(filled.folder)
    reader.read(grid())
    name = damage(filled, suffix, how)
    store = Store(filled.folder)
    assert len(store.missing(grid())) == 0
    assert store.verify() == [name]
    assert store.repair() == [name]
    assert store.missing(grid()).tolist() == reader.missing(grid()).tolist() == grid(4, 1).tolist()
    assert store.fill(grid(), make, labels=np.arange(10) % 3) == 4
    assert content(store) == before
    assert np.array_equal(reader.read(grid()), make(*grid().T))


def test_images_that_vanish_while_they_are_read_are_told(filled):
    filled.index()
    for path in filled.folder.glob("*.npy"):
        path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(ValueError, match=r"cannot be read .*; call repair, then fill"):
        filled.read(grid())


def age(path, seconds):
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_repair_removes_what_killed_workers_left(filled):
    leases = filled.folder / "leases"
    left = [
        filled.folder / ".1.shard-x.npy",
        filled.folder / "shard-y.npy",
        leases / "0-0",
        leases / ".0-0.right",
    ]
    young = [filled.folder / ".1.shard-z.npy", leases / "1-0"]
    for path in left + young:
        path.write_bytes(b"")
    for path in left:
        age(path, 1000)
    assert filled.repair() == ["y"]
    assert [path.exists() for path in left + young] == [False] * 4 + [True] * 2


def test_a_batch_of_examples_is_its_items(filled):
    examples = StoreDataset(filled, grid()[::-1])
    assert len(examples) == 20
    batch = examples.__getitems__([0, 5, 5])
    for (pixels, label), i in zip(batch, [0, 5, 5], strict=True):
        assert np.array_equal(pixels, examples[i][0])
        assert label == examples[i][1]
    assert np.array_equal(examples.images(slice(2, 9)), make(*grid()[::-1][2:9].T))


def test_torch_loads_examples(filled):
    from torch.utils.data import DataLoader

    batches = list(DataLoader(StoreDataset(filled, grid()), batch_size=8))
    assert np.array_equal(np.concatenate([pixels for pixels, _ in batches]), make(*grid().T))
    assert np.concatenate([labels for _, labels in batches]).tolist() == (grid()[:, 0] % 3).tolist()


def test_pixels_survive_being_stored():
    stored = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.array_equal(as_uint8(as_pixels(stored)), stored)
    assert as_uint8(np.float32([[[[-2.0, 2.0, 0.0]]]])).ravel().tolist() == [0, 255, 128]
    assert as_pixels(digits := np.float32([[[[0.1]]]])) is digits


def test_export_is_a_folder_of_classes_and_goes_on_where_it_ended(filled, tmp_path):
    classes = ("cat", "tabby dog", "é/x")
    folder = tmp_path / "out"
    told = []
    assert export_images(filled, folder, classes, grid()[:7]) == 7
    assert export_images(filled, folder, classes, advance=told.append) == 13
    assert sum(told) == 20
    assert sorted(path.name for path in folder.iterdir()) == [
        "cat",
        "manifest.csv",
        "store.json",
        "tabby-dog",
        "é-x",
    ]
    rows = list(csv.DictReader((folder / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 20
    for row in rows:
        source = int(row["source"])
        copy = int(row["copy"])
        assert re.fullmatch(rf".*/{source:07d}-{copy:03d}\.png", row["file"])
        assert classes[source % 3] == row["class"]
        with Image.open(folder / row["file"]) as png:
            assert np.array_equal(np.asarray(png)[..., None], make([source], [copy])[0])
    assert export_images(filled, folder, classes) == 0


def test_float_colour_images_are_exported(tmp_path):
    store = open_store(tmp_path / "store", DESCRIPTION, (3, 4, 5), "float32")
    pixels = np.linspace(-1, 1, 60, dtype=np.float32).reshape(1, 3, 4, 5)
    store.fill([[0, 0]], lambda s, c: pixels, labels=np.zeros(1, int))
    export_images(store, tmp_path / "out")
    with Image.open(tmp_path / "out" / "0" / "0000000-000.png") as png:
        assert np.array_equal(np.asarray(png), as_uint8(pixels)[0])


def test_an_export_that_would_mix_is_refused(filled, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").touch()
    with pytest.raises(ValueError, match="holds something else"):
        export_images(filled, tmp_path / "mine")
    export_images(filled, tmp_path / "out")
    other = open_store(tmp_path / "other", {}, KINDS["uint8"], "uint8")
    other.fill([[0, 0]], make, labels=np.zeros(1, int))
    with pytest.raises(ValueError, match="images of another store"):
        export_images(other, tmp_path / "out")
    with pytest.raises(ValueError, match="allowed: 0 to 1"):
        export_images(filled, tmp_path / "out", ("a", "b"))
    with pytest.raises(ValueError, match="different as folders"):
        export_images(filled, tmp_path / "out", ("a", "A", "b"))
