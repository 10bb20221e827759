"""Say at the end of ``augment`` what came out: a table by class, warnings, and where it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from empirical.own_images.judge import Verdict, share_of

USUAL = (0.15, 0.6)  # share of slow images; outside of it the table has a warning
NAME = 10  # letters of a class's name
SHOWN = 25  # classes in the table; the others are in the manifest


@dataclasses.dataclass(frozen=True)
class Judged:
    """Images and variants, and what the judge says of them.

    classes: names. labels: (n,). slow, recognised, suspects: (n,) bool. sources: (m,), the source
    of each variant. right: (m,) bool, variants whose class the judge recognises. kept: (m,) bool,
    variants that are written. trial, verdict: of the variants made first, and of all.
    """

    classes: Sequence[str]
    labels: np.ndarray
    slow: np.ndarray
    recognised: np.ndarray
    suspects: np.ndarray
    sources: np.ndarray
    right: np.ndarray
    kept: np.ndarray
    trial: Verdict
    verdict: Verdict

    def by_class(self) -> list[dict[str, Any]]:
        """Return a row for each class, and one for all: numbers, shares, agreement."""
        rows = []
        for c, name in [*enumerate(self.classes), (None, "all")]:
            mine = np.ones(len(self.labels), bool) if c is None else self.labels == c
            made = mine[self.sources]
            rows.append(
                {
                    "class": name,
                    "images": int(mine.sum()),
                    "slow": int(self.slow[mine].sum()),
                    "slow_share": share_of(self.slow[mine]),
                    "suspects": int(self.suspects[mine].sum()),
                    "variants": int((made & self.kept).sum()),
                    "rejected": int((made & ~self.kept).sum()),
                    "agreement_originals": share_of(self.recognised[mine]),
                    "agreement_sources": share_of(self.recognised[self.sources[made]]),
                    "agreement_variants": share_of(self.right[made]),
                }
            )
        return rows

    def describe(self) -> dict[str, Any]:
        """Return the entry of the manifest."""
        return {
            "trial": self.trial.describe(),
            "all": self.verdict.describe(),
            "by_class": self.by_class(),
        }


def format_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Format the rows of ``by_class``; agreement is with the label, by the judge."""
    width = max(5, *(len(str(row["class"])[:NAME]) for row in rows))
    above = f"{'':{width}s}{'':36s}  agreement with the label"
    head = (
        f"{'class':{width}s} images   slow share susp. variants reject originals sources variants"
    )
    shown = rows if len(rows) <= SHOWN + 1 else [*rows[:SHOWN], rows[-1]]
    lines = [above, head]
    for row in shown:
        mark = "" if is_usual(row["slow_share"]) else "!"
        lines.append(
            f"{str(row['class'])[:NAME]:{width}s} {row['images']:6,} {row['slow']:6,}"
            f" {percent(row['slow_share']):>5s} {row['suspects']:5,} {row['variants']:8,}"
            f" {row['rejected']:6,} {percent(row['agreement_originals']):>9s}"
            f" {percent(row['agreement_sources']):>7s}"
            f" {percent(row['agreement_variants']):>8s}{mark}"
        )
    if len(shown) < len(rows):
        lines.append(f"... {len(rows) - len(shown)} more classes: in manifest.json")
    return lines


def is_usual(share: float | None) -> bool:
    """Return whether a share of slow images is within the usual range; None has none."""
    return share is None or USUAL[0] <= share <= USUAL[1]


def percent(share: float | None) -> str:
    """Format a share as a percentage; None as a dash."""
    return "-" if share is None else f"{share:.0%}"


def share_warnings(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line about shares of slow images that are not usual, if there are any."""
    *classes, total = rows
    odd = [str(row["class"]) for row in classes if not is_usual(row["slow_share"])]
    lines = []
    if odd:
        names = ", ".join(odd[:5]) + (f" and {len(odd) - 5} more" if len(odd) > 5 else "")
        lines.append(
            f"warning: the share of slow images is outside {USUAL[0]:.0%} to {USUAL[1]:.0%} "
            f"(!) in {len(odd)} of {len(classes)} classes ({names}): the variants change how "
            "often each class is seen"
        )
    if not is_usual(total["slow_share"]):
        lines.append(
            f"warning: {total['slow_share']:.0%} of all images are slow; usual are 30% to 40%: "
            "early training ended too early or too late; see --epochs, --rule"
        )
    return lines


def suspect_lines(judged: Judged, file: str, dropped: bool) -> list[str]:
    """Return a line about labels that may be wrong, if there are any."""
    count = int(judged.suspects.sum())
    if not count:
        return []
    both = int((judged.suspects & judged.slow).sum())
    if dropped:
        return [f"{count:,} images with labels that may be wrong were left out: {file}"]
    return [
        f"warning: {count:,} labels may be wrong, {both:,} of them of the "
        f"{int(judged.slow.sum()):,} slow images, which get variants: look at {file}; leave files "
        "out with --exclude FILE, or all suspects with --drop-suspects"
    ]


def verdict_line(verdict: Verdict, what: str) -> str:
    """Return one line about a verdict. what: the variants it is about."""
    if verdict.share is None:
        return f"{what}: the judge recognises images of fewer than two classes, so it cannot judge"
    return (
        f"{what} of {verdict.count:,} images that the judge recognises: "
        f"{verdict.share:.0%} are recognised too (mean of the classes; chance "
        f"{verdict.chance:.0%}, bound {verdict.bound:.0%})"
    )


def where_lines(out: Path, split: bool, one_size: bool, ignored: int, unreadable: int) -> list[str]:
    """Return where everything is, and the three lines that train on it.

    split: images lie in ``train``. one_size: all images have the same size. ignored: files that
    are no images. unreadable: images that were left out.
    """
    folder = out / "train" if split else out
    lines = [
        f"images     {folder}",
        f"look at    {out / 'sheet.png'}: sources beside variants",
        f"tables     {out}/scores.csv, variants.csv, suspects.csv; all settings: manifest.json",
    ]
    if ignored or unreadable:
        lines.append(
            f"left out   {ignored:,} files that are no images, {unreadable:,} images that cannot "
            "be read (manifest.json names them)"
        )
    fit = "" if one_size else "transforms.Resize(256), transforms.CenterCrop(224), "
    return [
        *lines,
        "train on it with:",
        "    from torchvision import datasets, transforms",
        f"    transform = transforms.Compose([{fit}transforms.ToTensor()])",
        f'    train_set = datasets.ImageFolder("{folder}", transform)',
    ]
