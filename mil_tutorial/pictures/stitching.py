"""Stitching: tiles laid at their coordinates on one canvas."""

import math
from typing import Any

import numpy as np

from mil_tutorial.pictures.tile_checks import (
    check_coords,
    check_downsample,
    check_inside,
    check_tile_size,
)
from mil_tutorial.system.memory import available_memory
from mil_tutorial.system.numbers import as_array

CANVAS = 500e6
"""Bytes of the largest canvas that is made without being asked for."""


def stitch_tiles(
    values: Any,
    coords: Any,
    tile_size: int,
    shape: tuple[int, int] | None = None,
    downsample: float | None = None,
) -> np.ndarray:
    """Lay tiles at their coordinates on one canvas.

    Parameters
    ----------
    values : array, shape (n,), (n, t, t) or (n, t, t, C)
        A number for each tile, or a picture of each tile (then ``downsample`` must be 1).
    coords : array, shape (n, 2)
        x, y of each tile's top-left corner in pixels; any grid, or none.
    tile_size : int
        t, the side of a tile in pixels.
    shape : (height, width), optional
        Of the slide in pixels; by default the canvas ends with the last tile.
    downsample : float, optional
        Slide pixels per canvas pixel. By default 1, on a canvas of at most 0.5 GB (7,900 pixels a
        side); a number that is given is limited by the free memory alone.

    Returns
    -------
    float array, shape (height, width) or (height, width, C), divided by ``downsample``
        NaN where no tile lies; the mean where tiles overlap.

    Raises
    ------
    ValueError
        When coordinates and values do not match, a value is not finite, a tile lies outside the
        slide, or the canvas is too large; then the message says which ``downsample`` fits.
    """
    values = as_array(values, "values")
    free = available_memory()
    limit = CANVAS if downsample is None else free and free / 3  # sums, counts and means
    downsample = 1.0 if downsample is None else downsample
    _check_values(values, coords, tile_size, downsample)
    coords, tile_size = np.asarray(coords, dtype=float), int(tile_size)
    if shape is None:
        right, bottom = (math.ceil(last + tile_size) for last in coords.max(axis=0).tolist())
        shape = (bottom, right)
    check_inside(coords, tile_size, shape)
    height, width = (math.ceil(side / downsample) for side in shape)
    _check_canvas((height, width, *values.shape[3:]), downsample, limit)
    total = np.zeros((height, width, *values.shape[3:]))
    count = np.zeros((height, width) + (1,) * (total.ndim - 2))
    first = np.round(coords / downsample).astype(int)
    first = np.minimum(first, (width - 1, height - 1))  # a tile never falls off the canvas
    last = np.maximum(np.round((coords + tile_size) / downsample).astype(int), first + 1)
    for value, (left, top), (right, bottom) in zip(values, first, last):
        total[top:bottom, left:right] += value
        count[top:bottom, left:right] += 1
    with np.errstate(invalid="ignore"):
        return total / np.where(count > 0, count, np.nan)


def _check_values(values: np.ndarray, coords: Any, tile_size: int, downsample: float) -> None:
    check_coords(coords, len(values) if values.ndim else 0)
    check_tile_size(tile_size)
    if values.ndim > 1 and values.shape[1:3] != (tile_size, tile_size):
        raise ValueError(
            f"tile pictures have shape {values.shape[1:]}, expected ({tile_size}, {tile_size}, …)"
        )
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.all():
        raise ValueError(f"the value of tile {finite.argmin()} is not finite; leave that tile out")
    check_downsample(downsample)
    if values.ndim > 1 and downsample != 1:
        raise ValueError("tile pictures can be stitched at downsample 1 only")


def _check_canvas(shape: tuple[int, ...], downsample: float, limit: float | None) -> None:
    """Refuse a canvas of more bytes before it is made; say what fits."""
    size = 8.0 * math.prod(map(float, shape))
    if limit is not None and size > limit:
        fitting = math.ceil(downsample * math.sqrt(size / max(limit, 1.0)))
        remedy = f"pass downsample={fitting}, slide pixels per canvas pixel"
        if len(shape) > 2:
            remedy = f"make the pictures and coords smaller, {fitting} times"
        raise ValueError(
            f"a canvas of {shape[1]:.10g} × {shape[0]:.10g} pixels takes {size / 1e9:.3g} GB, and "
            f"the limit is {limit / 1e9:.3g} GB; {remedy}"
        )
