import numpy as np
import pytest

from mil_tutorial.datasets.npz import read_npz


def arrays(**changes):
    base = {
        "features": np.arange(12.0).reshape(6, 2),
        "bag": np.array([0, 1, 0, 2, 2, 1]),
        "label": np.array([0, 1, 1]),
    }
    return {k: v for k, v in (base | changes).items() if v is not None}


def write(tmp_path, **changes):
    np.savez(tmp_path / "own.npz", **arrays(**changes))
    return tmp_path / "own.npz"


def test_instances_find_their_bag_in_the_order_of_the_file(tmp_path):
    path = write(
        tmp_path, group=np.array(["p", "q", "q"]), instance_label=np.array([0, 1, 0, 0, 1, 0])
    )
    dataset = read_npz(path)
    assert dataset[0].instances.tolist() == [[0, 1], [4, 5]]
    assert dataset[1].instances.tolist() == [[2, 3], [10, 11]]
    assert dataset.labels.tolist() == [0, 1, 1]
    assert dataset.groups == ["p", "q", "q"]
    assert [t.tolist() for t in dataset.instance_labels] == [[0, 0], [1, 0], [0, 1]]


def test_truth_and_groups_are_optional(tmp_path):
    dataset = read_npz(write(tmp_path))
    assert dataset.instance_labels is None
    assert len(set(dataset.groups)) == 3


BAD = {
    "no bag array": (dict(bag=None), "lacks bag; it holds features, label"),
    "bag of fractions": (
        dict(bag=np.zeros(6)),
        r"bag is float64 .* expected integers of shape \(6,\)",
    ),
    "bag too short": (dict(bag=np.zeros(5, int)), r"expected integers of shape \(6,\)"),
    "bag beyond labels": (dict(bag=np.array([0, 1, 2, 3, 3, 3])), "0 to 3, but there are 3 labels"),
    "features of text": (dict(features=np.array([["a"]] * 6)), "expected numbers of shape"),
    "flat features": (dict(features=np.ones(6)), r"expected numbers of shape \(N, D\)"),
    "nan": (dict(features=np.full((6, 2), np.nan)), "own.npz: bag 0: instance 0 holds NaN"),
    "label 2": (dict(label=np.array([0, 1, 2])), "own.npz: bag 2: the label is 2"),
    "label missing": (dict(label=np.array([0, 1, np.nan])), "bag 2: the label is nan"),
    "label square": (dict(label=np.ones((3, 1))), r"label has shape \(3, 1\)"),
    "empty bag": (dict(label=np.array([0, 1, 1, 0])), "bag 3 is empty"),
    "group too short": (dict(group=np.array(["p"])), r"group has shape \(1,\), expected \(3,\)"),
    "truth too short": (dict(instance_label=np.zeros(3)), r"instance_label has shape \(3,\)"),
    "objects": (dict(label=np.array([0, 1, None], dtype=object)), "holds pickled Python objects"),
    "unknown name": (
        dict(patient=np.arange(3)),
        "holds patient, which is not read; call the patients",
    ),
    "negative bag, positive instance": (
        dict(instance_label=np.array([1, 0, 0, 0, 0, 0])),
        "bag 0: the label is 0, but instance 0 is labelled 1",
    ),
}


def test_a_bad_file_is_named(tmp_path):
    for changes, message in BAD.values():
        with pytest.raises(ValueError, match=message) as error:
            read_npz(write(tmp_path, **changes))
        assert "own.npz" in str(error.value)
        assert "\n" not in str(error.value)


def test_a_damaged_file_is_named(tmp_path):
    path = write(tmp_path)
    for content in (b"", b"no zip", path.read_bytes()[:-200]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="own.npz cannot be read as .npz .*truncated"):
            read_npz(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.npz does not exist"):
        read_npz(tmp_path / "none.npz")
