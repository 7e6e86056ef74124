import os

os.environ["OMP_NUM_THREADS"] = "1"  # tests run side by side; set before torch is imported

import sys

import pytest
from toy_bags import separable


@pytest.fixture()
def train_val():
    return separable(40, seed=0), separable(20, seed=1)


@pytest.fixture(autouse=True)
def close_figures():
    """Figures stay open until closed, and then their count depends on who shares a process."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
