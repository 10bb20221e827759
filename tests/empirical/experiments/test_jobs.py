"""The graph of jobs: each stage once and after its needs, and which jobs are left to do."""

import dataclasses
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from empirical.experiments import cost
from empirical.experiments.jobs import SHARD, STAGES, graph, missing, urgency
from empirical.experiments.paper_grid import names
from empirical.experiments.registry import EXPERIMENTS, choose, experiment, full_names
from empirical.experiments.stages import part_of
from empirical.generation.store.store import BLOCK
from figures.records import COMMITTED, Record, json_value, read, write, write_json

OUT = Path("output")


def counted(*names, out=OUT):
    return graph([(experiment(name), experiment(name).seeds) for name in names], out)


def stages(jobs):
    return Counter(job.stage for job in jobs.values())


def made(job):
    """Pretend that the job was done."""
    if job.path is None:
        for note in job.notes:
            write_json(note, {})
    else:
        write(job.path, Record(json_value(job.runs[0]), job.seed, {"test_error": 0.5}))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_jobs_come_after_what_they_need_and_stages_in_order(name):
    jobs = counted(name)
    places = {job: i for i, job in enumerate(jobs)}
    assert all(places[need] < places[job.name] for job in jobs.values() for need in job.needs)
    assert [job.stage for job in jobs.values()] == sorted(
        (job.stage for job in jobs.values()), key=STAGES.index
    )
    assert len({job.path for job in jobs.values() if job.path}) == experiment(name).seeds * len(
        experiment(name).runs
    )


def test_methods_of_a_seed_share_each_stage():
    assert stages(counted("noisy-digits")) == {
        "early": 20,
        "select": 20,
        "generator": 20,
        "variants": 20,
        "train": 380,
    }


def test_networks_and_augmentations_are_early_on_their_own_but_share_the_generator():
    jobs = counted("reduced-architectures")
    assert stages(jobs) == {
        "early": 24,
        "select": 24,
        "variants": 96,  # four parts a seed and network
        "train": 72,
    }  # three networks, eight seeds; the generator is there
    assert stages(counted("reduced-stacking"))["early"] == 24


def test_sam_shares_early_training_with_sgd():
    assert stages(counted("reduced-test-error"))["early"] == 8


def test_rules_share_early_training():
    jobs = counted("reduced-selection")
    found = stages(jobs)
    assert (found["early"], found["select"], found["train"]) == (8, 24, 48)
    assert {job.seed for job in jobs.values() if job.stage == "variants"} == set(range(8))


def test_agreement_of_seeds_needs_all_selections_and_is_recorded_once():
    jobs = counted("reduced-stability")
    assert stages(jobs) == {"early": 5, "select": 15, "train": 1}
    (record,) = (job for job in jobs.values() if job.path)
    assert set(record.needs) == {name for name, job in jobs.items() if job.stage == "select"}
    assert jobs.keys() - {record.name} <= counted("reduced-selection").keys()
    assert experiment("reduced-stability").first(5) == 1
    assert experiment("reduced-selection").first(5) == 5


def test_experiments_of_a_pool_share_stages_and_records():
    one, other, both = (
        counted("reduced-factor"),
        counted("reduced-test-error"),
        counted("reduced-factor", "reduced-test-error"),
    )
    assert stages(both)["early"] == stages(one)["early"] == stages(other)["early"]

    def whole(jobs):  # a store is made in as many parts as it has images for
        return {job.name.partition("~")[0] for job in jobs.values()}

    assert whole(both) == whole(one) | whole(other)
    shared = [job for job in both.values() if len(job.experiments) == 2 and job.path]
    runs = {run for name in ("factor", "test-error") for run in experiment(f"reduced-{name}").runs}
    asked = sum(len(experiment(f"reduced-{name}").runs) for name in ("factor", "test-error"))
    assert len(shared) == 8 * (asked - len(runs)) > 0
    variants = [job for job in both.values() if job.stage == "variants" and job.seed == 0]
    assert {run.method.label for job in variants for run in job.runs} == {
        *(f"tada-{k}" for k in (2, 3, 5)),
        "syn-all",
        "syn-rand",
    }


def with_generator(**settings):
    smoke, data = experiment("smoke"), experiment("reduced-factor").runs[0].data
    run = smoke.runs[1]
    generator = dataclasses.replace(run.generator, trained_on="external")
    runs = (
        dataclasses.replace(run, generator=generator, data=dataclasses.replace(data, **settings)),
    )
    return graph([(dataclasses.replace(smoke, runs=runs), 3)], OUT)


