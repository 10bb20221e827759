"""Test experiments from the command line: records, what is remade, mistakes in one line."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from figures.records import load, no_progress, read, read_plan
from theory import Distribution, Method, Network, Optimiser, Run, simulate
from theory.commands import run
from theory.experiments import EXPERIMENTS, Job, complete, compute, missing_jobs, plan, record_path

ROOT = Path(__file__).parents[2]


def theory(*words, **options):
    """Run ``python -m theory``; return its exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "theory", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def small(tiny):
    """Return an experiment of two runs of milliseconds."""
    runs = tuple(
        replace(tiny(method), experiment="small", label=method.name)
        for method in (Method(), Method("tada", k=3))
    )
    return replace(EXPERIMENTS["methods"], name="small", runs=runs, seeds=3, first=0)


def counts(printed):
    """Return the numbers of existing and missing records that ``run`` prints in one line."""
    assert printed.count("\n") == 1
    return [int(number) for number in re.findall(r"\d+", printed)]


@pytest.mark.slow
def test_run_from_the_command_line(tmp_path):
    code, out, err = theory("run", "homogeneity", "--seeds", 1, "--workers", 1, "--out", tmp_path)
    assert code == 0, err
    assert counts(out) == [0, 15]
    root = tmp_path / "records"
    written = read_plan(root, "theory/homogeneity")
    assert written.command == "python -m theory run homogeneity"
    records = load("theory/homogeneity", [root])
    labels = [run.label for run in EXPERIMENTS["homogeneity"].runs]
    assert [record.config["label"] for record in records] == labels
    for record in records:
        assert len(record.metrics["test_error"]) == len(record.metrics["steps"]) > 30
    assert {"numpy", "scipy"} <= set(records[0].provenance["versions"])
    assert f"engine: {records[0].provenance['engine']}\n" in err

    bits = {record.config["label"]: record.results for record in records}
    gone, hurt, kept = (root / "theory/homogeneity" / written.runs[i] for i in (0, 3, 5))
    before = kept.stat().st_mtime_ns
    gone.unlink()
    hurt.write_text(hurt.read_text()[:500])
    code, out, _ = theory("run", "homogeneity", "--seeds", 1, "--workers", 2, "--out", tmp_path)
    assert code == 0
    assert counts(out) == [13, 2]
    again = load("theory/homogeneity", [root])
    assert {record.config["label"]: record.results for record in again} == bits
    assert kept.stat().st_mtime_ns == before

    code, out, err = theory("run", "homogeneity", "--seeds", 1, "--out", tmp_path)
    assert (code, err) == (0, "")
    assert counts(out) == [15, 0]


