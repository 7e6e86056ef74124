"""AUCs as publications report them: the mean over folds, and a value without its predictions."""

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


def auc_standard_error(auc: float, n_positive: int, n_negative: int) -> float:
    """Estimate the standard error of an AUC from its value and the numbers of bags alone.

    For published tables; where predictions exist, draw patients anew instead. Hanley & McNeil 1982,
    "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
    equations 1 and 2. It takes bags as independent, and is exact for scores of exponential
    distribution, somewhat large for normal ones.
    """
    if not 0 <= auc <= 1:
        raise ValueError(f"the AUC is {auc}, expected a number in [0, 1]")
    if n_positive < 1 or n_negative < 1:
        raise ValueError(f"{n_positive} positive and {n_negative} negative bags; both are needed")
    two_positives = auc / (2 - auc)  # the chance that both score above one negative
    two_negatives = 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc)
        + (n_positive - 1) * (two_positives - auc**2)
        + (n_negative - 1) * (two_negatives - auc**2)
    ) / (n_positive * n_negative)
    return float(np.sqrt(variance))
