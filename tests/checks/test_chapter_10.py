"""Known wrong answers of chapter 10 must fail, each with the message that names it."""

import numpy as np
import pytest
import torch
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_10 as checks


def stitch(values, coords, tile_size, shape):
    total, count = np.zeros(shape), np.zeros(shape)
    for value, (x, y) in zip(values, coords):
        total[y : y + tile_size, x : x + tile_size] += value
        count[y : y + tile_size, x : x + tile_size] += 1
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)


def stitch_slowly(values, coords, tile_size, shape):
    """Ask of each pixel which tiles lie on it; return a tensor."""
    canvas = torch.full(shape, torch.nan, dtype=torch.float64)
    for row in range(shape[0]):
        for column in range(shape[1]):
            inside = (coords <= (column, row)) & ((column, row) < coords + tile_size)
            covering = values[inside.all(axis=1)]
            if len(covering):
                canvas[row, column] = covering.mean()
    return canvas


def swapped(values, coords, tile_size, shape):
    canvas = np.full(shape, np.nan)
    for value, (x, y) in zip(values, coords):
        canvas[x : x + tile_size, y : y + tile_size] = value
    return canvas


def swapped_with_means(values, coords, tile_size, shape):
    return stitch(values, coords[:, ::-1], tile_size, shape)


def last_one_wins(values, coords, tile_size, shape):
    canvas = np.full(shape, np.nan)
    for value, (x, y) in zip(values, coords):
        canvas[y : y + tile_size, x : x + tile_size] = value
    return canvas


def adds_to_nan(values, coords, tile_size, shape):
    canvas = np.full(shape, np.nan)
    for value, (x, y) in zip(values, coords):
        canvas[y : y + tile_size, x : x + tile_size] += value
    return canvas


def sums(values, coords, tile_size, shape):
    total, count = np.zeros(shape), np.zeros(shape)
    for value, (x, y) in zip(values, coords):
        total[y : y + tile_size, x : x + tile_size] += value
        count[y : y + tile_size, x : x + tile_size] += 1
    return np.where(count > 0, total, np.nan)


def one_pixel(values, coords, tile_size, shape):
    return stitch(values, coords, 1, shape)


def tile_numbers(values, coords, tile_size, shape):
    return stitch(values, coords * tile_size, tile_size, shape)


