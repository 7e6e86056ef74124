"""Compare canvases with holes, and name the mistake that paints what the learner painted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mil_tutorial.checks.exercise import Wrong

Painter = Callable[..., np.ndarray]  # (values, coords, tile_size, shape) → canvas
Cases = Mapping[str, Sequence[Any]]


def as_numbers(values: Any) -> np.ndarray:
    """Return an array of floats; refuse what holds anything but numbers."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(f"got {values!r}, expected numbers") from error
    if array.dtype.kind not in "biuf":
        raise Wrong(f"got {values!r}, expected numbers")
    return array.astype(float)


def expect_canvases(
    got: Sequence[Any],
    truth: Sequence[np.ndarray],
    cases: Cases,
    mistakes: Sequence[tuple[str, Painter]] = (),
) -> None:
    """Compare canvas by canvas, NaN with NaN; name the mistake that explains all of them.

    Parameters
    ----------
    got, truth : sequences of arrays, shape (height, width)
    cases : mapping
        What each case is called, and the arguments that it gave.
    mistakes : sequence of (advice, painter)
    """
    canvases = [as_numbers(canvas) for canvas in got]
    advice = next((text for text, wrong in mistakes if _explains(wrong, canvases, cases)), "")
    for canvas, expected, case in zip(canvases, truth, cases):
        if canvas.shape != expected.shape:
            found = f"the canvas came in shape {canvas.shape}, expected {expected.shape}"
            raise Wrong(f"{found} ({case}). {advice}".strip())
        wrong = ~np.isclose(canvas, expected, equal_nan=True)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            found = f"row {row}, column {column} of the canvas is {canvas[row, column]:.4g}"
            found += f", expected {expected[row, column]:.4g}"
            raise Wrong(f"{found} ({case}). {advice}".strip())


def _explains(wrong: Painter, canvases: Sequence[np.ndarray], cases: Cases) -> bool:
    with np.errstate(all="ignore"):
        painted = [wrong(*given) for given in cases.values()]
    return all(
        canvas.shape == other.shape and np.allclose(canvas, other, equal_nan=True)
        for canvas, other in zip(canvases, painted)
    )


def paint(
    values: Any,
    coords: Any,
    tile_size: int,
    shape: tuple[int, int],
    *,
    swap: bool = False,
    scale: int = 1,
    size: int | None = None,
    overlap: str = "mean",
    empty: float = np.nan,
) -> np.ndarray:
    """Stitch tiles, rightly or with one of the usual mistakes."""
    total, count = np.zeros(shape), np.zeros(shape)
    size = size or tile_size
    for value, (x, y) in zip(values, np.asarray(coords) * scale):
        row, column = (x, y) if swap else (y, x)
        where = np.s_[row : row + size, column : column + size]
        total[where] = value if overlap == "last" else total[where] + value
        count[where] += 1
    mean = total / np.maximum(count, 1) if overlap == "mean" else total
    return np.where(count > 0, mean, empty)


def mistaken(**change: Any) -> Painter:
    """Return `paint` with a mistake."""
    return lambda values, coords, tile_size, shape: paint(
        values, coords, tile_size, shape, **change
    )


def turned(values: Any, coords: Any, tile_size: int, shape: tuple[int, int]) -> np.ndarray:
    """Stitch on a canvas whose sides are swapped."""
    return paint(values, coords, tile_size, (shape[1], shape[0]))


def upside_down(values: Any, coords: Any, tile_size: int, shape: tuple[int, int]) -> np.ndarray:
    """Stitch with y = 0 at the bottom."""
    return paint(values, coords, tile_size, shape)[::-1]


def all_nan(values: Any, coords: Any, tile_size: int, shape: tuple[int, int]) -> np.ndarray:
    """Add to NaN."""
    return np.full(shape, np.nan)
