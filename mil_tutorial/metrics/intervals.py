"""How far a result could move with other patients, seeds and starts.

Bootstrap intervals: slides of one patient resemble each other, so patients are drawn, not slides;
of several seeds, runs are drawn too, independently. Fixed, and so not covered, are a training set
common to all seeds and the threshold chosen on validation bags. Beside them: the standard error of
a published AUC, and the mean result of keeping the best of several starts.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mil_tutorial.bags.splits import group_numbers
from mil_tutorial.metrics.decisions import (
    Metric,
    auc,
    sensitivity_at_specificity,
    weighted_auc,
    weighted_sensitivity_at_specificity,
)


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Bootstrap:
    """Weights of bags and seeds in R resamples, shared by all models: differences are paired.

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
        group_of = group_numbers(groups)
        n_groups = group_of.max() + 1
        drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), n_resamples)
        # Row 0 is the sample itself, the other rows are resamples of it.
        self.weights = np.vstack([np.ones(len(group_of)), drawn[:, group_of]])
        seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), n_resamples) / n_seeds
        self.seed_weights = np.vstack([np.full(n_seeds, 1 / n_seeds), seeds])

    def distribution(self, metric: Metric | Sequence[Metric], values: np.ndarray) -> np.ndarray:
        """Return the metric of values (S, B), averaged over seeds: (1 + R,), the sample first.

        One metric serves all seeds, or each seed has its own (its folds may differ).
        """
        each = [metric] * len(values) if callable(metric) else metric
        by_seed = np.stack([m(run, self.weights) for m, run in zip(each, values)], axis=1)
        return (self.seed_weights * by_seed).sum(axis=1)

    def estimate(self, metric: Metric | Sequence[Metric], values: np.ndarray) -> Estimate:
        """Return the metric with its 95 % percentile interval."""
        return interval(self.distribution(metric, values))


def interval(distribution: np.ndarray, level: float = 0.95) -> Estimate:
    """Turn a distribution (the sample first) into an estimate; undefined resamples are left out."""
    value, resamples = distribution[0], distribution[1:]
    defined = resamples[np.isfinite(resamples)]
    if not np.isfinite(value) or len(defined) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))


BagMetric = Callable[[Any, Any], float]
"""A metric of ``mil_tutorial.metrics`` or like it: labels (B,), probabilities (B,) → a number."""


def bootstrap_interval(
    metric: BagMetric,
    labels: Any,
    probabilities: Any,
    groups: Sequence[Any],
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return a metric with its interval, drawing patients anew.

    Parameters
    ----------
    metric : callable
        Such as ``auc``: takes labels and probabilities, returns a number.
    labels, groups : sequences of length B
    probabilities : array, shape (B,), or (S, B) for S seeds
    n_resamples, level, seed
        Of the bootstrap.

    Raises
    ------
    ValueError
        When ``metric`` refuses labels and probabilities, or lengths differ.
    """
    runs = _runs(metric, labels, probabilities, groups)
    plan = Bootstrap(groups, len(runs), n_resamples, seed)
    return interval(plan.distribution(_for_resamples(metric, labels), runs), level)


def paired_difference(
    metric: BagMetric,
    labels: Any,
    first: Any,
    second: Any,
    groups: Sequence[Any],
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return metric(first) - metric(second) with its interval, on the same resamples of patients.

    Errors on the same patients go up and down together, so the interval is narrower than those of
    the two metrics suggest. Parameters as in ``bootstrap_interval``.
    """
    a, b = (_runs(metric, labels, p, groups) for p in (first, second))
    if a.shape != b.shape:
        raise ValueError(f"probabilities have shapes {a.shape} and {b.shape}, expected the same")
    plan = Bootstrap(groups, len(a), n_resamples, seed)
    function = _for_resamples(metric, labels)
    return interval(plan.distribution(function, a) - plan.distribution(function, b), level)


def _runs(metric: BagMetric, labels: Any, probabilities: Any, groups: Sequence[Any]) -> np.ndarray:
    runs = np.atleast_2d(np.asarray(probabilities, dtype=float))
    if len(groups) != runs.shape[1]:
        raise ValueError(f"{len(groups)} groups for {runs.shape[1]} bags; give one for each")
    for run in runs:
        metric(labels, run)  # refuses bad labels and probabilities
    return runs


def _for_resamples(metric: BagMetric, labels: Any) -> Metric:
    """Return the metric in the form that takes weights: the fast one, where it exists."""
    truth = np.asarray(labels)
    if metric is auc:
        return weighted_auc(truth)
    if metric is sensitivity_at_specificity:
        return weighted_sensitivity_at_specificity(truth)

    def one(values: np.ndarray, weights: np.ndarray) -> float:
        rows = np.repeat(np.arange(len(values)), weights.astype(int))
        try:
            return metric(truth[rows], values[rows])
        except ValueError:  # a resample of one class
            return float("nan")

    return lambda values, weights: np.array([one(values, row) for row in weights])


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


def best_of(val_losses: Any, values: Any, r: int) -> float:
    """Return the mean value of the best of r starts, over all groups of r of the S starts.

    Restarting is a fair remedy for a model that does not always learn, if all models get the same
    number of starts and the choice is made on validation bags: the best *test* value of r starts
    would be too good.

    Parameters
    ----------
    val_losses, values : arrays, shape (S,)
        Of S starts: the loss that decides, and the value that is reported, such as the test AUC.
    r : int
        Starts in a group, 1 to S.

    Returns
    -------
    float
        Mean value of the start with the lowest validation loss of its group. The start with i lower
        losses wins C(S-1-i, r-1) of the C(S, r) groups: the estimator of Dodge et al. 2019, "Show
        Your Work", without replacement.
    """
    losses, values = np.asarray(val_losses, dtype=float), np.asarray(values, dtype=float)
    if losses.ndim != 1 or losses.shape != values.shape:
        raise ValueError(f"losses {losses.shape} and values {values.shape} must both be (S,)")
    if not 1 <= r <= len(losses):
        raise ValueError(f"r is {r}, expected 1 to {len(losses)}, the number of starts")
    order = np.argsort(losses, kind="stable")
    wins = [math.comb(len(order) - 1 - i, r - 1) for i in range(len(order))]
    return float(np.average(values[order], weights=wins))
