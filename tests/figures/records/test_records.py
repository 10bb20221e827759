"""Records: the round trip, damage, identity, atomic writing, plans, comparison."""

import dataclasses
import json
import math
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures.records import (
    DIFFERENT,
    Plan,
    Record,
    RecordError,
    begun,
    compare,
    digest,
    exists,
    file_name,
    is_valid,
    json_value,
    load,
    load_some,
    provenance,
    read,
    recorded_seconds,
    write,
    write_plan,
)
from figures.records.compare import (
    DAMAGED,
    NEW,
    SAME_BITS,
    WITHIN,
    Comparison,
    agree,
    compare_records,
    distance,
)
from figures.records.files import atomic_folder, atomic_write, leftovers, temporary_path
from figures.records.identity import extends
from figures.records.lines import write_lines
from figures.records.record import as_line

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def record(**metrics):
    return Record({"label": "x", "k": 2}, 3, metrics or {"test_error": 0.25}, {"commit": None})


@pytest.mark.slow
@given(st.dictionaries(st.text(), values))
def test_round_trip(tmp_path_factory, metrics):
    path = tmp_path_factory.mktemp("records") / "a.json"
    write(path, record(**metrics))
    again = read(path)
    assert again == dataclasses.replace(record(**metrics), source=path.parent)
    assert again.results == record(**metrics).results


@given(numbers.filter(lambda x: abs(x) < 1e300))
def test_numbers_survive_bit_for_bit(x):
    assert json.loads(json.dumps(json_value(np.float64(x)))) == float(x)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_no_nan_and_nothing_half_written(tmp_path, bad):
    path = tmp_path / "a.json"
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(path, record(test_error=bad))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [0, 10, -3])
def test_a_record_cut_short_is_noticed(tmp_path, keep):
    path = tmp_path / "a.json"
    write(path, record())
    path.write_text(path.read_text()[:keep])
    assert not is_valid(path)
    with pytest.raises(RecordError, match=r"damaged record .*a\.json"):
        read(path)


def test_an_altered_number_is_noticed(tmp_path):
    path = tmp_path / "a.json"
    write(path, record())
    path.write_text(path.read_text().replace("0.25", "0.24"))
    with pytest.raises(RecordError, match="altered record"):
        read(path)


@pytest.fixture
def lines(tmp_path):
    """Return a folder whose two records are lines of one file, and that file."""
    found = {}
    for run in ("b.json", "a.json"):
        write(tmp_path / run, record(test_error=0.25))
        found[run] = as_line(run, read(tmp_path / run))
        (tmp_path / run).unlink()
    write_lines(tmp_path, found)
    return tmp_path, tmp_path / "records.jsonl"


def test_a_line_is_read_as_a_file_is(lines):
    folder, file = lines
    assert [json.loads(line)["run"] for line in file.read_text().splitlines()] == [
        "a.json",
        "b.json",
    ]
    again = read(folder / "b.json")
    assert again == record(test_error=0.25)
    assert again.source == folder
    assert is_valid(folder / "b.json")
    assert not exists(folder / "c.json")
    with pytest.raises(RecordError, match=r"no record .*c\.json"):
        read(folder / "c.json")


def test_a_record_file_comes_before_a_line(lines):
    folder, _ = lines
    write(folder / "a.json", record(test_error=0.5))
    assert read(folder / "a.json").metrics["test_error"] == 0.5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda line: line[:60], r"damaged record .*a\.json .*records\.jsonl"),
        (lambda line: line.replace(b"0.25", b"0.24"), r"altered record .*a\.json.*records\.jsonl"),
    ],
)
def test_a_bad_line_is_named_by_its_run_and_spoils_no_other(lines, damage, message):
    folder, file = lines
    first, second = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([damage(first), second]))
    with pytest.raises(RecordError, match=message):
        read(folder / "a.json")
    assert not is_valid(folder / "a.json")
    assert is_valid(folder / "b.json")


def test_a_line_without_a_beginning_is_a_missing_record(lines):
    folder, file = lines
    write_plan(
        folder.parent,
        Plan(folder.name, ("a.json", "b.json"), "python -m half run some", "test_error", 0.1),
    )
    assert len(load(folder.name, (folder.parent,))) == 2
    file.write_bytes(file.read_bytes()[5:])
    with pytest.raises(RecordError, match=r"a\.json.*make it with: python -m half run some"):
        load(folder.name, (folder.parent,))
    assert len(load_some(folder.name, (folder.parent,))) == 1


