"""Raise the error that reports a bad setting: its name, what it got and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable


def require(condition: bool, name: str, got: object, allowed: str) -> None:
    """Raise ValueError ``NAME is GOT; allowed: ALLOWED`` unless ``condition`` holds."""
    if not condition:
        raise ValueError(f"{name} is {got!r}; allowed: {allowed}")


def require_one_of(name: str, got: str, allowed: Iterable[str]) -> None:
    """Raise ValueError as ``require`` does unless ``got`` is one of the ``allowed`` words."""
    words = tuple(allowed)
    require(got in words, name, got, ", ".join(words))
