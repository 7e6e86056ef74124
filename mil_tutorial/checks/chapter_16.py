"""Checks of chapter 16: the audit of a hospital."""

from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from mil_tutorial.checks.cases import attempt_each, expect_each, values_of
from mil_tutorial.checks.copies import examine_copies
from mil_tutorial.checks.exercise import exercise
from mil_tutorial.checks.judging import expect_number
from mil_tutorial.checks.verdicts import examine_verdict

SCORES = {
    "two positives, two negatives": ([1, 1, 0, 0], [0.9, 0.3, 0.5, 0.1]),
    "one positive": ([0, 1, 0], [0.2, 0.4, 0.6]),
    "equal values": ([1, 0, 1, 0, 0], [0.5, 0.5, 0.7, 0.5, 0.2]),
    "more positives than negatives": ([1, 1, 1, 0, 1], [3.0, -1.0, 0.0, -0.5, 2.0]),
    "all values equal": ([1, 0, 0], [2.0, 2.0, 2.0]),
}
OTHER_WAY = "That counts the pairs in the wrong order: take the ranks of the positives, 1 = lowest."
ALL_RANKS = "That is the sum of ranks less its least value: divide by the number of pairs."
LEAST = "Subtract the ranks that the positives would hold anyway: n₁ (n₁ + 1) / 2."
SQUARED = "Subtract n₁ (n₁ + 1) / 2: ranks begin at 1, not at 0."
ORDINAL = "Equal values must share the mean of their ranks: use rankdata, not argsort."

QUEUES = {
    "four slides": ([1, 0, 1, 0], [0.95, 0.9, 0.4, 0.2], 2),
    "sure and right": ([1, 1, 0, 0], [0.99, 0.45, 0.01, 0.6], 4),
    "one slide": ([1], [0.3], 1),
    "two equally doubtful": ([0, 1, 0], [0.75, 0.25, 0.125], 3),
    "six slides, three wanted": ([0, 0, 1, 1, 0, 1], [0.5, 0.97, 0.08, 0.7, 0.3, 1.0], 3),
}
CONFIDENT = (
    "Those are the slides on which the model is sure, whatever the label says. The bug is still "
    "there: compare the probability with the label."
)
UNSURE = "Those are the slides on which the model is unsure. Ask where label and model disagree."
LEAST_DOUBTFUL = "The least doubtful come first: sort by minus the doubt."
SIGNED = "Only negatives with a high probability come first: take the absolute difference."
MISSED_ONLY = "Only positives with a low probability come first: take the absolute difference."


@exercise
def check_copies_across(answer: Any) -> str:
    """Check ``copies_across(first, second, threshold)``."""
    examine_copies(answer)
    return "the right pairs, whatever the length of the rows"


@exercise
def check_rank_auc(answer: Any) -> str:
    """Check ``rank_auc(labels, values)``."""
    cases = {case: (np.array(y), np.array(values)) for case, (y, values) in SCORES.items()}
    truth = [roc_auc_score(*given) for given in cases.values()]
    got = attempt_each(answer, cases)
    expect_each(got, truth, "the AUC", values_of(WRONG_AUCS, cases), cases)
    return "equal to counting pairs, also for equal values"


@exercise
def check_perfect_auc(answer: Any) -> str:
    """Check the guess of a perfect model's AUC where 20 % of each class are labelled wrongly."""
    mistakes = {
        "That counts pairs in order only. A pair of one right and one wrong slide has equal "
        "outputs, which count one half.": 0.64,
        "The model is perfect about the truth, but the table asks for something else.": 1.0,
        "That is the share of wrong labels.": 0.2,
        "Equal pairs count one half, not one.": 0.64 + 0.32,
        "That takes away both shares of wrong labels: half of the equal pairs is won back.": 0.6,
    }
    expect_number(answer, 0.8, "the AUC", 0.005, mistakes)
    return "0.64 in order and half of 0.32 equal: random wrong labels set a ceiling"


@exercise
def check_doubtful(answer: Any) -> str:
    """Check ``doubtful(labels, probabilities, n)``."""
    cases = {case: (np.array(y), np.array(p), n) for case, (y, p, n) in QUEUES.items()}
    truth = [_queue(*given) for given in QUEUES.values()]
    got = attempt_each(answer, cases)
    expect_each(got, truth, "the queue", values_of(WRONG_QUEUES, cases), cases)
    return "the slide on which label and model lie furthest apart comes first"


@exercise
def check_verdict(answer: Any) -> str:
    """Check ``(verdict, hospital, seed)``."""
    return examine_verdict(answer)


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])


def _sizes(y: np.ndarray) -> tuple[int, int]:
    return int((y == 1).sum()), int((y == 0).sum())


def _from_sum(y: np.ndarray, ranks: np.ndarray, n: int) -> float:
    """Return (sum of ranks - least sum) per pair, with n members of the class ranked."""
    positive, negative = _sizes(y)
    return float((ranks - n * (n + 1) / 2) / (positive * negative))


def _ordinal(y: np.ndarray, v: np.ndarray) -> float:
    ranks = np.argsort(np.argsort(v, kind="stable"), kind="stable") + 1
    return _from_sum(y, ranks[y == 1].sum(), _sizes(y)[0])


def _per_pair(y: np.ndarray, total: float) -> float:
    positive, negative = _sizes(y)
    return float(total / (positive * negative))


WRONG_AUCS = [
    (OTHER_WAY, lambda y, v: _from_sum(y, _ranks(v)[y == 0].sum(), _sizes(y)[1])),
    (
        ALL_RANKS,
        lambda y, v: _ranks(v)[y == 1].sum() - _sizes(y)[0] * (_sizes(y)[0] + 1) / 2,
    ),
    (LEAST, lambda y, v: _per_pair(y, _ranks(v)[y == 1].sum())),
    (
        SQUARED,
        lambda y, v: _per_pair(y, _ranks(v)[y == 1].sum() - _sizes(y)[0] * (_sizes(y)[0] - 1) / 2),
    ),
    (ORDINAL, _ordinal),
]


def _queue(y: list[int], p: list[float], n: int) -> list[int]:
    """Sort by disagreement, slide by slide."""
    return sorted(range(len(y)), key=lambda i: -abs(y[i] - p[i]))[:n]


def _first(doubt: np.ndarray, n: int) -> np.ndarray:
    return np.argsort(-doubt, kind="stable")[:n]


WRONG_QUEUES = [
    (CONFIDENT, lambda y, p, n: _first(np.abs(p - 0.5), n)),
    (UNSURE, lambda y, p, n: _first(-np.abs(p - 0.5), n)),
    (LEAST_DOUBTFUL, lambda y, p, n: _first(-np.abs(y - p), n)),
    (SIGNED, lambda y, p, n: _first(p - y, n)),
    (MISSED_ONLY, lambda y, p, n: _first(y - p, n)),
]
