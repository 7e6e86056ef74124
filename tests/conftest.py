import os

os.environ["OMP_NUM_THREADS"] = "1"  # tests run side by side; set before torch is imported

import sys
from types import SimpleNamespace

import pytest
from local_server import serve
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


@pytest.fixture()
def server(monkeypatch):
    """A local server, and downloads that do not pause between tries."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda seconds: None))
    with serve() as running:
        yield running


@pytest.fixture()
def cache(tmp_path, monkeypatch):
    """An empty cache, and no folder of the user's own."""
    folder = tmp_path / "cache"
    monkeypatch.delenv("MIL_TUTORIAL_DATA", raising=False)
    monkeypatch.setenv("MIL_TUTORIAL_CACHE", str(folder))
    return folder
