"""Test that commands share their options, and that a data set's own values fill what is missing."""

import inspect

import pytest

from empirical.commands import COMMANDS, options
from empirical.commands.options import data_settings
from empirical.config import Data
from figures.records.command_line import cli

SHARED = {
    "root": "Root",
    "train": "Train",
    "side": "Side",
    "classes": "Classes",
    "skip_unreadable": "SkipUnreadable",
    "device": "Device",
    "kind": "ModelKind",
    "revision": "Revision",
    "workers": "Workers",
}
OWN = {("augment", "side")}  # multiples of 8, with a limit of its own


def test_shared_options_are_declared_once():
    for command, function in COMMANDS.items():
        for name, parameter in inspect.signature(function).parameters.items():
            if name in SHARED and (command, name) not in OWN:
                assert parameter.annotation == SHARED[name], (command, name)


def test_every_option_of_a_command_has_a_help_text():
    for command, function in COMMANDS.items():
        described = cli.join_entries(inspect.getdoc(function)).partition("\nArgs:\n")[2]
        for name, parameter in inspect.signature(function).parameters.items():
            own = name in ("machine", "config", "selection")  # dataclasses, with a text per field
            shared = parameter.annotation in vars(options) or parameter.annotation in (
                "Action",
                "Folder",
            )
            assert own or shared or f"    {name}: " in described, (command, name)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("digits",), Data("digits", train=400, validation=200)),
        (("digits", 100, 0), Data("digits", train=100, validation=0)),
        (("cifar10",), Data("cifar10", train=None, validation=200)),
        (("cifar10", 2000, 0), Data("cifar10", train=2000, validation=0)),
        (("folder:x",), Data("folder:x", train=None, validation=0)),
        (("folder:x", None, 7), Data("folder:x", train=None, validation=7)),
    ],
)
def test_what_is_not_given_is_the_data_sets_own(given, expected):
    assert data_settings(*given) == expected


def test_training_images_come_from_the_pool():
    of_pool = Data("cifar10", train=8000, candidate_pool=8000, side=16)
    assert data_settings("cifar10", side=16, candidate_pool=8000) == of_pool
    some_of_pool = Data("cifar10", train=2000, candidate_pool=8000)
    assert data_settings("cifar10", train=2000, candidate_pool=8000) == some_of_pool


def test_a_folder_may_hold_out_images_too():
    held = data_settings("folder:x", folder_validation=200)
    assert held == Data("folder:x", train=None, validation=200)
    assert data_settings("folder:x", validation=0, folder_validation=200).validation == 0


def test_help_texts_have_no_line_breaks_of_the_source():
    entry = "Say it.\n\n    Args:\n        a: one\n            two\n        b: three\n    "
    assert cli.join_entries(entry).endswith("Args:\n    a: one two\n    b: three")
