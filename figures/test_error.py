"""Test error on images by method: the paired difference from Original, at equal steps, equal epochs, and with SAM (E1-E3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.records import Record
from figures.select import errors
from figures.statistics import estimate, paired
from figures.style import GREY, look

RECORDS = ("empirical/noisy-digits", "empirical/digits")
SIZE = (1.0, 0.72)
CAPTION = (
    "Test error minus that of Original on the same split, with the same first weights, in points; mean over seeds (n) with 95% intervals, "
    "last step, whole test set. Equal steps: every method gets the same number of gradient steps. Equal epochs: methods with more images "
    "get more steps; Original (longer) is Original given TADA(5)'s. SAM takes two gradients a step."
)
BUDGETS = (("steps", "equal steps, SGD"), ("epochs", "equal epochs, SGD"), ("sam", "equal steps, SAM"))
ORDER = ("original-longer", "useful-2", "useful-5", "tada-2", "tada-5", "syn-rand", "syn-all")


def baseline(table: Mapping, budget: str) -> dict[int, float]:
    """What a method is compared with: Original under the same optimiser, at the base number of steps."""
    return table[("sam" if budget == "sam" else "steps", "original")]


def name_of(label: str) -> str:
    return "Original (longer)" if label == "original-longer" else look(label).label


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    grid = figure.subplots(len(RECORDS), len(BUDGETS), sharey=True, sharex="row", squeeze=False)
    places = {label: -i for i, label in enumerate(ORDER)}
    for row, name in zip(grid, RECORDS, strict=True):
        table = errors(records[name])
        for axes, (budget, title) in zip(row, BUDGETS, strict=True):
            plot(axes, table, budget, places)
            start = estimate([100 * v for v in baseline(table, budget).values()])
            axes.set_title(f"{title}\nOriginal: {start.mean:.1f}%")
            axes.set_yticks(list(places.values()), [name_of(label) for label in places])
        row[0].set_ylabel(f"{name.split('/')[1]}, {start.n} seeds", fontweight="bold")
        row[1].set_xlabel("test error minus Original, points")


def plot(axes, table: Mapping, budget: str, places: Mapping[str, int]) -> None:
    """One panel: a dot and an interval for each method that was run under this budget."""
    axes.axvline(0, color=GREY, linewidth=0.8)
    for label, height in places.items():
        if (budget, label) not in table:
            continue
        difference = paired(*({s: 100 * v for s, v in values.items()} for values in (table[budget, label], baseline(table, budget))))
        shown = look(label.removesuffix("-longer"))
        axes.errorbar(difference.mean, height, xerr=difference.half, color=shown.colour, marker=shown.marker, capsize=2)
    axes.grid(axis="y", visible=False)
    axes.set_ylim(min(places.values()) - 0.6, 0.6)
