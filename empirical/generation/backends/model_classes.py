"""Find which class of a class-conditional model belongs to each class of the data.

A model's classes are numbers. They are matched by name where the model says its names; else by a
mapping that the user gives; else by order, if there are exactly as many as classes of the data.
Anything else is refused: by position alone a model that knows goldfish as its class 0 would make
goldfish of cats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from empirical.config import require
from empirical.data.sources.source import first_names

HINT = "say which is which with --classes-of-model FILE"


def normalise_name(name: str) -> str:
    """Return a class's name in the form in which names are compared."""
    return " ".join(name.casefold().replace("_", " ").split())


def known_names(names: Mapping[str, int] | Sequence[str]) -> dict[str, int]:
    """Return the model's number of each normalised name; "goldfish, Carassius auratus" is three.

    names: numbers by name, or the names in order.
    """
    pairs = (
        names.items() if isinstance(names, Mapping) else zip(names, range(len(names)), strict=True)
    )
    known: dict[str, int] = {}
    for name, number in pairs:
        for part in (name, *name.split(",")):
            known.setdefault(normalise_name(part), int(number))
    return known


def match_classes(
    classes: Sequence[str],
    names: Mapping[str, int] | Sequence[str],
    count: int,
    mapping: Sequence[str] = (),
    model: str | None = "the model",
) -> list[int]:
    """Return the model's class for each class of the data.

    names: what the model says of its classes; empty if it says nothing. count: number of the
    model's classes, without a null class. mapping: texts CLASS=OTHER, where OTHER is a number or
    a name of the model; if there are any, every class of the data needs one. Raises ValueError for
    classes without a counterpart.
    """
    known = known_names(names)
    if mapping:
        return _by_mapping(classes, known, count, mapping, model)
    if not known:
        require(
            len(classes) == count,
            f"number of classes of {model}, which does not say their names,",
            count,
            f"{len(classes)}, as the images have; {HINT}",
        )
        return list(range(count))
    found = {}
    for name in classes:
        parts = [normalise_name(part) for part in (name, *name.split(","))]
        if number := [known[part] for part in parts if part in known]:
            found[name] = number[0]
    unknown = [name for name in classes if name not in found]
    own = names if len(names) <= 10 else list(names)[:5]
    require(
        not unknown,
        f"classes that {model} does not know",
        ", ".join(unknown),
        f"its own: {', '.join(own)}{'' if len(names) <= 10 else ', ...'}; or {HINT}",
    )
    return [found[name] for name in classes]


def _by_mapping(
    classes: Sequence[str],
    known: Mapping[str, int],
    count: int,
    mapping: Sequence[str],
    model: str | None,
) -> list[int]:
    """Return the model's class for each class of the data, as the mapping says."""
    given = dict(text.rpartition("=")[::2] for text in mapping)
    missing = [name for name in classes if name not in given]
    require(
        not missing,
        "classes of the images that the classes of the model leave out",
        first_names(missing),
        "one line for each class",
    )
    numbers = []
    for name in classes:
        other = given[name]
        number = known.get(normalise_name(other))
        if number is None and other.strip().isdecimal():
            number = int(other)
        require(
            number is not None and number < count,
            f"class of {model} for {name}",
            other,
            f"numbers from 0 to {count - 1}" + (", or its own names" if known else ""),
        )
        assert number is not None
        numbers.append(number)
    return numbers
