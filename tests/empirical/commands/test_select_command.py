"""Test ``select`` on digits, end to end, and the stages behind it."""

import csv
import dataclasses
import json
import sys

import numpy as np
import pytest

from empirical import pipeline
from empirical.commands import select as slowness
from empirical.commands.list import list_
from empirical.commands.select import select
from empirical.config import Data, Early, Method, Run, Selection, Training
from empirical.data.context import Context
from empirical.data.split import split_dataset
from empirical.runtime.artifacts import load_arrays
from empirical.selection import scores, stage
from empirical.selection.early_training import early_network
from empirical.selection.rules import select as by_rule
from empirical.selection.scores import early_settings
from figures.records import run_command

pytestmark = pytest.mark.slow


def call(capfd, *words):
    """Run the command in this process; return exit code, output and errors."""
    old, sys.argv = sys.argv, ["empirical", "select", *map(str, words)]
    try:
        code = run_command({"list": list_, "select": select}, "python -m empirical", "")
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = old
    return code, *capfd.readouterr()


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


def test_what_it_says_and_writes(capfd, out):
    code, said, errors = call(
        capfd, "digits", "--train", 100, "--seeds", 2, "--out", out, "--scores", out / "scores.json"
    )
    assert (code, errors) == (0, "")
    told = json.loads((out / "scores.json").read_text())
    assert told["settings"]["selection"]["rule"] == "cluster"
    (pair,) = told["agreement"]
    assert pair["seeds"] == [0, 1]
    one, two = told["selections"]
    assert pair["common"] == len(set(one["index"]) & set(two["index"])) > 2
    for seed, each in enumerate((one, two)):
        parts = split_dataset(Data("digits", train=100), seed)
        assert each["index"] == parts.train_indices.tolist()
        assert each["class"] == [parts.train.classes[label] for label in parts.train.labels]
        assert np.mean(each["slow"]) == pytest.approx(each["slow_fraction"])
        np.testing.assert_allclose(each["loss"], -np.log(each["probability"]), rtol=1e-4, atol=1e-5)
        assert 0 < each["error"] <= 0.15
        assert each["curve"][-1] == [each["steps"], each["error"]]
        line = next(
            line
            for line in said.splitlines()
            if line.split()[:1] == [str(seed)] and line.split()[1] == str(each["steps"])
        )
        assert f"{each['error']:.1%}" in line
        assert f"{np.mean(each['slow']):.1%}" in line
        of_class = [s for s, name in zip(each["slow"], each["class"], strict=True) if name == "7"]
        shares = next(
            line for line in said.splitlines() if line.startswith("7 ") and line.count("%") == 2
        )
        assert shares.split()[1 + seed] == f"{np.mean(of_class):.1%}"
    assert f"({pair['jaccard_chance']:5.2f})" in said


