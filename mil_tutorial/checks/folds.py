"""Whether folds keep patients apart and test every slide once."""

from typing import Any

import numpy as np

from mil_tutorial.checks.exercise import Wrong
from mil_tutorial.checks.judging import attempt


def examine_folds(make_folds: Any) -> None:
    """Judge ``make_folds(patients, n_folds)`` by its properties."""
    rng = np.random.default_rng(3)
    many = np.repeat([f"P{i:02}" for i in range(30)], rng.integers(1, 5, 30))
    for patients, n_folds in ((rng.permutation(many), 5), (np.repeat(np.arange(8), 3), 4)):
        case = f"{len(np.unique(patients))} patients, {n_folds} folds"
        rows = list(range(len(patients)))
        folds = attempt(make_folds, patients, n_folds, case=case)
        if not hasattr(folds, "__iter__"):
            raise Wrong(f"got {type(folds).__name__}, expected pairs of training and test")
        folds = [_fold(fold, len(patients)) for fold in folds]
        if len(folds) != n_folds:
            raise Wrong(f"{len(folds)} folds came, expected {n_folds} ({case})")
        for train, test in folds:
            if both := set(patients[train]) & set(patients[test]):
                raise Wrong(
                    f"training and test of a fold are not independent, because of {len(both)} "
                    f"patients ({case}). Where are their slides?"
                )
            if sorted([*train, *test]) != rows:
                raise Wrong(
                    f"a fold does not contain every slide once, in training or test ({case})"
                )
        if sorted(np.concatenate([test for _, test in folds])) != rows:
            raise Wrong(f"over all folds, every slide is tested once ({case})")


def _fold(fold: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        train, test = (np.asarray(rows) for rows in fold)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong("a fold is a pair: training rows and test rows") from error
    for rows in (train, test):
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.min(initial=0) < 0:
            raise Wrong("a fold contains row numbers of slides, as whole numbers")
        if rows.max(initial=0) >= n:
            raise Wrong(f"a row is {rows.max()}, but there are {n} slides")
    return train, test
