"""Splits by patient: the slides of a patient are all on one side."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.groups import group_values
from mil_tutorial.system.numbers import as_array, as_integer, check_kind, shown

MOST = 10
"""Times the median deviation: how far ``scale_together`` lets features differ."""


def group_folds(
    labels: Sequence[Any], groups: Sequence[Any], n_folds: int = 5, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Divide bags into folds by group, with both classes in each, in about equal shares.

    Fold i tests, fold i + 1 validates, the others train. For one hold-out split of 60/20/20 take
    the first of five folds.

    Parameters
    ----------
    labels, groups : sequences of length B
        Bag labels 0/1 and the patient of each bag.
    n_folds : int
        At least 3.
    seed : int
        Another seed gives another division.

    Returns
    -------
    list of (train, val, test)
        Index arrays; over the list each bag is tested once.

    Raises
    ------
    ValueError
        When a class has fewer groups than there are folds, so that no division has both classes in
        every fold; when a group is missing, or a label is not 0 or 1.
    """
    truth, group_of = as_array(labels, "labels"), group_numbers(groups)
    if truth.shape != group_of.shape or not np.isin(truth, (0, 1)).all():
        raise ValueError(
            f"labels are {shown(labels)} and there are {len(group_of)} groups; expected a label "
            "of 0 or 1 and a group for each bag"
        )
    truth, n_folds = truth.astype(int), as_integer(n_folds, "n_folds")
    seed = as_integer(seed, "seed", least=0)
    if n_folds < 3:
        raise ValueError(f"n_folds is {n_folds}; train, validation and test need at least 3")
    for value in (0, 1):
        patients = len(np.unique(group_of[truth == value]))
        if patients < n_folds:
            raise ValueError(
                f"{n_folds} folds need at least {n_folds} groups (patients) with label {value}, "
                f"got {patients}; bring more patients, or divide into fewer folds"
            )
    parts = [test for _, test in balanced_folds(truth, group_of, n_folds, seed)]
    if any(len(np.unique(truth[part])) < 2 for part in parts):
        parts = _folds_around_cores(truth, group_of, n_folds, seed)
    return rotate(parts)


