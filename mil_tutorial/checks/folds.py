"""Whether the folds of a cross-validation keep each patient on one side."""

from typing import Any

import numpy as np

from mil_tutorial.checks.exercise import Wrong
from mil_tutorial.checks.judging import attempt


def examine_make_folds(answer: Any) -> None:
    """Judge ``make_folds(patients, n_folds)`` by its properties."""
    rng = np.random.default_rng(3)
    many = np.repeat([f"P{i:02}" for i in range(30)], rng.integers(1, 5, 30))
    for patients, n_folds in ((rng.permutation(many), 5), (np.repeat(np.arange(8), 3), 4)):
        case = f"{len(np.unique(patients))} patients, {n_folds} folds"
        got = attempt(answer, patients, n_folds, case=case)
        folds = [_rows(fold, len(patients)) for fold in _listed(got)]
        if len(folds) != n_folds:
            raise Wrong(f"{len(folds)} folds came, expected {n_folds} ({case})")
        for train, test in folds:
            if both := set(patients[train]) & set(patients[test]):
                raise Wrong(
                    f"training and test of a fold are not independent, because of {len(both)} "
                    f"of the patients ({case}). Where are their slides?"
                )
            if sorted([*train, *test]) != list(range(len(patients))):
                raise Wrong(f"a fold does not hold every slide once, in training or test ({case})")
        tested = np.concatenate([test for _, test in folds])
        if sorted(tested) != list(range(len(patients))):
            raise Wrong(f"over all folds, every slide is tested once ({case})")


def _listed(got: Any) -> list[Any]:
    try:
        return list(got)
    except TypeError as error:
        raise Wrong(f"got {type(got).__name__}, expected pairs of training and test") from error


def _rows(fold: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        train, test = (np.asarray(rows) for rows in fold)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong("a fold is a pair: rows of training, rows of test") from error
    for rows in (train, test):
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.min(initial=0) < 0:
            raise Wrong("a fold holds row numbers of slides, as whole numbers")
        if rows.max(initial=0) >= n:
            raise Wrong(f"a row is {rows.max()}, but there are {n} slides")
    return train, test
