"""Export the public names of a room without importing their modules before they are used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def attach(
    room: str, names: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` for the package ``room`` (PEP 562).

    names: public name -> module of the room that defines it, such as ``{"Images": "images"}``.
    The module is imported when the name is first asked for, so ``import empirical.data`` loads
    neither torch nor any other module of the room. Use it in the ``__init__.py`` of a room::

        __getattr__, __dir__, __all__ = attach(__name__, {"Images": "images", "Split": "split"})

    This is for readers and notebooks: modules of the package import from the defining module, so
    that the imports in the source show everything that a module depends on.
    Raises ValueError for a name that is also a module: Python would replace one by the other.
    """
    if both := set(names) & {module.partition(".")[0] for module in names.values()}:
        raise ValueError(f"{room} exports {sorted(both)}; allowed: names that no module has")

    def __getattr__(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{room}.{names[name]}"), name)
        setattr(sys.modules[room], name, value)  # the next access does not come here
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[room]), *names})

    return __getattr__, __dir__, sorted(names)
