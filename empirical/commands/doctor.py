"""Examine this machine: the command ``doctor``."""

from __future__ import annotations

import json as jsonlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from empirical.commands.options import Root
from empirical.config import DATA_NAMES, DIGITS
from empirical.data.sources.locate import data_root, find_source, set_data_root
from empirical.data.sources.source import Missing
from empirical.runtime.precision import lacks_bfloat16
from figures.records import OUTPUT
from figures.records.command_line.rows import print_row

NEEDED = ("numpy", "scipy", "tyro")  # the theory runs with these
IMAGES = ("torch", "torchvision", "scikit-learn", "diffusers", "transformers", "accelerate")
DRAWING = ("matplotlib",)
OPTIONAL = ("ray", "torchmetrics", "tensorboard", "timm", "peft")
LATEX_FILES = (  # those of the Makefile's STYLES
    *("booktabs.sty", "microtype.sty", "enumitem.sty", "float.sty", "caption.sty"),
    *("mathpazo.sty", "longtable.sty"),
)
ROOM = 8e9  # bytes: the packages, the records and the stages of the small experiments
HUB = "https://huggingface.co"
LACKING = "missing:"  # before packages that experiments need
COLUMN = 16  # characters for the topic
PATIENCE = 5.0  # seconds that the hub may take to answer
Finding = tuple[str, str, str]  # topic, what was found, what to do or ""


def doctor(root: Root = None, out: Path = OUTPUT, json: bool = False) -> int:
    """Say what this machine has, what is missing, and what to do about it.

    The exit code is 1 if something is missing that every experiment needs.

    Args:
        out: folder that results are written to.
        json: print one JSON object of topic to what was found and what to do.
    """
    set_data_root(root)
    found = []
    for topic, what, to_do in findings(out):  # shown as it is found: looking takes seconds
        found.append((topic, what, to_do))
        if not json:
            print_row(topic, what, COLUMN)
            if to_do:
                print_row("", f"-> {to_do}", COLUMN)
    if json:
        print(jsonlib.dumps({topic: {"found": what, "do": to_do} for topic, what, to_do in found}))
    return 1 if any(what.startswith(LACKING) for _, what, _ in found) else 0


def findings(out: Path) -> Iterator[Finding]:
    """Yield what was found, topic by topic. out: folder that results are written to."""
    yield _python()
    yield _packages("theory", NEEDED)
    yield _packages("images", IMAGES)
    yield _packages("figures", DRAWING)
    yield _optional()
    yield _processor()
    yield _bfloat16()
    yield _gpu()
    yield _disk(out)
    yield from _data_sets()
    yield _latex()
    yield _hub()


def _python() -> Finding:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return "python", text, ""


def _version(package: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _packages(topic: str, names: tuple[str, ...]) -> Finding:
    versions = {name: _version(name) for name in names}
    lacking = [name for name, found in versions.items() if found is None]
    if lacking:
        return topic, f"{LACKING} {', '.join(lacking)}", "make setup, or pip install ."
    return topic, ", ".join(f"{name} {found}" for name, found in versions.items()), ""


def _optional() -> Finding:
    versions = {name: _version(name) for name in OPTIONAL}
    here = [f"{name} {found}" for name, found in versions.items() if found]
    lacking = [name for name, found in versions.items() if not found]
    parts = [*here, *([f"not installed: {', '.join(lacking)}"] if lacking else [])]
    return "optional", "; ".join(parts), ""


def _processor() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
        memory = f", {size:.0f} GB of memory"
    return "processor", f"{cores} cores{memory}", ""


def _bfloat16() -> Finding:
    if lacks_bfloat16():
        what = "not in this processor: about 20 times slower than float32"
        return "bfloat16", what, "leave precision at float32, its default, on the CPU"
    return "bfloat16", "native, or not known to be missing", ""


def _gpu() -> Finding:
    if find_spec("torch") is None:
        return "gpu", "unknown without torch", ""
    import torch

    if torch.cuda.is_available():
        device = torch.cuda.get_device_properties(0)
        count = torch.cuda.device_count()
        return "gpu", f"{count} x {device.name}, {device.total_memory / 1e9:.0f} GB", ""
    if torch.backends.mps.is_available():
        return "gpu", "Apple's, as --machine.device mps", ""
    return "gpu", "none: digits and the reduced scale need none, the paper's scale does", ""


def _disk(out: Path) -> Finding:
    folder = out.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return "disk", f"{folder} cannot be written to", "choose another folder with --out"
    to_do = "make room, or choose another folder with --out" if free < ROOM else ""
    return "disk", f"{free / 1e9:.0f} GB free for {out}", to_do


def _data_sets() -> Iterator[Finding]:
    """Yield where each data set that is not bundled lies, without downloading or decoding."""
    for name in DATA_NAMES:
        if name in DIGITS:
            continue
        try:
            yield name, find_source(name, None, fetch=False).about, ""
        except Missing:
            yield name, f"not in {data_root()}", f"python -m empirical data {name}"
        except (ValueError, OSError) as error:
            yield name, f"cannot be used: {error}", ""


def _latex() -> Finding:
    if shutil.which("latexmk") is None or shutil.which("kpsewhich") is None:
        return "latex", "none: only make paper needs it", ""
    for name in LATEX_FILES:
        found = subprocess.run(["kpsewhich", name], capture_output=True, check=False)
        if found.returncode:
            return "latex", f"without {name}", "make latex says which packages to install"
    return "latex", "complete", ""


def _hub() -> Finding:
    """Return whether the hub of pre-trained models answers, within a few seconds."""
    import http.client
    import urllib.error
    import urllib.request

    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return "model hub", "switched off by HF_HUB_OFFLINE: models already here are used", ""
    host = os.environ.get("HF_ENDPOINT", HUB)
    request = urllib.request.Request(host, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):
            return "model hub", f"{host} answers", ""
    except urllib.error.HTTPError as answer:  # it answers, if only to refuse this address
        return "model hub", f"{host} answers ({answer.code})", ""
    except (OSError, ValueError, http.client.HTTPException):
        to_do = "give --model a folder; models of this machine's cache are found offline"
        return "model hub", f"{host} does not answer", to_do
