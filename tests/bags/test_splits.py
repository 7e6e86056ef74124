import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_bags import make_bags, separable

from mil_tutorial import (
    MedicalBagDataset,
    check_classes,
    check_groups,
    group_folds,
    shared_groups,
    standardise,
)
from mil_tutorial.bags.splits import connected_groups, scale_together

LABELS = np.arange(60) % 2
PATIENTS = np.arange(60) // 2 // 2 * 2 + LABELS  # two slides a patient, of one class


def test_each_bag_is_tested_once_and_no_patient_is_on_two_sides():
    folds = group_folds(LABELS, PATIENTS, n_folds=5)
    assert sorted(np.concatenate([test for _, _, test in folds])) == list(range(60))
    for parts in folds:
        assert sorted(np.concatenate(parts)) == list(range(60))
        patients = [set(PATIENTS[rows]) for rows in parts]
        assert not (
            patients[0] & patients[1] | patients[0] & patients[2] | patients[1] & patients[2]
        )
        assert all(0.3 < LABELS[rows].mean() < 0.7 for rows in parts)


def test_a_division_is_the_same_with_every_version_of_scikit_learn():
    labels = np.arange(12) % 2
    parts = [test.tolist() for _, _, test in group_folds(labels, range(12), n_folds=3, seed=0)]
    assert parts == [[1, 2, 3, 6], [0, 9, 10, 11], [4, 5, 7, 8]]


def test_groups_are_compared_by_value():
    plain = group_folds(LABELS, PATIENTS.tolist())
    for groups in (
        list(torch.tensor(PATIENTS)),
        [torch.tensor([float(p)]) for p in PATIENTS],
        [np.array(p) for p in PATIENTS],
        np.array([f"p{p}" for p in PATIENTS]),
    ):
        for one, other in zip(group_folds(LABELS, groups), plain, strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("missing", [None, np.nan, torch.tensor(torch.nan), "NA", " - ", ["p"]])
def test_a_missing_group_is_refused(missing):
    groups = [*PATIENTS[:-1], missing]
    with pytest.raises(ValueError, match="bag 59: the group is .*; name the patient"):
        group_folds(LABELS, groups)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=12, max_size=60), st.data())
def test_every_fold_has_both_classes_whenever_that_is_possible(bags, data):
    groups, labels = np.array(bags).T
    n_folds, seed = data.draw(st.integers(3, 5)), data.draw(st.integers(0, 99))
    if min(len(np.unique(groups[labels == value])) for value in (0, 1)) < n_folds:
        with pytest.raises(ValueError, match=r"need at least \d groups"):
            group_folds(labels, groups, n_folds, seed)
        return
    folds = group_folds(labels, groups, n_folds, seed)
    assert sorted(np.concatenate([test for _, _, test in folds])) == list(range(len(bags)))
    for parts in folds:
        assert [len(np.unique(labels[rows])) for rows in parts] == [2, 2, 2]
        assert sum(len(np.unique(groups[rows])) for rows in parts) == len(np.unique(groups))


def test_nodes_of_few_patients():
    """Balance alone leaves folds of one class here, for most seeds."""
    nodes = "00110 11111 11001 10101 10000 11110 00000 00000 00000 01010".replace(" ", "")
    labels, patients = np.array(list(nodes)).astype(int), np.arange(50) // 5
    for seed in range(20):
        for parts in group_folds(labels, patients, seed=seed):
            assert all(set(labels[rows]) == {0, 1} for rows in parts)
        assert {len(test) for _, _, test in group_folds(labels, patients, seed=seed)} == {10}


def test_seed_decides():
    a, b, c = (group_folds(LABELS, PATIENTS, seed=s)[0][2].tolist() for s in (0, 0, 1))
    assert a == b != c


def test_too_few_patients_or_folds():
    with pytest.raises(ValueError, match=r"at least 5 groups \(patients\) with label 1, got 1"):
        group_folds([0] * 10 + [1] * 3, [*range(10), "p", "p", "p"], n_folds=5)
    with pytest.raises(ValueError, match="need at least 3"):
        group_folds(LABELS, PATIENTS, n_folds=2)


def test_leak_names_the_patient_and_both_splits():
    train, val = (MedicalBagDataset(make_bags(), groups=g) for g in ("abcd", "efga"))
    with pytest.raises(ValueError, match="group 'a' is in train and in val"):
        check_groups(train=train, val=val)


