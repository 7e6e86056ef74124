"""Tiles: where those of one slide lie, and how they are read."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Tiles:
    """The tiles of one slide.

    Attributes
    ----------
    name : str
        Of the slide.
    coords : int64 array, shape (N, 2)
        x, y of each tile's top-left corner in pixels of level 0.
    tile_size : int
        Side of a tile's picture in pixels, as the encoder sees it.
    side : int
        Side of a tile in pixels of level 0.
    slide_size : (width, height), optional
        Of level 0 in pixels.
    level, downsample : int and float, optional
        The pyramid level that is read, and pixels of level 0 for each of its.
    mpp, slide_mpp : float, optional
        µm/px that was asked for, and of level 0.
    magnification : float, optional
        Of the objective, where the slide says it.
    overlap : int
        Pixels of a tile's picture that the next one shows too; tiles of this package have none.
    min_tissue : float, optional
        The share of tissue from which on a tile was kept.
    """

    name: str
    coords: np.ndarray
    tile_size: int
    side: int
    slide_size: tuple[int, int] | None = None
    level: int | None = None
    downsample: float | None = None
    mpp: float | None = None
    slide_mpp: float | None = None
    magnification: float | None = None
    min_tissue: float | None = None
    overlap: int = 0

    def __post_init__(self) -> None:
        coords = np.asarray(self.coords)
        if coords.ndim != 2 or coords.shape[1] != 2 or coords.dtype.kind not in "iu":
            raise ValueError(
                f"{self.name}: coords have shape {coords.shape} of {coords.dtype}, expected (N, 2) "
                "integers: x, y in pixels of level 0"
            )
        if not len(coords):
            raise ValueError(f"{self.name}: there are no tiles")
        if self.tile_size < 1 or self.side < 1:
            raise ValueError(
                f"{self.name}: a tile of {self.side} px at level 0 and {self.tile_size} px when "
                "read; both must be at least 1"
            )
        object.__setattr__(self, "coords", coords.astype(np.int64))

    def __len__(self) -> int:
        return len(self.coords)

    def same(self, other: "Tiles") -> bool:
        """Say whether both are the same fields, read at the same size."""
        mine, its = (self.tile_size, self.side), (other.tile_size, other.side)
        return mine == its and np.array_equal(self.coords, other.coords)

    def check_inside(self, size: tuple[int, int], slide: Any) -> None:
        """Refuse a slide that these tiles were not made for.

        Tiles of other tools may reach beyond the right and lower edge; their corners may not.
        """
        low, high = self.coords.min(axis=0), self.coords.max(axis=0) + 1
        wrong_size = self.slide_size is not None and tuple(self.slide_size) != tuple(size)
        if wrong_size or (low < 0).any() or (high > size).any():
            made_for = self.slide_size or tuple(int(side) for side in high)
            least = "" if self.slide_size else "at least "
            raise ValueError(
                f"{slide}: the slide has {size[0]} × {size[1]} pixels, its tiles were made for "
                f"{least}{made_for[0]} × {made_for[1]}; tile this slide again"
            )
