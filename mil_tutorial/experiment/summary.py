"""From the runs of an experiment to numbers with intervals: rows, paired differences, baselines."""

from itertools import pairwise

import numpy as np

from mil_tutorial.bags.splits import group_numbers
from mil_tutorial.experiment.run import Experiment
from mil_tutorial.metrics.decisions import calibration_error
from mil_tutorial.metrics.folds import auc_by_fold
from mil_tutorial.metrics.intervals import (
    Estimate,
    Measurement,
    difference,
    measure_auc,
    measure_mean,
    measure_sensitivity,
)
from mil_tutorial.system.numbers import check_kind

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
    """All numbers of an experiment, with intervals over patients and seeds.

    Parameters
    ----------
    experiment : Experiment
    """

    def __init__(self, experiment: Experiment) -> None:
        check_kind(Experiment, experiment=experiment)
        self.experiment = experiment
        self.labels = experiment.benchmark.test.labels.numpy().astype(int)
        self.group_of = group_numbers(experiment.benchmark.test.groups)
        self._measured: dict[str, dict[str, Measurement]] = {}

    def row(self, pooling: str) -> dict[str, Estimate]:
        """Return every metric of one pooling, by name, that the data allow."""
        row = {name: one.estimate for name, one in self._measure(pooling).items()}
        each = self.experiment.runs[pooling].probabilities
        error = float(np.mean([calibration_error(self.labels, run) for run in each]))
        return row | {"calibration_error": Estimate(error, float("nan"), float("nan"))}

    def paired(self, pooling: str, against: str = REFERENCE) -> dict[str, Estimate]:
        """Return the differences of a pooling against another, max pooling by default."""
        first, second = self._measure(pooling), self._measure(against)
        return {name: difference(first[name], second[name]) for name in PAIRED}

    def pairs(self) -> list[tuple[str, str]]:
        """Return the pairs to compare: each pooling with max, and what the experiment allows."""
        runs = self.experiment.runs
        against = [(name, REFERENCE) for name in runs if name != REFERENCE]
        return [pair for pair in (*against, *FURTHER_PAIRS) if all(name in runs for name in pair)]

    def auc(self, probabilities: np.ndarray, chosen: np.ndarray | None = None) -> Measurement:
        """Measure the AUC of runs (R, B) among bags that one model judged.

        R is a multiple of the number of seeds: the members of the first seed, then of the second.
        With ``chosen`` (B,) bool, only of these bags.
        """
        folds = self.experiment.folds
        folds = np.repeat(folds, len(probabilities) // len(folds), axis=0)
        kept = np.ones(len(self.labels), dtype=bool) if chosen is None else chosen
        return measure_auc(
            self.labels[kept], probabilities[:, kept], self.group_of[kept], folds[:, kept]
        )

    def auc_by_fold(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the AUC of runs (R, B) within each fold, (R, F); R as in ``auc``."""
        folds = self.experiment.folds
        folds = np.repeat(folds, len(probabilities) // len(folds), axis=0)
        return auc_by_fold(self.labels, probabilities, folds)

    def auc_by_seed(self, pooling: str) -> list[float]:
        """Return the AUC of each seed by itself: their mean may describe none of them."""
        return self._measure(pooling)["auc"].by_seed.tolist()

    def baseline(self, name: str) -> Estimate:
        """Return the AUC of a baseline."""
        return self.auc(self.experiment.baselines[name]).estimate

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
                measured = self.auc(probabilities, chosen | (self.labels == 0))
                points.append((float(np.median(rates[chosen])), measured.estimate))
        return points

    def _measure(self, pooling: str) -> dict[str, Measurement]:
        """Measure all that have an interval; what has no truth is left out."""
        if pooling in self._measured:
            return self._measured[pooling]
        runs = self.experiment.runs[pooling]
        called_negative = ~runs.called_positive
        at_90 = measure_sensitivity(self.labels, runs.probabilities, self.group_of)
        measured = {
            "auc": self.auc(runs.probabilities),
            "sensitivity_at_90_specificity": at_90,
            "false_negative_rate": self._mean(called_negative, self.labels == 1),
            "specificity": self._mean(called_negative, self.labels == 0),
            "attention_entropy": self._mean(runs.entropy),
        }
        if runs.attention_auc is not None:
            measured["instance_auc"] = self._mean_auc(runs.attention_auc)
        if runs.score_auc is not None:
            measured["instance_score_auc"] = self._mean_auc(runs.score_auc)
        self._measured[pooling] = measured
        return measured

    def _mean(self, values: np.ndarray, chosen: np.ndarray | None = None) -> Measurement:
        return measure_mean(values, self.group_of, chosen)

    def _mean_auc(self, values: np.ndarray) -> Measurement:
        """Measure AUCs within bags; where all are 1, as the share of bags that are ranked right."""
        known = np.isfinite(values).all(axis=0)
        perfect = known.any() and (values[:, known] == 1).all()
        return self._mean(values == 1, known) if perfect else self._mean(values)


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
