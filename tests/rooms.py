"""Print the rooms of the packages, what each imports, and every circle: python tests/rooms.py.

A room is a folder of ``empirical/`` or ``figures/``, or a file that lies beside the folders;
``theory`` is one room. The exit code is 1 if there is a circle or an import that runs upwards.
"""

import ast
import sys
from collections import Counter, defaultdict
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("theory", "empirical", "figures")

# The order of the rooms: each may import from those before it. "a, b" share a floor: neither
# imports the other. A folder's __init__.py that lies beside rooms imports none of them.
ORDER = (
    "figures/records",
    "figures/labels",
    "figures/statistics",
    "figures/claims",
    "figures/plots",
    "figures/tables",
    "figures/draw",
    "figures/report",
    "figures/reproduce",
    "figures/__main__",
    "theory",
    "empirical/_lazy",
    "empirical/config",
    "empirical/runtime",
    "empirical/data",
    "empirical/training",
    "empirical/methods",
    "empirical/selection, empirical/generation",
    "empirical/pipeline",
    "empirical/experiments, empirical/own_images",
    "empirical/commands",
    "empirical/__main__",
)
FLOOR = {room: i for i, floor in enumerate(ORDER) for room in floor.split(", ")}

Graph = dict[str, set[str]]  # name -> the names that it imports


def modules() -> dict[str, Path]:
    """Return the file of every module of the packages, by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(path: Path) -> frozenset[tuple[str, str]]:
    """Return (module, name) for each name that a file imports, and (module, "") for ``import``.

    Imports inside functions and for type checkers count. Relative ones are forbidden (TID252).
    """
    found: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update((node.module or "", alias.name) for alias in node.names)
    return frozenset(found)


def graph() -> Graph:
    """Return the modules of the packages that each module imports.

    ``from a.b import c`` is an import of ``a.b.c`` if that is a module, and of ``a.b`` if not.
    """
    known = modules()
    edges: Graph = {}
    for importer, path in known.items():
        targets = set()
        for module, name in imports(path):
            inner = f"{module}.{name}"
            targets.add(inner if inner in known else module)
        edges[importer] = targets & known.keys() - {importer}
    return edges


def room_of(module: str) -> str:
    """Return the room of a module: ``empirical/training``, ``empirical/pipeline``, ``theory``."""
    parts = module.split(".")
    return parts[0] if parts[0] == "theory" else "/".join(parts[:2])


def room_graph(edges: Graph) -> Graph:
    """Return the other rooms that each room imports."""
    found: Graph = defaultdict(set)
    for module, targets in edges.items():
        found[room_of(module)] |= {room_of(target) for target in targets}
    return {room: targets - {room} for room, targets in found.items()}


def circles(edges: Graph) -> list[list[str]]:
    """Return the circles, each as names of which every one imports the next.

    A circle that is found is cut at one import; the search goes on until there is none.
    """
    left = {name: set(targets) for name, targets in edges.items()}
    found: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circle = error.args[1][::-1]
            found.append(circle)
            left[circle[0]].discard(circle[1])
        else:
            return found


def upward(edges: Graph) -> list[tuple[str, str]]:
    """Return (module, imported module) where a room imports one on its own floor or above.

    A room that is not in ORDER may import nothing, and nothing may import it.
    """
    found = []
    for module, targets in edges.items():
        here = FLOOR.get(room_of(module), -1)
        for target in targets:
            there = FLOOR.get(room_of(target), len(ORDER))
            if room_of(target) != room_of(module) and there >= here:
                found.append((module, target))
    return sorted(found)


def main() -> int:
    """Print all rooms, circles and upward imports; return the exit code."""
    edges = graph()
    rooms = room_graph(edges)
    count = Counter(map(room_of, edges))
    for room in sorted(rooms, key=lambda room: FLOOR.get(room, -1)):
        targets = ", ".join(sorted(rooms[room])) or "nothing"
        print(f"{room:22s}{count[room]:4d} modules, imports {targets}")
    wrong = {
        "circles of modules": circles(edges),
        "circles of rooms": circles(rooms),
        "imports that run upwards": upward(edges),
    }
    for what, found in wrong.items():
        print(f"{what}: {len(found)}", *map(" -> ".join, found), sep="\n  ")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
