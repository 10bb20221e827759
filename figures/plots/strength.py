"""Test error, and how faithful variants are, against how far images are noised before they are denoised; from pure noise (E8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import FAST, GREY, INK, METHODS, SLOW
from figures.records import Record
from figures.statistics.conditions import NOISE, Runs, apart, data_sets, mean

RECORDS = ("empirical/reduced-strength", "empirical/reduced-sheet")
OPTIONAL = ("empirical/paper-strength",)
SIZE = (1.0, 0.42)
CAPTION = (
    "Left: test error of TADA(2) minus that of Original against the strength at which its variants are made, and with variants that begin "
    "with pure noise; differences paired by seed, mean with 95% intervals (Student), last step, whole test set; equal gradient steps, "
    "at the paper's scale equal epochs. Right: how faithful variants are, measured on a sample of all training images of one seed: how "
    "many a support vector machine on pixels, trained on images that no run trains on, gives the label of their source (dashed: of the "
    "real images; where it is right on few of these, it says little), and how many have their own source as the nearest training image "
    "in pixels. The generator has seen other images than those trained on."
)
PURE = 1.15  # where variants from pure noise stand


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    sets = data_sets({name: members for name, members in records.items() if name != RECORDS[1]})
    *panels, last = figure.subplots(1, len(sets) + 1, squeeze=False)[0]
    for axes, runs in zip(panels, sets, strict=True):
        errors(axes, runs)
    panels[0].set_ylabel("test error minus Original, points")
    faithfulness(last, records[RECORDS[1]][0].metrics)


def errors(axes, runs: Runs) -> None:
    start, shown = runs.values("original"), METHODS["tada"]
    found = {
        level: apart(runs.values("tada-2", level=level), start) for level in runs.having("level")
    }
    found = {level: value for level, value in found.items() if value is not None}
    levels = sorted(level for level in found if level != NOISE)
    style = {"color": shown.colour, "marker": shown.marker, "capsize": 2}
    means, halves = (
        [float(getattr(found[level], part)) for level in levels] for part in ("mean", "half")
    )
    axes.errorbar(levels, means, halves, **style, label="from the image")
    if NOISE in found:
        axes.errorbar(
            PURE,
            found[NOISE].mean,
            found[NOISE].half,
            **style,
            markerfacecolor="white",
            linestyle="none",
            label="from noise",
        )
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set(
        title=f"{runs.name}\nOriginal: {mean(start):.1f}%, {len(start)} seeds", xlabel="strength"
    )
    axes.set_xticks([*levels, PURE], [*(f"{level:g}" for level in levels), "noise"])
    axes.set_xlim(0.15, 1.3)
    axes.legend(loc="best")


def faithfulness(axes, metrics: Mapping) -> None:
    levels = metrics["levels"]
    at = [level["strength"] for level in levels]
    for name, colour, marker, label in (
        ("agreement", FAST, "o", "judged as their class"),
        ("own_nearest", SLOW, "s", "own source is nearest"),
    ):
        axes.plot(
            at, [100 * level[name] for level in levels], color=colour, marker=marker, label=label
        )
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
        ylim=(-3, 150),
        xticks=at,
    )
    axes.set_yticks(range(0, 101, 20))
    axes.legend(loc="upper right")  # above 100%, where nothing is
