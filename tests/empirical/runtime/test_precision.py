"""A processor without bfloat16 arithmetic is recognised, and the note about it names the option."""

import dataclasses

import pytest
import torch

from empirical.config import Data, Gallery, Generator, Method, Run, Training
from empirical.runtime import precision as bfloat16
from empirical.runtime.machine import Machine

CPU = Machine("cpu")
X86 = "processor\t: 0\nmodel name\t: X\nflags\t\t: fpu sse2 {}\n\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd {}\n"
HALF = Training(precision="bfloat16")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (2 * X86.format("avx2 avx512f"), True),
        (2 * X86.format("avx2 avx512_bf16"), False),
        (X86.format("amx_bf16 amx_tile"), False),
        (ARM.format("sve"), True),
        (ARM.format("bf16 i8mm"), False),
        ("processor\t: 0\nbogomips\t: 12\n", False),
        ("flags\t:\n", False),
        ("", False),
        (None, False),
    ],
)
def test_what_the_processor_says(tmp_path, text, missing):
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    assert bfloat16.lacks_bfloat16(tmp_path / "cpuinfo") is missing


def test_what_cannot_be_read_is_unknown(tmp_path):
    (tmp_path / "cpuinfo").write_bytes(b"flags : \xff\xfe")
    assert not bfloat16.lacks_bfloat16(tmp_path / "cpuinfo")
    assert not bfloat16.lacks_bfloat16(tmp_path)


@pytest.fixture
def without(monkeypatch):
    monkeypatch.setattr(bfloat16, "lacks_bfloat16", lambda: True)


RUN = Run(method=Method("original"))
OWN = Generator(precision="bfloat16")


@pytest.mark.parametrize(
    ("run", "options"),
    [
        (RUN, []),
        (dataclasses.replace(RUN, training=HALF), ["--training.precision"]),
        (dataclasses.replace(RUN, generator=OWN), []),  # it makes no variants
        (Run(generator=OWN), ["--generator.precision"]),
        (Run(generator=OWN, training=HALF), ["--generator.precision", "--training.precision"]),
        (
            Run(generator=dataclasses.replace(OWN, model="google/ddpm-cifar10-32")),
            [],
        ),  # float32 on a CPU
        (Gallery("x", generator=OWN), ["--generator.precision"]),
    ],
)
def test_a_run_that_asks_for_it_is_told_which_option(without, run, options):
    said = bfloat16.slow_precision_notes([run, run], CPU)
    assert said == [
        "note: this processor has no bfloat16 arithmetic, which makes bfloat16 about twenty times "
        f"slower than {o} float32"
        for o in options
    ]


def test_nothing_is_said_where_it_is_quick_or_another_device_computes(monkeypatch, without):
    run = Run(training=HALF, data=Data("cifar10"))
    monkeypatch.setattr(Machine, "on", lambda self, data: torch.device("cuda"))
    assert bfloat16.slow_precision_notes([run], Machine()) == []
    monkeypatch.undo()
    monkeypatch.setattr(bfloat16, "lacks_bfloat16", lambda: False)
    assert bfloat16.slow_precision_notes([run], CPU) == []


def test_the_usual_precision_is_the_quicker_one(monkeypatch):
    for missing, on_cpu, usual in (
        (True, True, "float32"),
        (True, False, "bfloat16"),
        (False, True, "bfloat16"),
    ):
        monkeypatch.setattr(bfloat16, "lacks_bfloat16", lambda missing=missing: missing)
        assert bfloat16.default_precision(on_cpu) == usual