def test_the_seconds_of_a_run_are_found_in_both_layouts(tmp_path):
    timed = dataclasses.replace(record(), provenance={"seconds": 1.5})
    write(tmp_path / "a.json", timed)
    assert recorded_seconds(tmp_path / "a.json") == 1.5
    write_lines(tmp_path, {"a.json": as_line("a.json", read(tmp_path / "a.json"))})
    (tmp_path / "a.json").unlink()
    assert recorded_seconds(tmp_path / "a.json") == 1.5
    assert recorded_seconds(tmp_path / "b.json") is None


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"no record .*b\.json"):
        read(tmp_path / "b.json")


def test_identity_is_config_and_seed():
    @dataclasses.dataclass(frozen=True)
    class Config:
        k: int = 2
        channels: tuple[int, ...] = (1, 2)

    assert digest(Config()) == digest({"channels": [1, 2], "k": 2})
    assert len({file_name("tada-2", Config(k), seed) for k in (2, 3) for seed in (0, 1)}) == 4


def test_a_setting_added_with_a_default_renames_no_run():
    inner = dataclasses.make_dataclass("Inner", [("a", int, 1)], frozen=True)
    before = dataclasses.make_dataclass(
        "Config", [("k", int, 2), ("inner", inner, inner())], frozen=True
    )
    more = dataclasses.make_dataclass("Inner", [("a", int, 1), ("b", str, "usual")], frozen=True)
    after = dataclasses.make_dataclass(
        "Config", [("k", int, 2), ("inner", more, more()), ("new", bool, False)], frozen=True
    )
    for old, new in [
        (before(), after()),
        (before(3), after(3)),
        (before(2, inner(5)), after(2, more(5))),
    ]:
        assert file_name("x", old, 0) == file_name("x", new, 0)
    told_apart = [
        after(),
        after(new=True),
        after(inner=more(b="other")),
        after(inner=more(a=2)),
        after(k=1),
    ]
    assert len({file_name("x", config, 0) for config in told_apart}) == len(told_apart)


def test_a_record_made_with_another_default_does_not_stand_for_the_run(tmp_path):
    config = dataclasses.make_dataclass(
        "Config", [("k", int, 2), ("new", bool, False)], frozen=True
    )
    write(tmp_path / "a.json", Record({"k": 2}, 0, {"test_error": 0.1}))
    assert is_valid(tmp_path / "a.json", config())
    assert not is_valid(tmp_path / "a.json", config(3))


@pytest.mark.slow
@given(values, values)
def test_what_extends_both_ways_is_equal(a, b):
    assert extends(a, a)
    assert extends({"more": a, "same": b}, {"same": b})
    assert not extends({"same": b}, {"more": a, "same": b})
    assert not extends([a], [a, b])
    if extends(a, b) and extends(b, a):
        assert a == b


def test_a_fresh_record_may_hold_more_but_not_less_than_the_committed_one():
    old = Record({"k": 2}, 0, {"test_error": 0.1})
    new = Record({"k": 2, "new": False}, 0, {"test_error": 0.1, "loss": 1.0})
    assert compare_records(new, old, "test_error", 0.01)[0] == SAME_BITS
    assert compare_records(old, new, "test_error", 0.01)[0] == DIFFERENT
    assert (
        compare_records(Record({"k": 3}, 0, {"test_error": 0.1}), old, "test_error", 0.01)[0]
        == DIFFERENT
    )


class Full(Exception):
    """The disk is full."""


def test_a_write_that_fails_leaves_nothing_and_the_old_file_as_it_was(tmp_path):
    path = tmp_path / "kept.npz"
    path.write_text("old")

    def write_half():
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise Full

    with pytest.raises(Full):
        write_half()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("kept.npz", "old")]
    with atomic_write(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == path.suffix
        temporary.write_text("new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("kept.npz", "new")]


def test_the_first_of_several_writers_wins_unless_files_are_replaced(tmp_path):
    path = tmp_path / "manifest.json"
    for text in ("first", "second"):
        with atomic_write(path, overwrite=False) as temporary:
            temporary.write_text(text)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(path.name, "first")]


def test_what_a_killed_writer_has_left_is_found(tmp_path):
    path = tmp_path / "a.json"
    temporary_path(path).write_text("half")
    (tmp_path / "other.json").write_text("{}")
    assert [file.read_text() for file in leftovers(path)] == ["half"]


def test_a_folder_is_there_with_all_its_files_or_not_at_all(tmp_path):

    def write_half():
        with atomic_folder(tmp_path / "made") as folder:
            (folder / "a").write_text("half")
            raise Full

    with pytest.raises(Full):
        write_half()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial/old").write_text("left by a killed process")
    with atomic_folder(tmp_path / "made", tmp_path / ".partial") as folder:
        (folder / "a").write_text("new")
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "a"]


