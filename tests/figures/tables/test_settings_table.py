"""The table of settings agrees with the configurations in the records."""

import dataclasses

from image_records import records

from empirical.experiments.registry import EXPERIMENTS
from figures.records import COMMITTED, json_value, load
from figures.tables.settings import PAPER_SETTINGS, SETTINGS, tables

SAMPLER = EXPERIMENTS["reduced-test-error"]().runs[0].variants.sampler.upper()


def columns(found):
    """Return data set -> row -> cell."""
    (table,) = tables(found)
    assert [row[0] for row in table.rows] == list(SETTINGS)
    assert [row[-1] for row in table.rows] == list(PAPER_SETTINGS)
    return {
        name: {row[0]: row[i] for row in table.rows}
        for i, name in enumerate(table.header)
        if 0 < i < len(table.header) - 1
    }


def test_cells_are_those_of_the_committed_configurations():
    found = {"digits": load("empirical/noisy-digits", (COMMITTED,))}
    cells = columns(found | {"reduced": records("reduced-test-error", seeds=1)})
    base = EXPERIMENTS["reduced-test-error"]().runs[0]
    digits, reduced = cells["noisy-digits"], cells["CIFAR-10 (reduced)"]
    assert digits["training images"] == "400, 8x8 pixels"
    assert digits["generator has seen"] == "own: 400 images"
    data, side = base.data, base.data.side
    assert reduced["training images"] == f"{data.train:,}, {side}x{side} pixels"
    assert reduced["length"] == f"{base.training.epochs:,} epochs"
    assert reduced["early training until"] == f"error {base.early.error:.0%}"
    assert reduced["generator has seen"] == "external: 29,000 other images"
    # of the model's own folder, not of the run's defaults
    assert reduced["generator"].startswith("UNet 32/64/128, 12,000 steps of 128,")
    steps = base.variants.num_inference_steps
    sampler = base.variants.sampler.upper()
    assert reduced["variants: strength"] == f"0.5, {steps}-step grid, {sampler}, guidance 1"
    assert reduced["SAM"] == "rho 0.1"


def test_a_setting_that_changes_is_told():
    made = []
    for record in records("reduced-test-error", seeds=1):
        config = changed(json_value(record.config), "training", "lr", 0.3)
        config = changed(config, "variants", "num_inference_steps", 33)
        made.append(dataclasses.replace(record, config=config))
    cells = columns({"some": made})["CIFAR-10 (reduced)"]
    assert cells["learning rate"] == "0.3, step"
    assert cells["variants: strength"] == f"0.5, 33-step grid, {SAMPLER}, guidance 1"


def changed(config, part, name, value):
    return {**config, part: {**config[part], name: value}}


def test_of_an_experiment_that_has_only_begun_there_is_no_column_yet():
    made = records("paper-test-error", seeds=1)
    original = [record for record in made if record.config["method"]["name"] == "original"]
    assert columns({"some": original}) == {}
    whole = columns({"some": made})
    assert whole["CIFAR-10 (paper scale)"]["length"] == "200 epochs"
    assert whole["CIFAR-100 (paper scale)"]["early training until"] == "20 epochs"
    assert whole["CIFAR-10 (paper scale)"]["generator"] == "as it is"


def test_without_sam_it_is_said():
    plain_sgd = [
        record
        for record in records("reduced-test-error", seeds=1)
        if record.config["training"]["optimiser"] == "sgd"
    ]
    assert columns({"some": plain_sgd})["CIFAR-10 (reduced)"]["SAM"] == "not run"
