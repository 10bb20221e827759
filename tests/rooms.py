"""Print the rooms of the packages, what each imports, and every circle: python tests/rooms.py."""

import ast
import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("theory", "empirical", "figures")

# Rooms in the order in which they may import: each only those before it. A file of its own that
# lies beside the rooms is named by its path without ".py"; "a, b" are rooms on one floor.
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


def modules():
    """Dotted name -> path of every module of the packages."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path, known):
    """Modules among ``known`` that a file imports, wherever in the file, functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return found & set(known)


def graph():
    """Module -> the modules that it imports."""
    known = modules()
    return {name: imports(path, known) - {name} for name, path in known.items()}


def room_of(module):
    """Where a module lives: ``empirical/training``, ``empirical/pipeline``, ``theory``."""
    parts = module.split(".")
    if parts[0] == "theory" or len(parts) == 1:
        return parts[0]
    return "/".join(parts[:2])


def circles(edges):
    """One list of names for each circle that is found, each circle being cut at its last arrow."""
    edges, found = {name: set(targets) for name, targets in edges.items()}, []
    while True:
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            circle = error.args[1]  # each name is imported by the one after it
            found.append(circle)
            edges[circle[1]].discard(circle[0])
        else:
            return found


def room_edges(edges):
    """Room -> the other rooms that it imports."""
    found = defaultdict(set)
    for module, targets in edges.items():
        found[room_of(module)] |= {room_of(target) for target in targets}
    return {room: targets - {room} for room, targets in found.items()}


def upward(edges):
    """(module, imported module) wherever a room imports one on its own floor or above."""
    found = []
    for module, targets in edges.items():
        here = FLOOR.get(room_of(module))
        for target in targets:
            there = FLOOR.get(room_of(target))
            same = room_of(target) == room_of(module)
            if here is not None and there is not None and not same and there >= here:
                found.append((module, target))
    return sorted(found)


def main():
    edges = graph()
    rooms = room_edges(edges)
    count = defaultdict(int)
    for module in edges:
        count[room_of(module)] += 1
    for room in sorted(rooms, key=lambda room: (room.split("/")[0], FLOOR.get(room, -1))):
        print(
            f"{room:24s}{count[room]:4d} modules  imports {', '.join(sorted(rooms[room])) or '-'}"
        )
    found = circles(edges)
    print(f"circles of modules: {len(found)}", *map(" -> ".join, found), sep="\n  ")
    found += circles(rooms)
    print(f"circles of rooms: {len(circles(rooms))}", *map(" -> ".join, circles(rooms)), sep="\n  ")
    wrong = upward(edges)
    print(f"imports that run upwards: {len(wrong)}", *map(" -> ".join, wrong), sep="\n  ")
    return 1 if found or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
