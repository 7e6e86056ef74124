"""Checks of chapter 09: attention tile by tile."""

from typing import Any

import numpy as np

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import as_numbers, examine_each, expect_number

TILES = {
    "six tiles, one on the threshold": ([2.4, 1.8, 0.9, 1.0, 0.2, 0.1], [1, 0, 1, 0, 0, 0], 1.0),
    "one healthy tile": ([0.3], [0], 2.0),
    "one tumour tile": ([1.0], [1], 1.0),
    "a slide without tumour": ([0.5, 3.0, 1.5, 0.7, 0.1], [0, 0, 0, 0, 0], 1.0),
    "own scores, some below zero": ([-3.0, 2.0, -1.0, 0.5, -0.5, 4.0], [0, 1, 1, 0, 1, 1], -0.5),
    "no tile called": ([0.9, 0.8, 1.3], [1, 0, 1], 5.0),
}

BAGS = {
    "one bag of three tiles": ([0.7, 0.2, 0.1], [3], 1.0),
    "bags of three and two tiles": ([0.5, 0.3, 0.2, 0.6, 0.4], [3, 2], 1.1),
    "bags of one, four and two tiles": ([1.0, 0.4, 0.1, 0.2, 0.3, 0.45, 0.55], [1, 4, 2], 1.0),
    "two bags of two tiles, threshold 2": ([0.5, 0.5, 1.0, 0.0], [2, 2], 2.0),
}
ALL_TILES = (
    "Each weight is multiplied by the tiles of all bags together. The bug is still there: "
    "each tile needs the size of its own bag."
)
N_BAGS = "Each weight is multiplied by the number of bags; take the tiles of its own bag."
MEAN_SIZE = "Each weight is multiplied by the mean size; take the size of its own bag."
RAW = "That compares raw weights with the threshold: multiply by the size of the bag."
NOT_ABOVE = "A tile with exactly that share is hot too: use >= instead of >."

NO_NEW_WEIGHTS = "The remaining weights must sum to 1 again: divide by their sum."
NO_ATTENTION = "That is the plain mean of the remaining own scores; weight them by attention."
IN_FILE_ORDER = "The tiles were deleted in the order of their numbers: use order."
KEPT_THE_DELETED = "That is the logit of the deleted tiles: keep the others."
BACKWARDS = "The tiles were deleted in the opposite order: order[0] goes first."
PROBABILITIES = "Those are probabilities: return the logits."
DROPS = "Those are the drops: return the logits themselves."
SUM_OF_LOGITS = "That sums the own scores without weights."


@exercise
def check_instance_confusion(answer: Any) -> str:
    """Check ``instance_confusion(scores, instance_labels, threshold)``."""
    cases = {
        case: (np.array(scores), np.array(tumour), threshold)
        for case, (scores, tumour, threshold) in TILES.items()
    }
    examine_each(answer, cases, _counts, "the counts TP, FP, FN, TN", WRONG_COUNTS, read=_four)
    return "right for one tile, for slides without tumour, and on the threshold itself"


@exercise
def check_sensitivity_ceiling(answer: Any) -> str:
    """Check the guess of the highest sensitivity at 5 shares: 160 of 232 tiles hold tumour."""
    mistakes = {
        "One tile in five of the slide can be hot. What fraction of the tumour tiles is that?": 0.2,
        "That is the witness rate of the slide: it leaves out the threshold.": 160 / 232,
        "That is the fraction that must be missed; the rest can be hot.": 1 - 46 / 160,
        "Perfect attention gives everything to tumour tiles, but 160 of them share 232.": 1.0,
        "That is what this model reaches. What could a perfect one reach?": 14 / 160,
        "You divided the threshold by the tumour tiles. How many tiles can have 5 shares?": 5 / 160,
    }
    expect_number(answer, 46 / 160, "the sensitivity", 0.01, mistakes)
    return "232 / 5 = 46 tiles can be hot, of 160: 0.29, however good the model"


@exercise
def check_hot_tiles(answer: Any) -> str:
    """Check ``hot_tiles(attention, sizes, threshold)``."""
    cases = {
        case: (np.array(attention), np.array(sizes), threshold)
        for case, (attention, sizes, threshold) in BAGS.items()
    }
    examine_each(answer, cases, _hot, "hot", WRONG_HOT, read=_bools)
    return "a tile's share no longer depends on the other bags"


@exercise
def check_logits_after_deletion(answer: Any) -> str:
    """Check ``logits_after_deletion(attention, instance_logits, order, n_deletions)``."""

    def read(logits: Any, expected: np.ndarray, case: str) -> Any:
        if np.shape(logits) != expected.shape:
            raise Wrong(
                f"the logits came in shape {np.shape(logits)}, expected {expected.shape}: after 0, "
                f"1, … {len(expected) - 1} deletions"
            )
        return logits

    examine_each(answer, deletions(), logits_by_loop, "the logits", WRONG_LOGITS, read)
    return "the same logits as the model's, for bags of 2 to 40 tiles"


