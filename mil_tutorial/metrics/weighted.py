"""Weighted metrics: one number for each of R resamples, all resamples at once.

A bootstrap resample is a weight for each bag: how often it was drawn. Every metric here takes
values (B,) and weights (R, B) and returns (R,), NaN where a resample lacks what it needs. With
weights of 1 they equal those of ``mil_tutorial.metrics``.
"""

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]


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
    """Return a metric: the highest sensitivity at no less than the wanted specificity."""

    def metric(probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        negative, positive = _counts(labels, probabilities, weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            false_positive, sensitivity = negative / negative[:, -1:], positive / positive[:, -1:]
        allowed = false_positive <= 1 - specificity + 1e-9
        best = np.where(allowed, sensitivity, -1).max(axis=1)
        return np.where(np.isnan(false_positive[:, -1]), np.nan, best)

    return metric


def weighted_calibration_error(labels: np.ndarray, bins: int = 10) -> Metric:
    """Return a metric: the expected calibration error, see ``metrics.calibration_error``.

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
    """Count false and true positives at each of T distinct thresholds, from none on: (R, T + 1)."""
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
