"""Tests of .ci/setup: .venv is made once, made anew from any unfinished state, with clear errors.

A stand-in for python3 logs its arguments and makes a stand-in environment: nothing is installed.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

STANDIN = """#!/bin/sh
echo "$*" >>"$LOG"
case "$*" in
  "-m venv --clear .venv")
    rm -rf .venv && mkdir -p .venv/bin .venv/lib/python3/site-packages
    cp "$0" .venv/bin/python ;;
  *"$FAIL"*) [ -z "$FAIL" ] ;;
esac
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / ".ci").mkdir()
    for name in (".ci/setup", "requirements.txt", "Makefile"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "python").write_text(STANDIN)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def setup(folder, python="./python", code=0, fail=""):
    log = folder / "log"
    log.write_text("")
    environment = {**os.environ, "LOG": str(log), "FAIL": fail}
    done = subprocess.run(
        ["sh", ".ci/setup", str(python)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return done.stderr, log.read_text()


def test_made_once_and_quiet_afterwards(folder):
    said, log = setup(folder)
    assert "setting up .venv" in said
    assert "-m venv --clear .venv" in log
    assert re.search(r"uv pip install .*--requirement requirements\.txt", log)
    assert (folder / ".venv/lib/python3/site-packages/tada.pth").read_text() == f"{folder}\n"
    said, log = setup(folder)
    assert said == ""
    assert "install" not in log


def test_another_interpreter_makes_another_environment(folder):
    setup(folder)
    shutil.copy(folder / "python", folder / "other")
    assert "setting up .venv" in setup(folder, "./other")[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / ".venv/complete").unlink(),  # killed before the end
        lambda folder: (folder / ".venv/bin/python").unlink(),
        lambda folder: (folder / "requirements.txt").write_text("numpy==1.0\n"),
        lambda folder: (shutil.rmtree(folder / ".venv"), (folder / ".venv").mkdir()),
    ],
    ids=["unfinished", "no interpreter", "other packages", "empty"],
)
def test_made_anew_if_unfinished_or_for_other_packages(folder, spoil):
    setup(folder)
    spoil(folder)
    said, log = setup(folder)
    assert "setting up .venv" in said
    assert "-m venv --clear .venv" in log
    assert setup(folder)[0] == ""


def test_made_anew_after_the_folder_has_moved(folder, tmp_path_factory):
    setup(folder)
    moved = tmp_path_factory.mktemp("elsewhere") / "clone"
    shutil.copytree(folder, moved)
    assert "setting up .venv" in setup(moved)[0]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("-m pip install", "uv could not be installed"),
        ("uv pip install", "the packages could not be installed"),
    ],
)
def test_a_failed_installation_is_reported_and_tried_again(folder, step, expected):
    said, _ = setup(folder, code=2, fail=step)
    assert expected in said
    assert not (folder / ".venv/complete").exists()
    assert "setting up .venv" in setup(folder)[0]


FAULTY = {
    "missing": (None, "no ./faulty here: install Python 3.11 or newer"),
    "old": (
        '[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1',
        "Python 3.9.2 is too old: install Python 3.11 or newer",
    ),
    "no venv": (
        'case "$*" in *ensurepip*) exit 1 ;; esac',
        "./faulty has no venv: install it (Debian, Ubuntu: apt install python3-venv)",
    ),
}


@pytest.mark.parametrize("kind", FAULTY)
def test_an_unusable_python_is_reported_with_what_to_install(folder, kind):
    script, expected = FAULTY[kind]
    if script:
        (folder / "faulty").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "faulty").chmod(0o755)
    said, _ = setup(folder, "./faulty", code=2)
    assert expected in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not (folder / ".venv").exists()


def test_the_target_of_a_link_is_not_emptied(folder):
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "kept").touch()
    (folder / ".venv").symlink_to("elsewhere")
    said, log = setup(folder, code=2)
    assert "error: .venv is a link to elsewhere" in said
    assert "--clear" not in log
    assert (folder / "elsewhere" / "kept").exists()


def test_hooks_before_a_commit_are_those_of_make_lint():
    recipe = re.search(r"^lint: setup\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)[1]
    hooks = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert [hook.replace(".venv/bin/python", "\t@$(PY)") for hook in hooks] == recipe.splitlines()


def test_the_oldest_torch_that_is_tested_is_the_oldest_that_is_allowed():
    allowed = re.findall(r'"(torch(?:vision)?)>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    tested = re.findall(
        r'"(torch(?:vision)?)==([\d.]+)\.\*"', (ROOT / ".github/workflows/tests.yml").read_text()
    )
    assert tested == allowed
    assert len(allowed) == 2
