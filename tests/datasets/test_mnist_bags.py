import os
import struct
from pathlib import Path

import numpy as np
import pytest

from mil_tutorial.datasets.mnist import load_digits, mnist_bags
from mil_tutorial.experiment.catalogue import load_benchmark


def write_idx(path, array):
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


@pytest.fixture()
def fake_mnist(tmp_path, monkeypatch):
    """A folder laid out as MNIST, with 500 digits that are drawn as flat grey of their value."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem, seed in (("train", 0), ("t10k", 1)):
        digits = np.random.default_rng(seed).integers(0, 10, 500)
        images = np.repeat(digits, 28 * 28).reshape(500, 28, 28) * 20
        write_idx(raw / f"{stem}-images-idx3-ubyte", images)
        write_idx(raw / f"{stem}-labels-idx1-ubyte", digits)
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path))
    return tmp_path


def test_protocol(fake_mnist):
    bags = mnist_bags(400, train=True, seed=0)
    assert bags.labels.tolist() == [0, 1] * 200
    assert bags.instance_shape == (1, 28, 28)
    assert abs(float(bags.sizes.double().mean()) - 10) < 0.6
    assert 1.6 < float(bags.sizes.double().std()) < 2.4
    for (_, label), truth in zip(bags, bags.instance_labels, strict=True):
        assert label == (truth.sum() > 0)


def test_instance_truth_marks_the_nines(fake_mnist):
    bags = mnist_bags(20, train=True, seed=0)
    nine = (9 * 20 / 255 - 0.1307) / 0.3081
    for instances, truth in zip(bags.instances, bags.instance_labels, strict=True):
        np.testing.assert_array_equal(
            np.isclose(instances[:, 0, 0, 0], nine, atol=1e-4), truth == 1
        )


def test_seed_decides_and_chosen_digits_are_kept(fake_mnist):
    a, b, c = (mnist_bags(30, train=True, seed=s).checksum() for s in (0, 0, 1))
    assert a == b != c
    images, _ = load_digits(train=True)
    chosen = np.flatnonzero(np.arange(500) % 2)
    allowed = {images[i].numpy().tobytes() for i in chosen}
    bags = mnist_bags(30, train=True, seed=0, digits=chosen)
    assert all(x.numpy().tobytes() in allowed for bag in bags.instances for x in bag)


def test_test_bags_stay_while_training_bags_change_with_the_seed(fake_mnist):
    benchmark = load_benchmark("mnist", train_bags=20)
    (first,), (second,) = benchmark.splits(0), benchmark.splits(1)
    assert len(first.train) == 20
    assert len(benchmark.test) == 1000
    assert first.test is second.test is benchmark.test
    assert first.train.checksum() != second.train.checksum()
    with pytest.raises(ValueError, match="train_bags is 2"):
        load_benchmark("mnist", train_bags=2)


def test_truncated_file_is_named(fake_mnist):
    path = fake_mnist / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"MNIST in .* cannot be read.*delete"):
        load_digits(train=True)


def test_the_real_digits():
    folder = os.environ.get("MIL_TUTORIAL_DATA", "")
    if not (Path(folder) / "MNIST" / "raw").is_dir():
        pytest.skip("MIL_TUTORIAL_DATA names no folder with MNIST/raw")
    images, digits = load_digits(train=True)
    assert images.shape == (60_000, 1, 28, 28)
    assert abs(float(images.mean())) < 1e-3
    assert abs(float(images.std()) - 1) < 1e-3
    assert np.bincount(digits)[9] == 5949
