import pytest
from local_server import serve

from mil_tutorial.datasets import mnist as mnist_files
from mil_tutorial.system import downloads


@pytest.fixture()
def server(monkeypatch):
    """A local server, and downloads that do not pause."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    with serve() as running:
        yield running


@pytest.fixture()
def cache(tmp_path, monkeypatch):
    """An empty cache, and no folder of the user's own."""
    folder = tmp_path / "cache"
    monkeypatch.delenv("MIL_TUTORIAL_DATA", raising=False)
    for module in (downloads, mnist_files):
        monkeypatch.setattr(module, "cache_dir", lambda: folder)
    return folder
