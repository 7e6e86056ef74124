"""What of a slide goes to the browser: a small picture, and numbers as bytes."""

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from mil_tutorial.pictures.heatmaps import SCALINGS, scale_attention
from mil_tutorial.pictures.overlays import colour_limits, draw_outline
from mil_tutorial.pictures.stitching import stitch_tiles
from mil_tutorial.widgets.slide_view import SlideView

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LONGEST_SIDE = 1024
"""Pixels of the picture that the browser gets; a larger slide is sent smaller."""


def scene(view: SlideView, pixels: np.ndarray) -> dict[str, Any]:
    """Return what the browser needs to draw a slide: numbers as bytes.

    Every scaling of the attention is computed here, by the code that draws the figures, with the
    ends of its colours and its usual threshold. It keeps all its digits: in float32 a tile at the
    threshold could be called on the page and not in the kernel.
    """
    n = len(view.attention)
    step = reduction(pixels)
    scaled = {name: scale_attention(view.attention, name) for name in SCALINGS}
    return {
        "name": view.name,
        "image": _jpeg(pixels, step),
        "width": -(-pixels.shape[1] // step),
        "height": -(-pixels.shape[0] // step),
        "tile": view.tile_size / step,
        "reduced": step > 1,
        "limits": {name: colour_limits(values) for name, values in scaled.items()},
        "tiles": _float32(np.asarray(view.coords) / step),
        "values": {name: values.astype(np.float64).tobytes() for name, values in scaled.items()},
        "scores": _float32(view.scores) if view.scores is not None else b"",
        "truth": np.asarray(view.truth, dtype=np.uint8).tobytes()
        if view.truth is not None
        else b"",
        "thresholds": {"share": 10.0, "raw": 10.0 / n, "min-max": 0.5, "rank": 0.5},
        "probability": view.probability,
    }


def reduction(pixels: np.ndarray) -> int:
    """Return how many pixels of a side become one in the browser: 1 or an even number."""
    step = -(-max(pixels.shape[:2]) // LONGEST_SIDE)
    return step if step == 1 else step + step % 2


def palette() -> bytes:
    """Return the colours of the heat map: 256 × (red, green, blue)."""
    import matplotlib as mpl

    from mil_tutorial.pictures.style import HEAT_MAP

    return (mpl.colormaps[HEAT_MAP](np.arange(256))[:, :3] * 255).round().astype(np.uint8).tobytes()


def crop(view: SlideView, pixels: np.ndarray, tile: int) -> bytes:
    """Return a tile and half a tile around it as PNG, at full resolution, white off the slide."""
    from PIL import Image

    left, top = (int(c) for c in np.asarray(view.coords)[tile])
    margin = view.tile_size // 2
    box = (
        left - margin,
        top - margin,
        left + view.tile_size + margin,
        top + view.tile_size + margin,
    )
    whole = Image.fromarray(pixels)
    ground = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), "white")
    inside = (max(box[0], 0), max(box[1], 0), min(box[2], whole.width), min(box[3], whole.height))
    ground.paste(whole.crop(inside), (inside[0] - box[0], inside[1] - box[1]))
    png = io.BytesIO()
    ground.save(png, format="png")
    return png.getvalue()


def _jpeg(pixels: np.ndarray, step: int) -> bytes:
    from PIL import Image

    # Of a large slide most pixels are left out before the rest are averaged: that is three times
    # as fast and looks the same.
    skip = max(step // 2, 1)
    image = Image.fromarray(pixels[::skip, ::skip]).reduce(step // skip)
    jpeg = io.BytesIO()
    image.save(jpeg, format="jpeg", quality=88)
    return jpeg.getvalue()


def _float32(values: Any) -> bytes:
    return np.ascontiguousarray(values, dtype=np.float32).tobytes()


class TileNumbers(traitlets.List):
    """A list of tile numbers; an array, a tuple or a set of whole numbers becomes one.

    Whether a slide has such tiles is for the widget to check, with ``check_numbers``.
    """

    def validate(self, obj: Any, value: Any) -> Any:
        """Return plain numbers, which can be sent to the browser."""
        values = np.asarray(sorted(value) if isinstance(value, set | frozenset) else value)
        if values.dtype == bool:
            raise ValueError(
                f"{self.name} is a mask of shape {values.shape}, expected the numbers of tiles; "
                "np.flatnonzero(mask) gives them"
            )
        if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
            raise ValueError(f"{self.name} is {value!r}, expected a list of whole numbers")
        return super().validate(obj, values.astype(int).tolist())


def check_numbers(numbers: list[int], n: int, what: str, slide: str) -> None:
    """Refuse a number that none of n tiles has, and a number that comes twice."""
    for number in numbers:
        if not 0 <= number < n:
            raise ValueError(
                f"slide {slide}: {what} holds {number}, expected the numbers of its {n} tiles, "
                f"0 to {n - 1}"
            )
    if len(set(numbers)) < len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise ValueError(f"slide {slide}: {what} holds tile {twice} twice, expected it once")


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
