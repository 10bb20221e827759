"""Records made under the old names of fields are found again after the renaming."""

import dataclasses

import pytest

from empirical.config import Gallery, SelectionAgreement
from empirical.experiments.registry import experiment
from empirical.experiments.rename_fields import main, rename
from empirical.experiments.runner import plan_of
from figures.records import (
    Record,
    digest,
    file_name,
    is_valid,
    json_value,
    read,
    read_plan,
    write,
    write_plan,
)
from figures.records.identity import identity
from figures.records.lines import read_lines, write_lines
from figures.records.record import as_line

METRICS = {"test_error": 0.25}
REDUCED = experiment("reduced-factor")  # settings of several renamed fields are not the default


def old_name(run, seed):
    settings = rename(identity(run), back=True)
    return f"{run.label}-s{seed:02d}-{digest({'config': settings, 'seed': seed})[:8]}.json"


def old_records(root, runs, seed=0, experiment=REDUCED):
    """Write the records and the plan as they were under the old names; returns their folder."""
    folder = root / experiment.folder
    for run in runs:
        config = rename(json_value(run), back=True)
        write(folder / old_name(run, seed), Record(config, seed, METRICS))
    write_plan(
        root,
        dataclasses.replace(
            plan_of(experiment, 1), runs=tuple(old_name(run, seed) for run in runs)
        ),
    )
    return folder


def as_lines(folder):
    files = [path for path in folder.glob("*.json") if path.name != "plan.json"]
    write_lines(folder, {path.name: as_line(path.name, read(path)) for path in files})
    for path in files:
        path.unlink()


@pytest.mark.parametrize("lines", [False, True])
def test_renamed_records_are_those_that_the_code_asks_for(tmp_path, lines, capsys):
    runs = REDUCED.runs
    folder = old_records(tmp_path, runs)
    if lines:
        as_lines(folder)
    new = [file_name(run.label, run, 0) for run in runs]
    assert not set(new) & {old_name(run, 0) for run in runs}
    assert not any(is_valid(folder / name, run) for name, run in zip(new, runs, strict=True))
    assert main([str(tmp_path)]) == 0
    assert f"{len(runs)} records renamed" in capsys.readouterr().out
    assert all(is_valid(folder / name, run) for name, run in zip(new, runs, strict=True))
    assert read_plan(tmp_path, "empirical/reduced-factor").runs == tuple(new)
    found = set(read_lines(folder)) | {path.name for path in folder.glob("*-s*.json")}
    assert found == set(new)
    assert main([str(tmp_path)]) == 0
    assert "0 records renamed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "kind", [Gallery, SelectionAgreement], ids=lambda kind: kind.__name__.lower()
)
def test_other_kinds_of_runs_are_renamed_too(tmp_path, kind):
    run = kind("reduced", data=REDUCED.runs[0].data)
    folder = old_records(tmp_path, [run])
    assert main([str(tmp_path)]) == 0
    assert is_valid(folder / file_name(run.label, run, 0), run)


def test_what_is_damaged_or_has_another_name_is_left_and_named(tmp_path, capsys):
    folder = old_records(tmp_path, REDUCED.runs[:2])
    damaged, other = (folder / old_name(run, 0) for run in REDUCED.runs[:2])
    damaged.write_text("{")
    other.rename(folder / "mine-s00-01234567.json")
    before = {path.name: path.read_text() for path in folder.glob("*-s*.json")}
    assert main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "0 records renamed" in printed
    assert damaged.name in printed
    assert "mine-s00-01234567.json" in printed
    assert {path.name: path.read_text() for path in folder.glob("*-s*.json")} == before


def test_a_folder_without_records_is_an_error(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "output/records" in capsys.readouterr().err
