"""Draw every deciding contrast with its corrected interval, on all data sets and scales (E1-E9)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from figures.claims.cases import FAILS, HOLDS, NOT_RUN, UNCLEAR, UNDER_FIT, Case
from figures.claims.images import EXPERIMENTS, SMALL, Claim, judge_claims, not_run
from figures.claims.paper_values import REPORTED_DIFFERENCES
from figures.labels import DATA_SETS, FAST, GREY, INK, LIGHT, SHORT_DATA_SETS, SLOW
from figures.records import Record
from figures.statistics.intervals import Estimate

RECORDS = SMALL[:1]
OPTIONAL = tuple(name for name in EXPERIMENTS if name not in RECORDS)
ROW = 0.0195  # height of a row, in widths of the text
MARGIN = 0.1  # height of the axis below and the legend above, likewise
SIZE = (1.0, 1.0)
CAPTION = (
    "Every deciding contrast of E1 to E9, in points of test error (left of 0: the first of the two "
    "has the lower error), with the interval that decides: 95% over seeds, paired by seed, made "
    "wider by Holm's method for the number of deciding contrasts of the claim on the data set. "
    "Claimed is left of 0; of pure noise in E8, right of 0. At the right: n. Circles: what the "
    "paper reports of the very contrast; of the others it gives no number. Where k is 5, it is 4 "
    "on TinyImageNet, and 5 where it is 4. The rule stands in the table of claims."
)
STYLES = {  # verdict -> colour and marker
    HOLDS: (FAST, "o"),
    FAILS: (SLOW, "s"),
    UNCLEAR: (GREY, "D"),
    UNDER_FIT: (GREY, "x"),
}
UNITS_DIFFER = ("E10", "E11")  # claims that are not about the test error
REACH = 11.0  # points; dots and intervals beyond are cut at the frame
SWAPPED = str.maketrans({"4": "5", "5": "4"})  # the paper's best k on TinyImageNet is 4


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the picture: its name; value and verdict, None if not run; the paper's value."""

    name: str
    value: Estimate | None
    verdict: str
    paper: float | None


@dataclasses.dataclass(frozen=True)
class Block:
    """What is claimed: its heading, the data sets that it was not run on, rows by contrast."""

    heading: str
    absent: tuple[str, ...]
    contrasts: Mapping[str, list[Row]]

    @property
    def height(self) -> int:
        """Number of lines."""
        return 1 + bool(self.absent) + sum(1 + len(rows) for rows in self.contrasts.values())


def claim_block(claim: Claim, by_data: Mapping[str, Sequence[Case]]) -> Block:
    """Return the deciding cases of a claim, and what the paper reports or was not run."""
    told = {
        (data, what): value for one, data, what, value in REPORTED_DIFFERENCES if one == claim.id
    }
    contrasts: dict[str, list[Row]] = {}

    def add(
        data: str, what: str, value: Estimate | None, verdict: str, paper: float | None
    ) -> None:
        name = SHORT_DATA_SETS.get(data, data.replace(" (paper scale)", ", paper"))
        contrasts.setdefault(contrast(data, what), []).append(Row(name, value, verdict, paper))

    for data, cases in by_data.items():
        for case in (case for case in cases if case.decides):
            value = case.deciding if case.verdict != NOT_RUN else None
            add(data, case.what, value, case.verdict, told.pop((data, case.what), None))
    for (data, what), reported in told.items():
        add(data, what, None, NOT_RUN, reported)
    absent = tuple(SHORT_DATA_SETS.get(data, data) for data in not_run(claim, by_data))
    return Block(f"{claim.id}: {claim.short}", absent, contrasts)


def contrast(data: str, what: str) -> str:
    """Return what is compared, in the words that are equal on all data sets."""
    for shared in (", equal epochs", ", equal steps", ", SGD"):
        what = what.replace(shared, "")
    what = what.replace("as many of random images", "as many random")
    return what.translate(SWAPPED) if data.startswith(DATA_SETS["tiny-imagenet"]) else what


