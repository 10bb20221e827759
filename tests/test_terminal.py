"""Test that what commands print fits the terminal, whatever its width."""

import os
import subprocess
import sys

import pytest
from rooms import ROOT

PRINTED = {
    "empirical list": ("-m", "empirical", "list"),
    "figures list": ("-m", "figures", "list"),
    "figures claims": ("-m", "figures", "claims", "--committed"),
    "theory list": ("-m", "theory", "list"),
    "tada": ("-m", "figures.records.command_line.tada"),
    "augment help": ("-m", "empirical", "augment", "--help"),
}


def printed(words, width):
    environment = {**os.environ, "COLUMNS": str(width), "NO_COLOR": "1"}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", PRINTED)
def test_no_line_is_wider_than_the_terminal(name, width):
    lines = printed(PRINTED[name], width)
    assert [line for line in lines if len(line) > width and " " in line.strip()] == []
