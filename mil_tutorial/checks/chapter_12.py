"""Checks of chapter 12: protocols, bags drawn as published, and what may choose a run."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import (
    answers_of,
    as_numbers,
    attempt,
    attempt_each,
    examine_each,
    expect_each,
    expect_number,
)
from mil_tutorial.metrics.attention import smooth_scores

EPOCHS = 6
BAGS = 2000
NINES = 1.54
"""In a positive bag, on average: 10 × 0.1 / (1 - 0.9 ** 10), a little more because sizes vary."""


@exercise
def check_molecules_apart(answer: Any) -> str:
    """Check the guess of how many answers lie between .892 and .900 of 5 × 92."""
    mistakes = {
        "That is the difference of the shares. How many of the 460 answers is it?": 0.008,
        "That is in per cent. Take 0.008 of the 460 answers.": 0.8,
        "That is one run. Five runs give 460 answers.": 0.008 * 92,
        "That is how many attention gets right. Subtract it from those of gated attention.": 410.32,
        "That is how many gated attention gets right. Subtract those of attention.": 414,
    }
    expect_number(answer, 0.008 * 460, "the number of answers", 0.05, mistakes)
    return "0.008 × 460 = 3.7 of 460 answers: less than one molecule per run"


@exercise
def check_draw_bag(answer: Any) -> str:
    """Check ``draw_bag(digits, positive, rng)``: positions of the digits of one bag."""
    digits = np.random.default_rng(1).integers(0, 10, 20_000)
    positive = _draw(answer, digits, True)
    negative = _draw(answer, digits, False)
    for what, bags, wanted in (("positive", positive, True), ("negative", negative, False)):
        wrong = sum((digits[bag] == 9).any() != wanted for bag in bags)
        if wrong:
            raise Wrong(
                f"{wrong} of {BAGS} {what} bags contain {'no 9' if wanted else 'a 9'}: draw again "
                "until the bag has the right label"
            )
    _expect_sizes(positive + negative)
    _expect_sizes(negative)
    _expect_nines(digits, positive)
    _expect_new_sizes(positive, negative)
    return "sizes about 10 ± 2, uniform digits, and both are drawn again until the label is right"


@exercise
def check_kept_accuracy(answer: Any) -> str:
    """Check ``kept_accuracy(val_losses, test_accuracies)``, each (F, E)."""
    rng = np.random.default_rng(3)
    cases = {
        "ten folds of six epochs": (rng.uniform(size=(10, EPOCHS)), rng.uniform(size=(10, EPOCHS))),
        "one fold": (rng.uniform(size=(1, EPOCHS)), rng.uniform(size=(1, EPOCHS))),
        "three folds of one epoch": (rng.uniform(size=(3, 1)), rng.uniform(size=(3, 1))),
    }
    examine_each(answer, cases, _kept, "the accuracy", KEPT_MISTAKES)
    return "each fold's validation loss chooses; its test accuracy is only reported"


@exercise
def check_smooth_scores(answer: Any) -> str:
    """Check ``smooth_scores(scores, coords, radius)``."""
    rng = np.random.default_rng(5)
    cases = {
        "five nuclei": (rng.normal(size=5), rng.uniform(0, 30, (5, 2)), 10.0),
        "nuclei unevenly spaced on a line": (
            np.arange(4.0),
            np.outer([0, 3, 4, 30], [1, 0.0]),
            5.0,
        ),
        "one nucleus": (np.array([2.0]), np.array([[7.0, 7.0]]), 20.0),
        "two nuclei far apart": (np.array([1.0, -1.0]), np.outer([0, 10_000], [1, 0.0]), 20.0),
    }
    got = attempt_each(answer, cases)
    truth = [smooth_scores(*case) for case in cases.values()]
    # Nuclei beyond three radii may count or not: one per cent of a weight each.
    near = [as_numbers(one, f"numbers for {case}") for one, case in zip(got, cases)]
    for scores, right, case in zip(near, truth, cases):
        if scores.shape != right.shape:
            raise Wrong(
                f"the scores have shape {scores.shape} for {case}, expected {right.shape}: one for "
                "each nucleus"
            )
    if not all(np.allclose(one, true, atol=0.05) for one, true in zip(near, truth)):
        expect_each(near, truth, "the score", answers_of(SMOOTH_MISTAKES, cases), cases)
    two = np.array([3.0, 5.0]), np.zeros((2, 2)), 1.0
    if not np.allclose(attempt(answer, *two, case="two nuclei at one place"), 4.0):
        raise Wrong("two nuclei at the same place must both get their mean")
    return "each score is the mean of its neighbourhood, and near nuclei count more"


def _kept(losses: Any, accuracies: Any) -> float:
    return float(np.mean(accuracies[np.arange(len(losses)), losses.argmin(axis=1)]))


KEPT_MISTAKES: dict[str, Callable[..., Any]] = {
    "You chose these epochs by their test accuracy: the test fold has helped to choose.": (
        lambda losses, accuracies: accuracies.max(axis=1).mean()
    ),
    "One epoch for all folds, chosen by the mean test accuracy: the test folds still choose.": (
        lambda losses, accuracies: accuracies.mean(axis=0).max()
    ),
    "That keeps the epoch with the highest loss; the lowest is the best.": (
        lambda losses, accuracies: _kept(-losses, accuracies)
    ),
    "That is the mean over all epochs: keep one epoch for each fold.": (
        lambda losses, accuracies: accuracies.mean()
    ),
    "That is the last epoch. Keep the one with the lowest validation loss.": (
        lambda losses, accuracies: accuracies[:, -1].mean()
    ),
    "That is one epoch for all folds. Folds are separate runs: choose an epoch in each.": (
        lambda losses, accuracies: accuracies[:, losses.mean(axis=0).argmin()].mean()
    ),
}


def _weights(coords: Any, radius: float, power: int = 2) -> np.ndarray:
    return np.exp(-0.5 * (cdist(coords, coords) / radius) ** power)


def _mean(weights: np.ndarray, scores: Any) -> np.ndarray:
    return weights @ scores / np.maximum(weights.sum(axis=1), 1e-12)


SMOOTH_MISTAKES: dict[str, Callable[..., Any]] = {
    "Divide by the sum of the weights: a mean, not a sum.": (
        lambda scores, coords, radius: _weights(coords, radius) @ scores
    ),
    "Divide by the sum of the weights, not by the number of nuclei.": (
        lambda scores, coords, radius: _weights(coords, radius) @ scores / len(scores)
    ),
    "The nucleus itself counts too, with weight 1.": (
        lambda s, coords, r: _mean(_weights(coords, r) * (1 - np.eye(len(s))), s)
    ),
    "Square the distance: the weights are exp(-d² / 2r²).": (
        lambda scores, coords, radius: _mean(_weights(coords, radius, 1), scores)
    ),
    "The 2 is missing: the weights are exp(-d² / 2r²).": (
        lambda scores, coords, radius: _mean(_weights(coords, radius) ** 2, scores)
    ),
    "The scores came back unchanged: average over the neighbours.": lambda s, c, r: s,
    "That is the mean over all nuclei: near ones must count more.": (
        lambda s, c, r: 0 * s + s.mean()
    ),
}


def _draw(answer: Any, digits: np.ndarray, positive: bool) -> list[np.ndarray]:
    rng = np.random.default_rng(2)  # not copied, or each bag would come from the same numbers
    bags = (attempt(answer, digits, positive, rng, copied=False) for _ in range(BAGS))
    return [_places(bag, len(digits)) for bag in bags]


def _places(bag: Any, n: int) -> np.ndarray:
    places = np.asarray(bag)
    if places.ndim != 1 or places.dtype.kind not in "iu":
        raise Wrong(
            f"a bag is {type(bag).__name__} of shape {places.shape}, {places.dtype}; expected "
            "the positions of its digits, an int array (n,)"
        )
    if not len(places):
        raise Wrong("a bag is empty: a size below 1 must become 1")
    if places.min() < 0 or places.max() >= n:
        raise Wrong(f"a position is {places.max()}, but there are {n} digits")
    return places


def _expect_sizes(bags: list[np.ndarray]) -> None:
    sizes = np.array([len(bag) for bag in bags])
    if not (9.5 < sizes.mean() < 10.6 and 1.8 < sizes.std() < 2.2):
        raise Wrong(
            f"bag sizes are {sizes.mean():.1f} ± {sizes.std():.1f}, expected about 10 ± 2. Draw "
            "a new size and new digits each time, and take nothing out of a bag"
        )


def _expect_nines(digits: np.ndarray, bags: list[np.ndarray]) -> None:
    nines = np.array([(digits[bag] == 9).sum() for bag in bags])
    if abs(nines.mean() - NINES) > 0.08:
        why = (
            "that puts one 9 into each bag by hand; uniform digits sometimes bring more than one"
            if nines.max() == 1
            else "draw all digits uniformly, and the whole bag again while it has the wrong label"
        )
        raise Wrong(f"positive bags contain {nines.mean():.2f} nines, expected {NINES}: {why}")
    first = np.mean([digits[bag[0]] == 9 for bag in bags])
    if not 0.1 < first < 0.22:
        raise Wrong(
            f"{first:.0%} of positive bags begin with a 9, expected 15 %: no position is special"
        )


def _expect_new_sizes(positive: list[np.ndarray], negative: list[np.ndarray]) -> None:
    """Refuse a size that is kept while the digits are drawn again: it is another protocol."""
    larger, smaller = (float(np.mean([len(bag) for bag in bags])) for bags in (positive, negative))
    if larger - smaller < 0.3:  # 0.65 on average, with a standard error of 0.06
        raise Wrong(
            f"positive bags have {larger:.1f} digits on average, negative ones {smaller:.1f}; the "
            "protocol gives 10.2 and 9.6. Draw a new size with every attempt, not only new digits"
        )
