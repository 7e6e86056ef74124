"""Tiles of a slide by number: checked when they are set, counted, and marked in figures."""

from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from mil_tutorial.pictures.overlays import draw_outline
from mil_tutorial.pictures.stitching import stitch_tiles
from mil_tutorial.system.numbers import shown
from mil_tutorial.widgets.slide_view import SlideView

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class TileNumbers(traitlets.List):
    """A list of tile numbers; an array, a tuple or a set of whole numbers becomes one.

    A widget checks with ``check_numbers`` that its slide has these tiles.
    """

    def validate(self, obj: Any, value: Any) -> Any:
        """Return plain numbers, which can be sent to the browser."""
        try:
            values = np.asarray(sorted(value) if isinstance(value, set | frozenset) else value)
        except (TypeError, ValueError):  # of several kinds, or lists of several lengths
            values = np.asarray(None)
        if values.dtype == bool:
            raise ValueError(
                f"{self.name} is a mask of shape {values.shape}, expected the numbers of tiles; "
                "np.flatnonzero(mask) gives them"
            )
        if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
            raise ValueError(f"{self.name} is {shown(value)}, expected a list of whole numbers")
        return super().validate(obj, values.astype(int).tolist())


def check_numbers(numbers: list[int], n: int, trait: str, slide: str) -> None:
    """Refuse a number that none of n tiles has, and a number that comes twice."""
    for number in numbers:
        if not 0 <= number < n:
            raise ValueError(
                f"slide {slide}: {trait} holds {number}, expected the numbers of its {n} tiles, "
                f"0 to {n - 1}"
            )
    if len(set(numbers)) < len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise ValueError(f"slide {slide}: {trait} holds tile {twice} twice, expected it once")


def count_in_words(n: int) -> str:
    """Return a number of tiles in words."""
    return "1 tile" if n == 1 else f"{n} tiles"


def show_tissue(axes: "Axes", picture: np.ndarray, title: str) -> None:
    """Draw a slide without ticks and frame."""
    axes.imshow(picture)
    axes.set(title=title, xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def outline_tumour(picture: np.ndarray, view: SlideView) -> np.ndarray:
    """Return the picture with the border of the slide's positive tiles, if it has any."""
    height, width = picture.shape[:2]
    truth = stitch_tiles(view.truth, view.coords, view.tile_size, (height, width))
    inside = np.nan_to_num(truth) > 0.5
    return draw_outline(picture, inside, max(2, round(max(height, width) / 300)))


_TURN = np.linspace(0, 2 * np.pi, 25)
SHAPES: dict[str, list[Any]] = {
    "cross": [[(-1, -1), (1, 1)], [(1, -1), (-1, 1)]],
    "circle": [np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)],
    "check": [[(-1, 0.1), (-0.3, 0.8), (1, -0.8)]],
    "frame": [[(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]],
}
"""Lines in a square from -1 to 1, y downwards."""


def mark_tiles(axes: "Axes", view: SlideView, tiles: Any, shape: str, colour: str) -> None:
    """Mark the tiles of these numbers with one of ``SHAPES``, on white so that it shows."""
    from matplotlib.collections import LineCollection

    reach = 0.5 if shape == "frame" else 0.28  # of a tile
    corners = np.asarray(view.coords, dtype=float)[np.asarray(tiles, dtype=int)]
    lines = [
        middle + reach * view.tile_size * np.asarray(line)
        for middle in corners + view.tile_size / 2
        for line in SHAPES[shape]
    ]
    for stroke, width in (("white", 3.0), (colour, 1.5)):
        axes.add_collection(LineCollection(lines, colors=stroke, linewidths=width), autolim=False)
