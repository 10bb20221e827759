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
        ("reduced-crop-flip", "reduced-crop-flip"),
        ("reduced-scaling", "reduced-scaling"),
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
    assert set(conditions.records("tada-2")) == set(range(8))
    assert conditions.factors == [2, 3, 5]
    assert conditions.factors_of("useful") == [2, 3, 5]
    assert conditions.main_factor == 5


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
            and record.config["training"]["optimiser"] == "sgd"
        ),
    ],
)
def test_variants_of_two_models_are_not_taken_for_one_another(other):
    found = [
        elsewhere(record) if other(record) else record for record in records("reduced-test-error")
    ]
    with pytest.raises(RecordError, match="elsewhere and paper/models/cifar10-16px-29k"):
        data_sets({"some": found})
    assert data_sets({"some": map(elsewhere, records("reduced-test-error"))})


def test_at_equal_epochs_original_is_the_one_of_the_base_budget():
    (conditions,) = data_sets(records("noisy-digits"))
    assert not conditions.records("original", budget="epochs")
    assert conditions.baseline(budget="epochs") == conditions.baseline() != {}
    assert conditions.baseline(budget="sam") != conditions.baseline()


def test_what_is_drawn_at_random_has_names_of_its_own():
    (conditions,) = data_sets(records("reduced-controls"))
    assert {"random-5", "random-copies-2", "original-longer", "reweighted-2"} < set(
        conditions.labels
    )
    for label, method in (("random-5", "tada-5"), ("random-copies-2", "useful-2")):
        found = conditions.records(label)
        assert found == conditions.records(method, rule="random") != {}
        assert found != conditions.records(method)


def test_two_optimisers_of_one_network_are_two_conditions():
    (conditions,) = data_sets(records("paper-architectures", seeds=1))
    settings = conditions.settings_with("network", "swin-t")
    plain = conditions.records("tada-5", **settings)
    ours = {**settings, "optimiser": "adamw", "augment": "crop-flip-trivial"}
    ours = conditions.records("tada-5", **ours)
    trained = [found[0].config["training"]["optimiser"] for found in (plain, ours)]
    assert trained == ["sgd", "adamw"]
    assert conditions.settings_with("network", "vit-s")["optimiser"] == "adamw"


def test_runs_on_fewer_images_are_data_sets_of_their_own():
    sets = data_sets(records("reduced-scaling", seeds=1) + records("reduced-test-error", seeds=1))
    names = [f"CIFAR-10 (reduced, {size} images)" for size in ("2,000", "5,000", "10,000")]
    assert [conditions.name for conditions in sets] == [*names, "CIFAR-10 (reduced)"]