def _counts(scores: np.ndarray, tumour: np.ndarray, threshold: float) -> np.ndarray:
    """Count TP, FP, FN, TN tile by tile."""
    tiles = [(score >= threshold, truth == 1) for score, truth in zip(scores, tumour)]
    kinds = [(True, True), (True, False), (False, True), (False, False)]
    return np.array([tiles.count(kind) for kind in kinds])


def _four(answer: Any, expected: np.ndarray, case: str) -> np.ndarray:
    """Refuse what are not four whole numbers."""
    values = as_numbers(answer, "four counts: TP, FP, FN, TN", ndim=1)
    if len(values) != 4:
        raise Wrong(f"got {len(values)} numbers, expected four: TP, FP, FN, TN")
    if not np.array_equal(values, np.round(values)):  # NaN is not either
        raise Wrong(f"got {values.tolist()}, expected counts, not fractions of the tiles")
    return values


WRONG_COUNTS = {
    "A tile exactly on the threshold is called positive too: use >= instead of >.": (
        lambda s, t, cut: _counts(s, t, cut + 1e-9)
    ),
    "You called the tiles below the threshold.": lambda s, t, cut: _counts(-s, t, -cut),
    "The threshold is not used: it is an argument.": lambda s, t, cut: _counts(s, t, 1.0),
    "False positives and false negatives are swapped: FP are called positive but healthy.": (
        lambda *case: _counts(*case)[[0, 2, 1, 3]]
    ),
    "The order is TP, FP, FN, TN; yours begins with the true negatives.": (
        lambda *case: _counts(*case)[[3, 1, 2, 0]]
    ),
    "The last two are swapped: the misses (FN) come third.": (
        lambda *case: _counts(*case)[[0, 1, 3, 2]]
    ),
    "The second counts all called tiles; false positives are only the healthy ones among them.": (
        lambda *case: _counts(*case) + np.eye(4, dtype=int)[1] * _counts(*case)[0]
    ),
}


def _hot(attention: np.ndarray, sizes: np.ndarray, threshold: float) -> np.ndarray:
    """Ask bag by bag."""
    bags = np.split(attention, np.cumsum(sizes)[:-1])
    return np.concatenate([bag * len(bag) >= threshold for bag in bags])


WRONG_HOT = [
    (ALL_TILES, lambda a, sizes, t: a * len(a) >= t),
    (N_BAGS, lambda a, sizes, t: a * len(sizes) >= t),
    (MEAN_SIZE, lambda a, sizes, t: a * sizes.mean() >= t),
    (RAW, lambda a, sizes, t: a >= t),
    (NOT_ABOVE, lambda a, sizes, t: a * np.repeat(sizes, sizes) > t),
]


def _bools(answer: Any, expected: np.ndarray, case: str) -> np.ndarray:
    """Refuse what is no bool for each tile."""
    values, shape = np.asarray(answer), expected.shape
    if values.shape != shape:
        raise Wrong(f"hot came in shape {values.shape}, expected {shape}: one for each tile")
    if values.dtype.kind != "b":
        raise Wrong(f"hot came in dtype {values.dtype}, expected bool: compare with the threshold")
    return values


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


def logits_by_loop(a: np.ndarray, s: np.ndarray, order: np.ndarray, n_deletions: int) -> np.ndarray:
    """Return the logits after 0, 1, … deletions, tile by tile: (n_deletions + 1,)."""
    stay = [list(order[k:]) for k in range(n_deletions + 1)]
    return np.array([sum(a[j] * s[j] for j in tiles) / sum(a[tiles]) for tiles in stay])


WRONG_LOGITS = [
    (NO_NEW_WEIGHTS, lambda a, s, o, n: np.array([sum((a * s)[o[k:]]) for k in range(n + 1)])),
    (NO_ATTENTION, lambda a, s, o, n: logits_by_loop(np.ones_like(a), s, o, n)),
    (SUM_OF_LOGITS, lambda a, s, o, n: np.array([s[o[k:]].sum() for k in range(n + 1)])),
    (IN_FILE_ORDER, lambda a, s, o, n: logits_by_loop(a, s, np.arange(len(a)), n)),
    (BACKWARDS, lambda a, s, o, n: logits_by_loop(a, s, o[::-1], n)),
    (KEPT_THE_DELETED, lambda a, s, o, n: (np.cumsum((a * s)[o]) / np.cumsum(a[o]))[: n + 1]),
    (PROBABILITIES, lambda *case: 1 / (1 + np.exp(-logits_by_loop(*case)))),
    (DROPS, lambda *case: logits_by_loop(*case)[0] - logits_by_loop(*case)),
]
