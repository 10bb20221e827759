"""The one form that every bad setting is reported in."""

from __future__ import annotations


def require(condition: bool, name: str, got: object, allowed: str) -> None:
    """Raise ValueError in the one form that every bad setting is reported in."""
    if not condition:
        raise ValueError(f"{name} is {got!r}; allowed: {allowed}")
