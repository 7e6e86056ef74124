"""Colour scales: which value gets which colour, and the numbers on the colour bar."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mil_tutorial.pictures.overlays import check_limits

FLOOR = 0.1
"""Lowest value of a logarithmic scale, in equal shares: what lies below looks alike."""
LOGARITHMIC = ("raw", "share")
"""Scalings whose values span several powers of ten; the others run from 0 to 1."""
NEAREST = 0.07  # of the bar's length, between two numbers that can both be read


@dataclass(frozen=True)
class ColourScale:
    """The values at the ends of the colours, and whether colours follow the logarithm."""

    low: float
    high: float
    logarithmic: bool

    def position(self, values: Any) -> np.ndarray:
        """Return numbers that grow evenly with the colours; NaN stays NaN."""
        values = np.asarray(values, dtype=float)
        return np.log10(np.maximum(values, self.low)) if self.logarithmic else values

    @property
    def ends(self) -> tuple[float, float]:
        """Positions of the two ends."""
        low, high = self.position([self.low, self.high])
        return float(low), float(high)

    def cut(self, heat: np.ndarray) -> tuple[bool, bool]:
        """Return whether a map has values below the lower end, and above the upper one."""
        return bool(np.nanmin(heat) < self.low), bool(np.nanmax(heat) > self.high)

    def ticks(self) -> list[float]:
        """Return both ends and the powers of ten between them, where there is room for them."""
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        low, high = self.ends
        inner = [
            10.0**power
            for power in range(first, last + 1)
            if min(power - low, high - power) > NEAREST * (high - low)
        ]
        return [self.low, *inner, self.high]

    @property
    def note(self) -> str:
        """What the label of the colour bar must add."""
        return ", logarithmic scale" if self.logarithmic else ""


def colour_scale(
    heat: np.ndarray, scaling: str, n_tiles: int, limits: tuple[float, float] | None = None
) -> ColourScale:
    """Choose the scale of a map of one slide.

    Shares and raw weights span several powers of ten: on a linear scale only the top tile of a
    slide would show. Their colours follow the logarithm, from ``FLOOR`` equal shares or the lowest
    value, whichever is higher. Equal weights get the colour in the middle.

    Parameters
    ----------
    heat : array, shape (height, width)
        The scaled attention, stitched; NaN where no tile lies.
    scaling : str
        One of ``SCALINGS``.
    n_tiles : int
        Of the slide.
    limits : (low, high), optional
        Values at the ends; by default those of the map.

    Raises
    ------
    ValueError
        When the limits are no range, or the upper one is not positive on a logarithmic scale.
    """
    low, high = check_limits(limits, heat)
    if scaling not in LOGARITHMIC:
        return ColourScale(low, high, logarithmic=False)
    if high <= 0:
        raise ValueError(f"limits are {low:g} and {high:g}, expected a positive upper limit")
    if limits is None and np.nanmin(heat) == np.nanmax(heat):
        return ColourScale(np.nanmax(heat) / 10, np.nanmax(heat) * 10, logarithmic=True)
    floor = FLOOR if scaling == "share" else FLOOR / n_tiles
    return ColourScale(max(low, min(floor, high / 10)), high, logarithmic=True)


def plain_number(value: float) -> str:
    """Return a number of three digits without an exponent: 108, 0.94, 0.00072."""
    return np.format_float_positional(value, 3, unique=False, fractional=False, trim="-")
