"""Bags of points in the plane from a seed: the same as ``static/mil_playground_data.js`` makes."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

UNSEEN = 60
"""How many bags no model is trained on."""

ORDINARY, WITNESS, PARTNER, LOOKALIKE = range(4)

PLACES: dict[str, dict[int, Any]] = {  # a centre (x, y), or the radius of a ring
    "cluster": {WITNESS: (1.5, 1.2), LOOKALIKE: (2.8, 2.2)},
    "ring": {WITNESS: 2, LOOKALIKE: 3.2},
    "pair": {WITNESS: (-1.7, 1.2), PARTNER: (1.7, 1.2), LOOKALIKE: (0, 2.4)},
    "size": {WITNESS: (1.5, 1.2), LOOKALIKE: (2.8, 2.2)},
}

Random = Callable[[], float]


class PointBag(NamedTuple):
    """A bag of points, with a truth that the models do not get."""

    points: np.ndarray  # (n, 2)
    kinds: np.ndarray  # (n,): 0 ordinary, 1 and 2 witnesses, 3 look-alike
    label: int  # 0 or 1


def point_bags(settings: dict[str, Any]) -> tuple[list[PointBag], list[PointBag]]:
    """Return the bags to train on, and the bags kept aside."""
    random = _random_from(settings["seed"])
    train = _bags(settings, settings["bags"], random, settings["data"] == "size")
    return train, _bags(settings, UNSEEN, random, False)


def _random_from(seed: int) -> Random:
    """Return a function that gives numbers in [0, 1): the generator mulberry32."""
    state = seed % 2**32

    def random() -> float:
        nonlocal state
        state = (state + 0x6D2B79F5) % 2**32
        mixed = (state ^ state >> 15) * (state | 1) % 2**32
        mixed ^= (mixed + (mixed ^ mixed >> 7) * (mixed | 61)) % 2**32
        return (mixed ^ mixed >> 14) / 2**32

    return random


def _bags(settings: dict[str, Any], count: int, random: Random, telling: bool) -> list[PointBag]:
    bags = []
    for label in (b % 2 for b in range(count)):
        share = 0.5 + ((label + random()) / 2 if telling else random())
        kinds = _kinds(settings, label, max(3, _round(settings["size"] * share)), random)
        points = np.array([_point(kind, settings, random) for kind in kinds])
        bags.append(PointBag(points, np.array(kinds), label))
    return bags


def _kinds(settings: dict[str, Any], label: int, n: int, random: Random) -> list[int]:
    found = max(1, _round(n * settings["witnesses"] / 100))
    first = random() < 0.5  # which concept a bag with one of two has
    kinds: list[int] = []
    if settings["data"] == "pair":
        kinds += [WITNESS] * found * (label or first) + [PARTNER] * found * (label or not first)
    elif label:
        kinds += [WITNESS] * found
    kinds += [LOOKALIKE] * _round(n * settings["lookalikes"] / 100)
    return (kinds + [ORDINARY] * n)[:n]


def _point(kind: int, settings: dict[str, Any], random: Random) -> tuple[float, float]:
    place = (0, 0) if kind == ORDINARY else PLACES[settings["data"]][kind]
    if not isinstance(place, tuple):
        angle = 2 * math.pi * random()
        place = (place * math.cos(angle), place * math.sin(angle))
    radius = math.sqrt(-2 * math.log(1 - random()))  # Box and Muller
    angle = 2 * math.pi * random()
    spread = (0.6 if kind == ORDINARY else 0.2) + settings["noise"]
    x, y = place
    return x + spread * radius * math.cos(angle), y + spread * radius * math.sin(angle)


def _round(x: float) -> int:
    """Round a half up, as JavaScript does."""
    return math.floor(x + 0.5)
