"""Bootstrap intervals: how far a result could move with other patients and other seeds.

Slides of one patient resemble each other, so patients are drawn, not slides. Runs with different
seeds share the test set, so seeds are drawn too, independently. The variation between training sets
is not covered, because there is only one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Takes values (B,) and weights (R, B), returns one number per row of weights: (R,)."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Bootstrap:
    """One plan of resamples, shared by all models, so that differences are paired.

    Parameters
    ----------
    groups : sequence of length B
        The patient of each test bag.
    n_seeds : int
        Runs that were made with different seeds.
    n_resamples : int
    seed : int
    """

    def __init__(
        self, groups: Sequence[Any], n_seeds: int = 1, n_resamples: int = 2000, seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        _, group_of = np.unique(np.asarray(groups), return_inverse=True)
        n_groups = group_of.max() + 1
        drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), n_resamples)
        # Row 0 is the sample itself, the other rows are resamples of it.
        self.weights = np.vstack([np.ones(len(group_of)), drawn[:, group_of]])
        seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), n_resamples) / n_seeds
        self.seed_weights = np.vstack([np.full(n_seeds, 1 / n_seeds), seeds])

    def distribution(self, metric: Metric, values: np.ndarray) -> np.ndarray:
        """Return the metric of values (S, B), averaged over seeds: (1 + R,), the sample first."""
        by_seed = np.stack([metric(run, self.weights) for run in values], axis=1)
        return (self.seed_weights * by_seed).sum(axis=1)

    def estimate(self, metric: Metric, values: np.ndarray, level: float = 0.95) -> Estimate:
        """Return the metric with its percentile interval."""
        return interval(self.distribution(metric, values), level)


def interval(distribution: np.ndarray, level: float = 0.95) -> Estimate:
    """Turn a distribution (the sample first) into an estimate; undefined resamples are left out."""
    value, resamples = distribution[0], distribution[1:]
    defined = resamples[np.isfinite(resamples)]
    if not np.isfinite(value) or len(defined) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of values (B,) under each row of weights (R, B); NaN values do not count."""
    known = np.isfinite(values)
    weights = weights[:, known]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights @ values[known]) / weights.sum(axis=1)


def weighted_auc(labels: np.ndarray) -> Metric:
    """Return a metric: the area under the ROC curve of probabilities against these labels.

    Equal to scikit-learn's with ``sample_weight``, for all resamples at once.
    """

    def metric(probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        false_positive, sensitivity = _roc(labels, probabilities, weights)
        heights = (sensitivity[:, 1:] + sensitivity[:, :-1]) / 2
        return (np.diff(false_positive, axis=1) * heights).sum(axis=1)

    return metric


def weighted_sensitivity_at_specificity(labels: np.ndarray, specificity: float = 0.90) -> Metric:
    """Return a metric: the highest sensitivity at no less than the wanted specificity."""

    def metric(probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        false_positive, sensitivity = _roc(labels, probabilities, weights)
        allowed = ~(false_positive > 1 - specificity + 1e-9)  # keeps the NaN of an undefined row
        return np.where(allowed, sensitivity, 0).max(axis=1)

    return metric


def _roc(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """False positive rate and sensitivity (R, T + 1) at each of T distinct thresholds, and at 0."""
    order = np.argsort(-probabilities, kind="stable")
    last_of_tie = np.append(np.diff(probabilities[order]) != 0, True)
    sorted_labels, sorted_weights = labels[order], weights[:, order]
    rates = []
    for value in (0, 1):
        counts = np.cumsum(sorted_weights * (sorted_labels == value), axis=1)[:, last_of_tie]
        with np.errstate(invalid="ignore", divide="ignore"):
            rates.append(np.pad(counts, ((0, 0), (1, 0))) / counts[:, -1:])
    return rates[0], rates[1]


def bootstrap_interval(
    metric: Callable[[np.ndarray], Metric],
    labels: Any,
    probabilities: Any,
    groups: Sequence[Any],
    n_resamples: int = 2000,
) -> Estimate:
    """Return a metric with its interval, drawing patients anew.

    Parameters
    ----------
    metric : callable
        ``weighted_auc`` or ``weighted_sensitivity_at_specificity``: takes labels, returns a metric.
    labels, groups : sequences of length B
    probabilities : array, shape (B,), or (S, B) for S seeds
    n_resamples : int
    """
    runs = np.atleast_2d(np.asarray(probabilities, dtype=float))
    plan = Bootstrap(groups, len(runs), n_resamples)
    return plan.estimate(metric(np.asarray(labels)), runs)


def paired_difference(
    metric: Callable[[np.ndarray], Metric],
    labels: Any,
    first: Any,
    second: Any,
    groups: Sequence[Any],
    n_resamples: int = 2000,
) -> Estimate:
    """Return metric(first) - metric(second) with its interval, on the same resamples of patients.

    Two models see the same patients, so their errors go up and down together; the interval of the
    difference is narrower than the two intervals suggest. Parameters as in ``bootstrap_interval``.
    """
    a, b = (np.atleast_2d(np.asarray(p, dtype=float)) for p in (first, second))
    if a.shape != b.shape:
        raise ValueError(f"probabilities have shapes {a.shape} and {b.shape}, expected the same")
    plan = Bootstrap(groups, len(a), n_resamples)
    function = metric(np.asarray(labels))
    return interval(plan.distribution(function, a) - plan.distribution(function, b))
