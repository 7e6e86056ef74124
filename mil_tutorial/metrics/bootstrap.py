"""Intervals of any metric of bags, and what the best of several starts would give.

For the AUC and the sensitivity at a specificity, formulas whose coverage was measured
(``metrics.intervals``). For other metrics the percentile bootstrap: patients are drawn anew, and
seeds, independently. With few patients it covers less often than it says, and it has no width where
all resamples agree.
"""

import math
from collections.abc import Callable, Sequence, Sized
from typing import Any

import numpy as np

from mil_tutorial.bags.splits import group_numbers
from mil_tutorial.metrics.decisions import auc, sensitivity_at_specificity
from mil_tutorial.metrics.intervals import (
    Estimate,
    Measurement,
    difference,
    measure_auc,
    measure_sensitivity,
)
from mil_tutorial.system.numbers import as_array, as_integer, as_number, check_kind

BagMetric = Callable[[Any, Any], float]
"""A metric of ``mil_tutorial.metrics`` or like it: labels (B,), probabilities (B,) → a number."""


def confidence_interval(
    metric: BagMetric,
    labels: Any,
    probabilities: Any,
    groups: Sequence[Any],
    *,
    within: Sequence[Any] | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Return a metric with its interval.

    Parameters
    ----------
    metric : callable
        Such as ``auc``: takes labels and probabilities, returns a number. ``auc`` (also
        scikit-learn's ``roc_auc_score``) and ``sensitivity_at_specificity`` get the
        intervals of ``metrics.intervals``, others those of the percentile bootstrap.
    labels, groups : sequences of length B
        Bag labels and the patient of each bag.
    probabilities : array, shape (B,), or (S, B) for S seeds, whose mean is reported
    within : sequence of length B, optional
        Of ``auc`` only: compare bags that share a value, such as those of one hospital. NaN where
        no value has bags of both classes.
    level : float
        The share of intervals that should hold the true value, between 0 and 1.
    n_resamples, seed : int
        Of the bootstrap.

    Raises
    ------
    ValueError
        When ``metric`` refuses labels and probabilities, or lengths differ.
    """
    n_resamples, seed = as_integer(n_resamples, "n_resamples"), as_integer(seed, "seed", least=0)
    runs = _runs(metric, labels, probabilities, groups, level)
    measure = _measure_of(metric)
    if within is not None:
        if measure is not measure_auc:
            raise ValueError("within was given with another metric than auc; leave it out")
        check_kind(Sized, within=within)
        if len(within) != runs.shape[1]:
            raise ValueError(f"{len(within)} values of within for {runs.shape[1]} bags")
        parts = np.broadcast_to(group_numbers(within), runs.shape)
        return measure_auc(np.asarray(labels), runs, group_numbers(groups), parts, level).estimate
    if measure is not None:
        return measure(np.asarray(labels), runs, group_numbers(groups), level=level).estimate
    plan = Bootstrap(groups, len(runs), n_resamples, seed)
    return percentiles(plan.distribution(_resampled(metric, labels), runs), level)


def paired_difference(
    metric: BagMetric,
    labels: Any,
    first: Any,
    second: Any,
    groups: Sequence[Any],
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Return metric(first) - metric(second) with its interval, on the same patients and seeds.

    Errors on the same patients go up and down together, so the interval is narrower than those of
    the two metrics suggest; of a model and itself it is exactly 0. Parameters as in
    ``confidence_interval``.
    """
    first, second = as_array(first, "first"), as_array(second, "second")
    if first.shape != second.shape:
        raise ValueError(
            f"probabilities have shapes {first.shape} and {second.shape}, expected the same"
        )
    n_resamples, seed = as_integer(n_resamples, "n_resamples"), as_integer(seed, "seed", least=0)
    a, b = (_runs(metric, labels, p, groups, level) for p in (first, second))
    if np.array_equal(a, b):  # the same model, whoever the patients are
        return Estimate(0.0, 0.0, 0.0)
    if (measure := _measure_of(metric)) is not None:
        truth, group_of = np.asarray(labels), group_numbers(groups)
        return difference(*(measure(truth, runs, group_of, level=level) for runs in (a, b)))
    plan = Bootstrap(groups, len(a), n_resamples, seed)
    function = _resampled(metric, labels)
    return percentiles(plan.distribution(function, a) - plan.distribution(function, b), level)


def _measure_of(metric: BagMetric) -> Callable[..., Measurement] | None:
    """Return the measure with a formula for its interval, where the metric has one."""
    sklearns = getattr(metric, "__module__", "").startswith("sklearn.")
    if metric is auc or (sklearns and metric.__name__ == "roc_auc_score"):
        return measure_auc
    return measure_sensitivity if metric is sensitivity_at_specificity else None


def _runs(
    metric: BagMetric, labels: Any, probabilities: Any, groups: Sequence[Any], level: float
) -> np.ndarray:
    runs = np.atleast_2d(as_array(probabilities, "probabilities"))
    if not 0 < as_number(level, "level") < 1:
        raise ValueError(f"the level is {level}, expected a number between 0 and 1, such as 0.95")
    check_kind(Sized, groups=groups)
    if len(groups) != runs.shape[1]:
        raise ValueError(f"{len(groups)} groups for {runs.shape[1]} bags; give one for each")
    for run in runs:
        metric(labels, run)  # refuses bad labels and probabilities
    return runs


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
        n_seeds, n_resamples = (
            as_integer(n, name) for n, name in ((n_seeds, "n_seeds"), (n_resamples, "n_resamples"))
        )
        rng = np.random.default_rng(as_integer(seed, "seed", least=0))
        group_of = group_numbers(groups)
        if not len(group_of):
            raise ValueError("groups is empty; give the patient of each bag")
        n_groups = group_of.max() + 1
        drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), n_resamples)
        # Row 0 is the sample itself, the other rows are resamples of it.
        self.weights = np.vstack([np.ones(len(group_of)), drawn[:, group_of]])
        seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), n_resamples) / n_seeds
        self.seed_weights = np.vstack([np.full(n_seeds, 1 / n_seeds), seeds])

    def distribution(
        self, metric: Callable[[np.ndarray, np.ndarray], np.ndarray], values: np.ndarray
    ) -> np.ndarray:
        """Return the metric of values (S, B), averaged over seeds: (1 + R,), the sample first.

        The metric takes values (B,) and weights (1 + R, B): how often each bag was drawn.
        """
        by_seed = np.stack([metric(run, self.weights) for run in values], axis=1)
        return (self.seed_weights * by_seed).sum(axis=1)


