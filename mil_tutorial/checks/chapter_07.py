"""Checks of chapter 07: training for recall."""

import math
from functools import partial
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve

from mil_tutorial.checks.built_loop import examine_evaluate, examine_one_epoch, examine_train_model
from mil_tutorial.checks.exercise import exercise
from mil_tutorial.checks.judging import examine_each, expect_number
from mil_tutorial.checks.loops import examine_fit, examine_mean_loss


def _scored(
    positives: list[float], negatives: list[float], wanted: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Labels and probabilities in mixed order, and the wanted share."""
    labels = np.repeat([1, 0], [len(positives), len(negatives)])
    order = np.random.default_rng(7).permutation(len(labels))
    return labels[order], np.array([*positives, *negatives])[order], wanted


TEN = [0.95, 0.85, 0.70, 0.60, 0.30], [0.80, 0.45, 0.40, 0.20, 0.10]
EVEN = [i / 21 for i in range(1, 21)]

WANTED = {
    "the ten slides, 0.8 wanted": _scored(*TEN, 0.8),
    "the ten slides, 0.9 wanted": _scored(*TEN, 0.9),
    "one positive slide": _scored([0.4], [0.7, 0.1], 0.5),
    "three positives of equal probability": _scored([0.6, 0.6, 0.6, 0.2], [0.9, 0.5], 0.5),
    "20 positives, 0.93 wanted": _scored(EVEN, [0.99, 0.33, 0.02], 0.93),
    "7 positives, all wanted": _scored(EVEN[::3], EVEN[1::2], 1.0),
}
TOO_FEW = (
    "That finds too few: 4.5 tumours cannot be found, so round the number needed up, with np.ceil."
)
ONE_TOO_MANY = "That is one slide too far: slide number n of a sorted array has the index n - 1."
FROM_BELOW = "That counts from the lowest positive slide: count from the highest."
ALL_SLIDES = "That counts all slides: only positive ones count for sensitivity."
NEGATIVES = "That counts negative slides, as specificity does."
BETWEEN = (
    "That lies between two slides: np.quantile interpolates. The threshold is the probability of a "
    "slide."
)
THE_NUMBER = "That is the number of slides needed, not the probability of the last of them."
THE_SHARE = "That is the sensitivity reached, not the threshold."
DROPPED = "roc_curve left this threshold out: pass drop_intermediate=False."
LOW_BY_A_BIT = (
    "In floating point (1 - 0.8) * 5 is a little below 1, and int makes 0 of it: add 1e-9 before "
    "you round down."
)
GRID = (
    "Thresholds from a grid lie between slides: try the probabilities of the slides themselves, "
    "as in np.unique(probabilities)."
)
GRIDS = (11, 20, 21, 50, 51, 100, 101, 200, 201, 500, 501, 1000, 1001)  # points from 0 to 1
LOWEST = "A higher threshold reaches the wanted sensitivity too: give the highest."


def _positives(labels: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.sort(p[labels == 1])[::-1]


def _nth(values: np.ndarray, number: float) -> float:
    return float(values[int(np.clip(number, 1, len(values))) - 1])


def _needed(labels: np.ndarray, wanted: float) -> int:
    return math.ceil(wanted * (labels == 1).sum() - 1e-9)


def _threshold(labels: np.ndarray, p: np.ndarray, wanted: float) -> float:
    """Try every probability as threshold, from the highest."""
    for threshold in np.sort(p)[::-1]:
        if (p[labels == 1] >= threshold).mean() >= wanted - 1e-9:
            return float(threshold)
    return float(p.min())


def _from_scikit_learn(labels: np.ndarray, p: np.ndarray, wanted: float) -> float:
    _, sensitivity, thresholds = roc_curve(labels, p)
    return float(thresholds[np.argmax(sensitivity >= wanted)])


def _from_grid(labels: np.ndarray, p: np.ndarray, wanted: float, points: int) -> float:
    """Return the highest point of a grid that reaches the wanted sensitivity."""
    grid = np.linspace(0, 1, points)
    return float(grid[[(p[labels == 1] >= t).mean() >= wanted for t in grid]].max())


WRONG_THRESHOLDS = [
    (TOO_FEW, lambda y, p, s: _nth(_positives(y, p), int(s * (y == 1).sum()))),
    (TOO_FEW, lambda y, p, s: _nth(_positives(y, p), round(s * (y == 1).sum()))),
    (ONE_TOO_MANY, lambda y, p, s: _nth(_positives(y, p), _needed(y, s) + 1)),
    (FROM_BELOW, lambda y, p, s: _nth(_positives(y, p)[::-1], _needed(y, s))),
    (ALL_SLIDES, lambda y, p, s: _nth(np.sort(p)[::-1], math.ceil(s * len(p)))),
    (NEGATIVES, lambda y, p, s: _nth(np.sort(p[y == 0]), math.ceil(s * (y == 0).sum()))),
    (NEGATIVES, lambda y, p, s: _nth(_positives(1 - y, p), math.ceil(s * (y == 0).sum()))),
    (BETWEEN, lambda y, p, s: np.quantile(p[y == 1], 1 - s)),
    (THE_NUMBER, lambda y, p, s: _needed(y, s)),
    (THE_SHARE, lambda y, p, s: (p[y == 1] >= _threshold(y, p, s)).mean()),
    (DROPPED, _from_scikit_learn),
    (LOW_BY_A_BIT, lambda y, p, s: np.sort(p[y == 1])[int((1 - s) * (y == 1).sum())]),
    *((GRID, partial(_from_grid, points=points)) for points in GRIDS),
    (LOWEST, lambda y, p, s: p[y == 1].min()),
]


@exercise
def check_mean_loss(answer: Any) -> str:
    """Check ``mean_loss(model, batches)``."""
    examine_mean_loss(answer)
    return "the same number at each call, and no weight has changed"


@exercise
def check_fit(answer: Any) -> str:
    """Check ``fit(model, train, val, config)``."""
    examine_fit(answer)
    return "the right epochs, losses and weights, with patience and without"


@exercise
def check_weighted_probability(answer: Any) -> str:
    """Check the guess of the best probability of one positive in four with pos_weight 6."""
    mistakes = {
        "That is the frequency, the best answer without a weight.": 0.25,
        "That is the best answer for a weight of 3.": 0.5,
        "The positive counts as six beside *three* negatives: 6 of 9, not of 10.": 0.6,
        "The positive counts as six, but there are three negatives beside it.": 6 / 7,
    }
    expect_number(answer, 2 / 3, "the probability", 0.01, mistakes)
    return "6 / (6 + 3) = 0.667: all four slides would be called positive at 0.5"


@exercise
def check_threshold_for_sensitivity(answer: Any) -> str:
    """Check ``threshold_for_sensitivity(labels, probabilities, sensitivity)``."""
    examine_each(answer, WANTED, _threshold, "the threshold", WRONG_THRESHOLDS)
    return "right for one positive slide, for equal probabilities, and when all must be found"


@exercise
def check_one_epoch(answer: Any) -> str:
    """Check ``one_epoch(model, batches, optimizer, weight)``."""
    examine_one_epoch(answer)
    return "one weighted step for each batch, in training mode"


@exercise
def check_evaluate(answer: Any) -> str:
    """Check ``evaluate(model, batches)``."""
    examine_evaluate(answer)
    return "the same numbers at each call, and nothing was learned"


@exercise
def check_train_model(answer: Any) -> str:
    """Check ``train_model(model, optimizer, train, val, epochs, patience)``."""
    examine_train_model(answer)
    return "it weights rare positives, stops in time and keeps the best epoch, even beside NaN"
