"""Judgement: what several runs said of the same test bags, and how right they were."""

from dataclasses import asdict
from typing import Any

import numpy as np

from mil_tutorial.experiment.benchmarks import Benchmark
from mil_tutorial.metrics.attention import instance_auc, smooth_scores
from mil_tutorial.metrics.intervals import Bootstrap
from mil_tutorial.metrics.weighted import Metric, weighted_auc, weighted_mean
from mil_tutorial.training.prediction import Predictions

RESAMPLES = 2000


class Judgement:
    """Collects predictions run after run and fold after fold, then measures them.

    Parameters
    ----------
    benchmark : Benchmark
    runs : int
        R, how many times every test bag is judged.
    smoothing : float
        Radius in pixels for ``smooth_scores``; 0: instance scores are not smoothed.
    """

    def __init__(self, benchmark: Benchmark, runs: int, smoothing: float = 0.0) -> None:
        self.test, self.smoothing = benchmark.test, smoothing
        self.labels = self.test.labels.numpy().astype(int)
        shape = (runs, len(self.test))
        self.probabilities = np.full(shape, np.nan)
        self.folds = np.zeros(shape, dtype=int)
        self.instances: dict[str, np.ndarray] = {}  # score → (R, B) of arrays (n_b,)
        self.bootstrap = Bootstrap(self.test.groups, runs, RESAMPLES)

    def note(self, run: int, fold: int, rows: np.ndarray, probabilities: np.ndarray) -> None:
        """Note what one model said of the test bags at ``rows``."""
        self.probabilities[run, rows] = probabilities
        self.folds[run, rows] = fold

    def note_all(self, run: int, fold: int, rows: np.ndarray, found: Predictions) -> None:
        """Note the same, and what the model said of each instance where the truth is known."""
        self.note(run, fold, rows, found.probabilities)
        if self.test.instance_labels is None:
            return
        scores = found.per_bag(found.instance_logits)
        self._keep("scores", run, rows, scores)
        shares = [a * len(a) for a in found.per_bag(found.attention)]  # 1: an equal share
        self._keep("attention", run, rows, shares)
        if self.smoothing and self.test.coords is not None:
            coords = [self.test.coords[row] for row in rows]
            smooth = [smooth_scores(s, c, self.smoothing) for s, c in zip(scores, coords)]
            self._keep("smoothed scores", run, rows, smooth)

    def _keep(self, name: str, run: int, rows: np.ndarray, values: list[np.ndarray]) -> None:
        empty = np.empty(self.probabilities.shape, dtype=object)
        for row, value in zip(rows, values):
            self.instances.setdefault(name, empty)[run, row] = value

    def metrics(self) -> dict[str, Any]:
        """Return each metric's value, its 95 % interval and its value in each run.

        ``auc`` compares bags that one model judged, ``auc_pooled`` compares all. ``accuracy``
        takes a probability from 0.5 on as positive. Of instances: ``instance_auc`` ranks those of
        all bags together, ``instance_auc_within`` those of each bag by themselves.
        """
        by_fold = [weighted_auc(self.labels, folds) for folds in self.folds]
        right = ((self.probabilities >= 0.5) == self.labels).astype(float)
        return {
            "auc": self._measure(by_fold, self.probabilities),
            "auc_pooled": self._measure(weighted_auc(self.labels), self.probabilities),
            "accuracy": self._measure(weighted_mean, right),
            "instance_auc": {
                name: self._measure(_over_all_bags(self._truth()), values)
                for name, values in self.instances.items()
            },
            "instance_auc_within": {
                name: self._measure(weighted_mean, self._within(values))
                for name, values in self.instances.items()
            },
        }

    def _measure(self, metric: Metric | list[Metric], values: np.ndarray) -> dict[str, Any]:
        each = metric if isinstance(metric, list) else [metric] * len(values)
        everyone = np.ones((1, len(self.labels)))
        by_run = [float(m(run, everyone)[0]) for m, run in zip(each, values)]
        return asdict(self.bootstrap.estimate(each, values)) | {"by_run": by_run}

    def _truth(self) -> list[np.ndarray]:
        assert self.test.instance_labels is not None
        return self.test.instance_labels

    def _within(self, values: np.ndarray) -> np.ndarray:
        return np.stack([instance_auc(list(run), self._truth()) for run in values])


def _over_all_bags(truth: list[np.ndarray]) -> Metric:
    """Return a metric of scores (B,) of arrays (n_b,): the AUC over the instances of all bags."""
    bag_of = np.repeat(np.arange(len(truth)), [len(t) for t in truth])
    auc = weighted_auc(np.concatenate(truth))

    def metric(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        flat = np.concatenate(list(scores))
        parts = np.array_split(weights, -(-len(weights) // 50))  # a weight for each instance: large
        return np.concatenate([auc(flat, part[:, bag_of]) for part in parts])

    return metric