def test_no_two_temporary_names_are_the_same(tmp_path):
    assert len({temporary_path(tmp_path / "x.json") for _ in range(100)}) == 100


def test_what_cannot_be_recorded_is_refused():
    with pytest.raises(TypeError, match="not complex"):
        digest({"x": 1j})


def fill(root, error, runs=("a.json", "b.json"), tolerance=0.01):
    write_plan(root, Plan("half/some", runs, "python -m half run some", "test_error", tolerance))
    for run in runs:
        write(root / "half/some" / run, record(test_error=error))


def test_a_missing_record_names_the_command(tmp_path):
    with pytest.raises(
        RecordError, match=r'no record "half/some"; make it with: python -m half run some'
    ):
        load("half/some", (tmp_path,))
    fill(tmp_path, 0.1)
    (tmp_path / "half/some/b.json").unlink()
    with pytest.raises(
        RecordError, match=r'no record "half/some/b.json"; make it with: python -m half run some'
    ):
        load("half/some", (tmp_path,))


def test_of_an_unfinished_experiment_some_records_are_there(tmp_path):
    roots = (tmp_path / "fresh", tmp_path / "committed")
    assert (begun("half/some", roots), load_some("half/some", roots)) == (False, [])
    write_plan(
        roots[0],
        Plan(
            "half/some",
            ("a.json", "b.json"),
            "python -m half run some",
            "test_error",
            0.1,
            "half/pool",
        ),
    )
    assert (begun("half/some", roots), load_some("half/some", roots)) == (True, [])
    write(roots[1] / "half/pool/b.json", record(test_error=0.5))
    assert [r.metrics["test_error"] for r in load_some("half/some", roots)] == [0.5]
    with pytest.raises(RecordError, match="make it with: python -m half run some"):
        load("half/some", roots)
    write(roots[0] / "half/pool/a.json", record(test_error=0.25))
    assert load_some("half/some", roots) == load("half/some", roots)


def test_fresh_records_come_before_committed_ones(tmp_path):
    fill(tmp_path / "fresh", 0.2, ("a.json",))
    fill(tmp_path / "committed", 0.1)
    records = load("half/some", (tmp_path / "fresh", tmp_path / "committed"))
    assert [r.metrics["test_error"] for r in records] == [0.2, 0.1]
    fill(
        tmp_path / "fresh", 0.2, ("c.json",)
    )  # another experiment of that name is not mixed with the committed one
    assert [
        r.metrics["test_error"]
        for r in load("half/some", (tmp_path / "fresh", tmp_path / "committed"))
    ] == [0.2]


@pytest.mark.parametrize(
    ("error", "verdict"), [(0.1, SAME_BITS), (0.105, WITHIN), (0.12, DIFFERENT)]
)
def test_comparison(tmp_path, error, verdict):
    fill(tmp_path / "committed", 0.1, ("a.json",))
    fill(tmp_path / "fresh", error, ("a.json",))
    (row,) = compare("half/some", tmp_path / "fresh", tmp_path / "committed")
    assert row.verdict == verdict
    assert row.distance == pytest.approx(abs(error - 0.1))


def test_comparison_of_new_and_damaged(tmp_path):
    fill(tmp_path / "fresh", 0.1)
    fill(tmp_path / "committed", 0.1, ("a.json",))
    (tmp_path / "fresh/half/some/a.json").write_text("{")
    assert [
        row.verdict for row in compare("half/some", tmp_path / "fresh", tmp_path / "committed")
    ] == [DAMAGED, NEW]


@given(st.lists(st.floats(-10, 10), min_size=1), st.floats(0, 1))
def test_distance_is_the_largest_difference(curve, shift):
    assert distance(curve, [x + shift for x in curve]) == pytest.approx(shift, abs=1e-12)
    assert distance(curve, [*curve, 0.0]) == math.inf
    assert distance(None, 1.0) == distance(None, None) == distance([None], [1.0]) == math.inf
    assert distance([None, 1.0], [None, 1.5]) == 0.5


def rows(shifts, verdict=WITHIN):
    return [Comparison("x", SAME_BITS if s == 0 else verdict, abs(s), s) for s in shifts]


