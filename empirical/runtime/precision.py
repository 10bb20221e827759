"""Choose a precision that is fast on this processor, and warn about one that is slow.

On a processor without bfloat16 arithmetic, passes in bfloat16 take about twenty times as long as
in float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from empirical.config import PrecisionName, Recorded
from empirical.runtime.machine import Machine

CPUINFO = Path("/proc/cpuinfo")
FEATURE_LINES = ("flags", "Features")  # its lines of processor features: on x86, on ARM
BFLOAT16_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}


def lacks_bfloat16(cpuinfo: Path = CPUINFO) -> bool:
    """Return whether this processor is known to have no bfloat16 arithmetic.

    False if the file ``cpuinfo`` cannot be read or does not list the processor's features.
    """
    try:
        lines = cpuinfo.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    features: set[str] = set()
    for line in lines:
        name, _, words = line.partition(":")
        if name.strip() in FEATURE_LINES:
            features.update(words.split())
    return bool(features) and not features & BFLOAT16_FEATURES


def default_precision(on_cpu: bool) -> PrecisionName:
    """Return the faster precision: bfloat16, or float32 on a processor that lacks bfloat16."""
    return "float32" if on_cpu and lacks_bfloat16() else "bfloat16"


def slow_precision_notes(runs: Iterable[Recorded], machine: Machine) -> list[str]:
    """Return one line for each option that asks for bfloat16 where it is slow."""
    asked = {(option, run.data) for run in runs for option in bfloat16_options(run)}
    if not asked or not lacks_bfloat16():
        return []
    slow = {option for option, data in asked if machine.on(data).type == "cpu"}
    return [slow_precision_note(option) for option in sorted(slow)]


def bfloat16_options(run: Recorded) -> Iterator[str]:
    """Yield the options by which a run trains its classifier or its own generator in bfloat16."""
    if run.training.precision == "bfloat16":
        yield "--training.precision"
    generator = getattr(run, "generator", None)  # runs that only select have none
    if (
        run.generates
        and generator is not None
        and generator.is_trained
        and generator.precision == "bfloat16"
    ):
        yield "--generator.precision"


def slow_precision_note(option: str) -> str:
    """Return the line that tells a user to set ``option`` to float32."""
    return (
        "note: this processor has no bfloat16 arithmetic, which makes bfloat16 about twenty times "
        f"slower than {option} float32"
    )
