"""Test what the command ``doctor`` says of a machine."""

import json
import re

import pytest
from rooms import ROOT

from empirical.commands import doctor
from figures.records.command_line.rows import print_row


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def report(capsys, tmp_path, **options):
    code = doctor.doctor(root=tmp_path, out=tmp_path / "new/output", json=True, **options)
    return code, json.loads(capsys.readouterr().out)


def test_a_complete_machine(capsys, tmp_path):
    code, found = report(capsys, tmp_path)
    assert code == 0
    assert "numpy" in found["theory"]["found"]
    assert found["model hub"]["found"].startswith("switched off by HF_HUB_OFFLINE")
    for name in ("cifar10", "cifar100", "tiny-imagenet"):
        assert str(tmp_path) in found[name]["found"]
        assert found[name]["do"] == f"python -m empirical data {name}"
    assert not (tmp_path / "new").exists()  # looking makes nothing


def test_a_package_that_is_missing_is_named_and_the_exit_code_tells(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "IMAGES", ("torch", "no-such-package"))
    code, found = report(capsys, tmp_path)
    assert code == 1
    assert found["images"]["found"] == "missing: no-such-package"
    assert "make setup" in found["images"]["do"]


def test_a_hub_that_does_not_answer_is_not_waited_for(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    code, found = report(capsys, tmp_path)
    assert code == 0
    assert found["model hub"]["found"] == "http://127.0.0.1:9 does not answer"


def test_a_data_set_is_said_to_lie_where_it_lies(capsys, tmp_path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "cifar10" / part / name).mkdir(parents=True)
            (tmp_path / "cifar10" / part / name / "1.png").touch()
    _, found = report(capsys, tmp_path)
    assert found["cifar10"] == {"found": f"folders of images in {tmp_path / 'cifar10'}", "do": ""}


def test_a_data_set_that_cannot_be_used_does_not_end_the_examination(capsys, tmp_path, monkeypatch):
    def find(name, classes, fetch):
        raise ValueError(f"{name} is damaged")

    monkeypatch.setattr(doctor, "find_source", find)
    code, found = report(capsys, tmp_path)
    assert code == 0
    assert found["cifar100"]["found"] == "cannot be used: cifar100 is damaged"
    assert "latex" in found


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit_the_terminal_and_say_everything(capsys, tmp_path, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert doctor.doctor(root=tmp_path / "a", out=tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    unbroken = max(len(word) for line in lines for word in line.split())
    assert max(map(len, lines)) <= max(width, doctor.COLUMN + unbroken)


def test_rows_wrap_below_their_text(capsys):
    print_row("word", "one two three four five six", 8, width=28)
    assert capsys.readouterr().out == "word    one two three four\n        five six\n"


def test_latex_is_looked_for_as_make_does():
    (styles,) = re.findall(r"^STYLES = (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(doctor.LATEX_FILES) == sorted(styles.split())
