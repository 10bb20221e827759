"""Use one torch thread, as the experiments do: two threads give other bits."""

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True, scope="module")  # before any other fixture of a module
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.standard_normal((16, 6))), torch.from_numpy(rng.integers(0, 3, 16))
