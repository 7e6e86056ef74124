"""Checks of tiles before they are drawn: a clear message instead of a blank canvas."""

from typing import Any

import numpy as np

from mil_tutorial.system.numbers import as_array, as_number


def check_tiles(
    attention: Any,
    coords: Any,
    truth: Any = None,
    image: Any = None,
    tile_size: Any = None,
    slide: str = "",
    downsample: float = 1.0,
) -> None:
    """Refuse tiles of one slide that cannot be drawn.

    Parameters
    ----------
    attention : array or Tensor, shape (n,)
        Weights after the softmax: finite, not negative, of sum 1; n ≥ 1.
    coords : array, shape (n, 2)
        x, y of each tile's top-left corner in pixels of the slide.
    truth : array of 0/1, shape (n,), optional
    image : array of uint8, shape (height, width, 3), optional
    tile_size : int, optional
        Side of a tile in pixels of the slide. With the image, tiles outside it are refused.
    slide : str
        A name for the messages.
    downsample : float
        Pixels of the slide for each pixel of the image.
    """
    n = check_attention(attention, slide)
    check_coords(coords, n, slide)
    total = np.asarray(attention, dtype=float).sum()
    if abs(total - 1) > 0.01:  # far beyond rounding, also that of half precision
        raise _error(
            slide,
            f"attention sums to {total:g} over the slide, expected 1; "
            "pass weights after the softmax",
        )
    if truth is not None:
        labels = _one_per_tile(truth, n, "truth", slide)
        _check_all((labels == 0) | (labels == 1), labels, "truth", "0 or 1", slide)
    if tile_size is not None:
        check_tile_size(tile_size, slide)
    check_downsample(downsample, slide)
    if image is not None:
        check_image(image, slide)
        if tile_size is not None:
            shape = [downsample * side for side in np.shape(image)[:2]]
            check_inside(coords, tile_size, shape, slide, slack=downsample * (downsample != 1))


def check_attention(attention: Any, slide: str = "") -> int:
    """Return the number of tiles; refuse anything but the attention of one slide."""
    values = _numbers(attention, "attention", slide)
    if values.ndim != 1 or not len(values):
        raise _error(
            slide,
            f"attention has shape {values.shape}, expected (n,) of one bag, n ≥ 1; "
            "per_bag cuts packed predictions into bags",
        )
    for valid, expected in ((np.isfinite(values), "a finite number"), (values >= 0, "0 or more")):
        advice = f"{expected}; pass weights after the softmax"
        _check_all(valid, values, "attention", advice, slide)
    if not values.any():
        raise _error(slide, "attention is 0 for all tiles, expected weights after the softmax")
    return len(values)


def check_scores(scores: Any, n: int, name: str = "score", slide: str = "") -> np.ndarray:
    """Return the scores of n tiles as an array; refuse another number of them, NaN and inf."""
    values = _one_per_tile(scores, n, name, slide)
    _check_all(np.isfinite(values), values, name, "a finite number", slide)
    return values


def check_coords(coords: Any, n: int, slide: str = "") -> None:
    """Refuse coordinates that do not place n tiles."""
    if coords is None:
        raise _error(
            slide, "coords are None; no map can be drawn without the x, y of each tile, (n, 2)"
        )
    values = _numbers(coords, "coords", slide)
    if n == 0 or values.shape != (n, 2):
        raise _error(
            slide, f"coords have shape {values.shape}, expected ({n}, 2) with at least one tile"
        )
    _check_all(np.isfinite(values).all(axis=1), values, "coords", "finite x and y", slide)


def check_tile_size(tile_size: Any, slide: str = "") -> None:
    """Refuse a side that is not a positive whole number of pixels."""
    try:
        valid = not isinstance(tile_size, bool) and tile_size > 0 and tile_size == int(tile_size)
    except (TypeError, ValueError, OverflowError):
        valid = False
    if not valid:
        raise _error(slide, f"tile_size is {tile_size!r}, expected a whole number of pixels, ≥ 1")


def check_downsample(downsample: Any, slide: str = "") -> None:
    """Refuse anything but a positive, finite number."""
    if not 0 < as_number(downsample, "downsample") < np.inf:
        raise _error(slide, f"downsample must be positive, got {downsample}")


def check_inside(
    coords: Any, tile_size: int, shape: Any, slide: str = "", slack: float = 0.0
) -> None:
    """Refuse tiles that reach beyond a slide of this (height, width) in pixels."""
    first = np.asarray(coords, dtype=float)  # integers of two bytes would wrap
    last = first + tile_size
    sides = _numbers(shape, "the slide's shape", slide)
    if sides.shape != (2,) or not np.isfinite(sides).all():
        raise _error(slide, f"the slide's shape is {shape}, expected (height, width) in pixels")
    height, width = sides
    if (first < 0).any() or (last > (width + slack, height + slack)).any():
        (left, top), (right, bottom) = first.min(axis=0), last.max(axis=0)
        raise _error(
            slide,
            f"tiles reach from ({left:g}, {top:g}) to ({right:g}, {bottom:g}) (x, y), outside the "
            f"slide of {width:g} × {height:g} pixels; do coords and picture have one resolution?",
        )


def check_image(image: Any, slide: str = "") -> None:
    """Refuse anything but an RGB picture of bytes."""
    image = np.asarray(image)
    advice = ""
    if image.ndim == 2:
        advice = "; a grey one becomes RGB with np.stack([image] * 3, axis=-1)"
    elif image.ndim == 3 and image.shape[2] == 4:
        advice = "; leave alpha out with image[..., :3]"
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise _error(
            slide, f"the image has shape {image.shape}, expected (height, width, 3){advice}"
        )
    if image.dtype != np.uint8:
        scaled = image.dtype.kind == "f" and image.max() <= 1
        whole = "(255 * image).round()" if scaled else "image"
        raise _error(
            slide,
            f"the image holds {image.dtype}, expected uint8 from 0 to 255; "
            f"try {whole}.astype(np.uint8)",
        )


def _one_per_tile(values: Any, n: int, name: str, slide: str) -> np.ndarray:
    array = _numbers(values, name, slide)
    if array.shape != (n,):
        raise _error(slide, f"{name} has shape {array.shape}, expected ({n},), one for each tile")
    return array


def _numbers(values: Any, name: str, slide: str = "") -> np.ndarray:
    """Return numbers as an array of floats; an error names the slide."""
    return as_array(values, f"slide {slide}: {name}" if slide else name)


def _check_all(valid: np.ndarray, values: np.ndarray, name: str, expected: str, slide: str) -> None:
    if not valid.all():
        k = int(np.argmin(valid))
        raise _error(slide, f"{name} of tile {k} is {values[k]}, expected {expected}")


def _error(slide: str, message: str) -> ValueError:
    return ValueError(f"slide {slide}: {message}" if slide else message)
