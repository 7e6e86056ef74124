"""Tissue in a figure, with tiles marked as the widgets mark them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.overlays import draw_outline
from mil_tutorial.stitching import stitch_tiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TURN = np.linspace(0, 2 * np.pi, 25)
SHAPES: dict[str, list[Any]] = {
    "cross": [[(-1, -1), (1, 1)], [(1, -1), (-1, 1)]],
    "circle": [np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)],
    "check": [[(-1, 0.1), (-0.3, 0.8), (1, -0.8)]],
    "frame": [[(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]],
}
"""Lines in a square from -1 to 1, y downwards."""


def show_tissue(axes: "Axes", picture: np.ndarray, title: str) -> None:
    """Draw a slide without ticks and frame."""
    axes.imshow(picture)
    axes.set(title=title, xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def outlined(picture: np.ndarray, truth: Any, coords: Any, tile_size: int) -> np.ndarray:
    """Return the picture with the border of the positive tiles, if there are any."""
    shape = (picture.shape[0], picture.shape[1])
    inside = np.nan_to_num(stitch_tiles(truth, coords, tile_size, shape)) > 0.5
    width = max(2, round(max(shape) / 300))
    return draw_outline(picture, inside, width) if inside.any() else picture


def mark_tiles(
    axes: "Axes", tiles: Any, coords: Any, tile_size: int, shape: str, colour: str
) -> None:
    """Mark the tiles of these numbers with one of ``SHAPES``, white below so that it shows."""
    from matplotlib.collections import LineCollection

    reach = 0.5 if shape == "frame" else 0.28  # of a tile
    middles = np.asarray(coords, dtype=float)[np.asarray(tiles, dtype=int)] + tile_size / 2
    lines = [
        middle + reach * tile_size * np.asarray(line)
        for middle in middles
        for line in SHAPES[shape]
    ]
    for stroke, width in (("white", 3.0), (colour, 1.5)):
        axes.add_collection(LineCollection(lines, colors=stroke, linewidths=width), autolim=False)


def counted(n: int) -> str:
    """Return a number of tiles in words."""
    return "1 tile" if n == 1 else f"{n} tiles"