def percentiles(distribution: np.ndarray, level: float = 0.95) -> Estimate:
    """Turn a distribution (the sample first) into an estimate; undefined resamples are left out."""
    value, resamples = distribution[0], distribution[1:]
    defined = resamples[np.isfinite(resamples)]
    if not np.isfinite(value) or len(defined) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))


def _resampled(metric: BagMetric, labels: Any) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return the metric in the form that takes weights."""
    truth = np.asarray(labels)

    def one(values: np.ndarray, weights: np.ndarray) -> float:
        rows = np.repeat(np.arange(len(values)), weights.astype(int))
        try:
            return metric(truth[rows], values[rows])
        except ValueError:  # a resample of one class
            return float("nan")

    return lambda values, weights: np.array([one(values, row) for row in weights])


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
    losses, values = as_array(val_losses, "val_losses"), as_array(values, "values")
    r = as_integer(r, "r", least=0)
    if losses.ndim != 1 or losses.shape != values.shape:
        raise ValueError(f"losses {losses.shape} and values {values.shape} must both be (S,)")
    if not np.isfinite([losses, values]).all():
        raise ValueError("a loss or a value is NaN or infinite; leave such a start out")
    if not 1 <= r <= len(losses):
        raise ValueError(f"r is {r}, expected 1 to {len(losses)}, the number of starts")
    order = np.argsort(losses, kind="stable")
    wins = [math.comb(len(order) - 1 - i, r - 1) for i in range(len(order))]
    return float(np.average(values[order], weights=wins))
