"""Tests of the layers: which module may import which, read off the source."""

import ast

import pytest
from rooms import (
    FLOOR,
    PACKAGES,
    ROOT,
    circles,
    graph,
    imports,
    modules,
    room_graph,
    room_of,
    upward,
)

DRAWING = ("matplotlib", "plotly", "seaborn")
SERVERS = ("marimo", "anywidget", "traitlets", "uvicorn", "http.server")  # the explorer is one file
HEAVY = ("torch", "torchvision", "diffusers", "sklearn", "pandas")
UNSAFE = ("pickle", "cloudpickle", "dill", "joblib", "random", "numpy.random.seed")


def within(name, *packages):
    return any(name == package or name.startswith(package + ".") for package in packages)


def importers(package, *targets):
    """Return {(module, imported name)} where a module of ``package`` imports from ``targets``."""
    return {
        (importer, f"{module}.{name}".rstrip("."))
        for importer, path in modules().items()
        if within(importer, package)
        for module, name in imports(path)
        if within(module, *targets) or within(f"{module}.{name}", *targets)
    }


def outside(package, target, allowed):
    """Return the imports from ``target`` in ``package`` that are not imports from ``allowed``."""
    return importers(package, target) - importers(package, allowed)


def test_every_room_has_its_place_in_the_order():
    rooms = {room_of(module) for module in modules()} - set(PACKAGES) | {"theory"}
    assert rooms == set(FLOOR)


def test_rooms_import_downwards_only():
    assert upward(graph()) == []


def test_no_circle_among_modules_or_rooms():
    edges = graph()
    assert circles(edges) == []
    assert circles(room_graph(edges)) == []


def test_circles_and_upward_imports_are_found():
    edges = {
        "empirical.data.load": {"empirical.data.split"},
        "empirical.data.split": {"empirical.data.load", "empirical.commands.run"},
        "empirical.commands.run": {"empirical.data.load"},
    }
    assert circles(edges)
    assert len(circles(room_graph(edges))) == 1
    assert upward(edges) == [("empirical.data.split", "empirical.commands.run")]


def test_imports_inside_functions_count(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("def f():\n    import a.b\n    from c import d, e\n")
    assert imports(file) == {("a.b", ""), ("c", "d"), ("c", "e")}


def test_names_that_a_room_exports_lazily_are_imported_from_their_own_module():
    """Otherwise the import would say nothing of the module behind the name."""
    lazy = {
        (room, key.value)
        for room, path in modules().items()
        if path.name == "__init__.py"
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "attach"
        for key in call.args[1].keys
    }
    assert lazy
    assert not [
        (importer, *pair)
        for importer, path in modules().items()
        for pair in imports(path)
        if pair in lazy
    ]


@pytest.mark.parametrize(
    ("package", "other"),
    [
        ("theory", "empirical"),
        ("empirical", "theory"),
        ("figures", "theory"),
        ("figures", "empirical"),
    ],
)
def test_computing_and_drawing_are_apart(package, other):
    assert not importers(package, other)


@pytest.mark.parametrize("package", ["theory", "empirical", "figures.records"])
def test_computing_imports_only_the_records_of_figures(package):
    assert not outside(package, "figures", "figures.records")


@pytest.mark.parametrize("package", ["theory", "empirical", "figures.records"])
def test_only_figures_draws(package):
    assert not importers(package, *DRAWING)


def test_the_explorer_needs_no_server():
    assert not importers("theory", *SERVERS)


def test_only_the_command_line_imports_the_explorer():
    found = {module for package in PACKAGES for module, _ in importers(package, "theory.explore")}
    assert {module for module in found if not within(module, "theory.explore")} == {
        "theory.commands"
    }


def test_theory_needs_only_numpy_and_scipy():
    assert not importers("theory", *HEAVY)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_pickle_and_no_global_randomness(package):
    assert not importers(package, *UNSAFE)
    for path in (ROOT / package).rglob("*.py"):
        text = path.read_text()
        for unsafe in ("allow_pickle=True", "weights_only=False", "np.random.seed"):
            assert unsafe not in text, path


def test_torch_seeds_its_global_state_in_one_guarded_place():
    places = [
        module for module, path in modules().items() if "torch.manual_seed" in path.read_text()
    ]
    assert places == ["empirical.runtime.seeding"]


def test_folders_are_those_of_the_design():
    folders = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.suffix != ".egg-info"
    }
    designed = {*PACKAGES, "paper", "tests", "docs", "examples"}
    assert designed - {"examples"} <= folders
    assert folders <= designed | {"output", "data", "__pycache__"}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_say_that_they_are_typed(package):
    assert (ROOT / package / "py.typed").is_file()
