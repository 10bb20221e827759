"""Test error over what variants keep of the noise and of the features, and along a path of denoising strength (T8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.factor_theory import final
from figures.records import Record
from figures.select import by_label
from figures.statistics import paired
from figures.style import GREY, INK, METHODS

RECORDS = ("theory/landscape", "theory/strength", "theory/methods")
SIZE = (1.0, 0.4)
CAPTION = (
    "Left: test error (%) of TADA with variants that keep a share $\\kappa$ of the noise and $\\varphi$ of the features; the line is the "
    "path along which the strength $t$ grows from 0, upper right: $\\kappa = \\sqrt{1-t}$, $\\varphi = 1-t^3$. Right: test error along it, "
    "against no augmentation (differences paired by seed, 95% intervals). Too weak, and noise stays; too strong, and features go."
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    landscape(left, records[RECORDS[0]])
    groups = by_label(records[RECORDS[1]])
    original = final(by_label(records[RECORDS[2]])["original"], "test_error", 100)
    strengths = [round(1 - members[0].config["method"]["kappa"] ** 2, 6) for members in groups.values()]
    values = [paired(final(members, "test_error", 100), original) for members in groups.values()]
    shown, k = METHODS["tada"], next(iter(groups.values()))[0].config["method"]["k"]
    means, halves = ([getattr(value, name) for value in values] for name in ("mean", "half"))
    right.errorbar(strengths, means, halves, color=shown.colour, marker=shown.marker, capsize=2, label=f"TADA({k}), {values[0].n} seeds")
    right.axhline(0, color=GREY, linewidth=0.7, zorder=0)
    right.set(title="along the path", xlabel="strength $t$", ylabel="test error minus Original, points", xticks=strengths)
    right.legend(loc="upper left")


def landscape(axes, records: Sequence[Record]) -> None:
    """A cell for every pair of kappa and phi, its test error written in it, and the path."""
    cells = {}
    for members in by_label(records).values():
        method = members[0].config["method"]
        cells[method["kappa"], method["fidelity"]] = np.mean(list(final(members, "test_error", 100).values()))
    kept, faithful = (sorted({key[i] for key in cells}) for i in (0, 1))
    errors = np.array([[cells[kappa, phi] for kappa in kept] for phi in faithful])
    wide, high = (values[1] - values[0] for values in (kept, faithful))
    extent = (kept[0] - wide / 2, kept[-1] + wide / 2, faithful[0] - high / 2, faithful[-1] + high / 2)
    image = axes.imshow(errors, origin="lower", cmap="cividis_r", aspect="auto", extent=extent)
    for (row, column), value in np.ndenumerate(errors):
        colour = "white" if image.norm(value) > 0.5 else INK
        patch = {"facecolor": image.cmap(image.norm(value)), "linewidth": 0, "pad": 1}
        axes.text(kept[column], faithful[row], f"{value:.1f}", ha="center", va="center", fontsize=8, color=colour, bbox=patch)
    t = np.linspace(0, 0.92, 100)
    axes.plot(np.sqrt(1 - t), 1 - t**3, color="#D55E00", linewidth=1.5)
    axes.set(title=f"test error, %, {len({record.seed for record in records})} seeds", xticks=kept, yticks=faithful)
    axes.set(xlabel=r"$\kappa$: noise kept", ylabel=r"$\varphi$: features kept")
    axes.grid(False)
