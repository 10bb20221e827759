"""Whether bfloat16 is quick here: on a processor without arithmetic for it, passes take about twenty times as long as in float32."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from empirical.config import PrecisionName, Recorded
from empirical.runtime.machine import Machine

CPUINFO = Path("/proc/cpuinfo")
LINES = ("flags", "Features")  # which of its lines tell what a processor can do: x86's, ARM's
NATIVE = {"avx512_bf16", "amx_bf16", "bf16"}


def missing(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this processor is known to have no bfloat16 arithmetic; False where that cannot be told."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    told = [line.partition(":") for line in lines]
    flags = {flag for name, _, words in told if name.strip() in LINES for flag in words.split()}
    return bool(flags) and not flags & NATIVE


def usual(on_cpu: bool) -> PrecisionName:
    """The quicker precision: bfloat16, but float32 on a processor that is known to have no arithmetic for the other."""
    return "float32" if on_cpu and missing() else "bfloat16"


def notes(runs: Iterable[Recorded], machine: Machine) -> list[str]:
    """A line for every option that asks such a processor for bfloat16."""
    asked = sorted({(option, run.data) for run in runs for option in options(run)}, key=str)
    if not asked or not missing():
        return []
    return [
        slow(option)
        for option in sorted({option for option, data in asked if machine.on(data).type == "cpu"})
    ]


def options(run: Recorded) -> Iterator[str]:
    """Which options set a run's training, of the classifier or of its own generator, to bfloat16."""
    if run.training.precision == "bfloat16":
        yield "--training.precision"
    if run.generates and run.generator.model is None and run.generator.precision == "bfloat16":
        yield "--generator.precision"


def slow(option: str) -> str:
    """What there is to say to the user."""
    return f"note: this processor has no bfloat16 arithmetic, which makes bfloat16 about twenty times slower than {option} float32"
