"""The layers of the design, read off the source: who may import whom, and what nobody does."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("theory", "empirical", "figures")


def sources(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path):
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def violations(folder, forbidden):
    return [
        (str(path.relative_to(ROOT)), name)
        for path in sources(folder)
        for name in imports(path)
        if forbidden(name)
    ]


def within(name, *packages):
    return any(name == package or name.startswith(package + ".") for package in packages)


def test_there_is_something_to_check():
    assert all(len(sources(folder)) > 5 for folder in FOLDERS)


@pytest.mark.parametrize(
    ("folder", "other"),
    [
        ("theory", "empirical"),
        ("empirical", "theory"),
        ("figures", "theory"),
        ("figures", "empirical"),
    ],
)
def test_halves_do_not_know_each_other(folder, other):
    assert violations(folder, lambda name: within(name, other)) == []


@pytest.mark.parametrize("folder", ["theory", "empirical"])
def test_computing_knows_records_alone_of_figures(folder):
    assert (
        violations(
            folder,
            lambda name: (
                within(name, "figures")
                and name != "figures"
                and not within(name, "figures.records")
            ),
        )
        == []
    )


def test_records_know_nothing_of_drawing():
    assert (
        violations(
            "figures/records",
            lambda name: within(name, "figures") and not within(name, "figures.records"),
        )
        == []
    )


@pytest.mark.parametrize("folder", ["theory", "empirical", "figures/records"])
def test_only_figures_draws(folder):
    assert violations(folder, lambda name: within(name, "matplotlib", "plotly", "seaborn")) == []


SHELL = ("marimo", "anywidget", "traitlets", "plotly", "uvicorn")


def test_the_explorer_alone_knows_its_shell():
    found = [
        (path, name)
        for folder in FOLDERS
        for path, name in violations(folder, lambda name: within(name, *SHELL))
    ]
    assert found
    assert {str(Path(path).parent) for path, _ in found} == {"theory/explore"}


def test_nothing_but_the_command_line_knows_the_explorer():
    found = {path for path, _ in violations("theory", lambda name: within(name, "theory.explore"))}
    assert {path for path in found if Path(path).parent != Path("theory/explore")} == {
        "theory/commands.py"
    }


def test_importing_theory_and_its_commands_loads_no_shell():
    code = f"import sys, theory, theory.commands; print([name for name in {SHELL} if name in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )


def test_theory_is_light():
    assert (
        violations(
            "theory",
            lambda name: within(name, "torch", "torchvision", "diffusers", "sklearn", "pandas"),
        )
        == []
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_pickle_and_no_global_randomness(folder):
    assert (
        violations(
            folder,
            lambda name: within(
                name, "pickle", "cloudpickle", "dill", "joblib", "random", "numpy.random.seed"
            ),
        )
        == []
    )
    text = "\n".join(path.read_text() for path in sources(folder))
    assert "allow_pickle=True" not in text
    assert "weights_only=False" not in text
    assert "np.random.seed" not in text


def test_torch_seeds_its_global_state_in_one_guarded_place():
    places = [
        path.name
        for folder in FOLDERS
        for path in sources(folder)
        if "torch.manual_seed" in path.read_text()
    ]
    assert places == ["seeding.py"]


def test_folders_are_those_of_the_design():
    tracked = {
        path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")
    }
    assert tracked - {"output", "data", "__pycache__"} == {
        "theory",
        "empirical",
        "figures",
        "paper",
        "tests",
    }
