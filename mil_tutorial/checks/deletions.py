"""Logits of a bag from which tiles are deleted, and what often goes wrong with them."""

from typing import Any

import numpy as np

NO_NEW_WEIGHTS = "The weights that stay must sum to 1 again: divide by their sum."
NO_ATTENTION = "That is the plain mean of the own scores that stay; weigh them by attention."
IN_FILE_ORDER = "The tiles went in the order of their numbers: use order."
KEPT_THE_DELETED = "That is what the deleted tiles say: keep the others."
BACKWARDS = "The tiles went in the opposite order: order[0] goes first."
PROBABILITIES = "Those are probabilities: return the logits."
DROPS = "Those are the drops: return the logits themselves."
SUM_OF_LOGITS = "That adds the own scores up without weights."


def deletions() -> dict[str, tuple[Any, ...]]:
    """Return bags by name: attention (n,), own scores (n,), order (n,), number of deletions."""
    rng = np.random.default_rng(9)
    cases: dict[str, tuple[Any, ...]] = {
        "three tiles, 2 deletions": (
            np.array([0.3, 0.6, 0.1]),
            np.array([-2.0, 4.0, -4.0]),
            np.array([1, 0, 2]),
            2,
        )
    }
    for n, n_deletions in ((2, 1), (7, 3), (40, 39)):
        attention = rng.dirichlet(np.full(n, 0.5)) + 1e-3
        case = f"{n} tiles, {n_deletions} deletion{'s' if n_deletions > 1 else ''}"
        order = rng.permutation(n) if n > 2 else np.array([1, 0])
        cases[case] = (attention / attention.sum(), rng.normal(0, 3, n), order, n_deletions)
    return cases


def by_loop(a: np.ndarray, s: np.ndarray, order: np.ndarray, n_deletions: int) -> np.ndarray:
    """Return the logits after 0, 1, … deletions, tile by tile: (n_deletions + 1,)."""
    logits = []
    for k in range(n_deletions + 1):
        stay = [int(tile) for tile in order[k:]]
        logits.append(sum(a[j] * s[j] for j in stay) / sum(a[j] for j in stay))
    return np.array(logits)


def _of_the_deleted(a: np.ndarray, s: np.ndarray, order: np.ndarray, n: int) -> np.ndarray:
    return (np.cumsum((a * s)[order]) / np.cumsum(a[order]))[: n + 1]


WRONG_LOGITS = [
    (
        NO_NEW_WEIGHTS,
        lambda a, s, order, n: np.array([np.sum((a * s)[order[k:]]) for k in range(n + 1)]),
    ),
    (NO_ATTENTION, lambda a, s, order, n: by_loop(np.ones_like(a), s, order, n)),
    (SUM_OF_LOGITS, lambda a, s, order, n: np.array([s[order[k:]].sum() for k in range(n + 1)])),
    (IN_FILE_ORDER, lambda a, s, order, n: by_loop(a, s, np.arange(len(a)), n)),
    (BACKWARDS, lambda a, s, order, n: by_loop(a, s, order[::-1], n)),
    (KEPT_THE_DELETED, _of_the_deleted),
    (PROBABILITIES, lambda *given: 1 / (1 + np.exp(-by_loop(*given)))),
    (DROPS, lambda *given: by_loop(*given)[0] - by_loop(*given)),
]
