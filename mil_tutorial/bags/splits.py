"""Splits by patient: the slides of a patient are all on one side."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset


def group_folds(
    labels: Sequence[Any], groups: Sequence[Any], n_folds: int = 5, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Divide bags into folds by group, with about equal shares of both classes.

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
        When a class has fewer groups than there are folds.
    """
    truth, group_of = np.asarray(labels).astype(int), group_numbers(groups)
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
    folds = []
    for i, test in enumerate(parts):
        validates = (i + 1) % n_folds
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


def group_numbers(groups: Sequence[Any]) -> np.ndarray:
    """Number hashable groups 0, 1, 2, … in order of appearance: (B,) int."""
    number = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    return np.array([number[group] for group in groups])


def check_groups(**splits: MedicalBagDataset) -> None:
    """Refuse splits that share a group: ``check_groups(train=..., val=..., test=...)``.

    Raises
    ------
    ValueError
        Naming the group and both splits.
    """
    seen: dict[Any, str] = {}
    for name, dataset in splits.items():
        for group in dict.fromkeys(dataset.groups):
            if (other := seen.setdefault(group, name)) != name:
                raise ValueError(
                    f"group {group!r} is in {other} and in {name}; split by patient (group_folds)"
                )


def check_classes(**splits: MedicalBagDataset) -> None:
    """Refuse splits that hold one class only: ``check_classes(train=..., val=...)``.

    Raises
    ------
    ValueError
        Naming the split and its only class.
    """
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
    mean, deviation = train.mean_and_deviation()
    deviation[deviation == 0] = 1
    recipe = f"standardised by {train.checksum()}"
    return [dataset.scaled(mean, deviation, recipe) for dataset in (train, *others)]
