"""The settings of the experiments on images, from the configurations in the records, beside the paper's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from figures.labels import NETWORKS
from figures.records import Record
from figures.records.paths import ROOT
from figures.statistics.conditions import Runs, data_sets
from figures.tables.table import Table

RECORDS = ("empirical/noisy-digits", "empirical/digits")
OPTIONAL = ("empirical/reduced-test-error", "empirical/paper-test-error")
PAPER = (  # CIFAR-10 and CIFAR-100
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
    "Of the main comparison; experiments change the one setting that they are about. Learning rate, step: a tenth from half of the run "
    "on, a hundredth from three quarters on. Error: early training stops when the training error falls to it. Seen: what the generator "
    "was trained on; own: the training images of the run. Guidance 1: none. A validation set is looked at by nothing that is reported."
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    sets = [
        runs for runs in data_sets(records) if runs.runs("tada-2")
    ]  # of an unfinished experiment they may not be there yet
    columns = [[tell(runs) for tell in ROWS.values()] for runs in sets]
    rows = tuple(zip(ROWS, *columns, PAPER, strict=True))
    return [
        Table(
            "Settings of the experiments on images",
            ("setting", *(runs.name for runs in sets), "the paper"),
            rows,
            NOTE,
        )
    ]


def config(runs: Runs) -> Mapping[str, Any]:
    """Of TADA(2) with SGD."""
    return next(iter(runs.runs("tada-2").values())).config


def training_images(runs: Runs) -> str:
    data = config(runs)["data"]
    pixels = {"digits": 8, "noisy-digits": 8}.get(data["name"], data["side"])
    many = f"{data['train']:,}" if data["train"] else "all"
    drawn = f", of {data['candidate_pool']:,}" if data.get("candidate_pool") else ""
    return f"{many}{drawn}" + (f", {pixels}x{pixels} pixels" if pixels else "")


def network(runs: Runs) -> str:
    training = config(runs)["training"]
    width = f", width {training['width']}" if training["network"] in ("resnet8", "resnet20") else ""
    return NETWORKS.get(training["network"], training["network"]) + width


def optimiser(runs: Runs) -> str:
    training = config(runs)["training"]
    name = training["optimiser"].upper()
    return f"{name}, momentum {training['momentum']:g}, decay {training['weight_decay']:g}, batch {training['batch']}"


def radius(runs: Runs) -> str:
    sam = runs.runs("original", budget={"steps": "sam", "epochs": "sam-epochs"}[runs.base.budget])
    return f"rho {next(iter(sam.values())).config['training']['rho']:g}" if sam else "not run"


def length(runs: Runs) -> str:
    training = config(runs)["training"]
    return f"{training['steps']:,} steps" if training["steps"] else f"{training['epochs']:,} epochs"


def early(runs: Runs) -> str:
    early = config(runs)["early"]
    return (
        f"error {early['error']:.0%}"
        if early["stop"] == "error"
        else f"{early['epochs']} epochs"
        if early["epochs"]
        else early["stop"]
    )


def made_by(runs: Runs) -> tuple[Mapping[str, Any], str]:
    """The settings of the generator's training, empty for a model of other people's, and what it has seen."""
    asked = config(runs)["generator"]
    if asked.get("model") is None:
        return asked, f"{asked.get('trained_on', 'own')}: {config(runs)['data']['train']:,} images"
    try:
        said = json.loads((ROOT / asked["model"] / "training.json").read_text())
    except OSError:
        return {}, f"{asked['trained_on']}: {asked['model']}"
    return said["settings"], f"{said['seen']}: {said['images']:,} other images"


def generator(runs: Runs) -> str:
    made, _ = made_by(runs)
    if not made:
        return "as it is"
    channels = "/".join(map(str, made["channels"]))
    return f"UNet {channels}, {made['steps']:,} steps of {made['batch']}, rate {made['lr']:g}, EMA {made['ema']:g}"


def sampling(runs: Runs) -> str:
    made = config(runs)["variants"]
    level = (
        f"{made['strength']:g}"
        if made.get("alpha_bar") is None
        else f"alpha bar {made['alpha_bar']:g}"
    )
    return f"{level}, {made['num_inference_steps']}-step grid, {made['sampler'].upper()}, guidance {made['guidance']:g}"


ROWS: dict[str, Callable[[Runs], str]] = {
    "training images": training_images,
    "validation images": lambda runs: f"{config(runs)['data']['validation']:,}",
    "test images": lambda runs: f"{runs.first.metrics['test_images']:,}",
    "network": network,
    "optimiser": optimiser,
    "learning rate": lambda runs: (
        f"{config(runs)['training']['lr']:g}, {config(runs)['training']['schedule']}"
    ),
    "SAM": radius,
    "length": length,
    "early training until": early,
    "generator has seen": lambda runs: made_by(runs)[1],
    "generator": generator,
    "variants: strength": sampling,
}
