"""Checks of chapter 09: attention tile by tile."""

from typing import Any

import numpy as np

from mil_tutorial.checks.cases import attempt_each, expect_each, values_of
from mil_tutorial.checks.deletions import WRONG_LOGITS, by_loop, deletions
from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import expect_number

TILES = {
    "six tiles, one on the threshold": ([2.4, 1.8, 0.9, 1.0, 0.2, 0.1], [1, 0, 1, 0, 0, 0], 1.0),
    "one healthy tile": ([0.3], [0], 2.0),
    "one tumour tile": ([1.0], [1], 1.0),
    "a slide without tumour": ([0.5, 3.0, 1.5, 0.7, 0.1], [0, 0, 0, 0, 0], 1.0),
    "own scores, some below zero": ([-3.0, 2.0, -1.0, 0.5, -0.5, 4.0], [0, 1, 1, 0, 1, 1], -0.5),
    "no tile called": ([0.9, 0.8, 1.3], [1, 0, 1], 5.0),
}
ABOVE = "A tile that lies on the threshold is called too: >= in place of >."
BELOW = "Tiles below the threshold were called."
SWAPPED = "False positives and false negatives have changed places: FP are called and healthy."
NEGATIVE_FIRST = "The order is TP, FP, FN, TN; yours begins with the true negatives."
CALLS = "The second is the number of all called tiles; false positives are called and healthy."
FIXED = "The threshold is not used: it is an argument."
MISSING_LAST = "The last two have changed places: the misses (FN) come third."

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
NOT_ABOVE = "A tile with exactly that share is hot too: >= in place of >."


@exercise
def check_instance_confusion(answer: Any) -> str:
    """Check ``instance_confusion(scores, instance_labels, threshold)``."""
    cases = {
        case: (np.array(scores), np.array(tumour), threshold)
        for case, (scores, tumour, threshold) in TILES.items()
    }
    truth = [_counts(*given) for given in TILES.values()]
    got = [_four(one) for one in attempt_each(answer, cases)]
    expect_each(got, truth, "the counts TP, FP, FN, TN", _wrong_counts(), cases)
    return "right from one tile to slides without tumour, and on the threshold itself"


@exercise
def check_sensitivity_ceiling(answer: Any) -> str:
    """Check the guess of the highest sensitivity at 5 shares: 160 of 232 tiles hold tumour."""
    mistakes = {
        "One tile of the slide in five can be hot. Which part of the tumour tiles is that?": 0.2,
        "That is the witness rate of the slide: it leaves out the threshold.": 160 / 232,
        "That is the part that must be missed; the rest can be hot.": 1 - 46 / 160,
        "Perfect attention gives all to tumour tiles, but there are 160 of them to share 232.": 1.0,
        "That is what this model reaches. How much could a perfect one?": 14 / 160,
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
    got = [_bools(one, given) for one, given in zip(attempt_each(answer, cases), cases.values())]
    truth = [_hot(*given) for given in BAGS.values()]
    expect_each(got, truth, "hot", values_of(WRONG_HOT, cases), cases)
    return "a tile's share no longer depends on the other bags"


@exercise
def check_logits_after_deletion(answer: Any) -> str:
    """Check ``logits_after_deletion(attention, instance_logits, order, n_deletions)``."""
    cases = deletions()
    got = attempt_each(answer, cases)
    truth = [by_loop(*given) for given in cases.values()]
    for one, expected in zip(got, truth):
        if np.shape(one) != expected.shape:
            raise Wrong(
                f"the logits came in shape {np.shape(one)}, expected {expected.shape}: after 0, 1, "
                f"… {len(expected) - 1} deletions"
            )
    expect_each(got, truth, "the logits", values_of(WRONG_LOGITS, cases), cases)
    return "the same logits as the model's, for bags of 2 to 40 tiles"


def _counts(scores: list[float], tumour: list[int], threshold: float) -> np.ndarray:
    """Count TP, FP, FN, TN tile by tile."""
    tiles = [(score >= threshold, truth == 1) for score, truth in zip(scores, tumour)]
    kinds = [(True, True), (True, False), (False, True), (False, False)]
    return np.array([tiles.count(kind) for kind in kinds])


def _four(answer: Any) -> np.ndarray:
    """Refuse what are not four whole numbers."""
    try:
        values = np.array([float(value) for value in answer])
    except (TypeError, ValueError, OverflowError) as error:
        what = type(answer).__name__
        raise Wrong(f"got {what}, expected four counts: TP, FP, FN, TN") from error
    if len(values) != 4:
        raise Wrong(f"got {len(values)} numbers, expected four: TP, FP, FN, TN")
    if not np.array_equal(values, np.round(values)):  # NaN is not either
        raise Wrong(f"got {values.tolist()}, expected counts, not parts of the tiles")
    return values


def _wrong_counts() -> list[tuple[str, list[np.ndarray]]]:
    right = np.stack([_counts(*given) for given in TILES.values()])

    def counted(scores: Any, threshold: Any) -> list[np.ndarray]:
        return [_counts(scores(s), t, threshold(cut)) for s, t, cut in TILES.values()]

    return [
        (ABOVE, counted(lambda s: s, lambda cut: cut + 1e-9)),
        (BELOW, counted(lambda s: [-x for x in s], lambda cut: -cut)),
        (FIXED, counted(lambda s: s, lambda cut: 1.0)),
        (SWAPPED, [*right[:, [0, 2, 1, 3]]]),
        (NEGATIVE_FIRST, [*right[:, [3, 1, 2, 0]]]),
        (MISSING_LAST, [*right[:, [0, 1, 3, 2]]]),
        (CALLS, [*(right + right[:, :1] * [0, 1, 0, 0])]),
    ]


def _hot(attention: list[float], sizes: list[int], threshold: float) -> np.ndarray:
    """Ask tile by tile."""
    hot, start = [], 0
    for size in sizes:
        hot += [weight * size >= threshold for weight in attention[start : start + size]]
        start += size
    return np.array(hot)


WRONG_HOT = [
    (ALL_TILES, lambda a, sizes, t: a * len(a) >= t),
    (N_BAGS, lambda a, sizes, t: a * len(sizes) >= t),
    (MEAN_SIZE, lambda a, sizes, t: a * sizes.mean() >= t),
    (RAW, lambda a, sizes, t: a >= t),
    (NOT_ABOVE, lambda a, sizes, t: a * np.repeat(sizes, sizes) > t),
]


def _bools(answer: Any, given: tuple[Any, ...]) -> np.ndarray:
    """Refuse what is no bool for each tile."""
    values = np.asarray(answer)
    expected = given[0].shape
    if values.shape != expected:
        raise Wrong(f"hot came in shape {values.shape}, expected {expected}: one for each tile")
    if values.dtype.kind != "b":
        raise Wrong(f"hot came in dtype {values.dtype}, expected bool: compare with the threshold")
    return values
