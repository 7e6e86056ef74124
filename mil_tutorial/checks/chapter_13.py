"""Checks of chapter 13: µm/px, pyramid levels, tissue, tiles and faults of features."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import (
    as_numbers,
    attempt,
    chosen_words,
    examine_each,
    expect_number,
)


@exercise
def check_level0_side(answer: Any) -> str:
    """Check the guess of a tile's side at level 0: 256 px of 0.5 µm on a slide of 0.22 µm/px."""
    mistakes = {
        "That is the tile as the encoder sees it. How many µm wide is it?": 256,
        "Those are µm. How many pixels of 0.22 µm is that?": 128,
        "Multiply by 0.5 / 0.22, not by 0.22 / 0.5: level 0 has smaller pixels.": 112.6,
        "That assumes 0.25 µm/px, as for any 40× scanner. This slide has 0.22.": 512,
    }
    expect_number(answer, 256 * 0.5 / 0.22, "the side", 0.8, mistakes)
    return "256 × 0.5 = 128 µm, and 128 / 0.22 = 582 pixels of level 0"


@exercise
def check_read_field(answer: Any) -> str:
    """Check ``read_field(handle, x, y, side, level)``."""
    for level, (x, y, side) in ((0, (100, 40, 64)), (1, (4096, 512, 1024)), (2, (8000, 1600, 320))):
        calls: list[tuple[Any, Any, Any]] = []

        def read_region(location: Any, level: Any, size: Any, calls: Any = calls) -> str:
            calls.append((tuple(location), level, tuple(size)))
            return "a picture"

        slide = SimpleNamespace(
            level_downsamples=(1.0, 4.0, 16.0), level_count=3, read_region=read_region
        )
        case = f"level {level}, which is {slide.level_downsamples[level]:g} times smaller"
        attempt(answer, slide, x, y, side, level, case=case)
        if len(calls) != 1:
            raise Wrong(f"read_region was called {len(calls)} times, expected once ({case})")
        _expect_region(calls[0], ((x, y), level, side), slide.level_downsamples[level], case)
    return "the position is in pixels of level 0, the size in pixels of the level you read"


@exercise
def check_otsu_threshold(answer: Any) -> str:
    """Check ``otsu_threshold(counts)``: the last value of the lower class."""
    cases = {
        "much glass, some tissue": (_histogram((8, 4, 8000), (90, 30, 2000)),),
        "little glass, much tissue": (_histogram((10, 5, 1000), (120, 40, 9000)),),
        "only two values": (np.bincount([20] * 5 + [200] * 3, minlength=256),),
    }

    def read(value: Any, expected: int, case: str) -> int:
        number = as_numbers(value, f"a whole number for {case}", ndim=0).item()
        if not number.is_integer() or not 0 <= number <= 255:
            raise Wrong(
                f"the threshold is {number:g} ({case}), expected a whole number from 0 to 255"
            )
        return _or_equal(int(number), *cases[case])

    mistakes = [
        (advice, lambda counts, wrong=wrong: _or_equal(wrong(counts), counts))
        for advice, wrong in OTSU_MISTAKES.items()
    ]
    examine_each(answer, cases, _otsu, "the threshold", mistakes, read)
    return "the threshold with the class means furthest apart, weighted by the class sizes"


