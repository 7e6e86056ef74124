"""AUC within each of several folds, and its mean, as publications report it."""

import numpy as np

from mil_tutorial.metrics.decisions import auc
from mil_tutorial.metrics.intervals import Estimate


def auc_by_fold(labels: np.ndarray, scores: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return the AUC within each fold, (S, F); NaN where a fold holds one class.

    Parameters
    ----------
    labels : array, shape (B,)
        0 or 1.
    scores : array, shape (S, B)
        Of S runs.
    folds : int array, shape (S, B)
        Which of F models judged each bag, 0 to F - 1.
    """
    values = np.full((len(scores), int(folds.max()) + 1), np.nan)
    for s, (run, own) in enumerate(zip(scores, folds)):
        for fold in range(values.shape[1]):
            rows = own == fold
            if len(np.unique(labels[rows])) == 2:
                values[s, fold] = auc(labels[rows], run[rows])
    return values


def mean_over_folds(
    values: np.ndarray, n_train: float, n_test: float, level: float = 0.95
) -> Estimate:
    """Return the mean of a metric, or of a difference, over random divisions of the same bags.

    Divisions share most of their training bags, so the spread of their values alone is too small.
    The variance is that of Nadeau & Bengio 2003, "Inference for the generalization error",
    equation 9: it adds the ratio of test to training bags to 1/F.

    Parameters
    ----------
    values : array, shape (F,)
        One for each division. Of several seeds give the mean where they share their divisions,
        and the values of all where each has its own.
    n_train, n_test : float
        Bags that train and test in a division, on average.
    level : float
    """
    from scipy.special import stdtrit

    n_folds = len(values)
    if n_folds < 2:
        raise ValueError(f"{n_folds} fold has no spread; give the values of at least 2")
    value = float(np.mean(values))
    error = float(np.sqrt((1 / n_folds + n_test / n_train) * np.var(values, ddof=1)))
    half = stdtrit(n_folds - 1, (1 + level) / 2) * error
    return Estimate(value, value - half, value + half)
