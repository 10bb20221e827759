"""What there is to look at: which images are slow, and variants beside their sources at several strengths, with their faithfulness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from empirical import diffusion, generate, pipeline
from empirical.config import Method, Run, Sheet
from empirical.data import Images, Split, split
from empirical.machine import USUAL, Machine
from empirical.variants import noise_level

SHOWN = 5  # images a class, of the slowest and of the fastest


def execute(
    sheet: Sheet, seed: int, root: Path, advance: Callable[[float], None] = lambda fraction: None, machine: Machine = USUAL
) -> dict:
    """The metrics of a sheet: losses and slow flags of all training images, the most extreme of them, and variants by strength."""
    shared = {name: getattr(sheet, name) for name in ("data", "training", "early", "generator", "variants", "selection")}
    run = Run(sheet.experiment, Method("tada"), **shared)
    parts = split(sheet.data, seed, root)
    chosen = pipeline.selected(run, seed, parts, root, machine)
    labels = parts.train.labels
    order = np.argsort(chosen.early.losses, kind="stable")
    by_class = [order[labels[order] == c] for c in range(len(parts.train.classes))]
    slowest = [int(i) for members in by_class for i in members[chosen.slow[members]][::-1][:SHOWN]]
    fastest = [int(i) for members in by_class for i in members[~chosen.slow[members]][:SHOWN]]
    sources = [int(members[chosen.slow[members]][-1]) for members in by_class if chosen.slow[members].any()]
    levels = []
    for strength in sheet.strengths:
        levels.append(by_strength(replace(run, variants=replace(sheet.variants, strength=strength)), seed, parts, root, sources, machine))
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
        "agreement_real": agreement(parts, parts.train.pixels),
    }


def by_strength(run: Run, seed: int, parts: Split, root: Path, sources: list[int], machine: Machine = USUAL) -> dict:
    """One variant of every training image at one strength: pixels of those of ``sources``, and how faithful all of them are.

    own_nearest: fraction whose nearest training image is their own source; rms_distance: to the source; agreement: see there.
    """
    train = parts.train
    made = generate.variants(run, seed, parts, root, np.arange(len(train)), np.ones(len(train), int), machine)
    flat, real = made.reshape(len(made), -1), train.pixels.reshape(len(train), -1)
    apart = ((flat[:, None] - real[None]) ** 2).mean(2)  # (n, n)
    return {
        "strength": run.variants.strength,
        **noise_level(diffusion.noise_schedule(), run.variants),
        "pixels": shown(replace(train, stored=made), sources),
        "own_nearest": float((apart.argmin(1) == np.arange(len(train))).mean()),
        "rms_distance": float(np.sqrt(np.diag(apart).mean())),
        "agreement": agreement(parts, made),
    }


def agreement(parts: Split, pixels: np.ndarray) -> float:
    """Fraction of ``pixels``, one image for each training image, that support vectors trained on the other images give its label."""
    from sklearn.svm import SVC

    others = np.concatenate([parts.validation.pixels, parts.test.pixels])
    judge = SVC(C=5, gamma=0.01).fit(others.reshape(len(others), -1), np.concatenate([parts.validation.labels, parts.test.labels]))
    return float((judge.predict(pixels.reshape(len(pixels), -1)) == parts.train.labels).mean())


def shown(images: Images, indices: list[int]) -> list:
    """Pixels to three decimals: enough to draw."""
    return np.round(images.pixels[indices].astype(float), 3).tolist()
