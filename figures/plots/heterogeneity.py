"""Draw where targeting beats as many random variants, and where Syn-all wins (E3, T9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import GREY
from figures.plots.panels import plot_changes
from figures.records import Record
from figures.statistics.arms import RACING, Arm, Arms, arm_name, arm_style, variants_of_slow
from figures.statistics.conditions import mean_over_seeds

RECORDS = ("empirical/heterogeneity",)
SIZE = (1.0, 0.42)
CAPTION = (
    "Left, middle: test error of TADA(5) minus that of as many variants of random images, and of "
    "Syn-all, against the share of images with the planted pattern and against its strength; below "
    "0 targeting is better. Right: test error on images without the pattern, minus Original's, "
    "against $k_\\mathrm{eff}$, the number of examples that stand for one slow image; the race law "
    "of the theory says that nothing else matters at convergence, and that copies stand for one. "
    "Noisy digits, ideal variants, equal epochs; mean over seeds with 95% intervals."
)
ROOM = 0.35  # of the height, for the legend
COMPARED = ("random-5", "syn-all")


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw differences by share and by strength, and the error against k_eff."""
    arms = Arms(records["empirical/heterogeneity"])
    by_share, by_strength, race = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    draw_differences(by_share, arms, "share")
    draw_differences(by_strength, arms, "strength")
    by_strength.set_xscale("log", base=2)
    by_share.set(xlabel="share with the pattern", ylabel="TADA(5) minus other, points")
    by_strength.set_xlabel("strength of the pattern")
    low, high = by_share.get_ylim()
    by_share.set_ylim(low, high + ROOM * (high - low))
    by_share.legend(title=f"minus, {len(arms.records('original'))} seeds", loc="upper left")
    draw_race(race, arms)


def draw_differences(axes, arms: Arms, field: str) -> None:
    """Draw TADA(5) minus other methods against one property of the pattern."""
    usual = getattr(Arm("tada-5"), field)
    others = {"share": "strength", "strength": "share"}
    fixed = getattr(Arm("tada-5"), others[field])
    values = sorted(
        {getattr(arm, field) for arm in arms.groups if getattr(arm, others[field]) == fixed}
    )
    for method in COMPARED:
        points = [(v, arms.change("tada-5", baseline=method, **{field: v})) for v in values]
        plot_changes(axes, points, arm_style(method))
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.axvline(usual, color=GREY, linewidth=0.5, linestyle=":", zorder=0)


def draw_race(axes, arms: Arms) -> None:
    """Draw the error without the pattern, minus Original's, against k_eff, a point for each arm."""
    shown = set()
    for arm, members in arms.groups.items():
        if arm.method not in RACING:
            continue
        change = arms.change(
            arm.method, "test_error_uncued", share=arm.share, strength=arm.strength
        )
        if change is None:
            continue
        style = arm_style(arm.method)
        axes.errorbar(
            mean_over_seeds(variants_of_slow(members)),
            change.mean,
            change.half,
            color=style.colour,
            marker=style.marker,
            linestyle="none",
            capsize=2,
            label=None if arm.method in shown else arm_name(arm.method),
        )
        shown.add(arm.method)
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set(xlabel=r"$k_\mathrm{eff}$", ylabel="without the pattern, minus Original")
    axes.legend()