def small(values, coords, tile_size, shape):
    canvas = np.full((shape[0] // tile_size, shape[1] // tile_size), np.nan)
    rows, columns = (coords // tile_size)[:, ::-1].T
    canvas[rows, columns] = values
    return canvas


def small_swapped(values, coords, tile_size, shape):
    canvas = np.full((shape[0] // tile_size, shape[1] // tile_size), np.nan)
    for value, (x, y) in zip(values, coords):
        canvas[x // tile_size, y // tile_size] = value
    return canvas


def small_turned(values, coords, tile_size, shape):
    canvas = np.full((shape[1] // tile_size, shape[0] // tile_size), np.nan)
    for value, (x, y) in zip(values, coords):
        canvas[x // tile_size, y // tile_size] = value
    return canvas


def ring(x, y, side):
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def from_below(x, y, side):
    """The same ring, begun at another corner, as a tuple of tuples."""
    corners = [tuple(point) for point in ring(x, y, side)[:-1]]
    corners = corners[2:] + corners[:2]
    return (*corners, corners[0])


ZOO = [
    (checks.check_stitch_tiles, swapped_with_means, "x and y are swapped"),
    (checks.check_stitch_tiles, last_one_wins, "the last one wins: take their mean"),
    (checks.check_stitch_tiles, adds_to_nan, "start from zeros"),
    (checks.check_stitch_tiles, sums, "divide by their number"),
    (checks.check_stitch_tiles, one_pixel, "fills one pixel"),
    (checks.check_stitch_tiles, tile_numbers, "the canvas (row, column) at"),
    (checks.check_stitch_tiles, lambda *args: np.nan_to_num(stitch(*args)), "make it NaN"),
    (checks.check_stitch_tiles, lambda *args: stitch(*args)[::-1], "upside down"),
    (
        checks.check_stitch_tiles,
        lambda v, c, t, shape: stitch(v, c, t, shape[::-1]),
        "(height, width), in that order",
    ),
    (checks.check_stitch_tiles, swapped, "x and y are swapped"),
    (checks.check_stitch_tiles, lambda *g: np.nan_to_num(last_one_wins(*g)), "make it NaN"),
    (checks.check_stitch_tiles, lambda *args: stitch(*args).astype(str), "expected numbers"),
    (checks.check_stitch_tiles, lambda *args: stitch(*args) * 2, "is 2, expected 1"),
    (checks.check_stitch_tiles, lambda v, c, t: c, "your code raised TypeError"),
    (checks.check_one_pixel_a_tile, small_swapped, "The bug is still there"),
    (checks.check_one_pixel_a_tile, small_turned, "The bug is still there"),
    (checks.check_one_pixel_a_tile, lambda *args: small(*args)[::-1], "belongs to row 0"),
    (
        checks.check_one_pixel_a_tile,
        lambda *args: stitch(*args),
        "came in shape (96, 96), expected (3, 3)",
    ),
    (checks.check_one_pixel_a_tile, lambda *g: np.nan_to_num(small(*g)), "is 0, expected nan"),
    (checks.check_bar_pixels, 4000, "pixels of the slide"),
    (checks.check_bar_pixels, 31.25, "how large a pixel of the slide is"),
    (checks.check_bar_pixels, 8, "how wide a pixel of the picture is"),
    (checks.check_bar_pixels, 8000, "do not multiply"),
    (checks.check_bar_pixels, 0.125, "A millimetre is 1,000"),
    (checks.check_bar_pixels, 130, "too large"),
    (checks.check_bar_pixels, "125 px", "expected a number"),
    (checks.check_tile_ring, lambda x, y, s: ring(x, y, s)[:-1], "close it"),
    (checks.check_tile_ring, lambda x, y, s: [ring(x, y, s)], "list of rings"),
    (checks.check_tile_ring, lambda x, y, s: ring(x, y, s)[::-1], "run the other way"),
    (checks.check_tile_ring, lambda x, y, s: ring(y, x, s), "x and y are swapped"),
    (
        checks.check_tile_ring,
        lambda x, y, s: [[x, y], [x + s, y], [x, y + s], [x + s, y + s], [x, y]],
        "crosses itself",
    ),
    (checks.check_tile_ring, lambda x, y, s: ring(x, y, s - 1), "the corner [1, 0] is missing"),
    (
        checks.check_tile_ring,
        lambda x, y, s: [[x, y], [s, y], [s, s], [x, s], [x, y]],
        "the corner [128, 32] is missing (x = 96",
    ),
    (checks.check_tile_ring, lambda x, y, s: [*ring(x, y, s)[:-1], [x + s, y]], "the ring is open"),
    (checks.check_tile_ring, lambda x, y, s: [x, y, s], "came in shape (3,)"),
    (checks.check_tile_ring, lambda x, y, s: "square", "expected numbers"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


@pytest.mark.parametrize(
    ("check", "answers"),
    by_check(
        [
            (checks.check_stitch_tiles, stitch),
            (checks.check_stitch_tiles, stitch_slowly),
            (checks.check_one_pixel_a_tile, small),
            (checks.check_one_pixel_a_tile, lambda *args: small_turned(*args).T),
            (checks.check_bar_pixels, 125),
            (checks.check_bar_pixels, "125"),
            (checks.check_tile_ring, ring),
            (checks.check_tile_ring, lambda *args: np.array(ring(*args))),
            (checks.check_tile_ring, from_below),
        ]
    ),
)
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")
