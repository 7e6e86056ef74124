"""Checks of chapter 17: the audit of a hospital."""

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from mil_tutorial.checks.exercise import NotAttempted, Wrong, exercise
from mil_tutorial.checks.judging import as_numbers, examine_each, expect_number
from mil_tutorial.datasets.rendering.flaws import FLAWS, hidden_flaw
from mil_tutorial.experiment.audit import FAR

SCORES = {
    "two positives, two negatives": ([1, 1, 0, 0], [0.9, 0.3, 0.5, 0.1]),
    "one positive": ([0, 1, 0], [0.2, 0.4, 0.6]),
    "equal values": ([1, 0, 1, 0, 0], [0.5, 0.5, 0.7, 0.5, 0.2]),
    "more positives than negatives": ([1, 1, 1, 0, 1], [3.0, -1.0, 0.0, -0.5, 2.0]),
    "all values equal": ([1, 0, 0], [2.0, 2.0, 2.0]),
}
OTHER_WAY = "That counts pairs in the wrong order: take the ranks of the positives, 1 = lowest."
ALL_RANKS = "That is the sum of ranks minus its smallest value: divide by the number of pairs."
LEAST = "Subtract the ranks that the positives would have anyway: n₁ (n₁ + 1) / 2."
SQUARED = "Subtract n₁ (n₁ + 1) / 2: ranks begin at 1, not at 0."
ORDINAL = "Equal values must share the mean of their ranks: use rankdata, not argsort."

QUEUES = {
    "four slides": ([1, 0, 1, 0], [0.95, 0.9, 0.4, 0.2], 2),
    "sure and correct": ([1, 1, 0, 0], [0.99, 0.45, 0.01, 0.6], 4),
    "one slide": ([1], [0.3], 1),
    "two equally doubtful": ([0, 1, 0], [0.75, 0.25, 0.125], 3),
    "six slides, three wanted": ([0, 0, 1, 1, 0, 1], [0.5, 0.97, 0.08, 0.7, 0.3, 1.0], 3),
}
CONFIDENT = (
    "Those are the slides on which the model is sure, whatever the label says. The bug is still "
    "there: compare the probability with the label."
)
UNSURE = "Those are the slides on which the model is unsure. Ask where label and model disagree."
LEAST_DOUBTFUL = "The least doubtful slides come first: sort by minus the doubt."
SIGNED = "Only negatives with a high probability come first: take the absolute difference."
MISSED_ONLY = "Only positives with a low probability come first: take the absolute difference."

_RNG = np.random.default_rng(16)
_TISSUE = _RNG.normal(size=(6, 40))

COPIES = {
    "a stronger copy and a turned row": (
        np.array([[3.0, 4.0]]), np.array([[6.0, 8.0], [4.0, -3.0]]), 0.6),
    "a cosine on the threshold": (
        np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 4.0], [-1.0, 0.0]]), 0.6),
    "a mirrored row": (np.array([[1.0, 2.0]]), np.array([[-1.0, -2.0], [2.0, 4.0]]), 0.9),
    "one slide with two copies": (
        np.array([[0.0, 1.0], [5.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 3.0], [9.0, 1.0]]), 0.8),
    "no copies": (np.eye(3)[:2], np.eye(3)[2:], 0.5),
    "three copies among six slides": (
        _TISSUE, np.concatenate([4 * _TISSUE[[4, 0, 2]] + 0.3, _RNG.normal(size=(2, 40))]), 0.6),
}  # fmt: skip

RAW = "You compared rows of any length: divide each row by its length first."
HALF = "Both rows need length 1: you divided only one of them."
STRICT = "A cosine that equals the threshold counts too: >= in place of >."
SWAPPED = "The columns are swapped: the row of `first` comes first."
BEST = "You kept only the best match of each row, but a slide can have two copies, or none."
MIRRORED = "A cosine of −1 means the opposite, not a copy: leave out the absolute value."
GLOBAL = (
    "You divided by one length for all rows: np.linalg.norm without axis=1 measures the whole "
    "array. Each row needs its own length."
)
COLUMNS = "You divided by the lengths of the columns: axis=1 gives those of the rows."
EUCLID = "You compared distances with a threshold for cosines: a *large* cosine is a copy."

