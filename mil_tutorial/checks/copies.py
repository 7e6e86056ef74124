"""Whether pairs of near-copies are the right ones, and which mistake gives others."""

from typing import Any

import numpy as np

from mil_tutorial.checks.cases import attempt_each, expect_each, values_of
from mil_tutorial.checks.exercise import Wrong

_RNG = np.random.default_rng(16)
_TISSUE = _RNG.normal(size=(6, 40))

CASES = {
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

RAW = "Rows of any length were compared: divide each row by its length first."
HALF = "Both must have length 1: only one of the two was divided."
STRICT = "A cosine that equals the threshold counts too: >= in place of >."
SWAPPED = "The columns have changed places: the row of first comes first."
BEST = "Only the best match of each row was kept: a slide can have two copies, or none."
MIRRORED = "A cosine of −1 is the opposite, no copy: leave out the absolute value."
EUCLID = "Distances were compared with a threshold for cosines: a large cosine is a copy."


def examine_copies(answer: Any) -> None:
    """Judge ``copies_across(first, second, threshold)``."""
    got = [_pairs(one) for one in attempt_each(answer, CASES)]
    truth = [_by_loop(*given) for given in CASES.values()]
    wrong = [
        (advice, [_ordered(one) for one in values]) for advice, values in values_of(WRONG, CASES)
    ]
    for case, one, right in zip(CASES, got, truth):
        if one.shape == right.shape:
            continue
        for advice, values in wrong:
            if all(np.array_equal(a, b) for a, b in zip(got, values)):
                raise Wrong(f"{len(one)} pairs, expected {len(right)} ({case}). {advice}")
        raise Wrong(f"{len(one)} pairs, expected {len(right)} ({case})")
    expect_each(got, truth, "the pairs", wrong, CASES)


def _by_loop(first: np.ndarray, second: np.ndarray, threshold: float) -> np.ndarray:
    """Ask pair by pair, with a little room for rounding on the threshold."""
    found = [
        (i, j)
        for i, one in enumerate(first)
        for j, two in enumerate(second)
        if one @ two / np.sqrt((one @ one) * (two @ two)) >= threshold - 1e-9
    ]
    return np.array(found, int).reshape(-1, 2)


def _pairs(answer: Any) -> np.ndarray:
    """Refuse what is no list of pairs; bring them in order of rows."""
    try:
        values = np.asarray(answer, dtype=float)
    except (TypeError, ValueError) as error:
        what = type(answer).__name__
        raise Wrong(f"got {what}, expected pairs of row numbers, (pairs, 2)") from error
    if values.dtype.kind == "f" and values.size == 0:
        return np.empty((0, 2), int)
    if values.ndim != 2 or values.shape[1] != 2:
        raise Wrong(f"the pairs came in shape {values.shape}, expected (pairs, 2): try np.argwhere")
    return _ordered(values)


def _ordered(pairs: np.ndarray) -> np.ndarray:
    pairs = np.asarray(pairs).reshape(-1, 2)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _unit(a) @ _unit(b).T


def _best(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.column_stack([np.arange(len(a)), _cosines(a, b).argmax(axis=1)])


def _far(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    return np.argwhere(np.linalg.norm(_unit(a)[:, None] - _unit(b)[None], axis=2) >= t)


WRONG = [
    (RAW, lambda a, b, t: np.argwhere(a @ b.T >= t)),
    (HALF, lambda a, b, t: np.argwhere(_unit(a) @ b.T >= t - 1e-9)),
    (HALF, lambda a, b, t: np.argwhere(a @ _unit(b).T >= t - 1e-9)),
    (STRICT, lambda a, b, t: np.argwhere(_cosines(a, b) > t + 1e-9)),
    (SWAPPED, lambda a, b, t: np.argwhere(_cosines(a, b) >= t - 1e-9)[:, ::-1]),
    (BEST, lambda a, b, t: _best(a, b)),
    (MIRRORED, lambda a, b, t: np.argwhere(np.abs(_cosines(a, b)) >= t - 1e-9)),
    (EUCLID, _far),
]
