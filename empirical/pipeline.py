"""One run, stage by stage: early -> select -> generate -> train -> measure.

Each stage keeps its result in the artifacts folder under the digest of all that it depends on; runs that share a stage share the
file. Files are written whole or not at all, so that a run stopped anywhere goes on from the last finished stage.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from empirical import diffusion, measures
from empirical.artifacts import artifact, load_arrays, load_weights, save_arrays, save_weights
from empirical.config import Run
from empirical.data import Images, Split, split, tensors
from empirical.networks import classifier
from empirical.seeding import stream
from empirical.selection import Outputs, early_network, outputs_of, select
from empirical.training import train
from empirical.training_set import additions, size
from empirical.variants import make_variants, noise_level, sampler
from figures.records import digest

if TYPE_CHECKING:
    from diffusers import UNet2DModel

Advance = Callable[[float], None]
CHECKS = 10  # times a run is measured on its training originals


def ignore(progress: float) -> None:
    """Nobody watches."""


@dataclasses.dataclass(frozen=True)
class Selected:
    """slow: (n,) bool; slow_test: of the test images, for measuring alone; early: outputs on the training set after ``steps`` steps."""

    slow: np.ndarray
    slow_test: np.ndarray
    early: Outputs
    steps: int


def selected(run: Run, seed: int, parts: Split, root: Path) -> Selected:
    """Stages early and select."""
    recipe = dataclasses.replace(run.training, optimiser="sgd", steps=1, epochs=None)  # what early training depends on
    path = artifact(root, "selection", ".npz", run.data, run.early, recipe, seed)
    if (kept := load_arrays(path)) is None:
        network, steps = early_network(parts.train, run.early, recipe, seed)
        early, test = outputs_of(network, parts.train), outputs_of(network, parts.test)
        kept = {
            "slow": select(early, parts.train.labels, seed),
            "slow_test": select(test, parts.test.labels, seed),
            "probabilities": early.probabilities,
            "losses": early.losses,
            "steps": np.int64(steps),
        }
        save_arrays(path, **kept)
    return Selected(kept["slow"], kept["slow_test"], Outputs(kept["probabilities"], kept["losses"]), int(kept["steps"]))


def generator(run: Run, seed: int, parts: Split, root: Path, advance: Advance = ignore) -> UNet2DModel:
    """Stage generate, first half: the diffusion model, trained on the training split alone. ``advance(1)`` after every step."""
    path = artifact(root, "generator", ".safetensors", run.data, run.generator, seed)
    model = diffusion.unet(parts.train, run.generator, seed)
    if (weights := load_weights(path)) is not None:
        model.load_state_dict(weights)
        return model.eval()
    for _ in diffusion.train_generator(model, parts.train, run.generator, seed):
        advance(1)
    save_weights(path, model.state_dict())
    return model


def variants(run: Run, seed: int, parts: Split, root: Path, sources: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Stage generate, second half: the variants (source, copy), from the file as far as it holds them, else made and added to it."""
    path = artifact(root, "variants", ".npz", run.data, run.generator, run.variants, seed)
    kept = load_arrays(path) or {"pairs": np.empty((0, 2), np.int64), "pixels": parts.train.pixels[:0]}
    store = dict(zip(map(tuple, kept["pairs"].tolist()), kept["pixels"], strict=True))
    pairs = list(zip(sources.tolist(), copies.tolist(), strict=True))
    if missing := sorted(set(pairs) - store.keys()):
        model = generator(run, seed, parts, root)
        schedule = sampler(run.variants, diffusion.noise_schedule())
        denoiser = diffusion.predict(model, run.variants.guidance, null=len(parts.train.classes))
        store.update(zip(missing, make_variants(denoiser, schedule, parts.train, *np.array(missing).T, run.variants, seed), strict=True))
        save_arrays(path, pairs=np.array(list(store)), pixels=np.stack(list(store.values())))
    return np.stack([store[pair] for pair in pairs]) if pairs else parts.train.pixels[:0]


def prepare(runs: Sequence[Run], seed: int, root: Path, advance: Advance = ignore) -> None:
    """All that the runs of one seed share: selection, generator, and the variants that any of them needs, made in one go.

    ``advance(1)`` after every step of a generator's training.
    """
    parts = split(runs[0].data, seed)
    for run in runs:
        selected(run, seed, parts, root)
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.method.generates:
            groups.setdefault(digest((run.data, run.generator, run.variants)), []).append(run)
    for group in groups.values():
        generator(group[0], seed, parts, root, advance)
        pairs = [additions(run.method, selected(run, seed, parts, root).slow, seed) for run in group]
        variants(group[0], seed, parts, root, *(np.concatenate(part) for part in zip(*pairs, strict=True)))


def training_set(run: Run, seed: int, parts: Split, slow: np.ndarray, root: Path) -> Images:
    """The originals, then what the method adds."""
    sources, copies = additions(run.method, slow, seed)
    originals = parts.train
    extra = variants(run, seed, parts, root, sources, copies) if run.method.generates else originals.pixels[sources]
    return Images(
        np.concatenate([originals.pixels, extra]), np.concatenate([originals.labels, originals.labels[sources]]), originals.classes
    )


def run_length(run: Run, slow: np.ndarray) -> int:
    """Gradient steps: as set, or those of the epochs over this method's (or ``length_of``'s) training set."""
    if run.training.steps is not None:
        return run.training.steps
    return round(run.training.epochs * size(run.length_of or run.method, slow) / run.training.batch)


def execute(run: Run, seed: int, root: Path, advance: Advance = ignore) -> dict:
    """Train and measure one classifier; returns the record's metrics. Deterministic on a CPU with one thread.

    ``advance(fraction)`` of the whole, now and then.
    """
    parts = split(run.data, seed)
    chosen = selected(run, seed, parts, root)
    images = training_set(run, seed, parts, chosen.slow, root)
    network = classifier(images, run.training, seed)
    steps = run_length(run, chosen.slow)
    originals, curve = tensors(parts.train), measures.LearningCurve(chosen.slow)
    checks = {max(1, round(steps * (i + 1) / CHECKS)) for i in range(CHECKS)}
    for step in train(network, *tensors(images), run.training, steps, stream(seed, "order")):
        if step in checks:
            curve.add(step, network, *originals)
            advance(1 / len(checks))
    generated = len(images) - len(parts.train) if run.method.generates else 0
    return {
        **measures.test_errors(network, *tensors(parts.test), chosen.slow_test),
        "validation_error": measures.mean(measures.wrong(network, *tensors(parts.validation))),
        **curve.metrics(),
        "slow_fraction": float(chosen.slow.mean()),
        "slow_fraction_by_class": [float(chosen.slow[parts.train.labels == c].mean()) for c in range(len(parts.train.classes))],
        "early_steps": chosen.steps,
        "examples": len(images),
        "generated": generated,
        "train_steps": steps,
        "gradients": steps * (2 if run.training.optimiser == "sam" else 1),
        "test_images": len(parts.test),
        "training_indices_sha256": hashlib.sha256(np.sort(parts.train_indices).astype("<i8").tobytes()).hexdigest(),
        "generator": {"seen": "own", **noise_level(diffusion.noise_schedule(), run.variants)} if generated else None,
    }