def test_an_external_generator_serves_all_seeds_of_a_pool():
    assert stages(with_generator())["generator"] == 1
    assert stages(with_generator(candidate_pool=None))["generator"] == 3
    (generator,) = (job for job in with_generator().values() if job.stage == "generator")
    assert all(
        generator.name in job.needs for job in with_generator().values() if job.stage == "variants"
    )


def test_who_generates_nothing_waits_for_selection_alone():
    jobs = counted("smoke")
    for job in jobs.values():
        if job.path is not None:
            generates = not hasattr(job.runs[0], "method") or job.runs[0].method.generates
            needed = {jobs[need].stage for need in job.needs}
            usual = (
                {"select", "generator"}
                if not hasattr(job.runs[0], "method")
                else {"select", "variants"}
            )
            assert needed == (usual if generates else {"select"})


def test_the_same_names_give_the_same_jobs_in_the_same_order():
    assert list(counted("reduced-factor", "smoke")) == list(counted("reduced-factor", "smoke"))
    assert set(counted("smoke")) <= set(counted("reduced-factor", "smoke"))


def test_many_variants_are_several_jobs():
    jobs = counted("paper-strength")
    parts = [job for job in jobs.values() if job.stage == "variants" and job.seed == 0]
    by_store = Counter(job.name.partition("~")[0] for job in parts)
    assert set(by_store.values()) == {-(-round(0.35 * 50_000) // SHARD)}
    trained = [job for job in jobs.values() if job.path and job.seed == 0 and len(job.needs) > 1]
    assert len(trained) == 4
    assert all(len(job.needs) == 1 + by_store[job.needs[-1].partition("~")[0]] for job in trained)


def test_parts_hold_every_pair_once_and_no_task_of_the_store_twice():
    rng = np.random.default_rng(0)
    pairs = np.unique(
        np.stack([rng.integers(0, 9000, 5000), rng.integers(1, 4, 5000)], axis=1), axis=0
    )
    parts = [part_of(pairs, i, 4) for i in range(4)]
    assert sorted(map(tuple, np.concatenate(parts))) == sorted(map(tuple, pairs))
    tasks = [{(copy, source // BLOCK) for source, copy in part} for part in parts]
    assert sum(map(len, tasks)) == len(set().union(*tasks))


# --- what is left


def test_what_is_done_is_left_out_and_what_only_it_needed(tmp_path):
    jobs = counted("smoke", out=tmp_path)
    assert missing(jobs).keys() == jobs.keys()
    for job in jobs.values():
        if job.path and job.seed == 0:
            made(job)
    left = missing(jobs)
    assert {job.seed for job in left.values()} == {1}
    for job in jobs.values():
        if job.path and job.runs[0].label != "original-sgd-steps":
            made(job)
    assert [job.stage for job in missing(jobs).values()] == ["early", "select", "train"]


def test_stages_that_are_made_are_not_needed(tmp_path):
    jobs = counted("smoke", out=tmp_path)
    for job in jobs.values():
        if job.stage in ("select", "variants"):
            made(job)
    left = missing(jobs)
    assert stages(left) == {"train": 20, "generator": 2}  # the sheet makes variants of its own
    assert all(need in left for job in left.values() for need in job.needs)


def test_variants_are_made_for_the_records_that_are_missing(tmp_path):
    jobs = counted("smoke", out=tmp_path)
    for job in jobs.values():
        if job.path and "tada" not in job.label:
            made(job)
    assert all(
        {run.method.name for run in job.runs} == {"tada"}
        for job in missing(jobs).values()
        if job.stage == "variants"
    )


def test_what_one_job_needs(tmp_path):
    jobs = counted("smoke", out=tmp_path)
    name = next(name for name in jobs if "tada-2-sgd-steps-s01" in name)
    assert [job.stage for job in missing(jobs, [name]).values()] == list(STAGES)


def test_the_longest_chain_is_the_most_urgent():
    jobs = counted("smoke")
    urgent = urgency(jobs)
    for job in jobs.values():
        assert urgent[job.name] == pytest.approx(
            job.seconds
            + max(
                (urgent[other.name] for other in jobs.values() if job.name in other.needs),
                default=0.0,
            )
        )


def test_a_note_stands_for_each_run_whatever_else_was_asked_for(tmp_path):
    smoke = experiment("smoke")
    few = dataclasses.replace(smoke, runs=smoke.runs[:2])  # without random variants
    both, alone = (graph([(asked, 2)], tmp_path) for asked in (smoke, few))
    shared = [name for name, job in both.items() if job.stage == "variants" and name in alone]
    assert any(len(both[name].runs) > len(alone[name].runs) for name in shared)
    for name in shared:
        made(both[name])
    assert all(alone[name].is_done() for name in shared)


def test_part_of_a_store_is_the_same_whatever_else_is_asked_for():
    rng = np.random.default_rng(1)
    pairs = np.unique(
        np.stack([rng.integers(0, 9000, 5000), rng.integers(1, 4, 5000)], axis=1), axis=0
    )
    few = pairs[rng.random(len(pairs)) < 0.1]
    for i in range(4):
        assert set(map(tuple, part_of(few, i, 4))) == set(map(tuple, few)) & set(
            map(tuple, part_of(pairs, i, 4))
        )
        assert len(part_of(pairs, i, 4)) > len(pairs) / 8


def test_a_part_knows_of_how_many_it_is_one():
    names = {job.name for job in counted("paper-strength").values() if job.stage == "variants"}
    assert all(re.fullmatch(r"variants-[0-9a-f]{12}~\d\dof\d\d", name) for name in names)


def test_what_is_left_costs_what_is_left(tmp_path):
    jobs = counted("smoke", out=tmp_path)
    for job in jobs.values():
        if job.path and "tada" not in job.label:
            made(job)
    left = [job for job in missing(jobs).values() if job.stage == "variants"]
    assert left
    assert all(
        job.seconds == cost.variants(job.runs, cost.HERE) < jobs[job.name].seconds for job in left
    )


# --- names


def test_names_with_and_without_a_scale_claims_and_all():
    assert full_names("factor", "reduced") == ["reduced-factor"]
    assert (
        full_names("factor", "paper") == full_names("paper-factor", "reduced") == ["paper-factor"]
    )
    assert full_names("noisy-digits", "paper") == ["noisy-digits"]
    assert full_names("E7", "reduced") == ["reduced-factor"]
    assert full_names("E9", "paper") == ["paper-selection", "paper-stability"]
    assert [each.name for each in choose(["factor", "E7", "reduced-factor"], "reduced")] == [
        "reduced-factor"
    ]
    assert len(choose(["all"], "reduced")) == len(names("reduced"))
    with pytest.raises(ValueError, match=r"name is 'E99'; allowed: test-error, .*, E1, .*, all"):
        choose(["E99"], "reduced")


def test_another_model_in_the_place_of_the_external_one():
    (usual,), (other,) = (
        choose(["generator"], "reduced"),
        choose(["generator"], "reduced", "some/model", "unet"),
    )
    for before, after in zip(usual.runs, other.runs, strict=True):
        if before.method.generates and before.generator.trained_on == "external":
            assert (after.generator.model, after.generator.kind, after.generator.trained_on) == (
                "some/model",
                "unet",
                "external",
            )
            assert dataclasses.replace(after, generator=before.generator) == before
        else:
            assert after == before
    with pytest.raises(
        ValueError,
        match="model is 'some/model'; allowed: with experiments that have an external generator",
    ):
        choose(["smoke"], "reduced", "some/model")


# --- costs


def test_costs_are_in_proportion_to_the_work():
    base = experiment("reduced-factor").runs[0]
    sam = next(
        run
        for run in experiment("reduced-test-error").runs
        if run.training.optimiser == "sam" and run.method == base.method
    )
    twice = dataclasses.replace(base.training, epochs=2 * base.training.epochs)
    longer = dataclasses.replace(base, training=twice)
    for rates in (cost.HERE, cost.H200):
        looks = 2 * cost.classifier(base, rates) - cost.classifier(longer, rates)
        assert cost.classifier(sam, rates) == pytest.approx(
            cost.classifier(longer, rates)
        )  # SAM takes two gradients
        assert 0 < looks < cost.classifier(base, rates)
        assert cost.H200.training(base.training, 16) < cost.HERE.training(base.training, 16)


def test_a_training_costs_what_the_committed_record_took():
    job = next(job for job in counted("noisy-digits").values() if job.path is not None)
    record = read(COMMITTED / "empirical/noisy-digits" / job.path.name)
    assert job.seconds == record.provenance["seconds"]
    assert cost.measured("noisy-digits", "nothing.json") is None


def test_durations_read_well():
    said = [cost.duration(s) for s in (0.4, 12, 200, 3600 * 5.6, 3600 * 24 * 7)]
    assert said == ["0 s", "12 s", "3.3 min", "5.6 h", "7 days"]
