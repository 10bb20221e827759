"""Outputs of anybody's model: matched to files, whatever their order; refused where they do not."""

import csv

import numpy as np
import pytest

from empirical.own_images.outputs import read_outputs

FILES = ("cats/1.png", "cats/2.png", "dogs/1.png")
CLASSES = ("cats", "dogs")
LABELS = np.array([0, 0, 1])
VALUES = np.array([[2.0, 1.0], [0.5, 3.0], [1.0, 4.0]], np.float32)


def read(path):
    return read_outputs(path, FILES, CLASSES, LABELS)


def table(path, columns, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def test_arrays_go_by_file_in_any_order(tmp_path):
    path = tmp_path / "out.npz"
    order = [2, 0, 1]
    names = [f"/data/pets/{FILES[i]}" for i in order] + ["/data/pets/test/9.png"]
    values = np.vstack([VALUES[order], [[9, 9]]])[:, ::-1]
    np.savez(path, outputs=values, files=names, classes=["dogs", "cats"])
    found = read(path)
    np.testing.assert_array_equal(found.values, VALUES)
    assert (found.slow, found.unused) == (None, 1)


def test_arrays_without_files_are_in_the_order_of_an_image_folder(tmp_path):
    path = tmp_path / "out.npz"
    np.savez(path, logits=VALUES, labels=LABELS)
    np.testing.assert_array_equal(read(path).values, VALUES)
    np.savez(path, logits=VALUES, labels=LABELS[::-1])
    with pytest.raises(ValueError, match="another order of files"):
        read(path)
    np.savez(path, logits=VALUES[:2])
    with pytest.raises(ValueError, match="which has no array files, is 2; allowed: 3"):
        read(path)


def test_tables_of_outputs_and_of_a_selection(tmp_path):
    rows = [(name, *row) for name, row in zip(FILES, VALUES.tolist(), strict=True)]
    found = read(table(tmp_path / "out.csv", ("file", *CLASSES), rows[::-1]))
    np.testing.assert_array_equal(found.values, VALUES)
    rows = [(name, 0.5 * i, i % 2) for i, name in enumerate(FILES)]
    found = read(table(tmp_path / "scores.csv", ("file", "loss", "slow"), rows))
    assert found.values is None
    np.testing.assert_array_equal(found.slow, [False, True, False])
    np.testing.assert_array_equal(found.losses, [0, 0.5, 1])
    assert found.probabilities is None


def test_what_does_not_fit_is_told(tmp_path):
    full = [(name, 1, 2) for name in FILES]
    cases = [
        (("name", *CLASSES), full, "columns of .* is 'name, cats, dogs'"),
        (("file", "cats", "x"), full, "columns of"),
        (("file", *CLASSES), full[1:], "without a row in .* is 'cats/1.png'"),
        (("file", *CLASSES), [*full, full[0]], "is 'two'; allowed: one"),
        (("file", *CLASSES), [(FILES[0], "x", 1), *full[1:]], "allowed: numbers"),
        (("file", "slow", "x"), full, None),
        (("file", "x", "slow"), full, "allowed: 0 and 1"),
    ]
    for columns, rows, said in cases:
        path = table(tmp_path / "out.csv", columns, rows)
        if said is None:
            assert read(path).slow.all()
            continue
        with pytest.raises(ValueError, match=said) as error:
            read(path)
        assert "\n" not in str(error.value)
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    for name in ("bad.npz", "nowhere.csv"):
        with pytest.raises(ValueError, match="allowed: "):
            read(tmp_path / name)