def test_scatter_agrees_and_a_shift_does_not():
    assert agree(rows([0.0] * 5), 0.03)
    assert agree(rows([0.02, -0.02, 0.01, -0.012]), 0.03)
    assert not agree(rows([0.02, 0.01, 0.005, -0.001]), 0.03)
    assert agree(rows([0.04], DIFFERENT) + rows([-0.02] * 2 + [0.0] * 17), 0.03)
    assert not agree(rows([0.04], DIFFERENT) + rows([-0.02] * 2 + [0.0] * 16), 0.03)
    assert not agree([Comparison("x", DAMAGED, math.inf)], 0.03)


def test_fewer_seeds_do_not_shrink_a_plan(tmp_path):
    fill(tmp_path, 0.1, ("a.json", "b.json"))
    fill(tmp_path, 0.1, ("a.json",))
    assert len(load("half/some", (tmp_path,))) == 2
    fill(tmp_path, 0.1, ("a.json", "b.json", "c.json"))
    assert len(load("half/some", (tmp_path,))) == 3


def test_a_damaged_fresh_record_is_replaced_by_the_committed_one(tmp_path):
    fill(tmp_path / "fresh", 0.2, ("a.json",))
    fill(tmp_path / "committed", 0.1, ("a.json",))
    (tmp_path / "fresh/half/some/a.json").write_text("{")
    assert [
        r.metrics["test_error"]
        for r in load("half/some", (tmp_path / "fresh", tmp_path / "committed"))
    ] == [0.1]


def test_provenance_says_where_a_record_comes_from():
    origin = provenance("numpy")
    assert origin["versions"]["numpy"] == np.__version__
    assert set(origin) == {"commit", "dirty", "versions", "device", "command"}
    assert "/" not in origin["command"].split()[0]


def test_a_records_command_names_no_place_of_this_machine(monkeypatch, tmp_path):
    words = [
        "empirical/__main__.py",
        "benchmark",
        "factor",
        "--root",
        str(tmp_path / "sets"),
        f"--out={tmp_path}/made",
        "--seeds",
        "2",
    ]
    monkeypatch.setattr("sys.argv", words)
    provenance.cache_clear()
    command = provenance()["command"]
    provenance.cache_clear()
    assert (
        command == "python -m empirical benchmark factor --root .../sets --out=.../made --seeds 2"
    )


@pytest.fixture
def disk(monkeypatch):
    """Record what reaches the disk: ``sync NAME`` of files and folders, and ``rename NAME``."""
    events = []
    sync = os.fsync

    def fsync(descriptor):
        events.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    for name in ("replace", "rename"):
        move = getattr(Path, name)

        def moved(self, target, move=move):
            events.append(f"rename {Path(target).name}")
            return move(self, target)

        monkeypatch.setattr(Path, name, moved)
    return events


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads names from /proc")
def test_a_power_cut_leaves_the_old_or_the_new(tmp_path, disk):
    """Content is on the disk before the name is, and the name before the function returns."""
    with atomic_write(tmp_path / "a.json", tmp_path / "part") as temporary:
        temporary.write_text("{}")
    assert disk == ["sync part", "rename a.json", f"sync {tmp_path.name}"]
    disk.clear()
    with atomic_folder(tmp_path / "made", tmp_path / "partial") as folder:
        (folder / "in").mkdir()
        (folder / "in/b").write_text("b")
    renamed = disk.index("rename made")
    assert {"sync b", "sync in", "sync partial"} <= set(disk[:renamed])
    assert disk[renamed + 1 :] == [f"sync {tmp_path.name}"]


def test_files_get_the_rights_of_the_umask_but_not_those_that_are_also_elsewhere(tmp_path):
    users = tmp_path / "mine.png"
    users.write_text("mine")
    users.chmod(0o640)
    with atomic_write(tmp_path / "weights") as temporary:
        temporary.write_text("w")
        temporary.chmod(0o600)  # as safetensors writes it
    with atomic_folder(tmp_path / "made") as folder:
        (folder / "a").write_text("a")
        (folder / "a").chmod(0o600)
        (folder / "linked").hardlink_to(users)
    plain = tmp_path / "plain"
    plain.write_text("")
    usual = plain.stat().st_mode
    assert (tmp_path / "weights").stat().st_mode == (tmp_path / "made/a").stat().st_mode == usual
    assert stat.S_IMODE(users.stat().st_mode) == 0o640