def _histogram(*classes: tuple[float, float, int]) -> np.ndarray:
    """Count values 0 to 255 of classes with these means, deviations and sizes."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(*one) for one in classes])
    return np.bincount(values.clip(0, 255).astype(int), minlength=256)


def _between(counts: np.ndarray, weighed: bool = True) -> np.ndarray:
    """Variance between the classes for each threshold 0 to 254."""
    values, variances = np.arange(256), np.zeros(255)
    for t in range(255):
        low, high = counts[: t + 1].sum(), counts[t + 1 :].sum()
        if low and high:
            means = (
                values[: t + 1] @ counts[: t + 1] / low,
                values[t + 1 :] @ counts[t + 1 :] / high,
            )
            variances[t] = (low * high if weighed else 1) * (means[1] - means[0]) ** 2
    return variances


def _otsu(counts: np.ndarray) -> int:
    return int(_between(counts).argmax())


def _or_equal(threshold: int, counts: np.ndarray) -> int:
    """Return the right threshold in place of one that separates the classes as well."""
    between = _between(counts)
    as_good = np.isclose(between[min(threshold, 254)], between.max(), rtol=1e-9)
    return _otsu(counts) if as_good else threshold


OTSU_MISTAKES: dict[str, Callable[..., Any]] = {
    "That is where the classes are closest: take the largest value.": (
        lambda c: int(_between(c).argmin())
    ),
    "That ignores how large the classes are: multiply by both sizes.": (
        lambda c: int(_between(c, weighed=False).argmax())
    ),
    "One too high: the class above starts after the threshold.": lambda c: _otsu(c) + 1,
    "That is the mean of all pixels. Try each threshold instead.": (
        lambda c: round(float(c @ np.arange(256) / c.sum()))
    ),
}


@exercise
def check_tile_corners(answer: Any) -> str:
    """Check ``tile_corners(width, height, side)``."""
    cases = {
        "1000 × 600 pixels, tiles of 256": (1000, 600, 256),
        "a slide that divides evenly": (512, 1024, 256),
        "a slide of one tile": (300, 290, 256),
    }

    def read(corners: Any, expected: np.ndarray, case: str) -> np.ndarray:
        places = as_numbers(corners, "an array (n, 2)")
        if places.ndim != 2 or places.shape[1] != 2:
            raise Wrong(f"the corners have shape {places.shape} ({case}), expected (n, 2)")
        width, height, side = cases[case]
        if len(places) == -(-width // side) * -(-height // side) > len(expected):
            raise Wrong(f"{len(places)} tiles ({case}): those at the edge reach beyond the slide")
        return places

    examine_each(answer, cases, _corners, "the corners", CORNER_MISTAKES, read)
    return "whole tiles only, x before y, row by row"


def _corners(width: int, height: int, side: int) -> np.ndarray:
    y, x = np.mgrid[: height // side, : width // side]
    return np.stack([x.ravel(), y.ravel()], axis=1) * side


CORNER_MISTAKES: dict[str, Callable[..., Any]] = {
    "Those are y, x: put x first.": lambda w, h, s: _corners(w, h, s)[:, ::-1],
    "Width and height are swapped.": lambda w, h, s: _corners(h, w, s),
    "That goes column by column; go row by row.": lambda w, h, s: _corners(h, w, s)[:, ::-1],
    "That counts tiles: multiply by side.": lambda w, h, s: _corners(w, h, s) // s,
    "Those are the centres; return the top-left corners.": (
        lambda w, h, s: _corners(w, h, s) + s // 2
    ),
}


FAULTS = {
    "sound": "a sound folder has few dead features and no slide far from the others",
    "weights": "an untrained network leaves few features dead, but its tiles differ little, and "
    "nearly in one direction only",
    "pixels": "pixels that are almost 0 all look alike: then most features never move",
    "scale": "the other scale is that of one slide: it has to lie far from the others",
}
"""Fault → by what it is known."""

FOLDERS = {"A": "scale", "B": "sound", "C": "weights", "D": "pixels"}


@exercise
def check_folders(answer: Any) -> str:
    """Check what is wrong with each of the folders A to D, a dictionary."""
    for folder, fault in chosen_words(answer, FOLDERS, FAULTS).items():
        if fault != FOLDERS[folder]:
            raise Wrong(f"folder {folder} is not {fault}: {FAULTS[fault]}")
    return "one slide far out; nothing odd; tiles nearly in one direction; dead features"


def _expect_region(
    call: tuple[Any, Any, Any],
    region: tuple[tuple[int, int], int, int],
    downsample: float,
    case: str,
) -> None:
    """Compare a call (location, level, size) with the region: place, level, side at level 0."""
    (location, asked_level, size), (place, level, side) = call, region
    if asked_level != level:
        raise Wrong(f"level {asked_level} was read, expected {level}")
    wanted = round(side / downsample)
    if size != (wanted, wanted):
        why = (
            "the size is in pixels of the level: divide side by the downsampling factor"
            if size == (side, side)
            else f"{side} pixels of level 0 are {wanted} of this level"
        )
        raise Wrong(f"a field of {size} was read, expected ({wanted}, {wanted}) ({case}): {why}")
    if location != place:
        shrunk = tuple(round(c / downsample) for c in place)
        why = (
            "OpenSlide takes it in pixels of level 0, whichever level you read"
            if location == shrunk
            else "pass x, y unchanged"
        )
        raise Wrong(f"the position was {location}, expected {place} ({case}): {why}")
