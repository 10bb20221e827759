"""What there is to look at: which images are slow, and variants beside their sources at several strengths, with their faithfulness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from empirical.config import Method, Run, Sheet
from empirical.data.images import Images
from empirical.data.split import Split, split
from empirical.generation import stage as generate
from empirical.runtime.machine import USUAL, Machine
from empirical.runtime.seeding import stream
from empirical.selection import stage

if TYPE_CHECKING:
    from sklearn.svm import SVC

SHOWN = 5  # images a class, of the slowest and of the fastest
JUDGED = 5000  # test images that the judge is trained on at most: nothing is chosen by it, and no classifier sees it


def execute(
    sheet: Sheet,
    seed: int,
    root: Path,
    advance: Callable[[float], None] = lambda fraction: None,
    machine: Machine = USUAL,
) -> dict:
    """The metrics of a sheet: losses and slow flags of all training images, the most extreme of them, and variants by strength."""
    shared = {
        name: getattr(sheet, name)
        for name in ("data", "training", "early", "generator", "variants", "selection")
    }
    run = Run(sheet.experiment, Method("tada"), **shared)
    parts = split(sheet.data, seed, root)
    chosen = stage.selected(run, seed, parts, root, machine)
    labels = parts.train.labels
    order = np.argsort(chosen.early.losses, kind="stable")
    by_class = [order[labels[order] == c] for c in range(len(parts.train.classes))]
    slowest = [int(i) for members in by_class for i in members[chosen.slow[members]][::-1][:SHOWN]]
    fastest = [int(i) for members in by_class for i in members[~chosen.slow[members]][:SHOWN]]
    sources = [
        int(members[chosen.slow[members]][-1]) for members in by_class if chosen.slow[members].any()
    ]
    measured = np.arange(len(labels))
    if sheet.sample is not None and sheet.sample < len(labels):
        measured = np.sort(stream(seed, "sheet").choice(len(labels), sheet.sample, replace=False))
    judge, levels = support_vectors(parts), []
    for strength in sheet.strengths:
        noised = replace(run, variants=replace(sheet.variants, strength=strength))
        levels.append(by_strength(noised, seed, parts, root, sources, measured, judge, machine))
        advance(1 / len(sheet.strengths))
    return {
        "classes": list(parts.train.classes),
        "labels": labels,
        "losses": chosen.early.losses,
        "slow": chosen.slow.astype(int),
        "slowest": {"labels": labels[slowest], "pixels": shown(parts.train, slowest)},
        "fastest": {"labels": labels[fastest], "pixels": shown(parts.train, fastest)},
        "sources": {"labels": labels[sources], "pixels": shown(parts.train, sources)},
        "levels": levels,
        "agreement_real": agreement(judge, parts.train[measured]),
        "measured": len(measured),
    }


def by_strength(
    run: Run,
    seed: int,
    parts: Split,
    root: Path,
    sources: list[int],
    measured: np.ndarray,
    judge: SVC,
    machine: Machine = USUAL,
) -> dict:
    """One variant of each image at one strength: pixels of those of ``sources``, and how faithful those of ``measured`` are.

    own_nearest: fraction whose nearest training image is their own source; rms_distance: to the source; agreement: see there.
    """
    train, n = parts.train, len(sources)
    both = np.concatenate([np.array(sources, int), measured])
    made = generate.variants(run, seed, parts, root, both, np.ones(len(both), int), machine)
    flat, real = made[n:].reshape(len(measured), -1), train.pixels.reshape(len(train), -1)
    apart = np.stack([((one - real) ** 2).mean(1) for one in flat])  # (measured, n)
    return {
        "strength": run.variants.strength,
        **level(run, seed, parts, root),
        "pixels": shown(replace(train, stored=made), list(range(n))),
        "own_nearest": float((apart.argmin(1) == measured).mean()),
        "rms_distance": float(np.sqrt(apart[np.arange(len(measured)), measured].mean())),
        "agreement": agreement(judge, Images(made[n:], train.labels[measured], train.classes)),
    }


def level(run: Run, seed: int, parts: Split, root: Path) -> dict[str, float | None]:
    """timestep, alpha_bar and sigma of the run's variants: as the store of a model that is there says, else by our own schedule."""
    said = generate.made_by(run, seed, parts, root)
    return {name: said.get(name) for name in ("timestep", "alpha_bar", "sigma")}


def support_vectors(parts: Split) -> SVC:
    """Trained on up to 6,000 of the images that are neither trained on nor varied: a judge that no network of the run resembles."""
    from sklearn.svm import SVC

    pixels = np.concatenate([parts.validation.pixels, parts.test.pixels[:JUDGED]])
    labels = np.concatenate([parts.validation.labels, parts.test.labels[:JUDGED]])
    return SVC(C=5, gamma=0.01).fit(pixels.reshape(len(pixels), -1), labels)


def agreement(judge: SVC, images: Images) -> float:
    """Fraction of the images that the judge gives their label."""
    return float((judge.predict(images.pixels.reshape(len(images), -1)) == images.labels).mean())


def shown(images: Images, indices: list[int]) -> list:
    """Pixels to three decimals: enough to draw."""
    return np.round(images.pixels[indices].astype(float), 3).tolist()
