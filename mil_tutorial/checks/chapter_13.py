"""Checks of chapter 13: µm/px, pyramid levels, tissue and tiles."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mil_tutorial.checks.cases import attempt_each, expect_each, values_of
from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import attempt, expect_number
from mil_tutorial.checks.recording_slide import RecordingSlide, expect_region


@exercise
def check_level0_side(answer: Any) -> str:
    """Check the guess of a tile's side at level 0: 256 px of 0.5 µm on a slide of 0.22 µm/px."""
    mistakes = {
        "That is the tile as the encoder sees it. How many µm does it show?": 256,
        "Those are µm. How many pixels of 0.22 µm is that?": 128,
        "Multiply by 0.5 / 0.22, not by 0.22 / 0.5: level 0 has smaller pixels, so more.": 112.6,
        "That takes 0.25 µm/px, as if it were any 40× scanner. This slide has 0.22.": 512,
    }
    expect_number(answer, 256 * 0.5 / 0.22, "the side", 0.8, mistakes)
    return "256 × 0.5 = 128 µm, and 128 / 0.22 = 582 pixels of level 0"


@exercise
def check_read_field(answer: Any) -> str:
    """Check ``read_field(handle, x, y, side, level)``."""
    for level, (x, y, side) in ((0, (100, 40, 64)), (1, (4096, 512, 1024)), (2, (8000, 1600, 320))):
        slide = RecordingSlide(1.0, 4.0, 16.0)
        case = f"level {level}, which is {slide.level_downsamples[level]:g} times smaller"
        attempt(answer, slide, x, y, side, level, case=case)
        if len(slide.asked) != 1:
            raise Wrong(f"read_region was called {len(slide.asked)} times, expected once ({case})")
        expect_region(slide, (x, y), side, level, case)
    return "the place is in pixels of level 0, the size in pixels of the level that is read"


@exercise
def check_otsu_threshold(answer: Any) -> str:
    """Check ``otsu_threshold(counts)``: the last value of the lower class."""
    cases = {name: (counts,) for name, counts in _histograms().items()}
    got = attempt_each(answer, cases)
    thresholds = [_whole(value, name) for value, name in zip(got, cases)]
    for threshold, (name, (counts,)) in zip(thresholds, cases.items()):
        between = _between(counts)
        if np.isclose(between[min(threshold, 254)], between.max(), rtol=1e-9):
            continue
        truth = int(between.argmax())
        for advice, wrong in OTSU_MISTAKES:
            if threshold == wrong(counts):
                raise Wrong(f"the threshold is {threshold}, expected {truth} ({name}). {advice}")
        raise Wrong(f"the threshold is {threshold}, expected {truth} ({name})")
    return "the cut that sets the means of the two classes furthest apart, weighed by their sizes"


def _whole(value: Any, case: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise Wrong(f"got {type(value).__name__} for {case}, expected a whole number") from error
    if not number.is_integer() or not 0 <= number <= 255:
        raise Wrong(f"the threshold is {number:g} ({case}), expected a whole number from 0 to 255")
    return int(number)


def _histograms() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)

    def counts(*parts: tuple[float, float, int]) -> np.ndarray:
        values = np.concatenate([rng.normal(m, s, n) for m, s, n in parts])
        return np.bincount(values.clip(0, 255).astype(int), minlength=256)

    return {
        "much glass, some tissue": counts((8, 4, 8000), (90, 30, 2000)),
        "little glass, much tissue": counts((10, 5, 1000), (120, 40, 9000)),
        "two values alone": np.bincount([20] * 5 + [200] * 3, minlength=256),
    }


def _between(counts: np.ndarray) -> np.ndarray:
    """Variance between the classes for each threshold 0 to 254."""
    values, out = np.arange(256), np.zeros(255)
    for t in range(255):
        low, high = counts[: t + 1].sum(), counts[t + 1 :].sum()
        if low and high:
            apart = (
                values[: t + 1] @ counts[: t + 1] / low - values[t + 1 :] @ counts[t + 1 :] / high
            )
            out[t] = low * high * apart**2
    return out


def _furthest_means(counts: np.ndarray) -> int:
    low, high = counts.cumsum()[:-1], counts[::-1].cumsum()[::-1][1:]
    sums = (counts * np.arange(256)).cumsum()
    apart = (sums[-1] - sums[:-1]) / np.maximum(high, 1) - sums[:-1] / np.maximum(low, 1)
    return int(np.where((low > 0) & (high > 0), apart, -1).argmax())


OTSU_MISTAKES: list[tuple[str, Callable[[np.ndarray], int]]] = [
    ("That is where the classes are nearest: take the largest value.", lambda c: _least(c)),
    (
        "That sets the means furthest apart without weighing them: multiply by both sizes.",
        _furthest_means,
    ),
    (
        "One too high: the class above starts after the threshold.",
        lambda c: int(_between(c).argmax()) + 1,
    ),
    (
        "That is the mean of all pixels: try each threshold.",
        lambda c: round(float(c @ np.arange(256) / c.sum())),
    ),
]


def _least(counts: np.ndarray) -> int:
    return int(_between(counts).argmin())


@exercise
def check_tile_corners(answer: Any) -> str:
    """Check ``tile_corners(width, height, side)``."""
    cases = {
        "1000 × 600 pixels, tiles of 256": (1000, 600, 256),
        "a slide that divides evenly": (512, 1024, 256),
        "a slide of one tile": (300, 290, 256),
    }
    got = attempt_each(answer, cases)
    for corners, (name, case) in zip(got, cases.items()):
        _expect_corners(corners, case, name)
    truth = [_corners(*case) for case in cases.values()]
    expect_each(got, truth, "the corners", values_of(CORNER_MISTAKES, cases), cases)
    return "whole tiles only, x before y, row by row"


def _expect_corners(corners: Any, case: tuple[int, int, int], name: str) -> None:
    try:
        places = np.asarray(corners)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(f"got {type(corners).__name__}, expected an array (n, 2)") from error
    if places.dtype == object or places.ndim != 2 or places.shape[1] != 2:
        raise Wrong(f"corners came in shape {places.shape} ({name}), expected (n, 2)")
    width, height, side = case
    if len(places) == -(-width // side) * -(-height // side) > len(_corners(*case)):
        raise Wrong(f"{len(places)} tiles ({name}): those at the edge reach beyond the slide")


def _corners(width: int, height: int, side: int) -> np.ndarray:
    y, x = np.mgrid[: height // side, : width // side]
    return np.stack([x.ravel(), y.ravel()], axis=1) * side


def _by_column(width: int, height: int, side: int) -> np.ndarray:
    return _corners(height, width, side)[:, ::-1]


CORNER_MISTAKES: list[tuple[str, Callable[..., Any]]] = [
    ("Those are y, x: put x first.", lambda w, h, s: _corners(w, h, s)[:, ::-1]),
    ("Width and height changed places.", lambda w, h, s: _corners(h, w, s)),
    ("Column by column; go row by row.", _by_column),
    ("Those are numbers of tiles: multiply by side.", lambda w, h, s: _corners(w, h, s) // s),
    (
        "Those are the middles; give the top-left corners.",
        lambda w, h, s: _corners(w, h, s) + s // 2,
    ),
]
