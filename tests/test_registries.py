"""Tests that a name is registered wherever CONTRIBUTING.md says that it has to be."""

from typing import get_args

import numpy as np
import pytest

from empirical.config import DATA_NAMES, DIGITS, Method, MethodName
from empirical.config.generation import KindName
from empirical.config.training import NETWORKS as NETWORK_NAMES
from empirical.data.sources.locate import FINDERS, NATIVE_SIDES
from empirical.experiments.paper_grid import NAMED
from empirical.generation.backends.resolve import loaders
from empirical.methods import additions, loss_weights
from empirical.training.networks import NETWORKS
from figures import labels
from figures.claims.images import CLAIMS as IMAGE_CLAIMS
from figures.draw import LATER, NAMES, load_drawer
from figures.tables.readme import SHORT
from theory.claims import CLAIMS as THEORY_CLAIMS


def test_networks():
    assert set(NETWORKS) == set(NETWORK_NAMES), "names in empirical/config/training.py"
    assert set(labels.NETWORKS) == set(NETWORK_NAMES), "labels in figures/labels.py"


def test_data_sets():
    assert set(FINDERS) == set(DATA_NAMES) - set(DIGITS), "names in empirical/config/data.py"
    assert set(NATIVE_SIDES) == set(FINDERS), "sides in empirical/data/sources/locate.py"
    assert set(labels.DATA_SETS) == set(FINDERS), "labels in figures/labels.py"


@pytest.mark.parametrize("name", get_args(MethodName))
def test_methods(name):
    slow = np.arange(10) < 4
    sources, copies = additions(Method(name), slow, seed=0)
    assert (len(sources) == 0) == (name in ("original", "reweighted"))
    assert (loss_weights(Method(name), slow) is not None) == (name == "reweighted")
    assert sources.shape == copies.shape
    assert name in labels.METHODS, "label in figures/labels.py"


def test_generators():
    loaded = set(get_args(KindName)) - {"auto", "ideal"}  # these two load no model of their own
    assert set(loaders()) == loaded, "KindName in empirical/config/generation.py"


@pytest.mark.parametrize("name", [*NAMES, *LATER])
def test_figures_and_tables(name):
    drawer = load_drawer(name)
    assert drawer.RECORDS or drawer.ANY_OF
    assert hasattr(drawer, "tables") or (drawer.SIZE and drawer.CAPTION and drawer.draw)


def test_claims():
    assert set(SHORT) == set(THEORY_CLAIMS), "SHORT in figures/tables/readme.py"
    tested = {claim for named in NAMED.values() for claim in named.claims}
    for claim in IMAGE_CLAIMS:
        assert claim.id in tested, "NAMED in empirical/experiments/paper_grid.py"
        named = NAMED[claim.experiment]
        assert claim.id in named.claims, "NAMED in empirical/experiments/paper_grid.py"
