"""Test the command line at toy size: run, damage, kill and resume give the same records."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from empirical.commands.benchmark import benchmark
from empirical.experiments.jobs import graph
from empirical.experiments.registry import experiment
from empirical.experiments.stages import leases
from figures.records import load_some, read

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


def command(*words):
    return [sys.executable, "-m", "empirical", *map(str, words)]


def run(*words, code=0):
    done = subprocess.run(command(*words), capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == code, done.stderr
    return done


def records(out):
    return {
        path.name: read(path).results
        for path in (out / "records/empirical/smoke").glob("*-s*.json")
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Run the smoke experiment by two workers, without interruption; return its folder."""
    out = tmp_path_factory.mktemp("finished")
    done = run("run", "smoke", "--out", out, "--workers", 2)
    assert "0 records are there, 20 to compute" in done.stdout
    assert "100%" in done.stderr
    return out


def test_every_record_is_there_and_makes_sense(finished):
    named = experiment("smoke")
    assert len(records(finished)) == named.seeds * len(named.runs)
    for path in (finished / "records/empirical/smoke").glob("*-s*.json"):
        record = read(path)
        assert record.config["experiment"] == "smoke"
        if "levels" in record.metrics:
            assert len(record.metrics["slow"]) == 60
            assert 0 <= record.metrics["levels"][0]["agreement"] <= 1
            continue
        metrics, method = record.metrics, record.config["method"]["name"]
        assert 0 < metrics["test_error"] <= 1
        assert metrics["test_images"] == 1737
        slow = round(60 * metrics["slow_fraction"])
        assert metrics["generated"] == {"original": 0, "tada": slow, "syn-rand": slow}[method]
        assert metrics["examples"] == 60 + metrics["generated"]
        assert metrics["gradients"] == metrics["train_steps"] * (
            2 if record.config["training"]["optimiser"] == "sam" else 1
        )
        if record.config["training"]["epochs"]:
            assert metrics["train_steps"] == round(4 * metrics["examples"] / 64)
        assert (metrics["generator"] or {"seen": "own"})["seen"] == "own"
        assert record.provenance["versions"].keys() >= {"python", "torch", "diffusers"}


def test_methods_of_a_seed_share_their_split_and_selection(finished):
    for seed in (0, 1):
        members = [
            read(p) for p in (finished / "records/empirical/smoke").glob(f"*-s{seed:02d}-*.json")
        ]
        runs = [record.metrics for record in members if "test_error" in record.metrics]
        assert len({metrics["training_indices_sha256"] for metrics in runs}) == 1
        assert len({metrics["slow_fraction"] for metrics in runs}) == 1


