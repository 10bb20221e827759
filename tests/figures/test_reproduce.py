"""Comparing with the committed records, adopting fresh ones, and the command line."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from figures.records import Plan, Record, RecordError, load, read, write, write_plan
from figures.reproduce import comparison, experiments, keep

ROOT = Path(__file__).resolve().parents[2]


def fill(root, error, runs=("a.json",)):
    write_plan(root, Plan("half/some", tuple(runs), "python -m half run some", "test_error", 0.01))
    for run in runs:
        write(root / "half/some" / run, Record({"label": run}, 0, {"test_error": error}))


@pytest.mark.parametrize(
    ("error", "agree", "said"),
    [(0.1, True, "1 same bits"), (0.105, True, "1 within tolerance (tolerance: test_error within 0.01)"), (0.2, False, "1 different")],
)
def test_every_experiment_is_compared(tmp_path, error, agree, said):
    fill(tmp_path / "committed", 0.1)
    fill(tmp_path / "fresh", error)
    lines, same = comparison(tmp_path / "fresh", tmp_path / "committed")
    assert lines[0].startswith("half/some: 1 recomputed: ")
    assert said in lines[0]
    assert same == agree
    assert ("apart by 0.1" in "".join(lines)) == (not agree)


def test_new_records_do_not_disagree_and_damaged_ones_do(tmp_path):
    fill(tmp_path / "fresh", 0.1)
    assert comparison(tmp_path / "fresh", tmp_path / "committed") == (
        ["half/some: 1 recomputed: 1 not committed (tolerance: test_error within 0.01)"],
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
    assert sorted(p.name for p in (committed / "half/some").iterdir()) == ["a.json", "b.json", "plan.json"]
    assert len(load("half/some", (committed,))) == 2


def figures(*words, code=0):
    done = subprocess.run([sys.executable, "-m", "figures", *map(str, words)], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == code, done.stderr
    return done


def test_draw_and_compare_from_the_command_line(tmp_path):
    assert "homogeneity: theory/homogeneity" in figures("draw", "homogeneity", "--out", tmp_path).stdout
    assert (tmp_path / "figures/homogeneity.pdf").read_bytes().startswith(b"%PDF")
    assert "make them with: make reproduce" in figures("compare", "--out", tmp_path).stdout
    done = figures("draw", "homogeneity", "wrong", "--out", tmp_path / "two", code=2)
    assert done.stderr.startswith("error: no figure or table 'wrong'; allowed: feature_learning")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "two").exists()


def test_reproduce_says_what_it_made_and_fails_when_a_record_differs(tmp_path):
    shutil.copytree(ROOT / "paper/results/theory/homogeneity", tmp_path / "records/theory/homogeneity")
    said = figures("reproduce", "--out", tmp_path).stdout
    assert "theory/homogeneity: 300 recomputed: 300 same bits" in said
    assert "homogeneity: theory/homogeneity 300 fresh" in said
    assert "test_error: empirical/noisy-digits 380 committed" in said
    assert "all records agree; 7 of 7 figures and tables drawn" in said
    path = sorted((tmp_path / "records/theory/homogeneity").glob("*-s*.json"))[0]
    record = read(path)
    write(path, Record(record.config, record.seed, {**record.metrics, "test_error": [0.9 for _ in record.metrics["test_error"]]}))
    said = figures("reproduce", "--out", tmp_path, code=1).stdout
    assert f"{path.name}: different, test_error apart by " in said
    assert "SOME RECORDS DIFFER" in said
