"""Test ``train``: progress, the same numbers after Ctrl-C and kill -9, mistakes, and logs."""

import re
import signal
import subprocess
import sys
import types
from functools import cache
from pathlib import Path

import pytest
import torch

from empirical.commands import COMMANDS, train
from empirical.training.progress import Progress, ProgressLog
from figures.records import run_command

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
STEPS, BATCH, TRAIN = 120, 16, 60
SETTINGS = (
    f"--method.name original --data.name digits --data.train {TRAIN} --data.validation 20 "
    f"--training.steps {STEPS}"
)
RUN = [
    *SETTINGS.split(),
    "--training.batch",
    str(BATCH),
    "--training.width",
    "8",
    "--training.augment",
    "crop",
    "--evaluations",
    "7",
]
LINE = re.compile(
    r"epoch +(?P<epoch>\d+\.\d)  step (?P<step>\d+)/(?P<steps>\d+)  loss (?P<loss>\d+\.\d{4})"
    r"(?:  training error +(?P<error>\d+\.\d\d%))?  (?P<rate>[\d,]+) images/s  \d+:\d\d left"
)


def here(capfd, monkeypatch, *words):
    """Run the command in this process; return exit code, output, and lines on standard error."""
    monkeypatch.setattr(sys, "argv", ["empirical", "train", *map(str, words)])
    code = run_command(COMMANDS, "python -m empirical", "")
    said = capfd.readouterr()
    return code, said.out, said.err.splitlines()


def told(lines):
    """Return epoch, mean loss and training error by step."""
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), lines
    return {int(line["step"]): (line["epoch"], line["loss"], line["error"]) for line in found}


def stopped(out, how, steps):
    """Run the command in its own process, stop it by a signal after ``steps`` more steps."""
    words = [
        sys.executable,
        "-m",
        "empirical",
        "train",
        *RUN,
        "--machine.checkpoint",
        "0",
        "--out",
        str(out),
    ]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = []
        for line in process.stderr:
            lines.append(line.rstrip("\n"))
            if (
                int(LINE.fullmatch(lines[-1])["step"]) - int(LINE.fullmatch(lines[0])["step"])
                >= steps
            ):
                process.send_signal(how)
                break
        lines += process.stderr.read().splitlines()
    return process.returncode, lines


def test_interrupted_and_killed_it_ends_with_the_same_numbers(tmp_path, capfd, monkeypatch):
    code, whole, lines = here(capfd, monkeypatch, *RUN, "--out", tmp_path / "whole")
    assert code == 0
    assert "test_error " in whole
    epochs = told(lines)
    assert (
        len(lines) == len(epochs) == STEPS * BATCH // TRAIN
    )  # a line an epoch; the last epoch ends with the run
    assert [int(float(epoch)) for epoch, _, _ in epochs.values()] == list(range(1, len(epochs) + 1))
    assert max(epochs) == STEPS

    out = tmp_path / "stopped"
    code, first = stopped(out, signal.SIGINT, 20)
    assert code == 130
    assert first[-1] == "interrupted; the same command goes on from here"
    assert max(told(first[:-1])) < STEPS
    code, second = stopped(out, signal.SIGKILL, 20)
    assert code == -signal.SIGKILL
    assert min(told(second)) >= max(told(first[:-1]))  # it went on from there
    assert max(told(second)) < STEPS

    code, again, third = here(capfd, monkeypatch, *RUN, "--out", out)
    assert code == 0
    assert again == whole
    assert min(told(third)) >= max(told(second))
    assert {
        **told(first[:-1]),
        **told(second),
        **told(third),
    } == epochs  # the losses told are those of whole epochs
    assert not [path.name for path in (out / "artifacts").iterdir() if "checkpoint" in path.name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--machine.device", "cuda"],
            "error: machine.device is 'cuda'; allowed: cpu on this machine",
        ),
        (
            ["--machine.cuda-graph"],
            "error: machine.cuda_graph on cpu is True; allowed: only on a CUDA device",
        ),
        (
            ["--machine.checkpoint", "-1"],
            "error: machine.checkpoint is -1.0; allowed: at least 0 seconds",
        ),
        (["--training.lr", "1e25"], "error: training loss is nan at step "),
    ],
)
def test_a_mistake_is_one_line(tmp_path, capfd, monkeypatch, words, said):
    for device in (torch.cuda, torch.backends.mps):
        monkeypatch.setattr(device, "is_available", cache(lambda: False))
    try:
        code, printed, lines = here(capfd, monkeypatch, *RUN, *words, "--out", tmp_path)
    except SystemExit as end:  # what tyro itself refuses
        code, (printed, errors) = end.code, capfd.readouterr()
        lines = errors.splitlines()
    assert code == 2
    assert printed == ""
    assert len(lines) == 1
    assert lines[0].startswith(said)


