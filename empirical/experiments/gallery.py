"""Collect what there is to look at: slow and fast images, and variants at several strengths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from empirical.config import Gallery, Method, Run
from empirical.data.context import Context
from empirical.data.images import Images
from empirical.data.split import Split
from empirical.generation.quality.dial import read_dial
from empirical.generation.stage import describe_variants, load_or_make_variants
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from empirical.runtime.seeding import stream
from empirical.selection.stage import selected
from figures.records import Advance, no_progress

if TYPE_CHECKING:
    from sklearn.svm import SVC

SHOWN = 5  # slowest and fastest images that are shown of each class
JUDGED = 5000  # test images that the judge is trained on, at most; nothing is chosen by the judge
SHARED = ("data", "training", "early", "generator", "variants", "selection")


def execute(
    gallery: Gallery,
    seed: int,
    root: Path,
    advance: Advance = no_progress,
    machine: Machine = DEFAULT_MACHINE,
) -> dict:
    """Return a gallery's metrics.

    Losses and slow flags of all training images; labels and pixels of the slowest and the fastest
    of each class, and of the slowest image of each class with one variant at every strength; and
    how faithful the variants of ``gallery.sample`` images are at every strength.
    """
    settings = {name: getattr(gallery, name) for name in SHARED}
    run = Run(gallery.experiment, Method("tada"), **settings)
    context = Context(run, seed, root, machine)
    parts, chosen = context.parts, selected(context)
    labels = parts.train.labels
    order = np.argsort(chosen.early.losses, kind="stable")
    by_class = [order[labels[order] == c] for c in range(len(parts.train.classes))]
    slow = [members[chosen.slow[members]] for members in by_class]
    fast = [members[~chosen.slow[members]] for members in by_class]
    slowest = [int(i) for members in slow for i in members[::-1][:SHOWN]]
    fastest = [int(i) for members in fast for i in members[:SHOWN]]
    sources = [int(members[-1]) for members in slow if len(members)]
    measured = np.arange(len(labels))
    if gallery.sample is not None and gallery.sample < len(labels):
        drawn = stream(seed, "sheet").choice(len(labels), gallery.sample, replace=False)
        measured = np.sort(drawn)
    judge = support_vectors(parts)
    levels = []
    for strength in gallery.strengths:
        noised = replace(run, variants=replace(gallery.variants, strength=strength))
        levels.append(by_strength(context.with_run(noised), sources, measured, judge))
        advance(1 / len(gallery.strengths))
    return {
        "classes": list(parts.train.classes),
        "labels": labels,
        "losses": chosen.early.losses,
        "slow": chosen.slow.astype(int),
        "slowest": {"labels": labels[slowest], "pixels": rounded(parts.train, slowest)},
        "fastest": {"labels": labels[fastest], "pixels": rounded(parts.train, fastest)},
        "sources": {"labels": labels[sources], "pixels": rounded(parts.train, sources)},
        "levels": levels,
        "agreement_real": agreement(judge, parts.train[measured]),
        "measured": len(measured),
    }


def by_strength(
    context: Context, sources: list[int], measured: np.ndarray, judge: SVC
) -> dict[str, object]:
    """Make one variant of each image at the run's strength; returns pixels and faithfulness.

    pixels: variants of ``sources``. Of the variants of ``measured``: own_nearest, the fraction
    whose nearest training image is their own source; rms_distance to the source; agreement, the
    fraction that the judge gives the label of the source.
    """
    train, n = context.parts.train, len(sources)
    both = np.concatenate([np.array(sources, int), measured])
    made = load_or_make_variants(context, both, np.ones(len(both), int))
    flat = made[n:].reshape(len(measured), -1)
    real = train.pixels.reshape(len(train), -1)
    apart = np.stack([((one - real) ** 2).mean(1) for one in flat])  # (measured, train)
    to_source = apart[np.arange(len(measured)), measured]
    return {
        "strength": context.run.variants.strength,
        **noise_level(context),
        "pixels": rounded(replace(train, stored=made), list(range(n))),
        "own_nearest": float((apart.argmin(1) == measured).mean()),
        "rms_distance": float(np.sqrt(to_source.mean())),
        "agreement": agreement(judge, Images(made[n:], train.labels[measured], train.classes)),
        **known_quality(train[measured], made[n:]),
    }


def known_quality(sources: Images, made: np.ndarray) -> dict[str, float]:
    """Return where variants stand on the ideal generator's dial; empty if noise is not known."""
    if sources.truth is None:
        return {}
    return read_dial(made, sources.pixels, sources.truth)


def noise_level(context: Context) -> dict[str, float | None]:
    """Return timestep, alpha_bar and sigma of the run's variants, as their store describes them."""
    about = describe_variants(context)
    return {name: about.get(name) for name in ("timestep", "alpha_bar", "sigma")}


def support_vectors(parts: Split) -> SVC:
    """Train a support-vector judge on validation images and up to 5,000 test images.

    These images are neither trained on nor varied by any run, and the judge resembles no network.
    """
    from sklearn.svm import SVC

    pixels = np.concatenate([parts.validation.pixels, parts.test.pixels[:JUDGED]])
    labels = np.concatenate([parts.validation.labels, parts.test.labels[:JUDGED]])
    return SVC(C=5, gamma=0.01).fit(pixels.reshape(len(pixels), -1), labels)


def agreement(judge: SVC, images: Images) -> float:
    """Return the fraction of images that the judge gives their own label."""
    return float((judge.predict(images.pixels.reshape(len(images), -1)) == images.labels).mean())


def rounded(images: Images, indices: list[int]) -> list:
    """Return pixels rounded to three decimals, which is enough to draw them."""
    return np.round(images.pixels[indices].astype(float), 3).tolist()
