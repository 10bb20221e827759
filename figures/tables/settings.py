"""Tabulate the settings of the experiments on images, from their records, beside the paper's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from figures.labels import NETWORKS, SAM_BUDGETS
from figures.records import Record
from figures.records.paths import ROOT
from figures.statistics.conditions import Conditions, data_sets
from figures.tables.table import Table

RECORDS = ("empirical/noisy-digits", "empirical/digits")
OPTIONAL = (
    "empirical/reduced-test-error",
    "empirical/reduced-crop-flip",
    "empirical/paper-test-error",
)
PAPER_SETTINGS = (  # of CIFAR-10 and CIFAR-100, in the order of SETTINGS
    "50,000 of 32x32 pixels",
    "not stated",
    "10,000",
    "ResNet18 and others",
    "SGD, momentum 0.9, decay 5e-4, batch 128",
    "0.1, step",
    "rho 0.1 (CIFAR-100: 0.2)",
    "200 epochs",
    "8 epochs (CIFAR-100: 20)",
    "external: far more images",
    "GLIDE, as published",
    "0.5, 100-step grid, guidance 3",
)
NOTE = (
    "Of the main comparison; experiments change the one setting that they are about. Learning "
    "rate, step: a tenth from half of the run on, a hundredth from three quarters on. Error: early "
    "training stops when the training error falls to it. Seen: what the generator was trained on; "
    "own: the training images of the run. Guidance 1: none. A validation set is looked at by "
    "nothing that is reported."
)
SIDES = {"digits": 8, "noisy-digits": 8}  # pixels of data sets of one fixed size


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return one table with a column for each data set that has runs of TADA(2)."""
    sets = [conditions for conditions in data_sets(records) if conditions.records("tada-2")]
    columns = [[describe(conditions) for describe in SETTINGS.values()] for conditions in sets]
    return [
        Table(
            "Settings of the experiments on images",
            ("setting", *(conditions.name for conditions in sets), "the paper"),
            tuple(zip(SETTINGS, *columns, PAPER_SETTINGS, strict=True)),
            NOTE,
        )
    ]


def run_config(conditions: Conditions) -> Mapping[str, Any]:
    """Return the config of a run of TADA(2) with SGD."""
    return next(iter(conditions.records("tada-2").values())).config


def training_images(conditions: Conditions) -> str:
    """Return number, pool and size of the training images."""
    data = run_config(conditions)["data"]
    side = SIDES.get(data["name"], data["side"])
    count = f"{data['train']:,}" if data["train"] else "all"
    pool = data.get("candidate_pool")
    pool = f", of {pool:,}" if pool and pool != data["train"] else ""
    return f"{count}{pool}" + (f", {side}x{side} pixels" if side else "")


def network(conditions: Conditions) -> str:
    """Return the network, with its width if it may be chosen."""
    training = run_config(conditions)["training"]
    width = f", width {training['width']}" if training["network"] in ("resnet8", "resnet20") else ""
    return NETWORKS.get(training["network"], training["network"]) + width


def optimiser(conditions: Conditions) -> str:
    """Return optimiser, momentum, weight decay and batch size."""
    training = run_config(conditions)["training"]
    return (
        f"{training['optimiser'].upper()}, momentum {training['momentum']:g}, "
        f"decay {training['weight_decay']:g}, batch {training['batch']}"
    )


def learning_rate(conditions: Conditions) -> str:
    """Return the learning rate and its schedule."""
    training = run_config(conditions)["training"]
    return f"{training['lr']:g}, {training['schedule']}"


def sam_radius(conditions: Conditions) -> str:
    """Return the radius of SAM; ``not run`` without runs with SAM."""
    sam = conditions.records("original", budget=SAM_BUDGETS[conditions.base.budget])
    return f"rho {next(iter(sam.values())).config['training']['rho']:g}" if sam else "not run"


def length(conditions: Conditions) -> str:
    """Return the length of training in steps or epochs."""
    training = run_config(conditions)["training"]
    return f"{training['steps']:,} steps" if training["steps"] else f"{training['epochs']:,} epochs"


def early_stop(conditions: Conditions) -> str:
    """Return when early training stops: at a training error, or after some epochs."""
    early = run_config(conditions)["early"]
    if early["stop"] == "error":
        return f"error {early['error']:.0%}"
    return f"{early['epochs']} epochs" if early["epochs"] else early["stop"]


def generator_training(conditions: Conditions) -> tuple[Mapping[str, Any], str]:
    """Return the settings of the generator's training, and what it was trained on.

    The settings are empty for a pre-trained model of others.
    """
    config = run_config(conditions)
    generator = config["generator"]
    if generator.get("model") is None:
        images = f"{config['data']['train']:,} images"
        return generator, f"{generator.get('trained_on', 'own')}: {images}"
    try:
        saved = json.loads((ROOT / generator["model"] / "training.json").read_text())
    except OSError:
        return {}, f"{generator['trained_on']}: {generator['model']}"
    return saved["settings"], f"{saved['seen']}: {saved['images']:,} other images"


def generator(conditions: Conditions) -> str:
    """Return the generator's network and training; ``as it is`` for a pre-trained model."""
    settings, _ = generator_training(conditions)
    if not settings:
        return "as it is"
    channels = "/".join(map(str, settings["channels"]))
    return (
        f"UNet {channels}, {settings['steps']:,} steps of {settings['batch']}, "
        f"rate {settings['lr']:g}, EMA {settings['ema']:g}"
    )


def sampling(conditions: Conditions) -> str:
    """Return strength, grid, sampler and guidance of the variants."""
    variants = run_config(conditions)["variants"]
    alpha_bar = variants.get("alpha_bar")
    level = f"{variants['strength']:g}" if alpha_bar is None else f"alpha bar {alpha_bar:g}"
    return (
        f"{level}, {variants['num_inference_steps']}-step grid, {variants['sampler'].upper()}, "
        f"guidance {variants['guidance']:g}"
    )


# Row of the table -> function that describes the setting.
SETTINGS: dict[str, Callable[[Conditions], str]] = {
    "training images": training_images,
    "validation images": lambda conditions: f"{run_config(conditions)['data']['validation']:,}",
    "test images": lambda conditions: f"{conditions.first.metrics['test_images']:,}",
    "network": network,
    "optimiser": optimiser,
    "learning rate": learning_rate,
    "SAM": sam_radius,
    "length": length,
    "early training until": early_stop,
    "generator has seen": lambda conditions: generator_training(conditions)[1],
    "generator": generator,
    "variants: strength": sampling,
}
