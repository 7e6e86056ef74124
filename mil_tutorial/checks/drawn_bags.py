"""Bags of digits: were they drawn as the protocol says?"""

from typing import Any

import numpy as np

from mil_tutorial.checks.exercise import NotAttempted, Wrong
from mil_tutorial.checks.judging import attempt

BAGS = 2000
NINES = 1.54
"""Of a positive bag, on average: 10 × 0.1 / (1 - 0.9 ** 10), a little more as sizes vary."""


def examine_bags(answer: Any) -> str:
    """Draw many bags with the learner's function; name what is not as printed."""
    digits = np.random.default_rng(1).integers(0, 10, 20_000)
    positive = _draw(answer, digits, True)
    negative = _draw(answer, digits, False)
    for what, bags, wanted in (("positive", positive, True), ("negative", negative, False)):
        wrong = sum((digits[bag] == 9).any() != wanted for bag in bags)
        if wrong:
            raise Wrong(
                f"{wrong} of {BAGS} {what} bags hold {'no 9' if wanted else 'a 9'}: draw again "
                "until the bag has the wanted label"
            )
    _expect_sizes(positive + negative)
    _expect_sizes(negative)
    _expect_nines(digits, positive)
    return "sizes about 10 ± 2, digits uniform, and positive bags hold one 9 or more, anywhere"


def _draw(answer: Any, digits: np.ndarray, positive: bool) -> list[np.ndarray]:
    rng, bags = np.random.default_rng(2), list[np.ndarray]()
    for _ in range(BAGS):
        # Not through ``attempt``: it copies, and each bag would come from the same numbers.
        bag = answer(digits, positive, rng) if bags else attempt(answer, digits, positive, rng)
        if bag is None or bag is ...:
            raise NotAttempted
        bags.append(_places(bag, len(digits)))
    return bags


def _places(bag: Any, n: int) -> np.ndarray:
    places = np.asarray(bag)
    if places.ndim != 1 or places.dtype.kind not in "iu":
        raise Wrong(
            f"a bag came as {type(bag).__name__} of shape {places.shape}, {places.dtype}; expected "
            "the places of its digits, an int array (n,)"
        )
    if not len(places):
        raise Wrong("a bag is empty: a size below 1 must become 1")
    if places.min() < 0 or places.max() >= n:
        raise Wrong(f"a place is {places.max()}, but there are {n} digits")
    return places


def _expect_sizes(bags: list[np.ndarray]) -> None:
    sizes = np.array([len(bag) for bag in bags])
    if not (9.5 < sizes.mean() < 10.6 and 1.8 < sizes.std() < 2.2):
        raise Wrong(
            f"bag sizes are {sizes.mean():.1f} ± {sizes.std():.1f}, expected about 10 ± 2. Draw "
            "size and digits anew each time, and take nothing out of a bag"
        )


def _expect_nines(digits: np.ndarray, bags: list[np.ndarray]) -> None:
    nines = np.array([(digits[bag] == 9).sum() for bag in bags])
    if abs(nines.mean() - NINES) > 0.08:
        why = (
            "that puts one 9 into each bag by hand; uniform digits bring more than one at times"
            if nines.max() == 1
            else "draw all digits uniformly, and the whole bag again while it has the wrong label"
        )
        raise Wrong(f"positive bags hold {nines.mean():.2f} nines, expected {NINES}: {why}")
    first = np.mean([digits[bag[0]] == 9 for bag in bags])
    if not 0.1 < first < 0.22:
        raise Wrong(
            f"{first:.0%} of positive bags begin with a 9, expected 15 %: no place is special"
        )
