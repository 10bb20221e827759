"""Image runs grouped by what they differ in, with the settings of the named experiments."""

import dataclasses

import pytest
from image_records import records

from figures.records import RecordError, json_value
from figures.statistics.conditions import (
    BASE_CONDITIONS,
    Conditions,
    condition_of,
    data_sets,
    equivalent_strength,
)


@pytest.mark.parametrize(
    ("scale", "name"),
    [
        ("small", "noisy-digits"),
        ("ideal", "ideal"),
        ("ideal", "ideal-plain"),
        ("reduced", "reduced-factor"),
        ("paper", "paper-factor"),
    ],
)
def test_bases_are_those_of_the_experiments(scale, name):
    found = [condition_of(record) for record in records(name, seeds=1)]
    assert found[0].method == "original"
    changed = {
        field: getattr(BASE_CONDITIONS[scale], field)
        for field in ("strength", "rule", "trained_on")
    }
    others = next(one for one in found if one.method == "tada-2")
    assert {field: getattr(others, field) for field in changed} == changed
    assert (found[0].budget, found[0].network, found[0].augment) == (
        BASE_CONDITIONS[scale].budget,
        BASE_CONDITIONS[scale].network,
        BASE_CONDITIONS[scale].augment,
    )


def test_a_level_means_the_same_on_every_schedule():
    found = {equivalent_strength(r.config["variants"]) for r in records("paper-strength", seeds=1)}
    assert (
        found
        == {equivalent_strength(r.config["variants"]) for r in records("reduced-strength", seeds=1)}
        == {0.3, 0.5, 0.7, "noise"}
    )


def test_runs_that_experiments_share_count_once():
    both = records("reduced-test-error") + records("reduced-factor")
    (conditions,) = data_sets(both)
    assert isinstance(conditions, Conditions)
    assert set(conditions.records("tada-2")) == {0, 1, 2}
    assert conditions.factors == [2, 5]


def elsewhere(record):
    """Return the same run with another model."""
    config = json_value(record.config)
    return dataclasses.replace(
        record, config={**config, "generator": {**config["generator"], "model": "elsewhere"}}
    )


@pytest.mark.parametrize(
    "other",
    [
        lambda record: record.seed == 2,
        lambda record: record.config["method"]["name"] == "tada",
        lambda record: (
            record.config["method"] == {"name": "tada", "k": 2}
            and not record.config["training"]["steps"]
        ),
    ],
)
def test_variants_of_two_models_are_not_taken_for_one_another(other):
    found = [
        elsewhere(record) if other(record) else record for record in records("reduced-test-error")
    ]
    with pytest.raises(RecordError, match="elsewhere and paper/models/cifar10-16px-external"):
        data_sets({"some": found})
    assert data_sets({"some": map(elsewhere, records("reduced-test-error"))})


def test_at_equal_epochs_original_is_the_one_of_the_base_budget():
    (conditions,) = data_sets(records("reduced-test-error"))
    assert not conditions.records("original", budget="epochs")
    assert conditions.baseline(budget="epochs") == conditions.baseline() != {}
    assert conditions.baseline(budget="sam") != conditions.baseline()
