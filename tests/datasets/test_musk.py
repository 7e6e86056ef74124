import numpy as np
import pytest
from scripts import load_script

from mil_tutorial.datasets.musk import load_musk
from mil_tutorial.datasets.npz import read_npz
from mil_tutorial.experiment.catalogue import load_benchmark


@pytest.mark.parametrize(
    ("version", "bags", "musks", "instances", "largest"),
    [(1, 92, 47, 476, 40), (2, 102, 39, 6598, 1044)],
)
def test_counts_are_those_published(version, bags, musks, instances, largest):
    dataset = load_musk(version)
    assert len(dataset) == bags
    assert int(dataset.labels.sum()) == musks
    assert int(dataset.sizes.sum()) == instances
    assert int(dataset.sizes.max()) == largest
    assert dataset.instance_shape == (166,)


def test_unknown_version():
    with pytest.raises(ValueError, match="versions 1 and 2, got 3"):
        load_musk(3)


def test_folds_are_standardised_on_their_training_part():
    folds = list(load_benchmark("musk1").splits(0))
    assert len(folds) == 10
    train = np.concatenate([x.numpy() for x in folds[0].train.instances])
    assert np.abs(train.mean(0)).max() < 1e-4
    assert sorted(np.concatenate([fold.test_rows for fold in folds])) == list(range(92))


def test_conversion_from_csv(tmp_path):
    rows = np.zeros((3, 168))
    rows[:, 0], rows[:, 1], rows[:, 2] = [1, 1, 0], [1, 1, 2], [42, -7, 5]
    np.savetxt(tmp_path / "m.csv", rows, delimiter=",")
    make = load_script("data/musk/make.py")
    make.main([str(tmp_path / "m.csv"), str(tmp_path / "m.npz")])
    dataset = read_npz(tmp_path / "m.npz")
    assert dataset.labels.tolist() == [1, 0]
    assert dataset[0].instances[:, 0].tolist() == [42, -7]
