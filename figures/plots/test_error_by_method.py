"""Draw test error on images by method, minus Original's, under every budget (E1-E4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import BUDGETS, method_name, method_style
from figures.plots.panels import Dot, plot_differences, two_lines
from figures.records import Record
from figures.statistics.conditions import (
    Conditions,
    count_data_sets,
    data_sets,
    mean_over_seeds,
    paired_difference,
)

RECORDS = ("empirical/noisy-digits", "empirical/digits")
OPTIONAL = (
    "empirical/reduced-test-error",
    "empirical/reduced-controls",
    "empirical/reduced-crop-flip",
    "empirical/paper-test-error",
    "empirical/paper-controls",
)
SIZE = (1.0, 0.38)  # the height is of one data set
CAPTION = (
    "Test error minus that of Original with the same seed and optimiser, in points; mean over "
    "seeds (n) with 95% intervals (Student), each on its own, at the end of training, whole test "
    "set. Equal epochs: methods with more images take more steps; Original (longer) is Original "
    "given as many as TADA with the most variants. Equal steps: every method takes the same "
    "number. random(k), random copies(k): as many variants as TADA(k), or copies as USEFUL(k), of "
    "random images; reweighted(2): the loss of slow images counts twice. SAM takes two gradients "
    "a step. The generator has seen the training images of the run alone on digits, other images "
    "elsewhere."
)
LABELS = (
    "original-longer",
    "reweighted-2",
    "random-copies-2",
    "useful-2",
    "useful-4",
    "useful-5",
    "tada-2",
    "tada-4",
    "tada-5",
    "random-4",
    "random-5",
    "syn-rand",
    "syn-all",
)

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row for each data set, a panel for each budget."""
    sets = data_sets(records)
    columns = max(len(conditions.budgets) for conditions in sets)
    grid = figure.subplots(len(sets), columns, squeeze=False)
    for row, conditions in zip(grid, sets, strict=True):
        draw_data_set(row, conditions)


def draw_data_set(row: Sequence, conditions: Conditions) -> None:
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
    row[0].set_ylabel(two_lines(conditions.name), fontweight="bold")
    row[len(budgets) // 2].set_xlabel("minus Original, points")


def draw_panel(axes, conditions: Conditions, budget: str, labels: Sequence[str]) -> None:
    """Draw a dot and its interval for each method that was run under this budget."""
    original = conditions.baseline_values(budget=budget)
    rows = []
    for label in labels:
        change = paired_difference(conditions.values(label, budget=budget), original)
        rows.append(Dot(method_name(label), change, method_style(label)))
    plot_differences(axes, rows, len(original))
    error = f"Original: {mean_over_seeds(original):.1f}%, " if original else "Original: "
    seeds = f"n = {len(original)}" if original else "not run"
    axes.set_title(f"{BUDGETS[budget]}\n{error}{seeds}")