def test_recognising_finished_work_loads_no_numpy():
    program = (
        "import sys, theory.__main__, theory.experiments; "
        "heavy = {'numpy', 'scipy', 'torch', 'matplotlib'}; "
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_bits_do_not_depend_on_which_seeds_are_missing(small, tmp_path):
    run = small.runs[1]
    for folder, chunks in (
        ("together", [(0, 1, 2, 3, 4, 5)]),
        ("apart", [(4,), (5, 1), (0, 3), (2,)]),
    ):
        for chunk in chunks:
            compute(Job(run, chunk, tmp_path / folder), no_progress)
    for seed in range(6):
        a, b = (read(record_path(run, seed, tmp_path / folder)) for folder in ("together", "apart"))
        assert a.results == b.results


def test_missing_jobs_are_the_seeds_without_a_whole_record(small, tmp_path):
    one = small.runs[0]
    advanced = []
    compute(Job(one, (0, 2), tmp_path), advanced.append)
    assert sum(advanced) == 2
    assert [job.seeds for job in missing_jobs(one, range(5), tmp_path)] == [(1, 3, 4)]
    assert [len(job.seeds) for job in missing_jobs(one, range(25), tmp_path)] == [10, 10, 3]
    record_path(one, 0, tmp_path).write_text("{}")
    assert [job.seeds for job in missing_jobs(one, range(3), tmp_path)] == [(0, 1)]


def test_an_experiment_may_begin_at_another_seed(small, tmp_path):
    later = replace(small, first=1000, seeds=2)
    assert list(later.chosen()) == [1000, 1001]
    assert [job.seeds for job in plan(later, 1, tmp_path)] == [(1000,), (1000,)]
    assert len(read_plan(tmp_path, "theory/small").runs) == 2


@pytest.mark.slow
def test_a_run_that_diverges_is_reported_and_leaves_the_others(small, tmp_path):
    wild = replace(small.runs[0], label="wild", optimiser=Optimiser(eta=1e6))
    both = replace(small, runs=(wild, small.runs[1]))
    ((job, message),) = complete(both, plan(both, 2, tmp_path), workers=1)
    assert job.run.label == "wild"
    assert "eta = 1e+06" in message
    assert [job.run.label for job in missing_jobs(wild, range(2), tmp_path)] == ["wild"]
    assert missing_jobs(small.runs[1], range(2), tmp_path) == []


def test_a_failed_job_is_named_and_ends_with_code_1(small, tmp_path, monkeypatch, capsys):
    wild = replace(small.runs[0], label="wild", optimiser=Optimiser(eta=1e6))
    monkeypatch.setitem(EXPERIMENTS, "small", replace(small, runs=(wild,)))
    assert run(("small",), seeds=2, workers=1, out=tmp_path) == 1
    assert re.search("small: wild, seeds 0, 1: Diverged", capsys.readouterr().err)


def test_every_experiment_has_distinct_records():
    for experiment in EXPERIMENTS.values():
        paths = [record_path(run, 0, Path()) for run in experiment.runs]
        assert len(set(paths)) == len(paths) == len({run.label for run in experiment.runs})
        assert all(run.experiment == experiment.name for run in experiment.runs)


@pytest.mark.slow
def test_simulate_prints_a_table_or_json(tmp_path):
    flags = "--distribution.n 20 --optimiser.name sam --optimiser.steps 50 --method.name tada"
    words = ["simulate", *flags.split(), "--seed", 3]
    code, out, err = theory(*words)
    assert code == 0
    assert re.fullmatch(r"engine: (c|numpy)( \(.*\))?\n", err)
    assert out.splitlines()[0].split()[:3] == ["step", "fast", "slow"]
    code, out, _ = theory(*words, "--json")
    metrics = json.loads(out)
    assert metrics["steps"][-1] == 50
    expected = Run(
        distribution=Distribution(n=20), optimiser=Optimiser("sam", steps=50), method=Method("tada")
    )
    assert metrics == simulate(expected, 3)


MISTAKES = {
    "run nonsense": "'nonsense'; allowed: methods, convergence",
    "run": "0 names",
    "run methods --seeds 0": "seeds 0",
    "run methods --workers -1": "workers -1",
    "run methods --seeds many": "many",
    "run methods --out pyproject.toml": "pyproject.toml",
    "simulate --distribution.alpha 1.5": "alpha = 1.5",
    "simulate --method.name magic": "'magic'",
    "simulate --optimiser.eta 1e6": "eta = 1e+06",
    "simulate --seed -1": "seed is -1",
    "": "list, run, simulate",
}


@pytest.mark.slow
@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_one_line_and_code_2(words):
    code, out, err = theory(*words.split(), env={**os.environ, "COLUMNS": "60"})
    assert (code, out) == (2, "")
    assert MISTAKES[words] in err
    assert err.count("\n") == 1
    assert err.startswith("error: ")


BAD = (
    (Distribution, "n", 0),
    (Distribution, "n", 2.0),
    (Distribution, "d", 2),
    (Distribution, "alpha", 1.1),
    (Distribution, "alpha", 0.0),
    (Distribution, "alpha", float("nan")),
    (Distribution, "sigma_p", 0.0),
    (Distribution, "beta_e", -1.0),
    (Network, "J", 0),
    (Network, "power", 4),
    (Network, "power", 1),
    (Optimiser, "eta", 0.0),
    (Optimiser, "eta", float("inf")),
    (Optimiser, "rho", -0.1),
    (Optimiser, "steps", True),
    (Optimiser, "name", "adam"),
    (Method, "name", "mixup"),
    (Method, "k", 0),
    (Method, "kappa", 1.5),
    (Method, "scale", -1.0),
    (Method, "fidelity", 2.0),
    (Method, "targeting", -0.1),
)


@pytest.mark.parametrize(("part", "name", "value"), BAD, ids=str)
def test_a_config_out_of_range_is_refused_in_one_line(part, name, value):
    with pytest.raises(ValueError, match=re.escape(f"= {value!r} ")) as caught:
        part(**{name: value})
    assert "\n" not in str(caught.value)
