"""A device that this machine lacks is reported before any work; torch is loaded only if needed."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch

from empirical.config import Data
from empirical.runtime.machine import Machine

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bare(monkeypatch):
    """Pretend that this machine has no GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", cache(lambda: False))
    monkeypatch.setattr(torch.backends.mps, "is_available", cache(lambda: False))


@pytest.mark.parametrize("name", ["digits", "cifar10"])
@pytest.mark.parametrize(
    ("machine", "told"),
    [
        (Machine("cuda"), r"^machine\.device is 'cuda'; allowed: cpu on this machine$"),
        (Machine("mps"), r"^machine\.device is 'mps'; allowed: cpu on this machine$"),
        (
            Machine(cuda_graph=True),
            r"^machine\.cuda_graph on cpu is True; allowed: only on a CUDA device$",
        ),
        (Machine("cpu", cuda_graph=True), r"^machine\.cuda_graph on cpu is True; "),
    ],
    ids=str,
)
def test_what_is_not_there_is_told_beforehand(bare, name, machine, told):
    with pytest.raises(ValueError, match=told):
        machine.check(Data(name))


def test_what_is_there_passes(bare, monkeypatch):
    for machine in (Machine(), Machine("cpu")):
        machine.check(Data())
        assert machine.on(Data("cifar10")) == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    Machine("cuda", cuda_graph=True).check(Data())
    assert [Machine().on(Data(name)).type for name in ("digits", "cifar10")] == ["cpu", "cuda"]


def test_what_is_always_there_needs_no_torch():
    code = (
        "import sys; from empirical.config import Data\n"
        "from empirical.runtime.machine import Machine\n"
        "for device in ('auto', 'cpu'): Machine(device).check(Data())\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0
