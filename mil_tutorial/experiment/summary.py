"""From the runs of an experiment to numbers with intervals: rows, paired differences, baselines."""

from itertools import pairwise
from typing import Any

import numpy as np

from mil_tutorial.experiment.run import Experiment
from mil_tutorial.experiment.trials import PoolingRuns
from mil_tutorial.metrics.decisions import (
    Metric,
    only,
    weighted_auc,
    weighted_calibration_error,
    weighted_mean,
    weighted_sensitivity_at_specificity,
)
from mil_tutorial.metrics.intervals import Bootstrap, Estimate, interval

REFERENCE = "max"
"""The pooling that the paired differences are taken against."""
FURTHER_PAIRS = (("gated", "attention"),)
"""Differences besides: does the gate add to plain attention?"""
PAIRED = ("auc", "sensitivity_at_90_specificity", "false_negative_rate")

METRICS = {
    "auc": "AUC",
    "sensitivity_at_90_specificity": "sensitivity at 90 % specificity",
    "false_negative_rate": "false-negative rate",
    "specificity": "specificity",
    "attention_entropy": "attention entropy",
    "instance_auc": "instance AUC, attention",
    "instance_score_auc": "instance AUC, scores",
    "calibration_error": "calibration error",
}
"""The metrics of a row in the order of the table, and what it calls them."""


class Summary:
    """All numbers of an experiment, from one bootstrap plan, so that differences are paired.

    Parameters
    ----------
    experiment : Experiment
    n_resamples : int
        Of patients and of seeds together.
    """

    def __init__(self, experiment: Experiment, n_resamples: int = 2000) -> None:
        self.experiment = experiment
        self.labels = experiment.benchmark.test.labels.numpy().astype(int)
        groups = experiment.benchmark.test.groups
        self.bootstrap = Bootstrap(groups, len(experiment.seeds), n_resamples)
        self._rows: dict[str, dict[str, Estimate]] = {}

    def row(self, pooling: str) -> dict[str, Estimate]:
        """Return every metric of one pooling, by name, that the data allow."""
        if pooling not in self._rows:
            runs = self.experiment.runs[pooling]
            self._rows[pooling] = {
                name: self.bootstrap.estimate(metric, values)
                for name, (metric, values) in self._sources(runs).items()
                if values is not None
            }
        return self._rows[pooling]

    def paired(self, pooling: str, against: str = REFERENCE) -> dict[str, Estimate]:
        """Return the differences of a pooling against another, max pooling by default."""
        first, second = (self._sources(self.experiment.runs[name]) for name in (pooling, against))
        distribution = self.bootstrap.distribution
        return {
            name: interval(distribution(*first[name]) - distribution(*second[name]))
            for name in PAIRED
        }

    def pairs(self) -> list[tuple[str, str]]:
        """Return the pairs to compare: each pooling with max, and what the experiment allows."""
        runs = self.experiment.runs
        against = [(name, REFERENCE) for name in runs if name != REFERENCE]
        return [pair for pair in (*against, *FURTHER_PAIRS) if all(name in runs for name in pair)]

    def auc_by_seed(self, pooling: str) -> list[float]:
        """Return the AUC of each seed by itself: their mean may describe none of them."""
        return self.by_run(self.aucs(), self.experiment.runs[pooling].probabilities)

    def by_run(self, metric: Metric | list[Metric], values: np.ndarray) -> list[float]:
        """Return a metric of each run of ``values`` (R, B); one metric, or one for each run."""
        each = metric if isinstance(metric, list) else [metric] * len(values)
        everyone = np.ones((1, len(self.labels)))
        return [float(m(run, everyone)[0]) for m, run in zip(each, values, strict=True)]

    def aucs(self, runs: int | None = None) -> list[Metric]:
        """Return the AUC for each run (by default each seed), among bags that one model judged."""
        folds = self.experiment.folds
        each = np.repeat(folds, (runs or len(folds)) // len(folds), axis=0)
        return [weighted_auc(self.labels, own) for own in each]

    def baseline(self, name: str) -> Estimate:
        """Return the AUC of a baseline."""
        return self.bootstrap.estimate(self.aucs(), self.experiment.baselines[name])

    def auc_by_witness_rate(self, pooling: str, edges: np.ndarray) -> list[tuple[float, Estimate]]:
        """Return the AUC of positives in each range of witness rate against all negatives.

        Parameters
        ----------
        pooling : str
        edges : array, shape (E + 1,)
            Borders of the ranges.

        Returns
        -------
        list of (median witness rate, Estimate), one for each range that holds a positive bag
        """
        rates = witness_rates(self.experiment)
        probabilities = self.experiment.runs[pooling].probabilities
        points = []
        for chosen in ranges_of(rates, self.labels == 1, edges):
            if chosen.any():
                kept = chosen | (self.labels == 0)
                each = [only(kept, metric) for metric in self.aucs()]
                estimate = self.bootstrap.estimate(each, probabilities)
                points.append((float(np.median(rates[chosen])), estimate))
        return points

    def _sources(self, runs: PoolingRuns) -> dict[str, tuple[Any, Any]]:
        """Return for each metric how it is computed and from what, (S, B); None without truth."""
        labels, called_negative = self.labels, 1.0 - runs.called_positive
        at_90 = weighted_sensitivity_at_specificity(labels)
        return {
            "auc": (self.aucs(), runs.probabilities),
            "sensitivity_at_90_specificity": (at_90, runs.probabilities),
            "false_negative_rate": (only(labels == 1, weighted_mean), called_negative),
            "specificity": (only(labels == 0, weighted_mean), called_negative),
            "attention_entropy": (weighted_mean, runs.entropy),
            "instance_auc": (weighted_mean, runs.attention_auc),
            "instance_score_auc": (weighted_mean, runs.score_auc),
            "calibration_error": (weighted_calibration_error(labels), runs.probabilities),
        }


def witness_rates(experiment: Experiment) -> np.ndarray:
    """Return the share of positive instances in each test bag: (B,)."""
    truth = experiment.benchmark.test.instance_labels
    if truth is None:
        raise ValueError(f"{experiment.benchmark.name} has no instance labels, so no witness rates")
    return np.array([t.mean() for t in truth])


def ranges_of(rates: np.ndarray, positive: np.ndarray, edges: np.ndarray) -> list[np.ndarray]:
    """Return, for each range between two edges, which positive bags it holds; none twice."""
    edges = np.asarray(edges, dtype=float)
    inside = [(rates >= low) & (rates < high) & positive for low, high in pairwise(edges)]
    inside[-1] |= (rates == edges[-1]) & positive  # only the last range holds its upper edge
    return inside
