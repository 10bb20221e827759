"""One look for every figure, and one table of methods: label, colour (Okabe-Ito, safe for colour-blind readers), marker."""

from __future__ import annotations

import dataclasses

INK, GREY, LIGHT = "#222222", "#777777", "#d9d9d9"
FAST, SLOW = (
    "#0072B2",
    "#D55E00",
)  # the fast- and the slow-learnable feature, or fast and slow examples, wherever they appear
WIDTH = 6.8  # inches, the text width of the report

STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "tada",
}


@dataclasses.dataclass(frozen=True)
class Look:
    """How a method appears everywhere. A dashed line is drawn on top, so that of two equal curves both are seen."""

    label: str
    colour: str
    marker: str
    line: str = "-"


METHODS = {
    "original": Look("Original", INK, "o"),
    "sam": Look("SAM", "#0072B2", "s"),
    "useful": Look("USEFUL", "#E69F00", "^", "--"),
    "tada": Look("TADA", "#009E73", "D"),
    "syn-all": Look("Syn-all", "#CC79A7", "v", "--"),
    "syn-rand": Look("Syn-rand", "#56B4E9", "P", "--"),
}


def look(label: str) -> Look:
    """The look of a run's label, such as ``tada-5``: TADA(5) in TADA's colour."""
    name, _, k = label.rpartition("-")
    if name in METHODS and k.isdigit():
        return dataclasses.replace(METHODS[name], label=f"{METHODS[name].label}({k})")
    return METHODS[label]


def slant(axes, degrees: float = 30) -> None:
    """Names along the horizontal axis at a slant, each ending at its tick."""
    for label in axes.get_xticklabels():
        label.set(rotation=degrees, ha="right", rotation_mode="anchor")
