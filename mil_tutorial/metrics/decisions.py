"""Metrics of decisions on bags: what a model catches, what it misses, how sure it may be.

They take ``labels (B,)`` of 0/1 and ``probabilities (B,)`` in [0, 1], not logits, and raise
``ValueError`` for anything else, or when the bags are of one class only. A bag is called positive
when its probability is at least the threshold, which lies in [0, 1]; infinity calls none.

Those named ``weighted`` serve the bootstrap: all R resamples at once, each a row of weights (R, B)
that says how often each bag was drawn. They take values (B,) and weights, and return (R,), NaN
where a resample lacks a class. With weights of 1 they equal the others.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mil_tutorial.system.numbers import as_integer, as_number

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]


def auc(labels: Any, probabilities: Any) -> float:
    """Area under the ROC curve: the chance that a positive bag scores above a negative one."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*checked(labels, probabilities)))


def sensitivity_at_specificity(labels: Any, probabilities: Any, specificity: float = 0.90) -> float:
    """Highest sensitivity among thresholds whose specificity is at least ``specificity``.

    It describes the ROC curve. It does not pick a threshold: for that see
    ``threshold_for_sensitivity``, on validation bags.
    """
    specificity = as_number(specificity, "specificity")
    if not 0 <= specificity <= 1:
        raise ValueError(f"the wanted specificity is {specificity:g}, expected a number in [0, 1]")
    labels, probabilities = checked(labels, probabilities)
    metric = weighted_sensitivity_at_specificity(labels, specificity)
    return float(metric(probabilities, np.ones((1, len(labels))))[0])


def threshold_for_sensitivity(labels: Any, probabilities: Any, sensitivity: float = 0.95) -> float:
    """Return the highest threshold that reaches the wanted sensitivity on these bags.

    Choose it on validation bags, then apply it unchanged to test bags.
    """
    sensitivity = as_number(sensitivity, "sensitivity")
    if not 0 < sensitivity <= 1:
        raise ValueError(f"the wanted sensitivity is {sensitivity:g}, expected a number in (0, 1]")
    labels, probabilities = checked(labels, probabilities)
    positives = np.sort(probabilities[labels == 1])[::-1]
    needed = int(np.ceil(sensitivity * len(positives) - 1e-9))
    return float(positives[needed - 1])


def false_negative_rate(labels: Any, probabilities: Any, threshold: float) -> float:
    """Share of positive bags that are missed: 1 - sensitivity."""
    labels, probabilities = checked(labels, probabilities)
    return float((probabilities[labels == 1] < _checked_threshold(threshold)).mean())


def specificity(labels: Any, probabilities: Any, threshold: float) -> float:
    """Share of negative bags that are called negative."""
    labels, probabilities = checked(labels, probabilities)
    return float((probabilities[labels == 0] < _checked_threshold(threshold)).mean())


def _checked_threshold(threshold: Any) -> float:
    value = as_number(threshold, "threshold")
    if not (0 <= value <= 1 or value == np.inf):
        raise ValueError(f"the threshold is {value:g}, expected a probability in [0, 1]")
    return value


def calibration_error(labels: Any, probabilities: Any, bins: int = 10) -> float:
    """Expected calibration error: mean gap between stated probability and observed frequency.

    Bags are put into ``bins`` of equal width by probability; each bin's gap counts by its share of
    bags (Guo et al. 2017, "On calibration of modern neural networks", equation 3, with the
    probability of the positive class as confidence). Class weights or balanced sampling in training
    shift the probabilities on purpose; then the error shows that shift too.
    """
    bins = as_integer(bins, "bins")
    labels, probabilities = checked(labels, probabilities)
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=labels - probabilities, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def checked(labels: Any, probabilities: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities as arrays (B,); raise ValueError for anything else."""
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    if labels.shape != probabilities.shape or labels.ndim != 1:
        raise ValueError(
            f"labels {labels.shape} and probabilities {probabilities.shape} must both be (B,)"
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():  # NaN fails this too
        raise ValueError("probabilities must lie in [0, 1]; apply the sigmoid to logits first")
    if len(np.unique(labels)) < 2:
        raise ValueError(f"{len(labels)} bags of one class only; the metric needs both classes")
    return labels.astype(int), probabilities


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of values (B,) under each row of weights (R, B); NaN values do not count."""
    known = np.isfinite(values)
    weights = weights[:, known]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights @ values[known]) / weights.sum(axis=1)


def weighted_auc(labels: np.ndarray, folds: np.ndarray | None = None) -> Metric:
    """Return a metric: the area under the ROC curve of probabilities against these labels.

    Parameters
    ----------
    labels : array, shape (B,)
    folds : int array, shape (B,), optional
        Which of several models judged each bag. Their scales differ, so only pairs of a positive
        and a negative bag of the same fold are compared.
    """
    parts = [slice(None)] if folds is None else [folds == fold for fold in np.unique(folds)]

    def metric(probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for part in parts:
            negative, positive = _counts(labels[part], probabilities[part], weights[:, part])
            heights = (positive[:, 1:] + positive[:, :-1]) / 2
            won += (np.diff(negative, axis=1) * heights).sum(axis=1)
            pairs += negative[:, -1] * positive[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return won / pairs

    return metric


def weighted_sensitivity_at_specificity(labels: np.ndarray, specificity: float = 0.90) -> Metric:
    """Return a metric: ``sensitivity_at_specificity`` against these labels."""

    def metric(probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        negative, positive = _counts(labels, probabilities, weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            false_positive, sensitivity = negative / negative[:, -1:], positive / positive[:, -1:]
        # 1 - 0.9 is a little below 0.1 in floating point; one bag too many weighs more than that.
        allowed = false_positive <= 1 - specificity + 1e-9
        best = np.where(allowed, sensitivity, -1).max(axis=1)
        return np.where(np.isnan(false_positive[:, -1]), np.nan, best)

    return metric


def weighted_calibration_error(labels: np.ndarray, bins: int = 10) -> Metric:
    """Return a metric: ``calibration_error`` against these labels.

    It is biased upward in small samples, and again in their resamples, so the interval of a well
    calibrated model lies above its estimate.
    """

    def metric(probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        bin_of = np.minimum((probabilities * bins).astype(int), bins - 1)
        gaps = (labels - probabilities)[:, None] * (bin_of[:, None] == np.arange(bins))  # (B, bins)
        return np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)

    return metric


def only(chosen: np.ndarray, metric: Metric) -> Metric:
    """Restrict a metric to the chosen bags (B,) bool."""
    return lambda values, weights: metric(values, weights * chosen)


def _counts(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Count false and true positives at none and each of T distinct thresholds: (R, T + 1)."""
    order = np.argsort(-probabilities, kind="stable")
    last_of_tie = np.append(np.diff(probabilities[order]) != 0, True)
    sorted_labels, sorted_weights = labels[order], weights[:, order]
    negative, positive = (
        np.pad(
            np.cumsum(sorted_weights * (sorted_labels == value), axis=1)[:, last_of_tie],
            ((0, 0), (1, 0)),
        )
        for value in (0, 1)
    )
    return negative, positive
