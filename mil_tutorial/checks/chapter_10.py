"""Checks of chapter 10: heat maps."""

from typing import Any

import numpy as np

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import (
    as_numbers,
    attempt,
    examine_each,
    expect_number,
    expect_values,
)
from mil_tutorial.pictures.geojson import tile_ring
from mil_tutorial.pictures.stitching import stitch_tiles

CANVASES = {  # values, x and y, side of a tile, (height, width)
    "three tiles and a hole": ([1.0, 2.0, 3.0], [[0, 0], [2, 0], [0, 2]], 2, (4, 4)),
    "a slide that is wider than high": ([5.0, 7.0], [[8, 0], [2, 3]], 2, (5, 10)),
    "a slide that is higher than wide": ([5.0, 7.0], [[0, 9], [3, 2]], 3, (12, 6)),
    "tiles that overlap": ([1.0, 3.0, 8.0], [[0, 0], [1, 0], [1, 1]], 2, (3, 4)),
    "one tile": ([4.0], [[1, 2]], 1, (4, 3)),
}
GRIDS = {
    "a square slide": ([1.0, 2.0, 3.0], [[0, 0], [64, 0], [32, 64]], 32, (96, 96)),
    "a slide of 2 rows and 3 columns": ([4.0, 5.0], [[64, 0], [0, 32]], 32, (64, 96)),
}
CANVAS = "the canvas (row, column)"
SWAPPED = "x and y are swapped: x counts columns, and an array takes the row first."
ZEROS = (
    "Where no tile lies the canvas is 0, which says that the model saw nothing there: make it NaN."
)


@exercise
def check_stitch_tiles(answer: Any) -> str:
    """Check ``stitch_tiles(values, coords, tile_size, shape)``."""
    cases = {
        name: (np.array(values), np.array(coords), side, shape)
        for name, (values, coords, side, shape) in CANVASES.items()
    }
    with np.errstate(all="ignore"):
        examine_each(answer, cases, stitch_tiles, CANVAS, MISTAKES)
    return "right for square and oblong slides, holes and overlaps"


def _painted(overlap: str = "mean", empty: float = np.nan, swapped: bool = False) -> Any:
    """Return a function that stitches tiles with these mistakes."""

    def paint(values: Any, coords: Any, tile_size: int, shape: tuple[int, int]) -> np.ndarray:
        total, count = np.zeros(shape), np.zeros(shape)
        for value, (x, y) in zip(values, coords):
            row, column = (x, y) if swapped else (y, x)
            tile = np.s_[row : row + tile_size, column : column + tile_size]
            total[tile] = value if overlap == "last" else total[tile] + value
            count[tile] += 1
        mean = total / np.maximum(count, 1) if overlap == "mean" else total
        return np.where(count > 0, mean, empty)

    return paint


MISTAKES = [
    (SWAPPED, _painted(swapped=True)),
    (SWAPPED, _painted("last", swapped=True)),
    (ZEROS, _painted(empty=0)),
    (ZEROS, _painted("last", empty=0)),
    (
        "The shape is (height, width), in that order.",
        lambda values, coords, side, shape: _painted()(values, coords, side, shape[::-1]),
    ),
    ("Where tiles overlap, the last one wins: take their mean.", _painted("last")),
    ("Where tiles overlap, they are added: divide by their number.", _painted("sum")),
    (
        "NaN plus a number is NaN: start from zeros, and count the tiles.",
        lambda values, coords, side, shape: np.full(shape, np.nan),
    ),
    (
        "Each tile fills one pixel: it should be tile_size pixels wide and high.",
        lambda values, coords, side, shape: _painted()(values, coords, 1, shape),
    ),
    ("The canvas is upside down: y = 0 is the top row.", lambda *case: _painted()(*case)[::-1]),
]


@exercise
def check_one_pixel_a_tile(answer: Any) -> str:
    """Check ``one_pixel_a_tile(values, coords, tile_size, shape)``."""
    for case, (values, coords, side, shape) in GRIDS.items():
        got = attempt(answer, np.array(values), np.array(coords), side, shape, case=case)
        canvas = as_numbers(got)
        expected = stitch_tiles(values, coords, side, shape, downsample=side)
        for value, (x, y) in zip(values, coords):
            right, places = [y // side, x // side], np.argwhere(canvas == value).tolist()
            if canvas.shape == expected.shape and len(places) == 1 and places != [right]:
                raise Wrong(
                    f"the tile at x = {x}, y = {y} went to row {places[0][0]}, column "
                    f"{places[0][1]}; it belongs to row {right[0]}, column {right[1]}. The bug is "
                    "still there"
                )
        expect_values(canvas, expected, CANVAS, case=case)
    return "each tile is in its own row and column, on an oblong slide too"


@exercise
def check_bar_pixels(answer: Any) -> str:
    """Check the guess of a scale bar's length in a picture made smaller."""
    mistakes = {
        "That is its length in pixels of the slide: 32 of them make one of the picture.": 4000,
        "That leaves out how large a pixel of the slide is, 0.25 µm.": 31.25,
        "That is how wide a pixel of the picture is, in µm. How many make 1,000 µm?": 8,
        "Divide the length by the side of a pixel; do not multiply.": 8000,
        "A millimetre is 1,000 µm.": 0.125,
    }
    expect_number(answer, 125, "the length", 0.06, mistakes)
    return "a pixel of the picture is 0.25 × 32 = 8 µm wide, and 1,000 / 8 = 125"


@exercise
def check_tile_ring(answer: Any) -> str:
    """Check ``tile_ring(x, y, side)``."""
    for x, y, side in ((0, 0, 1), (96, 32, 32), (10.5, 200.0, 448.0)):
        case = f"x = {x}, y = {y}, side = {side}"
        ring = as_numbers(attempt(answer, x, y, side, case=case))
        truth = np.array(tile_ring(x, y, side))
        if ring.shape == (4, 2):
            raise Wrong(
                f"the ring has 4 points; close it by repeating the first at its end ({case})"
            )
        if ring.shape == (1, 5, 2):
            raise Wrong("that is a list of rings; return the one ring, five [x, y]")
        if ring.shape != (5, 2):
            raise Wrong(f"the ring came in shape {ring.shape}, expected five [x, y], (5, 2)")
        if not np.allclose(ring[0], ring[-1]):
            raise Wrong(f"the ring is open: its last point is not its first ({case})")
        if _same_points(ring[:, ::-1], truth) and not _same_points(ring, truth):
            raise Wrong(f"x and y are swapped: GeoJSON writes [x, y] ({case})")
        if not _same_points(ring, truth):
            lacking = next(p for p in truth if not np.isclose(ring, p).all(axis=1).any())
            raise Wrong(f"the corner [{lacking[0]:g}, {lacking[1]:g}] is missing ({case})")
        (x1, y1), (x2, y2) = ring[:-1].T, ring[1:].T
        area = (x1 * y2 - x2 * y1).sum() / 2
        if np.isclose(area, -(side**2)):
            raise Wrong(f"the corners run the other way: from the top left go right first ({case})")
        if not np.isclose(area, side**2):
            raise Wrong(f"the ring crosses itself: go round the tile, corner by corner ({case})")
    return "five points, closed, counter-clockwise by the signed area"


def _same_points(ring: np.ndarray, truth: np.ndarray) -> bool:
    near = np.isclose(ring[:, None], truth[None]).all(axis=2)
    return bool(near.any(axis=1).all() and near.any(axis=0).all())
