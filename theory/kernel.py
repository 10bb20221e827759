"""Choose the engine that trains: kernel.c, compiled once for this processor, or else numpy.

The compiled object is kept in ``output/kernel`` under two digests: of what it was made from
(source, compiler, flags), and of its own bytes. A damaged object does not match its name and is
made again. The environment variable TADA_ENGINE chooses: ``numpy``, ``c``, or, not set, c where it
can be had.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from figures.records.files import atomic_write
from figures.records.paths import OUTPUT

VARIABLE = "TADA_ENGINE"
ENGINES = ("numpy", "c")
COMPILERS = ("cc", "gcc", "clang")
SOURCE = Path(__file__).with_name("kernel.c")
CACHE = OUTPUT / "kernel"
FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-shared", "-ffp-contract=fast", "-fno-math-errno")
# vector instructions -> what they are called in /proc/cpuinfo, and the compiler's flags
X86 = {
    "AVX-512": (
        {"avx512f", "avx512dq", "avx512vl", "avx2", "fma"},
        ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma"),
    ),
    "AVX2": ({"avx2", "fma"}, ("-mavx2", "-mfma")),
}
PATIENCE = 300  # seconds that a compiler may take; it takes 2 to 3 of a free core


class NoKernel(Exception):
    """The C engine cannot be had here; the message says why."""


@dataclass(frozen=True)
class Engine:
    """What makes the steps of training."""

    name: str  # one of ENGINES
    about: str  # the instructions, or why it is not C: "AVX2", "no C compiler (cc, gcc, clang)"
    library: ctypes.CDLL | None = None  # kernel.c; None for numpy

    def __str__(self) -> str:
        return f"{self.name} ({self.about})" if self.about else self.name


@cache
def engine() -> Engine:
    """Return the engine of this process; the first call may compile.

    Raises ValueError if TADA_ENGINE has another value, or is c where that cannot be had.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", *ENGINES):
        raise ValueError(f"{VARIABLE} is {wanted!r}; allowed: {', '.join(ENGINES)}, or not set")
    if wanted == "numpy":
        return Engine("numpy", "")
    try:
        instructions, flags = processor()
        return Engine("c", instructions, library(flags))
    except NoKernel as error:
        if wanted:
            raise ValueError(f"{VARIABLE} is c, but there is {error}; unset it") from None
        return Engine("numpy", str(error))


def processor() -> tuple[str, tuple[str, ...]]:
    """Return the name of this processor's widest vector instructions, and the compiler's flags.

    Raises NoKernel if it has none wide enough: with SSE2 alone numpy's products are faster.
    """
    machine = platform.machine().lower()
    if machine in ("arm64", "aarch64"):
        return "NEON", ()
    if machine in ("x86_64", "amd64"):
        features = _x86_features()
        for name, (needed, flags) in X86.items():
            if needed <= features:
                return name, flags
    raise NoKernel("neither AVX2 nor NEON")


def _x86_features() -> set[str]:
    """Return the names of the processor's features; none where they cannot be found out."""
    if sys.platform == "darwin":
        words = ("sysctl", "-n", "machdep.cpu.features", "machdep.cpu.leaf7_features")
        with suppress(OSError, subprocess.SubprocessError):
            told = subprocess.run(words, capture_output=True, text=True, timeout=10).stdout
            return set(told.lower().split())
        return set()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return set(line.split(":", 1)[1].split())
    return set()


def library(flags: Sequence[str], folder: Path = CACHE) -> ctypes.CDLL:
    """Return kernel.c compiled with ``flags`` beside the usual ones; ``folder`` keeps the object.

    Raises NoKernel if there is no compiler, or it fails.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise NoKernel(f"no C compiler ({', '.join(COMPILERS)})")
    stem = _origin(Path(compiler), flags)
    for path in folder.glob(f"{stem}-*.so"):
        if path.stem == f"{stem}-{_digest(path)}":
            with suppress(OSError):
                return load(path)
        path.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "kernel.so"
        _compile(compiler, flags, made)
        try:
            kept = folder / f"{stem}-{_digest(made)}.so"
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(kept) as temporary:
                shutil.copyfile(made, temporary)
        except OSError:  # a folder that cannot be written to: the object lasts for this process
            kept = made
        try:
            return load(kept)
        except OSError as error:
            raise NoKernel(f"no way to load what {Path(compiler).name} made: {error}") from None


def _origin(compiler: Path, flags: Sequence[str]) -> str:
    """Return a digest of the source, the compiler (its file's size and date) and the flags."""
    found = compiler.resolve()
    state = found.stat()
    parts = (str(found), state.st_size, state.st_mtime_ns, *FLAGS, *flags)
    return sha256(SOURCE.read_bytes() + repr(parts).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:16]


def _compile(compiler: str, flags: Sequence[str], out: Path) -> None:
    """Write the shared object ``out``; raises NoKernel with the compiler's first line."""
    words = [compiler, *FLAGS, *flags, str(SOURCE), "-o", str(out), "-lm"]
    name = Path(compiler).name
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoKernel(f"no working C compiler: {name}: {error}") from None
    if done.returncode:
        told = next(iter(done.stderr.splitlines()), f"exit code {done.returncode}")
        raise NoKernel(f"no working C compiler: {name}: {told}")


def load(path: Path) -> ctypes.CDLL:
    """Return the functions of a shared object; raises OSError if it is none."""
    opened = ctypes.CDLL(str(path))
    try:
        for kind in ("float32", "float64"):
            train, pack = opened[f"train_{kind}"], opened[f"pack_{kind}"]
            train.argtypes = [ctypes.c_void_p, ctypes.c_int64, *[ctypes.c_void_p] * 8]
            train.restype = ctypes.c_int64
            pack.argtypes = [ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]
            pack.restype = None
            setattr(opened, f"train_{kind}", train)
            setattr(opened, f"pack_{kind}", pack)
    except AttributeError as error:
        raise OSError(str(error)) from None
    return opened
