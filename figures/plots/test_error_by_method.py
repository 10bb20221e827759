"""Draw test error on images by method, minus Original's, under every budget (E1-E4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import BUDGETS, method_name, method_style
from figures.plots.panels import Dot, plot_differences
from figures.records import Record
from figures.statistics.conditions import (
    Conditions,
    count_data_sets,
    data_sets,
    mean_over_seeds,
    paired_difference,
)

RECORDS = ("empirical/noisy-digits", "empirical/digits")
OPTIONAL = ("empirical/reduced-test-error", "empirical/paper-test-error")
SIZE = (1.0, 0.36)  # the height is of one data set
CAPTION = (
    "Test error minus that of Original on the same split, with the same first weights, in points; "
    "mean over seeds (n) with 95% intervals (Student), last step, whole test set. Equal steps: "
    "every method gets the same number of gradient steps. Equal epochs: methods with more images "
    "get more steps; Original (longer) is Original given those of TADA(5) on digits, of Syn-all "
    "elsewhere. SAM takes two gradients a step. The generator has seen the training images of the "
    "run alone on digits, other images elsewhere."
)
LABELS = ("original-longer", "useful-2", "useful-5", "tada-2", "tada-5", "syn-rand", "syn-all")

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row for each data set, a panel for each budget."""
    sets = data_sets(records)
    columns = max(len(conditions.budgets) for conditions in sets)
    grid = figure.subplots(len(sets), columns, squeeze=False)
    for row, conditions in zip(grid, sets, strict=True):
        draw_row(row, conditions)


def draw_row(row: Sequence, conditions: Conditions) -> None:
    """Draw the panels of one data set with common methods and limits; remove the unused ones."""
    budgets = conditions.budgets
    used, unused = row[: len(budgets)], row[len(budgets) :]
    labels = [
        label
        for label in LABELS
        if any(conditions.records(label, budget=budget) for budget in budgets)
    ]
    for axes, budget in zip(used, budgets, strict=True):
        draw_panel(axes, conditions, budget, labels)
    for axes in unused:
        axes.remove()
    reach = max(abs(end) for axes in used for end in axes.get_xlim())
    for i, axes in enumerate(used):
        axes.set_xlim(-reach, reach)
        axes.tick_params(labelleft=i == 0)
    seeds = len(conditions.records("original"))
    row[0].set_ylabel(f"{conditions.name}, {seeds} seeds", fontweight="bold")
    row[len(budgets) // 2].set_xlabel("test error minus Original, points")


def draw_panel(axes, conditions: Conditions, budget: str, labels: Sequence[str]) -> None:
    """Draw a dot and its interval for each method that was run under this budget."""
    original = conditions.baseline_values(budget=budget)
    rows = []
    for label in labels:
        change = paired_difference(conditions.values(label, budget=budget), original)
        rows.append(Dot(method_name(label), change, method_style(label)))
    plot_differences(axes, rows)
    axes.set_title(f"{BUDGETS[budget]}\nOriginal: {mean_over_seeds(original):.1f}%")
