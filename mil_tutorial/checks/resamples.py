"""Slides of patients, draws of patients, and the ways to get their differences wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mil_tutorial.metrics.weighted import weighted_auc


def slides_of_patients(sizes: list[int], seed: int, mixed: bool = False) -> tuple:
    """Make slides of patients with so many each, two models, and draws that hold both classes."""
    rng = np.random.default_rng(seed)
    patient = np.repeat([f"P{i}" for i in range(len(sizes))], sizes)
    labels = np.concatenate([(np.arange(n) + i) % 2 for i, n in enumerate(sizes)])
    if mixed:
        order = rng.permutation(len(patient))
        patient, labels = patient[order], labels[order]
    names, number = np.unique(patient, return_inverse=True)
    first, second = (  # a tumour is easy to see in all slides of a patient, or in none
        _sigmoid(labels * rng.normal(a, 2, len(names))[number] + rng.normal(size=len(labels)))
        for a in (2.0, 1.0)
    )
    draws: list[np.ndarray] = []
    while len(draws) < 8:
        drawn = rng.choice(names, len(names))
        if len(np.unique(labels[np.isin(patient, drawn)])) == 2 and len(set(drawn)) < len(names):
            draws.append(drawn)
    return labels, first, second, patient, np.array(draws)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def differences_by_weights(
    labels: Any, first: Any, second: Any, patient: Any, draws: Any
) -> np.ndarray:
    """The truth, by weights: how often each slide was drawn."""
    weights = (np.asarray(draws)[:, :, None] == patient).sum(axis=1).astype(float)
    return _weighted(labels, first, second, weights)


def _weighted(labels: Any, first: Any, second: Any, weights: np.ndarray) -> np.ndarray:
    metric = weighted_auc(labels)
    return metric(first, weights) - metric(second, weights)


def _once(labels: Any, first: Any, second: Any, patient: Any, draws: Any) -> np.ndarray:
    drawn = (draws[:, :, None] == patient).any(axis=1).astype(float)
    return _weighted(labels, first, second, drawn)


def _of(which: int) -> Callable[..., np.ndarray]:
    def areas(labels: Any, first: Any, second: Any, patient: Any, draws: Any) -> np.ndarray:
        weights = (draws[:, :, None] == patient).sum(axis=1).astype(float)
        return weighted_auc(labels)((first, second)[which], weights)

    return areas


def _not_drawn(labels: Any, first: Any, second: Any, patient: Any, draws: Any) -> np.ndarray:
    return _weighted(labels, first, second, np.ones((len(draws), len(labels))))


PAIRED_MISTAKES: list[tuple[str, Callable[..., Any]]] = [
    ("Each patient came in once: who is drawn twice counts twice. np.isin cannot count.", _once),
    ("That is the AUC of the first model alone: subtract that of the second.", _of(0)),
    ("That is the AUC of the second model alone.", _of(1)),
    ("All slides came in, whatever was drawn.", _not_drawn),
]
