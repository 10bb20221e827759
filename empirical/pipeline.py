"""Compute one run, stage by stage: early -> select -> generate -> train -> measure.

Read this file first. Every stage keeps its result in the artifacts folder, named by the digest of
all that the result depends on, so that runs which share a stage share its file. Files are written
whole or not at all: a run stopped anywhere goes on from the last finished stage.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from empirical.config import Run
from empirical.data.context import Context
from empirical.data.images import Images, on_device
from empirical.data.pixels import as_uint8, normalised
from empirical.generation.saved_model import digest_indices
from empirical.generation.stage import describe_variants, load_or_make_variants
from empirical.methods import additions, loss_weights, training_set_size
from empirical.runtime.artifacts import artifact
from empirical.runtime.seeding import stream, torch_stream
from empirical.selection.agreement import by_class
from empirical.selection.stage import Selected, selected
from empirical.training import evaluation
from empirical.training.fit import fit, forget_checkpoint
from empirical.training.networks import classifier
from empirical.training.progress import Watch
from empirical.training.responses import ResponseHistory, probes_of
from figures.records import Advance, no_progress

SHARPNESS_IMAGES = 1000  # training images on which the sharpness of the loss is measured, at most


def execute(
    context: Context, advance: Advance = no_progress, watch: Watch | None = None
) -> dict[str, Any]:
    """Train and measure one classifier; return the metrics of its record.

    advance: called with the fractions of the run that were done since the last call. watch: called
    with a ``Progress`` after every epoch. Deterministic on a CPU with one thread.
    """
    run, seed, parts, device = context.run, context.seed, context.parts, context.device
    chosen = selected(context)
    images = training_set(context, chosen.slow)
    network = classifier(images, run.training, seed).to(device)
    steps = run_length(run, chosen.slow)
    history = new_history(context, chosen)
    originals = on_device(parts.train, device)
    weights = loss_weights(run.method, chosen.slow)
    checkpoint = artifact(context.root, "train", ".pt", run, parts.content, seed, name="checkpoint")
    fit(
        network,
        on_device(images, device),
        originals,
        run.training,
        steps,
        history,
        run.evaluations,
        stream(seed, "order"),
        checkpoint,
        context.machine,
        advance,
        watch,
        None if weights is None else torch.from_numpy(weights.astype(np.float32)).to(device),
    )
    test = on_device(parts.test, device)
    held_out = evaluation.misclassified(network, *on_device(parts.validation, device))
    metrics = {
        **evaluation.test_errors(network, *test, chosen.slow_test, len(images.classes)),
        "validation_error": evaluation.mean(held_out),
        **history.metrics(),
        **({"sharpness": sharpness(network, originals, seed)} if run.sharpness else {}),
        **origin(context, chosen, images),
        **by_cue(context, chosen, network),
        "train_steps": steps,
        "gradients": steps * run.training.gradients,
    }
    forget_checkpoint(checkpoint)
    return metrics


def new_history(context: Context, chosen: Selected) -> evaluation.History:
    """Return an empty history of the training originals, with responses if the run asks so."""
    if not context.run.responses:
        return evaluation.History(chosen.clustered)
    probes = probes_of(context.parts.train, context.seed, context.device)
    return ResponseHistory(chosen.clustered, probes)


def by_cue(context: Context, chosen: Selected, network: nn.Module) -> dict[str, float | None]:
    """Return test errors of images with and without a cue, and how well these were selected.

    selection_recall, selection_precision: of the selection as a detector of training images
    without their cue; None if there are no such images, or none is selected. Empty if the data
    have no cues.
    """
    train, test = context.parts.train.truth, context.parts.test.truth
    if train is None or test is None or not train.has_cues:
        return {}
    wrong = evaluation.misclassified(network, *on_device(context.parts.test, context.device))
    hit = chosen.slow & ~train.present
    return {
        "test_error_cued": evaluation.mean(wrong[test.present]),
        "test_error_uncued": evaluation.mean(wrong[~test.present]),
        "selection_recall": evaluation.mean(chosen.slow[~train.present]),
        "selection_precision": evaluation.mean(hit[chosen.slow]),
    }


def training_set(context: Context, slow: np.ndarray) -> Images:
    """Return the originals, followed by what the method adds. slow: (n,) bool."""
    sources, copies = additions(context.run.method, slow, context.seed)
    originals = context.parts.train
    if not context.run.method.generates:
        return originals[np.concatenate([np.arange(len(originals)), sources])]
    extra = load_or_make_variants(context, sources, copies)  # (m, channels, height, width)
    if originals.stored.dtype == np.uint8:
        extra = as_uint8(extra)
    return Images(
        np.concatenate([originals.stored, extra]),
        np.concatenate([originals.labels, originals.labels[sources]]),
        originals.classes,
    )


def run_length(run: Run, slow: np.ndarray) -> int:
    """Return the gradient steps of a run: ``training.steps``, or those of ``training.epochs``.

    An epoch passes over the training set of the run's method, or of ``run.length_of`` if given.
    """
    if run.training.steps is not None:
        return run.training.steps
    assert run.training.epochs is not None
    size = training_set_size(run.length_of or run.method, slow)
    return round(run.training.epochs * size / run.training.batch)


def sharpness(network: nn.Module, originals: tuple[Tensor, Tensor], seed: int) -> float:
    """Return the Hessian's eigenvalue of largest magnitude on up to 1,000 training originals."""
    n = len(originals[1])
    count = min(n, SHARPNESS_IMAGES)
    drawn = np.sort(stream(seed, "sharpness images").choice(n, count, replace=False))
    chosen = torch.from_numpy(drawn)
    images, labels = (part[chosen.to(part.device)] for part in originals)
    rng = torch_stream(seed, "sharpness")
    return evaluation.sharpness(network, normalised(images), labels, rng)


def origin(context: Context, chosen: Selected, images: Images) -> dict[str, Any]:
    """Return what the classifier was trained and tested on, for the record.

    images: the whole training set. ``generator`` describes the model and the noise level of the
    variants; None if the method generates none.
    """
    run, parts = context.run, context.parts
    labels = parts.train.labels
    generated = len(images) - len(parts.train) if run.method.generates else 0
    return {
        "slow_fraction": float(chosen.slow.mean()),
        "slow_fraction_by_class": by_class(chosen.slow, labels, len(parts.train.classes)),
        "early_steps": chosen.steps,
        "early_error": chosen.error,
        "early_error_balanced": chosen.balanced_error,
        "selection_verdict": chosen.verdict,
        "examples": len(images),
        "generated": generated,
        "test_images": len(parts.test),
        **({"data_content": parts.content} if parts.content else {}),
        "training_indices_sha256": digest_indices(parts.train_indices),
        "generator": describe_variants(context) if generated else None,
    }