def test_a_second_rule_needs_no_second_training(capfd, out, monkeypatch):
    words = ("digits", "--train", 100, "--seeds", 1, "--out", out)
    assert call(capfd, *words)[0] == 0
    monkeypatch.setattr(stage, "early_network", lambda *_: pytest.fail("it trained again"))
    code, said, _ = call(
        capfd, *words, "--rule", "high-loss", "--fraction", 0.25, "--scores", out / "scores.csv"
    )
    assert code == 0
    assert "rule high-loss-0.25" in said
    assert "Jaccard" not in said
    with (out / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == slowness.COLUMNS
    assert sorted(rows, key=lambda row: -float(row["loss"]))[:25] == sorted(
        (row for row in rows if row["slow"] == "1"), key=lambda row: -float(row["loss"])
    )
    assert call(capfd, *words, "--rule", "all")[1].count("100.0%") == 11


def test_outputs_that_say_little_are_noted(capfd, out):
    words = ("digits", "--train", 60, "--seeds", 1, "--out", out, "--stop", "epochs", "--epochs")
    assert "seed 0: warning: " in call(capfd, *words, 40)[1]
    code, _, errors = call(
        capfd, "digits", "--train", 60, "--out", out, "--stop", "auto", "--epochs", 1
    )
    assert (code, errors.count("\n")) == (2, 1)
    assert "raise early.epochs" in errors


BAD = [
    (["nowhere"], "data.name is 'nowhere'; allowed: "),
    (["digits", "--seeds", "0"], "seeds is 0; allowed: at least 1"),
    (["digits", "--rule", "best"], "'cluster', 'high-loss'"),
    (["digits", "--fraction", "0.3"], "selection.fraction of rule cluster is 0.3"),
    (["digits", "--epochs", "0"], "early.epochs is 0"),
    (["digits", "--stop", "epochs"], "early.epochs of early.stop epochs is None"),
    (["digits", "--scores", "x.txt"], "ending of scores is '.txt'; allowed: .csv, .json"),
    (["digits", "--scores", "nowhere/x.csv"], "folder of scores is 'nowhere'"),
    (["digits", "--network", "resnet9"], "training.network is 'resnet9'"),
    (["digits", "--device", "tpu"], "--device"),
    (["digits", "--train", "1700", "--validation", "97"], "allowed: below 1797"),
    ([], "NAME"),
]


@pytest.mark.parametrize(
    ("words", "told"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_mistake_is_told_in_one_line(capfd, tmp_path, words, told):
    code, said, errors = call(capfd, *words, "--out", tmp_path)
    assert (code, said) == (2, "")
    assert errors.startswith("error: ")
    assert told in errors
    assert errors.count("\n") == 1


def test_each_data_set_has_its_own_early_training():
    assert early_settings("digits", None, None, None) == Early()
    assert [
        early_settings(name, None, None, None).epochs
        for name in ("cifar10", "cifar100", "tiny-imagenet")
    ] == [8, 20, 10]
    assert early_settings("folder:x", None, None, None) == Early(stop="auto", epochs=scores.BUDGET)
    assert early_settings("folder:x", None, 5, None) == Early(stop="epochs", epochs=5)
    assert early_settings("cifar10", "auto", None, 0.1) == Early(
        stop="auto", epochs=scores.BUDGET, error=0.1
    )
    assert early_settings("cifar10", "error", None, 0.3) == Early(error=0.3, epochs=scores.BUDGET)
    assert early_settings("digits", None, 3, None) == Early(stop="epochs", epochs=3)
    assert early_settings("digits", "auto", None, None) == Early(stop="auto")


RUN = Run(method=Method("original"), data=Data("digits", train=100), training=Training(width=8))


def test_stages_are_kept_and_shared_by_rules(tmp_path):
    parts = split_dataset(RUN.data, 0)
    paper = stage.selected(Context(RUN, 0, tmp_path).with_parts(parts))
    rules = [
        Selection("cluster", "logits"),
        Selection("high-loss"),
        Selection("misclassified"),
        Selection("random"),
        Selection("all"),
    ]
    others = [
        stage.selected(
            Context(dataclasses.replace(RUN, selection=rule), 0, tmp_path).with_parts(parts)
        )
        for rule in rules
    ]
    assert len(list(tmp_path.glob("early-*"))) == 1
    assert len(list(tmp_path.glob("select-*"))) == 6
    for rule, other in zip(rules, others, strict=True):
        np.testing.assert_array_equal(
            other.clustered, paper.slow
        )  # what is measured by does not change with what is augmented
        np.testing.assert_array_equal(other.slow_test, paper.slow_test)
        assert (other.steps, other.error) == (paper.steps, paper.error)
        assert other.slow.tolist() != paper.slow.tolist()
        outputs = paper.early.logits if rule.features == "logits" else paper.early.probabilities
        np.testing.assert_array_equal(
            other.slow, by_rule(outputs, paper.early.losses, parts.train.labels, rule, 0)
        )
    assert others[1].slow.sum() == others[3].slow.sum() == paper.slow.sum()
    (kept,) = tmp_path.glob("early-*")
    assert load_arrays(kept)["logits"].dtype == np.float32
    (again,) = [stage.selected(Context(RUN, 0, tmp_path).with_parts(parts))]
    for name in ("probabilities", "losses", "logits"):
        np.testing.assert_array_equal(getattr(again.early, name), getattr(paper.early, name))
    trained = early_network(parts.train, RUN.early, RUN.training, 0)
    np.testing.assert_array_equal(again.curve, trained.curve)


def test_a_run_with_a_rule_augments_what_the_rule_takes(tmp_path):
    run = dataclasses.replace(
        RUN,
        method=Method("useful", 3),
        training=Training(width=8, steps=3),
        selection=Selection("all"),
    )
    metrics = pipeline.execute(Context(run, 0, tmp_path))
    assert metrics["examples"] == 300
    assert metrics["slow_fraction"] == 1
