"""Draw test error and faithfulness of variants against their strength (E8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import FAST, GREY, INK, METHODS, SLOW
from figures.plots.panels import format_seeds, say_not_run
from figures.records import Record
from figures.statistics.conditions import (
    PURE_NOISE,
    Conditions,
    data_sets,
    mean_over_seeds,
    paired_difference,
)

GALLERY = "empirical/reduced-sheet"
RECORDS = ()
ANY_OF = ("empirical/reduced-strength", "empirical/paper-strength")
OPTIONAL = (GALLERY,)
SIZE = (1.0, 0.42)
CAPTION = (
    "Left: test error of TADA(2) minus that of Original against the strength at which its variants "
    "are made, and with variants that begin with pure noise; differences paired by seed, mean with "
    "95% intervals (Student), last epoch, whole test set, equal epochs; n is given where it "
    "differs from the number in the title. Right, at the reduced scale: how faithful variants are, "
    "measured on a sample of all training images of one seed: how many a judge, trained on images "
    "that no run trains on, gives the label of their source (dashed: of the real images; where it "
    "is right on few of these, it says little), and how many have their own source as the nearest "
    "training image in pixels. The generator has seen other images than those trained on."
)
NOISE_PLACE = 1.15  # of variants from pure noise, on the axis of strength


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a panel of test errors for each data set, and one of faithfulness."""
    sets = data_sets({name: members for name, members in records.items() if name != GALLERY})
    gallery = records.get(GALLERY)
    panels = figure.subplots(1, len(sets) + bool(gallery), squeeze=False)[0]
    for axes, conditions in zip(panels, sets, strict=False):
        plot_errors(axes, conditions)
    panels[0].set_ylabel("test error minus Original, points")
    if gallery:
        plot_faithfulness(panels[-1], gallery[0].metrics)


def plot_errors(axes, conditions: Conditions) -> None:
    """Plot the test error of TADA(2) minus that of Original over strength, and from pure noise."""
    original, style = conditions.values("original"), METHODS["tada"]
    changes = {}
    for strength in conditions.field_values("strength"):
        change = paired_difference(conditions.values("tada-2", strength=strength), original)
        if change is not None:
            changes[strength] = change
    if not changes:
        say_not_run(axes, conditions.name)
        return
    strengths = sorted(strength for strength in changes if strength != PURE_NOISE)
    shape = {"color": style.colour, "marker": style.marker, "capsize": 2}
    axes.errorbar(
        strengths,
        [float(changes[strength].mean) for strength in strengths],
        [float(changes[strength].half) for strength in strengths],
        **shape,
        label="from the image",
    )
    if PURE_NOISE in changes:
        axes.errorbar(
            NOISE_PLACE,
            changes[PURE_NOISE].mean,
            changes[PURE_NOISE].half,
            **shape,
            markerfacecolor="white",
            linestyle="none",
            label="from noise",
        )
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    error = mean_over_seeds(original)
    title = f"{conditions.name}\nOriginal: {error:.1f}%, {format_seeds(len(original))}"
    for strength, change in changes.items():
        if change.n != len(original):
            place = NOISE_PLACE if strength == PURE_NOISE else strength
            shape = {"color": GREY, "fontsize": 6.5, "textcoords": "offset points"}
            axes.annotate(f"n = {change.n}", (place, change.mean), (4, 4), **shape)
    axes.set(title=title, xlabel="strength")
    names = [*(f"{strength:g}" for strength in strengths), "noise"]
    axes.set_xticks([*strengths, NOISE_PLACE], names)
    axes.set_xlim(0.15, 1.3)
    axes.legend(loc="best")


def plot_faithfulness(axes, metrics: Mapping) -> None:
    """Plot how many variants have the label and the nearest neighbour of their source, in %."""
    levels = metrics["levels"]
    strengths = [level["strength"] for level in levels]
    for name, colour, marker, label in (
        ("agreement", FAST, "o", "judged as their class"),
        ("own_nearest", SLOW, "s", "own source is nearest"),
    ):
        shares = [100 * level[name] for level in levels]
        axes.plot(strengths, shares, color=colour, marker=marker, label=label)
    axes.axhline(
        100 * metrics["agreement_real"],
        color=INK,
        linestyle="--",
        linewidth=1,
        label="real images, judged",
    )
    measured = metrics.get("measured", len(metrics["labels"]))
    axes.set(
        title=f"faithfulness\n{measured:,} images, 1 seed",
        xlabel="strength",
        ylabel="% of variants",
        ylim=(-3, 150),  # the legend stands above 100%
        xticks=strengths,
    )
    axes.set_yticks(range(0, 101, 20))
    axes.legend(loc="upper right")
