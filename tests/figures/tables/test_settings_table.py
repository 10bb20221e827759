"""The table of settings says what the configurations in the records say, also of an experiment that has only begun."""

import dataclasses

from image_records import records

from empirical.experiments.registry import EXPERIMENTS
from figures.records import COMMITTED, json_value, load
from figures.tables.settings import PAPER, ROWS, tables


def columns(found):
    """Data set -> row -> cell."""
    (table,) = tables(found)
    assert [row[0] for row in table.rows] == list(ROWS)
    assert [row[-1] for row in table.rows] == list(PAPER)
    return {
        name: {row[0]: row[i] for row in table.rows}
        for i, name in enumerate(table.header)
        if 0 < i < len(table.header) - 1
    }


def test_cells_are_those_of_the_committed_configurations():
    names = ("empirical/noisy-digits", "empirical/reduced-test-error")
    told = columns({name: load(name, (COMMITTED,)) for name in names})
    base = EXPERIMENTS["reduced-test-error"]().runs[0]
    digits, reduced = told["noisy-digits"], told["CIFAR-10 (reduced)"]
    assert digits["training images"] == "400, 8x8 pixels"
    assert digits["generator has seen"] == "own: 400 images"
    assert (
        reduced["training images"]
        == f"{base.data.train:,}, of {base.data.candidate_pool:,}, {base.data.side}x{base.data.side} pixels"
    )
    assert reduced["length"] == f"{base.training.steps:,} steps"
    assert reduced["early training until"] == f"error {base.early.error:.0%}"
    assert reduced["generator has seen"] == "external: 41,000 other images"
    assert reduced["generator"].startswith(
        "UNet 32/64/128, 4,200 steps of 64,"
    )  # of the model's own folder, not of the run's defaults
    assert reduced["variants: strength"] == f"0.5, {base.variants.num_inference_steps}-step grid, DDIM, guidance 1"
    assert reduced["SAM"] == "rho 0.1"


def test_a_setting_that_changes_is_told():
    made = records("reduced-test-error")
    longer = [
        dataclasses.replace(r, config=changed(json_value(r.config), "training", "lr", 0.3)) for r in made
    ]
    longer = [
        dataclasses.replace(r, config=changed(r.config, "variants", "num_inference_steps", 40)) for r in longer
    ]
    cells = columns({"some": longer})["CIFAR-10 (reduced)"]
    assert cells["learning rate"] == "0.3, step"
    assert cells["variants: strength"] == "0.5, 40-step grid, DDIM, guidance 1"


def changed(config, part, name, value):
    return {**config, part: {**config[part], name: value}}


def test_of_an_experiment_that_has_only_begun_there_is_no_column_yet():
    made = records("paper-test-error")
    original = [record for record in made if record.config["method"]["name"] == "original"]
    assert columns({"some": original}) == {}
    whole = columns({"some": made})
    assert whole["CIFAR-10 (paper scale)"]["length"] == "200 epochs"
    assert whole["CIFAR-100 (paper scale)"]["early training until"] == "20 epochs"
    assert whole["CIFAR-10 (paper scale)"]["generator"] == "as it is"


def test_without_sam_it_is_said():
    plain_sgd = [
        record
        for record in records("reduced-test-error")
        if record.config["training"]["optimiser"] == "sgd"
    ]
    assert columns({"some": plain_sgd})["CIFAR-10 (reduced)"]["SAM"] == "not run"