def test_shared_groups_are_counted_once_with_all_their_sides():
    train, val, test = (MedicalBagDataset(make_bags(), groups=g) for g in ("aabc", "dbee", "bafg"))
    shared = shared_groups(train=train, val=val, test=test)
    assert shared == {"a": ["train", "test"], "b": ["train", "val", "test"]}
    assert shared_groups(train=train) == shared_groups(val=val, other=train.subset([3])) == {}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_connected_groups_are_the_finest_that_tear_no_value_of_either(bags):
    got = connected_groups([f"p{one}" for one, _ in bags], [other for _, other in bags])
    expected = list(range(len(bags)))
    for _ in bags:  # each takes the least number that it shares a value with, until none changes
        expected = [
            min(n for n, other in zip(expected, bags) if own[0] == other[0] or own[1] == other[1])
            for own in bags
        ]
    assert len(set(zip(got, expected))) == len(set(got)) == len(set(expected))


def test_leak_is_found_whatever_holds_the_groups():
    for groups in (
        torch.arange(4),
        list(torch.arange(4)),
        np.arange(4),
        [np.array(i) for i in range(4)],
        [("a", i) for i in range(4)],
    ):
        train, val = (MedicalBagDataset(make_bags(), groups=groups) for _ in range(2))
        with pytest.raises(ValueError, match="is in train and in val"):
            check_groups(train=train, val=val)


def test_bags_without_groups_are_no_leak():
    train, val = MedicalBagDataset(make_bags()), MedicalBagDataset(make_bags())
    check_groups(train=train, val=val)
    with pytest.raises(ValueError, match="is in train and in val"):
        check_groups(train=train, val=train.subset([0, 1]))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"val holds label 0 only \(1 bags\)"):
        check_classes(train=separable(4), val=separable(4, seed=1).subset([0]))


def test_standardise_uses_training_instances_only():
    train, other = separable(10, seed=0), separable(10, seed=1, shift=9)
    scaled, other_scaled = standardise(train, other)
    instances = torch.cat(scaled.instances)
    assert torch.allclose(instances.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(instances.std(0, correction=0), torch.ones(4), atol=1e-5)
    mean, std = (
        torch.cat(train.instances).mean(0),
        torch.cat(train.instances).std(0, correction=0),
    )
    assert torch.allclose(other_scaled[3].instances, (other[3].instances - mean) / std, atol=1e-5)
    assert other_scaled.names == other.names


def test_a_constant_feature_is_only_shifted():
    (scaled,) = standardise(MedicalBagDataset([(torch.full((2, 1), 7.0), 0)]))
    assert scaled[0].instances.tolist() == [[0.0], [0.0]]


def test_images_are_standardised_by_channel():
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([1.0, 5.0, 0.0])[:, None, None]
    images = [torch.rand(n, 3, 6, 7, generator=generator) * scale + 2 for n in (1, 4, 2)]
    train = MedicalBagDataset(zip(images, (0, 1, 0)))
    other = MedicalBagDataset([(images[1] + 1, 0)])
    scaled, moved = standardise(train, other)
    pixels = torch.cat(scaled.instances)
    assert torch.allclose(pixels.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(
        pixels.std((0, 2, 3), correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-4
    )
    shift = moved.instances[0] - scaled.instances[1]
    assert torch.allclose(shift, shift[:1, :, :1, :1].expand_as(shift), atol=1e-4)


def test_scaled_together_features_keep_their_proportions():
    generator = torch.Generator().manual_seed(0)
    sizes = torch.tensor([1.0, 2.0, 4.0, 1e5, 1e-4, 0.0])  # two in units of their own, one constant
    bags = [(torch.randn(50, 6, generator=generator) * sizes + 3, i % 2) for i in range(4)]
    train, other = MedicalBagDataset(bags[:3]), MedicalBagDataset(bags[3:])
    scaled, moved = scale_together(train, other)
    instances = torch.cat(scaled.instances)
    torch.testing.assert_close(instances.mean(0), torch.zeros(6), atol=1e-3, rtol=0)
    deviations = instances.std(0, correction=0)
    before = torch.cat(train.instances).std(0, correction=0)
    torch.testing.assert_close(deviations[:3] / deviations[1], before[:3] / before[1])
    torch.testing.assert_close(deviations[3:], torch.tensor([10.0, 0.1, 0.0]), rtol=1e-3, atol=1e-6)
    slope = (moved.instances[0] - moved.instances[0][:1]) / (bags[3][0] - bags[3][0][:1])
    expected = (scaled.instances[0] - scaled.instances[0][:1]) / (bags[0][0] - bags[0][0][:1])
    torch.testing.assert_close(slope[1:, :3], expected[1:, :3], rtol=1e-3, atol=1e-5)