@pytest.mark.parametrize(
    ("early", "expected"),
    [
        (("--early.limit", "1", "--early.every", "1"), "near chance"),
        (("--early.limit", "150", "--early.every", "1"), "informative"),
        (("--early.stop", "epochs", "--early.epochs", "40"), "near zero"),
    ],
)
def test_a_selection_that_means_little_is_warned_of(tmp_path, capfd, monkeypatch, early, expected):
    words = (*RUN, "--training.width", "16", *early, "--out", tmp_path)
    code, said, _ = here(capfd, monkeypatch, *words)
    assert code == 0
    assert re.search(f"^selection_verdict +{expected}$", said, re.MULTILINE)
    warned = re.search(r"^warning: early training ended at .*$", said, re.MULTILINE)
    assert bool(warned) == (expected != "informative")
    assert not warned or expected in warned[0]


def test_a_gpu_that_is_not_there_is_told_once_and_before_any_work(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", cache(lambda: False))
    code, said, lines = here(
        capfd, monkeypatch, *RUN, "--machine.device", "cuda", "--out", tmp_path / "out"
    )
    assert (code, said, len(lines)) == (2, "", 1)
    assert "machine.device is 'cuda'; allowed: cpu" in lines[0]
    assert not (tmp_path / "out").exists()


def test_no_tensorboard_is_one_line(tmp_path, capfd, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # as if it were not installed
    code, _, lines = here(capfd, monkeypatch, *RUN, "--out", tmp_path, "--log", tmp_path / "log")
    assert code == 2
    assert lines == [
        "error: --log needs TensorBoard, which is not installed: "
        ".venv/bin/python -m pip install tensorboard"
    ]
    assert not (tmp_path / "log").exists()


def test_what_is_logged(tmp_path, monkeypatch, capfd):
    written, closed = {}, []

    class Writer:
        def __init__(self, folder):
            assert folder == tmp_path

        def add_scalar(self, name, value, step):
            written[name, step] = value

        def close(self):
            closed.append(True)

    monkeypatch.setitem(
        sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer)
    )
    with ProgressLog(tmp_path) as watch:
        watch(Progress(3, 9, 1.0, 0.5, 100.0, 60.0, None))
        watch(Progress(6, 9, 2.0, 0.25, 200.0, 30.0, 0.1))
    assert closed == [True]
    assert {name for name, _ in written} == {"epoch", "loss", "rate", "seconds_left", "error"}
    assert (written["loss", 3], written["loss", 6], written["error", 6]) == (0.5, 0.25, 0.1)
    assert ("error", 3) not in written
    assert len(capfd.readouterr().err.splitlines()) == 2


@pytest.mark.filterwarnings("default")  # TensorBoard's own
def test_tensorboard_writes_files(tmp_path, capfd, monkeypatch):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    code, _, _ = here(capfd, monkeypatch, *RUN, "--out", tmp_path, "--log", tmp_path / "log")
    assert code == 0
    assert list((tmp_path / "log").glob("events.out.tfevents.*"))


@pytest.mark.parametrize(
    ("value", "by_class", "said"),
    [
        (0.123456, False, "0.1235"),
        (12, False, "12"),
        (None, False, None),
        ([0.5, 0.25], False, "0.25 (last of 2)"),
        ([0.5, None, 0.25], True, "0.25 to 0.5"),
        ([], False, None),
        ([None], True, None),
        ("a" * 64, False, "aaaaaaaaaaaa..."),
        ({"kind": "unet", "revision": None, "sigma": 1.01239}, False, "kind unet, sigma 1.012"),
    ],
)
def test_measures_are_printed_in_words(value, by_class, said):
    assert train.format_metric(value, by_class) == said
