"""Suspects: the rule of confident learning against cleanlab's own, and lists of files."""

import numpy as np
import pytest

from empirical.own_images.suspects import (
    COLUMNS,
    confident_suspects,
    matching_exclusions,
    read_exclusions,
    suspect_rows,
)


def predictions(n, classes, seed, sharp=2.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = sharp * rng.standard_normal((n, classes))
    logits[np.arange(n), labels] += 2.0
    values = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return values, np.where(rng.random(n) < 0.1, rng.integers(0, classes, n), labels)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_rule_is_cleanlabs(classes):
    filters = pytest.importorskip("cleanlab.filter")
    for seed in range(5):
        values, labels = predictions(200, classes, seed, sharp=1 + seed)
        found = filters.find_label_issues(
            labels, values, filter_by="confident_learning", n_jobs=1, min_examples_per_class=0
        )
        assert 0 < found.sum() < 200
        np.testing.assert_array_equal(confident_suspects(values, labels), found)


def test_wrong_labels_are_found_and_unsure_images_left():
    values = np.full((8, 2), 0.5)
    values[:3] = (0.9, 0.1)
    values[3:6] = (0.1, 0.9)
    labels = np.array([0, 0, 1, 1, 1, 0, 0, 1])  # the third and the sixth are wrong
    assert np.flatnonzero(confident_suspects(values, labels)).tolist() == [2, 5]


def test_a_class_without_images_is_no_ones_true_class():
    values = np.array([[0.1, 0.1, 0.8], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1]])
    assert not confident_suspects(values, np.array([0, 1, 1]))[0]


def test_rows_begin_with_the_surest():
    values = np.array([[0.45, 0.55], [0.1, 0.9], [1, 0]])
    rows = suspect_rows(
        ["a", "b", "c"],
        np.array([0, 0, 0]),
        ("cat", "dog"),
        values,
        np.array([True, True, False]),
        np.array([False, True, False]),
        False,
    )
    assert rows == [
        COLUMNS,
        ("b", "cat", "dog", "0.1000", "0.9000", 1, 0),
        ("a", "cat", "dog", "0.4500", "0.5500", 0, 0),
    ]


def test_exclusions_are_a_column_or_lines(tmp_path):
    table = tmp_path / "suspects.csv"
    table.write_text('label,file\ncat,"cats/a, b.png"\ndog,dogs/1.png\n')
    assert read_exclusions(table) == {"cats/a, b.png", "dogs/1.png"}
    lines = tmp_path / "list.txt"
    lines.write_text("./cats/1.png\n\n  dogs/a, b.png \n")
    assert read_exclusions(lines) == {"./cats/1.png", "dogs/a, b.png"}
    assert matching_exclusions(read_exclusions(lines), ["cats/1.png", "dogs/a, b.png"]) == {
        "cats/1.png",
        "dogs/a, b.png",
    }
    with pytest.raises(
        ValueError, match=r"no images of the folder is 'dogs/1\.png'; allowed: path"
    ):
        matching_exclusions(read_exclusions(table), ["cats/a, b.png"])
    (tmp_path / "empty").write_text("file\n")
    for name in ("empty", "nowhere"):
        with pytest.raises(ValueError, match=r"exclude is .*; allowed: ") as error:
            read_exclusions(tmp_path / name)
        assert "\n" not in str(error.value)
