"""One torch thread, as in the experiments: two threads give other bits."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")  # before any other fixture of a module
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
