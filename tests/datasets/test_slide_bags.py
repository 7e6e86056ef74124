import numpy as np
import pytest

from mil_tutorial import check_classes, check_groups
from mil_tutorial.datasets.npz import read_bags
from mil_tutorial.datasets.slides import load_features, load_slide_file, load_slides, write_hospital


@pytest.mark.parametrize("name", ["slides", "slides-hard"])
def test_a_slide_is_a_bag(name):
    train, val, test = load_slides(name)
    check_groups(train=train, val=val, test=test)
    check_classes(train=train, val=val, test=test)
    assert len(train) + len(val) + len(test) == 400
    for dataset in (train, val, test):
        assert dataset.instance_shape == (64,)
        for label, truth, coords in zip(
            dataset.labels, dataset.instance_labels, dataset.coords, strict=True
        ):
            assert (truth.sum() > 0) == (label == 1)
            assert len(np.unique(coords, axis=0)) == len(coords)
            assert (coords % 32 == 0).all()


def test_a_rendered_hospital_becomes_bags(tmp_path):
    write_hospital(tmp_path / "new", n_slides=4, progress=False)
    dataset = load_slide_file(tmp_path / "new" / "slides.npz")
    assert len(dataset) == 4
    assert sorted(set(dataset.labels.tolist())) == [0, 1]
    found = load_features(tmp_path / "new" / "slides.npz")
    np.testing.assert_array_equal(dataset.sizes, found.sizes)
    assert dataset.names == found.slide_id.tolist()
    assert read_bags(tmp_path / "new" / "slides.npz").names == dataset.names