def test_nothing_is_done_twice_and_damage_is_mended(finished):
    before = records(finished)
    assert "20 records are there, 0 to compute" in run("run", "smoke", "--out", finished).stdout
    paths = sorted((finished / "records/empirical/smoke").glob("*-s*.json"))
    damaged = [
        path
        for path in (finished / "artifacts").rglob("*")
        if path.suffix in (".npz", ".npy", ".safetensors")
    ]
    assert {path.suffix for path in damaged} == {".npz", ".npy", ".safetensors"}
    for artifact in damaged:
        artifact.write_bytes(artifact.read_bytes()[:50])
    paths[0].unlink()
    paths[5].write_text(paths[5].read_text()[:100])
    paths[9].write_text(paths[9].read_text().replace('"seed":', '"seed":1'))
    assert (
        "17 records are there, 3 to compute"
        in run("run", "smoke", "--out", finished, "--workers", 1).stdout
    )
    assert records(finished) == before


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "moment", ["generator-*.safetensors", "../records/empirical/smoke/*-s*.json"]
)
def test_killed_and_resumed_it_ends_with_the_same_records(finished, tmp_path, moment):
    (tmp_path / "artifacts").mkdir()
    process = subprocess.Popen(
        command("run", "smoke", "--out", tmp_path, "--workers", 1),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: any((tmp_path / "artifacts").glob(moment)), process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(records(tmp_path)) < 20  # whatever stands is whole: ``read`` raises otherwise
    run("run", "smoke", "--out", tmp_path, "--workers", 1)
    assert records(tmp_path) == records(finished)


def test_ctrl_c_says_how_to_go_on(tmp_path):
    process = subprocess.Popen(
        command("run", "smoke", "--out", tmp_path),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: (tmp_path / "records").exists(), process)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "interrupted; the same command goes on from here"
    assert "Traceback" not in said


def test_a_task_does_its_job_and_what_it_needs_with_the_same_result(finished, tmp_path, capsys):
    plan = run("benchmark", "smoke", "--dry-run", "--out", tmp_path).stdout
    tasks = dict(re.findall(r"^ +(\d+) +\d+ s  (.*)$", plan, re.MULTILINE))
    assert list(tasks) == [str(i) for i in range(28)]
    assert "sbatch --array=0-27%8 --wrap 'python -m empirical benchmark smoke --out " in plan
    number = int(next(i for i, label in tasks.items() if label.startswith("tada-2-sgd-steps-s01")))
    assert benchmark(("smoke",), task=number, out=tmp_path) == 0
    assert ": 5 jobs to do" in capsys.readouterr().out  # early, select, generator, variants, train
    ((name, result),) = records(tmp_path).items()
    assert result == records(finished)[name]
    assert [record.seed for record in load_some("empirical/smoke", (tmp_path / "records",))] == [
        1
    ]  # figures find it
    assert benchmark(("smoke",), task=number, out=tmp_path) == 0
    assert ": 0 jobs to do" in capsys.readouterr().out
    assert benchmark(("smoke",), status=True, out=tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["smoke", "1", "0", "0", "19"]


def test_a_task_that_no_missing_record_needs_does_nothing(finished, tmp_path, capsys):
    shutil.copytree(finished / "records", tmp_path / "records")  # all of them, and no artifacts
    for number in (0, 4, 27):
        assert benchmark(("smoke",), task=number, out=tmp_path) == 0
        assert ": 0 jobs to do" in capsys.readouterr().out
    assert not (tmp_path / "artifacts").exists()


@pytest.mark.parametrize("told", [{"status": True}, {"dry_run": True}])
def test_what_only_tells_writes_nothing(tmp_path, told):
    assert benchmark(("smoke",), out=tmp_path / "out", **told) == 0
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_not_there_is_told_before_anything_is_done(tmp_path):
    for command in (
        ["benchmark", "factor", "--model", "/nowhere"],
        ["train", "--generator.model", "./nowhere"],
    ):
        (line,) = run(*command, "--out", tmp_path / "out", code=2).stderr.splitlines()
        assert re.fullmatch(
            r"error: generator.model is '.*nowhere'; "
            r"allowed: a folder that is there, or a name on the .* hub",
            line,
        )
        assert not (tmp_path / "out").exists()


def test_the_last_line_of_a_dry_run_is_the_job_array(capsys):
    assert benchmark(("all",), scale="paper", dry_run=True) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    (highest,) = re.findall(r"sbatch .*--array=0-(\d+)%\d+", last)
    assert int(highest) > 500
    script = (ROOT / "docs/benchmark.md").read_text()
    assert 'benchmark all --scale paper --task "$SLURM_ARRAY_TASK_ID"' in script


def test_status_tells_who_works_at_what(tmp_path, capsys):
    name = next(
        name
        for name, job in graph([(experiment("smoke"), 1)], tmp_path).items()
        if job.path is not None
    )
    with leases(tmp_path).held(name):
        assert benchmark(("smoke",), status=True, seeds=1, out=tmp_path) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].split() == ["smoke", "0", "1", "0", "9"]
    assert said[2].startswith("running: original-sgd-steps-s00-")
    assert said[2].endswith(f"by process {os.getpid()} of {socket.gethostname()}")


def test_what_is_said_without_computing_loads_no_torch():
    code = (
        "import sys; from empirical.commands.list import list_; "
        "list_(); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


BAD = [
    (["benchmark", "nothing"], "name is 'nothing'; allowed: test-error"),
    (["benchmark", "smoke", "--task", "28"], "task is 28; allowed: 0 to 27"),
    (["benchmark", "smoke", "--retries", "-1"], "retries is -1; allowed: at least 0"),
    (["run", "nothing"], "no experiment 'nothing'; allowed: noisy-digits"),
    (
        ["benchmark", "smoke", "--workers", "2", "--dry-run"],
        "option is '--workers'; allowed: without --dry-run",
    ),
    (["run"], "number of names is 0; allowed: at least 1"),
    (["run", "smoke", "--seeds", "0"], "seeds is 0; allowed: at least 1"),
    (["run", "smoke", "--seeds", "x"], "--seeds"),
    (["run", "smoke", "--wrong"], "--wrong"),
    (["train", "--method.k", "0"], "method.k is 0; allowed: at least 1"),
    (
        ["train", "--method.name", "wrong"],
        "'original', 'useful', 'reweighted', 'tada', 'syn-all', 'syn-rand'",
    ),
    (["train", "--variants.strength", "2"], "variants.strength is 2.0; allowed: (0, 1]"),
    (["train", "--data.train", "1700", "--data.validation", "97"], "allowed: below 1797"),
    (["wrong"], "list, data, run, train"),
    ([], "list, data, run, train"),
    (["run", "smoke", "--out", "/dev/null/x"], "Not a directory"),
]


@pytest.mark.parametrize(
    ("words", "said"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_mistake_is_told_in_one_line(words, said):
    done = run(*words, code=2)
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_failed_jobs_are_told(tmp_path):
    """If the first stages fail, the jobs that need them are not begun, and nothing is recorded."""
    (tmp_path / "artifacts").write_text("in the way")
    done = run("run", "smoke", "--out", tmp_path, "--seeds", 1, "--workers", 1, code=1)
    told = [line for line in done.stderr.splitlines() if line.startswith("failed: smoke: ")]
    assert len(told) == 2
    assert all(
        f"{stage}, seed 0" in line and "FileExistsError" in line
        for stage, line in zip(("early resnet8", "digits"), told, strict=True)
    )
    below = [line for line in done.stderr.splitlines() if line.startswith("not begun: smoke: ")]
    assert sum(int(re.search(r"(\d+) records", line)[1]) for line in below) == 10
    assert records(tmp_path) == {}
    said = run("benchmark", "smoke", "--status", "--out", tmp_path, "--seeds", 1).stdout
    assert said.splitlines()[1].split() == ["smoke", "0", "0", "0", "10"]
    assert (
        len(
            [
                line
                for line in said.splitlines()
                if line.startswith("failed: ") and "FileExistsError" in line
            ]
        )
        == 2
    )


def test_list_names_every_experiment():
    said = run("list").stdout
    assert all(name in said for name in ("noisy-digits", "digits", "smoke"))


def test_one_run_of_ones_own(tmp_path):
    words = [
        "--data.train",
        "60",
        "--training.steps",
        "5",
        "--training.width",
        "8",
        "--generator.steps",
        "2",
        "--variants.num-inference-steps",
        "4",
    ]
    said = run("train", "--method.name", "tada", *words, "--out", tmp_path).stdout
    assert "test_error" in said
    assert os.listdir(tmp_path) == ["artifacts"]
