"""Test error on images by method: the paired difference from Original, at equal steps, equal epochs, and with SAM (E1-E4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import TITLES, look_of, name_of
from figures.plots.panels import Dot, dots
from figures.records import Record
from figures.statistics.conditions import Runs, apart, data_sets, mean

RECORDS = ("empirical/noisy-digits", "empirical/digits")
OPTIONAL = ("empirical/reduced-test-error", "empirical/paper-test-error")
SIZE = (1.0, 0.36)  # the height is of one data set
CAPTION = (
    "Test error minus that of Original on the same split, with the same first weights, in points; mean over seeds (n) with 95% intervals "
    "(Student), last step, whole test set. Equal steps: every method gets the same number of gradient steps. Equal epochs: methods with "
    "more images get more steps; Original (longer) is Original given those of TADA(5) on digits, of Syn-all elsewhere. SAM takes two "
    "gradients a step. The generator has seen the training images of the run alone on digits, other images elsewhere."
)
ORDER = ("original-longer", "useful-2", "useful-5", "tada-2", "tada-5", "syn-rand", "syn-all")


def rows(records: Mapping[str, Sequence[Record]]) -> int:
    """One for each data set."""
    return len(data_sets(records))


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    sets = data_sets(records)
    columns = max(len(runs.budgets) for runs in sets)
    grid = figure.subplots(len(sets), columns, squeeze=False)
    for row, runs in zip(grid, sets, strict=True):
        shown = [
            label
            for label in ORDER
            if any(runs.runs(label, budget=budget) for budget in runs.budgets)
        ]
        for axes, budget in zip(row, runs.budgets, strict=False):
            panel(axes, runs, budget, shown)
        for axes in row[len(runs.budgets) :]:
            axes.remove()
        reach = max(abs(end) for axes in row[: len(runs.budgets)] for end in axes.get_xlim())
        for i, axes in enumerate(row[: len(runs.budgets)]):
            axes.set_xlim(-reach, reach)
            axes.tick_params(labelleft=i == 0)
        row[0].set_ylabel(f"{runs.name}, {seeds(runs)} seeds", fontweight="bold")
        row[len(runs.budgets) // 2].set_xlabel("test error minus Original, points")


def seeds(runs: Runs) -> int:
    return len(runs.runs("original"))


def panel(axes, runs: Runs, budget: str, labels: Sequence[str]) -> None:
    """A dot and an interval for each method that was run under this budget."""
    start = runs.baseline(budget=budget)
    dots(
        axes,
        [
            Dot(name_of(label), apart(runs.values(label, budget=budget), start), look_of(label))
            for label in labels
        ],
    )
    axes.set_title(f"{TITLES[budget]}\nOriginal: {mean(start):.1f}%")
