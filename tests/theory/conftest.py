"""Share small settings among the tests of the theory."""

import pytest

from theory import Distribution, Method, Network, Optimiser, Run


@pytest.fixture
def tiny():
    """Return a function that makes a run of milliseconds that still learns.

    Its arguments are the method and changes of the run's other fields.
    """

    def make(method: Method | None = None, **changes) -> Run:
        small = {
            "distribution": Distribution(n=24, d=200, alpha=0.7),
            "network": Network(J=4, sigma_0=0.1),
            "optimiser": Optimiser(eta=0.2, rho=0.1, steps=200),
        }
        return Run(method=method or Method(), **{**small, **changes})

    return make
