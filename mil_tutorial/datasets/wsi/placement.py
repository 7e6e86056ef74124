"""Where tiles lie: coordinates as tools store them, made into pixels of a slide's level 0.

Coordinates are x, y of each tile's top-left corner. CLAM, TRIDENT and this package store pixels of
level 0; STAMP stores µm and says so in the attribute ``unit`` of the file. Whoever places tiles
asks here, so that all place them alike.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.datasets.wsi.slide import Slide

UNITS = {
    "px": ("px", "pixel", "pixels"),
    "um": (
        *("um", "µm", "μm", "micron", "microns"),
        *("micrometer", "micrometers", "micrometre", "micrometres"),
    ),
}
"""Unit → how files spell it; μ comes as the micro sign and as the Greek letter."""
LEAST_STEP = 8
"""From a tile to the next, in either unit; less counts columns and rows, or shares of the slide."""
LARGEST = 2**31  # pixels, far beyond any slide: what wrapped, or was never a place
UNEQUAL = 0.01
"""A tile is square: CLAM's two downsamples of a level differ by rounding, not by more than this."""


@dataclass(frozen=True, eq=False)
class Placement:
    """The tiles of one file, in the file's own unit."""

    path: Path  # of the file
    coords: np.ndarray  # (N, 2): x, y of each tile's top-left corner
    side: float  # of a tile
    unit: str = "px"  # {"px", "um"}: pixels of level 0, or µm

    def on_slide(self, slide: Slide) -> tuple[np.ndarray, int]:
        """Return the corners, int64 (N, 2), and the side in pixels of the slide's level 0."""
        mpp = 1.0
        if self.unit == "um":
            try:
                mpp = slide.mpp
            except ValueError as error:
                raise ValueError(
                    f"{self.path}: coords are in µm, and {slide.path} does not say its µm/px; "
                    "store coords in pixels of level 0"
                ) from error
        coords = np.round(self.coords / mpp).astype(np.int64)
        (right, bottom), (width, height) = coords.max(axis=0), slide.size
        if right >= width or bottom >= height:
            raise ValueError(
                f"{slide.path}: tiles reach to x {right}, y {bottom}, but the slide has {width} x "
                f"{height} pixels; {self.path} belongs to another slide, or its coords are not "
                "x, y in pixels of level 0"
            )
        if (side := max(1, round(self.side / mpp))) > max(width, height):
            raise ValueError(
                f"{self.path}: a tile is {side} pixels wide, but {slide.path} has {width} x "
                f"{height} pixels; correct the attributes of coords"
            )
        return coords, side


def place(coords: np.ndarray, attributes: Mapping[str, Any], path: Path) -> Placement:
    """Read what a file says about the place of its tiles.

    ``attributes`` are those of the coordinates (N, 2) and of their file. Where they do not say the
    side of a tile, it is the most common step between neighbours, which is right where tiles do
    not overlap.
    """
    unit = _unit(attributes, path)
    _check_each(coords, unit, path)
    side = level0_side(attributes, path) if unit == "px" else _side_in_microns(attributes, path)
    step = _step(coords)
    spread = np.ptp(coords, axis=0).max() if step is None and len(coords) > 1 else step
    if spread is not None and spread < LEAST_STEP:
        raise ValueError(
            f"{path}: coords step by {spread:g} from tile to tile, expected {LEAST_STEP} or more "
            f"{unit}; if they count columns and rows, multiply them by a tile's side"
        )
    side = side or step
    if side is None:
        raise ValueError(
            f"{path}: no two tiles lie side by side, so their size is not known; store it as the "
            f"attribute {'patch_size_level0' if unit == 'px' else 'tile_size_um'} of coords"
        )
    tile_size = number(attributes, "patch_size", path)
    overlap = number(attributes, "overlap", path, zero=True)
    if tile_size is not None and step == tile_size < side and not overlap:
        warnings.warn(
            f"{path}: tiles of {side:g} pixels of level 0 step by {step:g}, as many as they have "
            f"when read; if coords count pixels of that level, multiply them by {side / step:g}; "
            "if tiles overlap, say by how many of these in the attribute overlap",
            stacklevel=2,
        )
    return Placement(path, coords, side, unit)


