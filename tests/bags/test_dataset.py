import numpy as np
import pytest
import torch
from toy_bags import make_bags

from mil_tutorial import MedicalBagDataset, standardise


def test_items_are_instances_and_label():
    dataset = MedicalBagDataset([(np.ones((3, 2)), 1), (np.zeros((1, 2)), 0)])
    instances, label = dataset[0]
    assert instances.shape == (3, 2)
    assert instances.dtype == torch.float32
    assert label == 1.0
    assert dataset.sizes.tolist() == [3, 1]
    assert dataset.instance_shape == (2,)
    assert dataset.names == ["bag 0", "bag 1"]
    assert len(set(dataset.groups)) == 2


def test_side_information_follows_its_bag_into_a_subset():
    dataset = MedicalBagDataset(
        make_bags((2, 3, 4)),
        groups=["p", "q", "r"],
        instance_labels=[[0, 0], [0, 1, 0], [0, 0, 0, 0]],
        coords=[np.full((n, 2), n) for n in (2, 3, 4)],
        names=["a", "b", "c"],
    )
    part = dataset.subset([2, 0])
    assert part.names == ["c", "a"]
    assert part.groups == ["r", "p"]
    assert part.sizes.tolist() == [4, 2]
    assert part.labels.tolist() == [0.0, 0.0]
    assert [t.tolist() for t in part.instance_labels] == [[0] * 4, [0] * 2]
    assert part.coords[1].tolist() == [[2, 2], [2, 2]]
    assert torch.equal(part[0].instances, dataset[2].instances)


def test_derived_bags_are_identified_by_their_origin_and_recipe():
    """Their own last digits differ between processors; the bytes as read do not."""
    bags = MedicalBagDataset([(torch.rand(3, 2), 0), (torch.rand(4, 2), 1)])

    def derive(recipe, rounding=0.0):
        return bags.with_instances([x.log() + rounding for x in bags.instances], recipe)

    assert derive("log").checksum() == derive("log", rounding=1e-6).checksum()
    assert derive("log").checksum() != derive("log2").checksum()
    assert derive("").checksum() != derive("", rounding=1e-6).checksum()
    other = MedicalBagDataset([(x + 1, y) for x, y in zip(bags.instances, bags.labels)])
    assert derive("log").checksum() != other.with_instances(other.instances, "log").checksum()
    assert derive("log").subset([1, 0]).checksum() != derive("log").checksum()
    once = derive("log").subset([1])
    assert once.checksum() == bags.subset([1]).with_instances(once.instances, "log").checksum()
    twice = derive("log").with_instances(bags.instances, "exp")
    assert twice.checksum() not in (derive("log").checksum(), derive("exp").checksum())


def test_standardised_bags_are_identified_by_the_training_bags():
    train = MedicalBagDataset([(torch.rand(3, 2), 0), (torch.rand(4, 2), 1)])
    test = MedicalBagDataset([(torch.rand(3, 2), 0)])
    first, again = standardise(train, test), standardise(train, test)
    assert [x.checksum() for x in first] == [x.checksum() for x in again]
    assert standardise(train.subset([1]), test)[1].checksum() != first[1].checksum()


def test_other_groups_leave_the_bags_as_they_are():
    patients = MedicalBagDataset(make_bags(), groups="abca")
    hospitals = patients.with_groups([np.int64(1), 1, 2, 2])
    assert (patients.groups, hospitals.groups) == (list("abca"), [1, 1, 2, 2])
    assert hospitals.subset([2]).groups == [2]
    assert hospitals.checksum() == patients.checksum()
    with pytest.raises(ValueError, match="groups has 3 entries for 4 bags"):
        patients.with_groups("abc")


def test_checksum_changes_with_instances_labels_and_borders():
    def checksum(bags):
        return MedicalBagDataset(bags).checksum()

    base = [(torch.zeros(2, 3), 0), (torch.zeros(3, 3), 1)]
    assert checksum(base) == checksum(list(base))
    assert checksum(base) != checksum([(torch.zeros(3, 3), 0), (torch.zeros(2, 3), 1)])
    assert checksum(base) != checksum([(torch.zeros(2, 3), 1), (torch.zeros(3, 3), 1)])
    assert checksum(base) != checksum([(torch.ones(2, 3), 0), (torch.zeros(3, 3), 1)])


BAD = {
    "no bags": (lambda: MedicalBagDataset([]), "no bags"),
    "empty bag": (
        lambda: MedicalBagDataset([(np.ones((2, 3)), 1), (np.ones((0, 3)), 0)]),
        "bag 1 is empty",
    ),
    "nan": (
        lambda: MedicalBagDataset([(np.array([[1.0, 2], [np.nan, 0]]), 1)], names=["slide 7"]),
        "slide 7: instance 1 holds NaN",
    ),
    "inf": (
        lambda: MedicalBagDataset([(np.array([[np.inf, 2]]), 1)]),
        "bag 0: instance 0 holds NaN or inf",
    ),
    "unequal width": (
        lambda: MedicalBagDataset([(np.ones((2, 3)), 1), (np.ones((2, 4)), 0)]),
        r"bag 1: instances have shape \(4,\), but those of bag 0 have \(3,\)",
    ),
    "one dimension": (lambda: MedicalBagDataset([(np.ones(3), 1)]), r"expected \(n, D\)"),
    "label missing": (
        lambda: MedicalBagDataset([(np.ones((2, 3)), None)]),
        "bag 0: the label is None",
    ),
    "label nan": (lambda: MedicalBagDataset([(np.ones((2, 3)), np.nan)]), "the label is nan"),
    "label text": (lambda: MedicalBagDataset([(np.ones((2, 3)), "tumour")]), "expected 0 or 1"),
    "label 2": (lambda: MedicalBagDataset([(np.ones((2, 3)), 2)]), "expected 0 or 1"),
    "groups too short": (
        lambda: MedicalBagDataset(make_bags(), groups=["p"]),
        "groups has 1 entries for 4",
    ),
    "group missing": (
        lambda: MedicalBagDataset(make_bags((2, 2)), groups=["p", None]),
        "bag 1: the group is None; name the patient",
    ),
    "group nan": (
        lambda: MedicalBagDataset(make_bags((2, 2)), groups=np.array([1.0, np.nan])),
        "bag 1: the group is nan",
    ),
    "ragged": (
        lambda: MedicalBagDataset([([[1.0], [2.0, 3.0]], 1)]),
        "bag 0: instances are no array",
    ),
    "text": (lambda: MedicalBagDataset([(np.array([["a"]]), 1)]), "bag 0: instances are no array"),
    "width 0": (lambda: MedicalBagDataset([(np.ones((2, 0)), 1)]), r"expected \(n, D\)"),
    "truth too short": (
        lambda: MedicalBagDataset(make_bags((2,)), instance_labels=[[1]]),
        r"bag 0: instance_labels has shape \(1,\), expected \(2,\)",
    ),
    "truth not binary": (
        lambda: MedicalBagDataset(make_bags((2,)), instance_labels=[[1, 3]]),
        "instance_labels must be 0 or 1",
    ),
    "coords of one axis": (
        lambda: MedicalBagDataset(make_bags((2,)), coords=[[1, 3]]),
        r"coords has shape \(2,\), expected \(2, 2\)",
    ),
    "empty subset": (lambda: MedicalBagDataset(make_bags()).subset([]), "at least one bag"),
}


def test_bad_input_is_named():
    for make, message in BAD.values():
        with pytest.raises(ValueError, match=message) as error:
            make()
        assert "\n" not in str(error.value)
