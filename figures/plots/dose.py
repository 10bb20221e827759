"""Draw the gain against the quality of the generator, and place real generators (T3, T7, E2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import GREY, INK
from figures.plots.panels import plot_changes
from figures.records import Record
from figures.statistics.arms import Arms, arm_style
from figures.statistics.dial import place_generators

RECORDS = ("empirical/dose",)
OPTIONAL = ("empirical/ideal", "empirical/dial")
SIZE = (1.0, 0.42)
CAPTION = (
    "Test error minus that of Original, in points, against what an ideal variant keeps of its "
    "source's noise ($\\kappa$), the size $s$ of its fresh noise, and the fidelity $\\varphi$ of "
    "its features; the other two at 0, 1 and 1. Digits with noise and a planted pattern, equal "
    "epochs; mean over seeds with 95% intervals. random(5): as many variants of random images. "
    "Crosses: diffusion models trained on the run's own images, at their measured $\\kappa$, $s$ "
    "and $\\varphi$ and with the gain that TADA(5) had with them."
)
METHODS = ("tada-5", "random-5", "syn-all")
PANELS = (
    ("kappa", r"$\kappa$: noise kept", 0.0),
    ("fresh_noise", "$s$: size of fresh noise", 1.0),
    ("fidelity", r"$\varphi$: fidelity of features", 1.0),
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a panel for each dial, a line for each method, crosses for real generators."""
    arms = Arms(
        record for name, part in records.items() for record in part if name != "empirical/dial"
    )
    generators = place_generators(records)
    grid = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (dial, label, usual) in zip(grid, PANELS, strict=True):
        draw_panel(axes, arms, dial)
        for generator in generators:
            axes.plot(generator.dials[dial], generator.seen.mean, "x", color=INK, zorder=4)
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
        axes.axvline(usual, color=GREY, linewidth=0.5, linestyle=":", zorder=0)
        axes.set_xlabel(label)
    seeds = len(arms.records("original"))
    grid[0].set_ylabel("test error minus Original, points")
    grid[0].legend(title=f"{seeds} seeds")


def draw_panel(axes, arms: Arms, dial: str) -> None:
    """Draw the change in test error along one dial, the others at their defaults."""
    values = sorted({getattr(arm, dial) for arm in arms.groups})
    for method in METHODS:
        points = [(v, arms.change(method, **{dial: v})) for v in values]
        plot_changes(axes, points, arm_style(method))