def level0_side(attributes: Mapping[str, Any], path: Path) -> float | None:
    """Return the side of a tile in pixels of level 0, from the attributes of its coordinates.

    It is ``patch_size_level0`` (TRIDENT), or ``patch_size`` times ``downsample``, and times
    ``custom_downsample`` where tiles were shrunk after reading (CLAM and its relatives); None where
    these are missing.
    """
    if "patch_size_level0" in attributes:
        return number(attributes, "patch_size_level0", path)
    names = ("patch_size", "downsample", "custom_downsample")
    tile_size, downsample, shrunk = (number(attributes, name, path) for name in names)
    if tile_size is None or downsample is None:
        return None
    return tile_size * downsample * (shrunk or 1)


def number(
    attributes: Mapping[str, Any], name: str, path: Path, zero: bool = False
) -> float | None:
    """Return an attribute that is a positive number (or 0); None where it is missing.

    An array of one number counts as that number, and so does a pair of equal ones.
    """
    if name not in attributes:
        return None
    values = np.ravel(attributes[name])
    valid = values.dtype.kind in "fiu" and values.size > 0 and bool(np.isfinite(values).all())
    if valid:
        low, high = float(values.min()), float(values.max())
        valid = (low > 0 or (zero and low == 0)) and high <= low * (1 + UNEQUAL)
    if not valid:
        raise ValueError(
            f"{path}: the attribute {name} is {attributes[name]}, expected "
            f"{'0 or ' if zero else ''}a positive number"
        )
    return float(values.mean())


def attribute_text(value: Any) -> str:
    """Return an attribute as text; HDF5 may keep it as bytes, or in an array of one."""
    first = np.ravel(value).tolist()[0] if np.size(value) == 1 else value
    return (first.decode(errors="replace") if isinstance(first, bytes) else str(first)).strip()


def _unit(attributes: Mapping[str, Any], path: Path) -> str:
    """Return the unit of coordinates; refuse unknown ones, and a µm size without a unit."""
    if "unit" not in attributes:
        if "tile_size_um" in attributes:
            raise ValueError(
                f"{path} has the attribute tile_size_um, but none says the unit of coords; add "
                "unit = um or px"
            )
        return "px"
    text = attribute_text(attributes["unit"])
    for unit, spellings in UNITS.items():
        if text.lower() in spellings:
            return unit
    raise ValueError(f"{path}: the attribute unit is {text!r}, expected px (of level 0) or um")


def _check_each(coords: np.ndarray, unit: str, path: Path) -> None:
    """Refuse coordinates that are no places, naming the first."""
    if coords.dtype.kind not in "fiu" or coords.ndim != 2 or coords.shape[1] != 2:
        raise ValueError(
            f"{path}: coords have shape {coords.shape} and type {coords.dtype}, expected numbers "
            "(N, 2): x, y"
        )
    if not len(coords):
        raise ValueError(f"{path}: there are no tiles")
    finite = np.isfinite(coords)
    values = np.where(finite, coords, 0)
    whole = np.abs(values - np.round(values)) < 0.01  # float32 keeps large numbers roughly
    for valid, expected in (
        (finite, "finite numbers"),
        (
            (values >= 0) & (values < LARGEST),
            "0 or more, below 2**31: x, y from the slide's top-left corner",
        ),
        (whole | (unit == "um"), "whole pixels of level 0 (add the attribute unit = um if in µm)"),
    ):
        if not valid.all():
            k = int(np.argmin(valid.all(axis=1)))
            raise ValueError(
                f"{path}: coords of tile {k} are {coords[k].tolist()}, expected {expected}"
            )


def _side_in_microns(attributes: Mapping[str, Any], path: Path) -> float | None:
    """Return STAMP's size of a tile, which its older files call ``tile_size``."""
    name = "tile_size_um" if "tile_size_um" in attributes else "tile_size"
    return number(attributes, name, path)


def _step(coords: np.ndarray) -> float | None:
    """Return the most common step between neighbours in a row or column; None without any."""
    steps = []
    for along, across in ((0, 1), (1, 0)):
        order = np.lexsort((coords[:, along], coords[:, across]))
        step = np.diff(coords[order].astype(float), axis=0)  # unsigned numbers would wrap
        steps.append(step[(step[:, across] == 0) & (step[:, along] > 0), along])
    values, counts = np.unique(np.concatenate(steps), return_counts=True)
    return float(values[counts.argmax()]) if len(values) else None
