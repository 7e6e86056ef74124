import os

os.environ["OMP_NUM_THREADS"] = "1"  # tests run side by side; set before torch is imported

import pytest
from toy_bags import separable


@pytest.fixture()
def train_val():
    return separable(40, seed=0), separable(20, seed=1)
