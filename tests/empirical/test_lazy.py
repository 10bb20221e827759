"""Test that rooms export their names, and that importing a room loads nothing heavy."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import empirical
from empirical._lazy import attach

ROOT = Path(__file__).resolve().parents[2]
ROOMS = [
    module.name
    for module in pkgutil.walk_packages(empirical.__path__, "empirical.")
    if module.ispkg
]


@pytest.mark.parametrize("room", ROOMS)
def test_every_exported_name_is_there(room):
    module = importlib.import_module(room)
    for name in getattr(module, "__all__", ()):
        assert name in dir(module)
        assert getattr(module, name) is getattr(module, name)


def test_no_room_loads_torch_when_it_is_imported():
    code = (
        f"import sys\nfor room in {ROOMS!r}: __import__(room)\n"
        "print({'torch', 'diffusers', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_a_name_that_is_also_a_module_is_refused():
    with pytest.raises(ValueError, match=r"exports \['split'\]; allowed: names that no module has"):
        attach("empirical.data", {"split": "split"})


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"empirical\.data.*'nothing'"):
        importlib.import_module("empirical.data").nothing  # noqa: B018