LIMITS = {  # of a measure: the highest clean value, the least with a flaw, and that flaw
    "cosine": (0.34, 0.7, "a copy"),
    "colours": (0.51, 0.77, "a shortcut"),
    "distance": (1.1, 2.5, "an unknown stain"),
}

WOULD_SHOW = {
    "leak": "A leak would show as copies across train and test. How high is the highest cosine?",
    "stain": f"An unknown stain would be far more than {FAR} from every training hospital. Is it?",
    "labels": "With wrong labels, the second reader would contradict the table on most of the "
    "doubtful slides. Did she?",
    "shortcut": "With a shortcut, colours alone would predict the label. Where does the interval "
    "of their AUC begin?",
}


@exercise
def check_copies_across(answer: Any) -> str:
    """Check ``copies_across(first, second, threshold)``."""

    def read(pairs: Any, expected: np.ndarray, case: str) -> np.ndarray:
        rows = as_numbers(pairs, "pairs of row numbers, (pairs, 2)")
        if rows.size and (rows.ndim != 2 or rows.shape[1] != 2):
            raise Wrong(f"the pairs have shape {rows.shape}, expected (pairs, 2): try np.argwhere")
        return _ordered(rows)

    examine_each(answer, COPIES, _copies, "the pairs", WRONG_COPIES, read)
    return "the right pairs, however long the rows are"


@exercise
def check_rank_auc(answer: Any) -> str:
    """Check ``rank_auc(labels, values)``."""
    cases = {case: (np.array(y), np.array(values)) for case, (y, values) in SCORES.items()}
    examine_each(answer, cases, roc_auc_score, "the AUC", WRONG_AUCS)
    return "the same as counting pairs, even with equal values"


@exercise
def check_alarm_limits(answer: Any) -> str:
    """Check the limits for the highest cosine, the colours' lower end, and the distance."""
    if answer is None or answer is ...:
        raise NotAttempted
    if not isinstance(answer, dict) or set(answer) != set(LIMITS):
        raise Wrong(f"expected a dictionary with the keys {', '.join(LIMITS)}")
    if all(limit is ... or limit is None for limit in answer.values()):
        raise NotAttempted
    for name, (clean, flawed, flaw) in LIMITS.items():
        if answer[name] is ... or answer[name] is None:
            raise Wrong(f"the limit for {name} is missing")
        limit = as_numbers(answer[name], f"a number for {name}", ndim=0).item()
        if not limit > clean:
            raise Wrong(
                f"{name}: a limit of {limit:g} raises an alarm where nothing is wrong; clean "
                f"hospitals reach {clean:g}"
            )
        if limit > flawed:
            raise Wrong(
                f"{name}: a limit of {limit:g} is so far from the clean hospitals ({clean:g}) that "
                f"{flaw} may stay below it"
            )
    return "above every clean hospital, and near enough for a flaw to exceed them"


@exercise
def check_perfect_auc(answer: Any) -> str:
    """Check the guess of a perfect model's AUC where 20 % of each class are labelled wrongly."""
    mistakes = {
        "That counts only pairs in the right order. A pair with one wrong label has equal "
        "outputs, which count one half.": 0.64,
        "The model is perfect about the truth, but the table says something else.": 1.0,
        "That is the share of wrong labels.": 0.2,
        "Equal pairs count one half, not one.": 0.64 + 0.32,
        "That subtracts both shares of wrong labels, but half of the equal pairs counts.": 0.6,
    }
    expect_number(answer, 0.8, "the AUC", 0.005, mistakes)
    return "0.64 in order plus half of 0.32 equal: random wrong labels set a ceiling"