def rotate(parts: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return (train, val, test) rows: part i tests, part i + 1 validates, the others train."""
    folds = []
    for i, test in enumerate(parts):
        validates = (i + 1) % len(parts)
        rest = [part for j, part in enumerate(parts) if j not in (i, validates)]
        folds.append((np.sort(np.concatenate(rest)), parts[validates], test))
    return folds


def balanced_folds(
    labels: np.ndarray, group_of: np.ndarray, n_folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (train, test) rows of folds by group; labels (B,) of 0/1, groups (B,) as numbers.

    Groups are shuffled here: with ``shuffle=True``, scikit-learn before 1.8 loses the balance of
    the classes.
    """
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.utils import check_random_state

    rank = np.argsort(check_random_state(seed).permutation(group_of.max() + 1))
    return list(StratifiedGroupKFold(n_folds).split(labels, labels, rank[group_of]))


def _folds_around_cores(
    labels: np.ndarray, group_of: np.ndarray, n_folds: int, seed: int
) -> list[np.ndarray]:
    """Return the rows of folds with both classes in each, where balance alone misses that.

    Each fold starts with a core: a group with both classes, or one group of each class. There are
    enough cores whenever each class has ``n_folds`` groups. The other groups follow, the largest
    first, each to the fold that has least of its classes.
    """
    from sklearn.utils import check_random_state

    n_groups = group_of.max() + 1
    counts = np.stack(
        [np.bincount(group_of[labels == value], minlength=n_groups) for value in (0, 1)], axis=1
    )
    shares = counts / counts.sum(axis=0)  # (groups, 2): of all bags of each class
    order = check_random_state(seed).permutation(n_groups)
    has_0, has_1 = (counts[order] > 0).T
    mixed, only_0, only_1 = order[has_0 & has_1], order[~has_1], order[~has_0]
    cores = [[group] for group in mixed] + [list(pair) for pair in zip(only_0, only_1)]
    fold_of = np.full(n_groups, -1)
    for fold, core in enumerate(cores[:n_folds]):
        fold_of[core] = fold
    filled = np.stack([shares[fold_of == fold].sum(axis=0) for fold in range(n_folds)])
    for group in sorted(order[fold_of[order] < 0], key=lambda group: -shares[group].sum()):
        fold_of[group] = np.argmin(filled @ shares[group])
        filled[fold_of[group]] += shares[group]
    return [np.flatnonzero(fold_of[group_of] == fold) for fold in range(n_folds)]


def group_numbers(groups: Sequence[Any]) -> np.ndarray:
    """Number groups 0, 1, 2, … in order of appearance: (B,) int. See ``group_values``."""
    values = group_values(groups)
    number = {group: i for i, group in enumerate(dict.fromkeys(values))}
    return np.array([number[group] for group in values])


def connected_groups(first: Sequence[Any], second: Sequence[Any]) -> list[int]:
    """Number the groups that keep bags together if they share a value of one or the other.

    A patient who was seen at two hospitals makes one group of both. Both are of length B.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, other = group_numbers(first), group_numbers(second)
    other += one.max() + 1
    edges = coo_array((np.ones(len(one)), (one, other)), shape=[other.max() + 1] * 2)
    return connected_components(edges, directed=False)[1][one].tolist()


def shared_groups(**splits: MedicalBagDataset) -> dict[Hashable, list[str]]:
    """Return the groups that are in several splits: ``shared_groups(train=..., test=...)``.

    Returns
    -------
    dict
        Group → the names of its splits, in the order of the arguments; empty without a leak.
    """
    check_kind(MedicalBagDataset, **splits)
    sides = [split for split, dataset in splits.items() for _ in dataset.groups]
    names = [name for dataset in splits.values() for name in dataset.names]
    groups = group_values((g for dataset in splits.values() for g in dataset.groups), names)
    sides_of: dict[Hashable, dict[str, None]] = {}
    for group, side in zip(groups, sides):
        sides_of.setdefault(group, {})[side] = None
    return {group: list(own) for group, own in sides_of.items() if len(own) > 1}


def count_shared(what: str, divisions: Sequence[Mapping[str, MedicalBagDataset]]) -> str:
    """Say how many groups, called ``what``, several splits of each division share.

    A division has folds, or ``test`` and others. Of several it is said from how many to how many.
    """
    shared = [shared_groups(**splits) for splits in divisions]
    if "test" not in divisions[0]:
        everyone = {group for dataset in divisions[0].values() for group in dataset.groups}
        return f"{what} in several folds: {len(shared[0])} of {len(everyone)}"
    counts = []
    for name in ("test", "val"):
        numbers = [sum(name in sides for sides in groups.values()) for groups in shared]
        if any(numbers):
            totals = [len(set(splits[name].groups)) for splits in divisions]
            counts.append(f"{_span(numbers)} of {_span(totals)} in {name}")
    folds = f", in {sum(map(bool, shared))} of {len(shared)} folds" if len(shared) > 1 else ""
    return f"{what} on both sides: {', '.join(counts)}{folds}"


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def check_groups(**splits: MedicalBagDataset) -> None:
    """Refuse splits that share a group: ``check_groups(train=..., val=..., test=...)``.

    Raises
    ------
    ValueError
        Naming such groups and their splits; ``shared_groups`` returns all.
    """
    if shared := shared_groups(**splits):
        shown = [f"group {g!r} is in {' and in '.join(s)}" for g, s in list(shared.items())[:3]]
        more = f", and so are {len(shared) - 3} more" if len(shared) > 3 else ""
        raise ValueError(f"{', '.join(shown)}{more}; split by patient (group_folds)")


def check_classes(**splits: MedicalBagDataset) -> None:
    """Refuse splits that hold one class only: ``check_classes(train=..., val=...)``.

    Raises
    ------
    ValueError
        Naming the split and its only class.
    """
    check_kind(MedicalBagDataset, **splits)
    for name, dataset in splits.items():
        if len(classes := dataset.labels.unique()) < 2:
            raise ValueError(
                f"{name} holds label {int(classes[0])} only ({len(dataset)} bags); "
                "it needs bags of both classes"
            )


def standardise(train: MedicalBagDataset, *others: MedicalBagDataset) -> list[MedicalBagDataset]:
    """Shift and scale each feature by the mean and deviation of the training instances.

    Images (n, C, height, width) are shifted and scaled by channel, over all their pixels. Features
    that are constant in training are only shifted. Returns the training set, then the others.
    """
    for dataset in (train, *others):
        check_kind(MedicalBagDataset, dataset=dataset)
    mean, deviation = train.mean_and_deviation()
    deviation[deviation == 0] = 1
    recipe = f"standardised by {train.checksum()}"
    return [dataset.scaled(mean, deviation, recipe) for dataset in (train, *others)]


def scale_together(train: MedicalBagDataset, *others: MedicalBagDataset) -> list[MedicalBagDataset]:
    """Shift each feature to a mean of 0, and divide all by their median deviation.

    Mean and deviation are those of the training instances. Unlike with ``standardise``, an
    encoder's strong features stay strong: deviations keep their proportions, from a tenth of the
    median to ten times as much. Features beyond, as in other units, end there. Returns the training
    set, then the others.
    """
    for dataset in (train, *others):
        check_kind(MedicalBagDataset, dataset=dataset)
    mean, deviation = train.mean_and_deviation()
    varying = deviation[deviation > 0]
    typical = varying.median() if len(varying) else torch.ones(())
    deviation[deviation == 0] = typical
    scale = torch.clamp(typical, deviation / MOST, deviation * MOST)
    recipe = f"scaled together by {train.checksum()}"
    return [dataset.scaled(mean, scale, recipe) for dataset in (train, *others)]