def columns(records: Mapping[str, Sequence[Record]]) -> tuple[list[Block], list[Block]]:
    """Return the blocks of the left and of the right column, of about equal height."""
    blocks = [
        claim_block(claim, by_data)
        for claim, by_data in judge_claims(records)
        if claim.id not in UNITS_DIFFER
    ]
    cuts = range(1, len(blocks))
    best = min(cuts, key=lambda cut: max(height_of(blocks[:cut]), height_of(blocks[cut:])))
    return blocks[:best], blocks[best:]


def height_of(blocks: Sequence[Block]) -> int:
    """Return the number of lines of a column."""
    return sum(block.height for block in blocks)


def relative_height(records: Mapping[str, Sequence[Record]]) -> float:
    """Return the height in widths of the text."""
    return MARGIN + ROW * max(map(height_of, columns(records)))


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw two columns of claims, with a line for each contrast on each data set."""
    both = columns(records)
    panels = figure.subplots(1, 2)
    for axes, blocks in zip(panels, both, strict=True):
        draw_column(axes, blocks, max(map(height_of, both)))
    reach = max(abs(end) for axes in panels for end in axes.dataLim.intervalx)
    for axes in panels:
        axes.set_xlim(-min(REACH, 1.1 * reach), min(REACH, 1.1 * reach))
    draw_legend(figure)


def draw_column(axes, blocks: Sequence[Block], lines: int) -> None:
    """Draw the claims of one column; lines: the height of the panel."""
    names: dict[int, str] = {}
    height = 0
    inside = {"transform": axes.get_yaxis_transform(), "va": "center"}
    for block in blocks:
        axes.axhspan(height - 0.5, height + 0.5, color=LIGHT, linewidth=0)
        axes.text(0.01, height, block.heading, fontweight="bold", fontsize=7, **inside)
        height -= 1
        for name, rows in block.contrasts.items():
            axes.axhspan(height - 0.5, height + 0.5, color=LIGHT, alpha=0.35, linewidth=0)
            axes.text(0.01, height, name, fontsize=6.5, **inside)
            height -= 1
            for row in rows:
                names[height] = row.name
                draw_row(axes, row, height)
                height -= 1
        if block.absent:
            text = f"not run: {'; '.join(block.absent)}"
            axes.text(0.01, height, text, color=GREY, fontsize=5.5, **inside)
            height -= 1
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set_yticks(list(names), list(names.values()), fontsize=6.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set_ylim(0.5 - lines, 0.6)
    axes.set_xlabel("difference in test error, points")


def draw_row(axes, row: Row, height: float) -> None:
    """Draw a value with its interval and n, or that it was not run, and the paper's value."""
    side = {"transform": axes.get_yaxis_transform(), "fontsize": 6, "va": "center"}
    if row.paper is not None:
        axes.plot(row.paper, height, "o", markersize=6, markerfacecolor="none", color=INK)
    if row.value is None:
        axes.text(1.01, height, "not run", color=GREY, **side)
        return
    colour, marker = STYLES[row.verdict]
    half = float(row.value.half)
    axes.errorbar(
        float(row.value.mean),
        height,
        xerr=half if half == half else None,
        color=colour,
        marker=marker,
        markersize=3.5,
        capsize=1.5,
        linewidth=1.1,
        linestyle="none",
    )
    axes.text(1.01, height, str(row.value.n), **side)


def draw_legend(figure) -> None:
    """Draw a legend of verdicts above both panels."""
    from matplotlib.lines import Line2D

    shapes = [
        Line2D([], [], color=colour, marker=marker, markersize=4, linestyle="none", label=verdict)
        for verdict, (colour, marker) in STYLES.items()
    ]
    ring = Line2D([], [], color=INK, marker="o", markersize=6, linestyle="none", label="the paper")
    ring.set_markerfacecolor("none")
    shapes.append(ring)
    figure.legend(handles=shapes, loc="outside upper center", ncols=5, fontsize=7)
