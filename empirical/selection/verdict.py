"""Judge whether a selection means anything, by the error at which early training stopped."""

from __future__ import annotations

from typing import Literal

from empirical.selection.knee import CEILING

Verdict = Literal["informative", "near zero", "near chance"]
FLOOR = 0.05  # share of the chance error at or below which all outputs are alike


def verdict(error: float, classes: int) -> Verdict:
    """Return what a class-balanced training error says of the outputs that were selected by.

    error: mean of the classes' errors, in [0, 1]. classes: number of classes, at least 2; guessing
    is wrong with probability 1 - 1/classes (chance). ``near zero``: the error is at most 5% of
    chance, so nearly all losses are alike. ``near chance``: at least 75% of chance, so hardly
    anything was learned. In both cases which images are slow says little.
    """
    chance = 1 - 1 / classes
    if error <= FLOOR * chance:
        return "near zero"
    return "near chance" if error >= CEILING * chance else "informative"


def warning(found: Verdict, error: float) -> str | None:
    """Return the line to print about a verdict, or None if the selection is informative.

    error: the class-balanced training error, in [0, 1].
    """
    if found == "informative":
        return None
    remedy = "stop it earlier" if found == "near zero" else "train it longer"
    return (
        f"warning: early training ended at a class-balanced training error of {error:.1%}, "
        f"{found}, so which images are slow says little: {remedy}"
    )