@exercise
def check_doubtful(answer: Any) -> str:
    """Check ``doubtful(labels, probabilities, n)``."""
    cases = {case: (np.array(y), np.array(p), n) for case, (y, p, n) in QUEUES.items()}
    examine_each(answer, cases, _queue, "the queue", WRONG_QUEUES)
    return "the slide on which label and model are furthest apart comes first"


@exercise
def check_verdict(answer: Any) -> str:
    """Check ``(verdict, hospital, seed)``."""
    if not isinstance(answer, tuple) or len(answer) != 3:
        raise Wrong(
            "expected (verdict, hospital, seed), such as check_verdict((verdict, 'NEW', 0))"
        )
    verdict, hospital, seed = answer
    if verdict is None or verdict is ...:
        raise NotAttempted
    named = str(verdict).strip().lower()
    if named not in FLAWS:
        raise Wrong(f"got {verdict!r}, expected one of {', '.join(FLAWS)}")
    if not isinstance(hospital, str) or not isinstance(seed, int) or seed < 0:
        raise Wrong(f"there is no hospital with name {hospital!r} and seed {seed!r}")
    if named != hidden_flaw(hospital, seed):
        raise Wrong(f"not this one. {WOULD_SHOW[named]}")
    return f"{named} is what is hidden in {hospital} with seed {seed}. Now write it down"


def _pairs(y: np.ndarray) -> int:
    return (y == 1).sum() * (y == 0).sum()


def _excess(ranks: np.ndarray, first: int = 1) -> float:
    """Sum of ranks, less the least that it could be where ranks begin at first."""
    return ranks.sum() - (np.arange(len(ranks)) + first).sum()


WRONG_AUCS = [
    (OTHER_WAY, lambda y, v: _excess(rankdata(v)[y == 0]) / _pairs(y)),
    (ALL_RANKS, lambda y, v: _excess(rankdata(v)[y == 1])),
    (LEAST, lambda y, v: rankdata(v)[y == 1].sum() / _pairs(y)),
    (SQUARED, lambda y, v: _excess(rankdata(v)[y == 1], 0) / _pairs(y)),
    (ORDINAL, lambda y, v: _excess(rankdata(v, "ordinal")[y == 1]) / _pairs(y)),
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


def _copies(first: np.ndarray, second: np.ndarray, threshold: float) -> np.ndarray:
    """List the pairs, with a little room for rounding on the threshold."""
    return np.argwhere(_cosines(first, second) >= threshold - 1e-9)


def _ordered(pairs: np.ndarray) -> np.ndarray:
    pairs = np.asarray(pairs).reshape(-1, 2)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _by_column(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=0)


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return 1 - cdist(a, b, "cosine")


WRONG_COPIES = [
    (RAW, lambda a, b, t: np.argwhere(a @ b.T >= t)),
    (HALF, lambda a, b, t: np.argwhere(_unit(a) @ b.T >= t - 1e-9)),
    (HALF, lambda a, b, t: np.argwhere(a @ _unit(b).T >= t - 1e-9)),
    (GLOBAL, lambda a, b, t: np.argwhere(a @ b.T / np.linalg.norm(a) / np.linalg.norm(b) >= t)),
    (COLUMNS, lambda a, b, t: np.argwhere(_by_column(a) @ _by_column(b).T >= t)),
    (STRICT, lambda a, b, t: np.argwhere(_cosines(a, b) > t + 1e-9)),
    (SWAPPED, lambda a, b, t: _ordered(_copies(a, b, t)[:, ::-1])),
    (BEST, lambda a, b, t: np.column_stack([np.arange(len(a)), _cosines(a, b).argmax(axis=1)])),
    (MIRRORED, lambda a, b, t: np.argwhere(np.abs(_cosines(a, b)) >= t - 1e-9)),
    (EUCLID, lambda a, b, t: np.argwhere(cdist(_unit(a), _unit(b)) >= t)),
]
