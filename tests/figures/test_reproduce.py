"""Comparing with the committed records, adopting fresh ones, and the command line."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from figures.draw import Drawing
from figures.records import (
    COMMITTED,
    Plan,
    Record,
    RecordError,
    load,
    read,
    write,
    write_plan,
)
from figures.records.lines import read_lines
from figures.reproduce import comparison, experiments, keep

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def fill(root, error, runs=("a.json",)):
    write_plan(root, Plan("half/some", tuple(runs), "python -m half run some", "test_error", 0.01))
    for run in runs:
        write(root / "half/some" / run, Record({"label": run}, 0, {"test_error": error}))


@pytest.mark.parametrize(
    ("error", "agree", "said"),
    [
        (0.1, True, "1 same bits"),
        (0.1015, True, "1 within tolerance"),
        (0.105, False, "1 within tolerance (tolerance: test_error within 0.01; mean shift +0.005)"),
        (0.2, False, "1 different"),
    ],
)
def test_every_experiment_is_compared(tmp_path, error, agree, said):
    fill(tmp_path / "committed", 0.1)
    fill(tmp_path / "fresh", error)
    lines, same = comparison(tmp_path / "fresh", tmp_path / "committed")
    assert lines[0].startswith("half/some: 1 computed here: ")
    assert said in lines[0]
    assert same == agree
    assert ("apart by 0.1" in "".join(lines)) == (said == "1 different")


def test_new_records_do_not_disagree_and_damaged_ones_do(tmp_path):
    fill(tmp_path / "fresh", 0.1)
    assert comparison(tmp_path / "fresh", tmp_path / "committed") == (
        ["half/some: 1 computed here: 1 not committed: there is nothing to compare them with"],
        True,
    )
    (tmp_path / "fresh/half/some/a.json").write_text("{")
    lines, same = comparison(tmp_path / "fresh", tmp_path / "committed")
    assert not same
    assert "delete it and run: python -m half run some" in lines[1]


def test_keep_replaces_the_committed_records_by_whole_fresh_ones(tmp_path):
    fresh, committed = tmp_path / "fresh", tmp_path / "committed"
    fill(committed, 0.1, ["old.json"])
    with pytest.raises(RecordError, match='no record "half/some"'):
        keep("half/some", fresh, committed)
    fill(fresh, 0.2, ["a.json", "b.json"])
    text = (fresh / "half/some/b.json").read_text()
    (fresh / "half/some/b.json").write_text(text[:50])
    with pytest.raises(RecordError, match="damaged"):
        keep("half/some", fresh, committed)
    assert experiments(committed) == ["half/some"]
    assert read(committed / "half/some/old.json").metrics["test_error"] == 0.1  # untouched so far
    (fresh / "half/some/b.json").write_text(text)
    assert keep("half/some", fresh, committed) == 2
    assert sorted(p.name for p in (committed / "half/some").iterdir()) == [
        "plan.json",
        "records.jsonl",
    ]
    assert len(load("half/some", (committed,))) == 2
    fill(tmp_path / "part", 0.3, ["a.json"])
    with pytest.raises(RecordError, match=r"would replace 2.*: python -m half run some"):
        keep("half/some", tmp_path / "part", committed)
    assert [r.metrics["test_error"] for r in load("half/some", (committed,))] == [0.2, 0.2]


def test_experiments_that_share_a_folder_of_records_are_compared_and_kept(tmp_path):
    fresh, committed = tmp_path / "fresh", tmp_path / "committed"
    for name, runs in (("one", ("a.json", "b.json")), ("two", ("b.json", "c.json"))):
        command = f"python -m half run {name}"
        write_plan(fresh, Plan(f"half/{name}", runs, command, "test_error", 0.01, "half/pool"))
        for run in runs:
            write(fresh / "half/pool" / run, Record({"label": run}, 0, {"test_error": 0.1}))
    assert keep("half/one", fresh, committed) == 2
    lines, same = comparison(fresh, committed)
    assert same
    assert lines == [
        "half/one: 2 computed here: 2 same bits",
        "half/two: 2 computed here: 1 same bits, 1 not committed",
    ]
    assert keep("half/two", fresh, committed) == 2
    assert [p.name for p in (committed / "half/pool").iterdir()] == ["records.jsonl"]
    assert list(read_lines(committed / "half/pool")) == ["a.json", "b.json", "c.json"]
    assert [len(load(f"half/{name}", (committed,))) for name in ("one", "two")] == [2, 2]


def figures(*words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "figures", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    return done


def test_draw_and_compare_from_the_command_line(tmp_path):
    assert (
        "homogeneity: theory/homogeneity"
        in figures("draw", "homogeneity", "--out", tmp_path).stdout
    )
    assert (tmp_path / "figures/homogeneity.pdf").read_bytes().startswith(b"%PDF")
    assert figures("compare", "--out", tmp_path, code=2).stderr.endswith(
        "make them with: make reproduce\n"
    )
    done = figures("draw", "homogeneity", "wrong", "--out", tmp_path / "two", code=2)
    assert done.stderr.startswith("error: no figure or table 'wrong'; allowed: feature_learning")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "two").exists()


def test_claims_from_the_command_line(tmp_path):
    rows = json.loads(figures("claims", "--json", "--out", tmp_path).stdout)
    assert {f"T{i}" for i in range(1, 10)} | {"E1", "E2", "E3"} <= {
        row["id"][:3].rstrip("bcdefghi") for row in rows
    }
    assert all(row["verdict"] for row in rows)
    said = figures("claims", "--committed").stdout
    said = " ".join(said.split())  # wrapped to the terminal
    assert "amplifying slow examples evens out feature learning" in said
    assert "E2: TADA beats USEFUL, each at its best k and at equal k" in said


def test_reproduce_says_what_it_made_and_fails_when_a_record_differs(tmp_path):
    shutil.copytree(
        ROOT / "paper/results/theory/homogeneity", tmp_path / "records/theory/homogeneity"
    )
    drawable = Drawing(tmp_path, (COMMITTED,)).names
    said = figures("reproduce", "--out", tmp_path, code=0).stdout
    assert "theory/homogeneity: 300 computed here: 300 same bits" in said
    assert "homogeneity: theory/homogeneity 300 fresh" in said
    assert re.search(r"test_error: empirical/noisy-digits \d+ committed", said)
    assert "agrees with the committed records" in said
    assert f"{len(drawable)} of {len(drawable)} figures and tables drawn" in said
    folder = tmp_path / "records/theory/homogeneity"
    paths = [folder / run for run in sorted(read_lines(folder))[:20]]
    for path in paths:
        record = read(path)
        wrong = [0.9 for _ in record.metrics["test_error"]]
        metrics = {**record.metrics, "test_error": wrong}
        write(path, Record(record.config, record.seed, metrics))
    said = figures("reproduce", "--out", tmp_path, code=1).stdout
    assert all(f"{path.name}: different, test_error apart by " in said for path in paths)
    assert "NOT REPRODUCED" in said
