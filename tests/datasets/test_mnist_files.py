import gzip
import hashlib
import struct

import numpy as np
import pytest

from mil_tutorial.datasets.mnist import fetch_mnist, load_digits


def idx(array):
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


@pytest.fixture()
def published(server, monkeypatch):
    """The four files of a small MNIST on a local server: {name: content}."""
    from torchvision.datasets import MNIST

    files = {}
    for stem, n in (("train", 30), ("t10k", 20)):
        files[f"{stem}-images-idx3-ubyte.gz"] = idx(np.full((n, 28, 28), 100))
        files[f"{stem}-labels-idx1-ubyte.gz"] = idx(np.arange(n) % 10)
    server.behaviour |= {name: [content] for name, content in files.items()}
    sums = [(name, hashlib.md5(content).hexdigest()) for name, content in files.items()]
    monkeypatch.setattr(MNIST, "mirrors", [f"{server.url}gone/", server.url])
    monkeypatch.setattr(MNIST, "resources", sums)
    return files


@pytest.mark.parametrize("own_root", [True, False], ids=["root", "cache"])
def test_downloaded_once_into_torchvisions_layout(published, server, cache, own_root, tmp_path):
    root = tmp_path / "root" if own_root else None
    assert len(load_digits(train=True, root=root)[1]) == 30
    requests = len(server.asked)
    assert len(load_digits(train=False, root=root)[1]) == 20
    assert len(server.asked) == requests
    raw = (root or cache) / "MNIST" / "raw"
    names = {p.name for p in raw.iterdir()}
    assert names == {*published, *(name.removesuffix(".gz") for name in published)}
    assert own_root != cache.exists()


def test_the_users_packed_files_are_unpacked_into_the_cache(
    published, server, cache, tmp_path, monkeypatch
):
    raw = tmp_path / "own" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in published.items():
        (raw / name).write_bytes(content)
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path / "own"))
    assert fetch_mnist() == cache
    assert len(load_digits(train=True)[1]) == 30
    assert {p.name for p in raw.iterdir()} == set(published)
    assert server.asked == []


def test_a_break_while_unpacking_leaves_no_file(published, cache, monkeypatch):
    import shutil

    def stop(source, target):
        target.write(source.read(100))
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfileobj", stop)
    with pytest.raises(KeyboardInterrupt):
        fetch_mnist()
    assert [p.suffix for p in (cache / "MNIST" / "raw").iterdir()] == [".gz"]
    monkeypatch.undo()


def test_a_server_that_lies_is_refused(published, server, cache):
    name = "train-images-idx3-ubyte.gz"
    server.behaviour[name] = [gzip.compress(b"not what you asked for")]
    with pytest.raises(FileNotFoundError, match=rf"MNIST/raw/{name} could not be downloaded"):
        load_digits(train=True)
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_absent_and_offline_says_what_to_do(published, cache, monkeypatch):
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(FileNotFoundError, match=r"offline\?.*put it at .*MNIST.*MIL_TUTORIAL_DATA"):
        load_digits(train=True)
