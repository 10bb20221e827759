"""One run, stage by stage: early -> select -> generate -> train -> measure.

Each stage keeps its result in the artifacts folder under the digest of all that it depends on; runs that share a stage share the
file. Files are written whole or not at all, so that a run stopped anywhere goes on from the last finished stage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from empirical.config import Run
from empirical.data.images import Images, on_device
from empirical.data.pixels import as_uint8, normalised
from empirical.data.split import Split, split
from empirical.generation.saved_model import sha256
from empirical.generation.stage import Advance, made_by, variants
from empirical.generation.store.store import ignore
from empirical.methods import additions, size
from empirical.runtime.artifacts import artifact
from empirical.runtime.machine import USUAL, Machine
from empirical.runtime.seeding import stream, torch_stream
from empirical.selection.agreement import by_class
from empirical.selection.stage import Selected, selected
from empirical.training import evaluation as measures
from empirical.training.fit import Watch, fit, forget_checkpoint
from empirical.training.networks import classifier

SHARP = 1000  # training images whose loss the sharpness is of


def training_set(
    run: Run, seed: int, parts: Split, slow: np.ndarray, root: Path, machine: Machine = USUAL
) -> Images:
    """The originals, then what the method adds."""
    sources, copies = additions(run.method, slow, seed)
    originals = parts.train
    if not run.method.generates:
        return originals[np.concatenate([np.arange(len(originals)), sources])]  # as they are stored
    extra = variants(
        run, seed, parts, root, sources, copies, machine
    )  # (m, channels, height, width)
    extra = as_uint8(extra) if originals.stored.dtype == np.uint8 else extra
    return Images(
        np.concatenate([originals.stored, extra]),
        np.concatenate([originals.labels, originals.labels[sources]]),
        originals.classes,
    )


def run_length(run: Run, slow: np.ndarray) -> int:
    """Gradient steps: as set, or those of the epochs over this method's (or ``length_of``'s) training set."""
    if run.training.steps is not None:
        return run.training.steps
    return round(run.training.epochs * size(run.length_of or run.method, slow) / run.training.batch)


def execute(
    run: Run,
    seed: int,
    root: Path,
    advance: Advance = ignore,
    machine: Machine = USUAL,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Train and measure one classifier; returns the record's metrics. Deterministic on a CPU with one thread.

    ``advance(fraction)`` of the whole, now and then; watch: told where the run stands after every epoch.
    """
    parts, device = split(run.data, seed, root), machine.on(run.data)
    chosen = selected(run, seed, parts, root, machine)
    images = training_set(run, seed, parts, chosen.slow, root, machine)
    network = classifier(images, run.training, seed).to(device)
    steps, history = run_length(run, chosen.slow), measures.History(chosen.clustered)
    originals, checkpoint = (
        on_device(parts.train, device),
        artifact(root, "checkpoint", ".pt", run, parts.content, seed),
    )
    rng = stream(seed, "order")
    fit(
        network,
        on_device(images, device),
        originals,
        run.training,
        steps,
        history,
        run.checks,
        rng,
        checkpoint,
        machine,
        advance,
        watch,
    )
    metrics = {
        **measures.test_errors(
            network, *on_device(parts.test, device), chosen.slow_test, len(images.classes)
        ),
        "validation_error": measures.mean(
            measures.wrong(network, *on_device(parts.validation, device))
        ),
        **history.metrics(),
        **({"sharpness": sharpness(network, originals, seed)} if run.sharpness else {}),
        **origin(run, parts, chosen, images, made_by(run, seed, parts, root)),
        "train_steps": steps,
        "gradients": steps * run.training.gradients,
    }
    forget_checkpoint(checkpoint)
    return metrics


def sharpness(network: nn.Module, originals: tuple[Tensor, Tensor], seed: int) -> float:
    """Of the loss on up to 1,000 of the training originals."""
    n = len(originals[1])
    drawn = torch.from_numpy(
        np.sort(stream(seed, "sharpness images").choice(n, min(n, SHARP), replace=False))
    )
    images, labels = (part[drawn.to(part.device)] for part in originals)
    return measures.sharpness(network, normalised(images), labels, torch_stream(seed, "sharpness"))


def origin(
    run: Run, parts: Split, chosen: Selected, images: Images, made_by: dict[str, Any]
) -> dict[str, Any]:
    """What the classifier was trained and tested on. made_by: model and noise level of the variants, if there are any."""
    generated = len(images) - len(parts.train) if run.method.generates else 0
    return {
        "slow_fraction": float(chosen.slow.mean()),
        "slow_fraction_by_class": by_class(
            chosen.slow, parts.train.labels, len(parts.train.classes)
        ),
        "early_steps": chosen.steps,
        "early_error": chosen.error,
        "early_error_balanced": chosen.early.balanced_error(parts.train.labels),
        "examples": len(images),
        "generated": generated,
        "test_images": len(parts.test),
        **({"data_content": parts.content} if parts.content else {}),
        "training_indices_sha256": sha256(parts.train_indices),
        "generator": made_by if generated else None,
    }
