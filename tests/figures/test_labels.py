"""Names and colours are defined once, and every method has a style of its own."""

import ast
import re

import pytest

from figures import labels
from figures.labels import METHODS, method_name, method_style
from figures.records import COMMITTED, load
from figures.records.paths import ROOT
from figures.statistics.pick import by_label

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def named_once():
    """Return the names of methods, data sets, networks and budgets that stand on figures."""
    styles = {**METHODS, **labels.RULES}
    names = {key: style.label for key, style in styles.items()}
    names |= {**labels.DATA_SETS, **labels.NETWORKS, **labels.BUDGETS, **labels.AUGMENTATIONS}
    return {name for key, name in names.items() if name != key}


def test_names_and_colours_stand_in_one_file():
    names = named_once()
    for path in sorted((ROOT / "figures").rglob("*.py")):
        if path.name == "labels.py":
            continue
        texts = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert texts & names == set(), path
        assert [text for text in texts if COLOUR.fullmatch(text)] == [], path


def test_every_method_has_a_style_of_its_own():
    styles = [style for label, style in METHODS.items() if label != "random"]  # as syn-rand
    assert len({style.colour for style in styles}) == len(styles)
    assert len({style.label for style in METHODS.values()}) == len(METHODS)
    assert method_style("tada-5").label == method_name("tada-5") == "TADA(5)"
    assert method_style("syn-all") == METHODS["syn-all"]
    assert method_style("original-longer") == METHODS["original"]
    assert method_name("original-longer") == "Original (longer)"
    for label in by_label(load("theory/methods", (COMMITTED,))):
        assert method_style(label).label


@pytest.mark.parametrize("label", ["no-such", "no-such-2"])
def test_only_methods_have_a_style(label):
    with pytest.raises(KeyError, match=label):
        method_style(label)
