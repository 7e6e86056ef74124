"""Heat maps: attention put back where its tiles came from."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.style import HEAT_MAP, OUTLINE, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCALINGS = {
    "raw": "attention weight a (sums to 1)",
    "share": "attention × number of tiles (1 = an equal share)",
    "min-max": "min–max of a (0 to 1 on every slide)",
    "rank": "rank of a (half of every slide > 0.5)",
}
"""Ways to colour attention, and what the colour bar must say of each."""


def scale_attention(attention: Any, scaling: str) -> np.ndarray:
    """Scale the attention of one bag for display.

    Parameters
    ----------
    attention : array, shape (n,)
        Weights after the softmax.
    scaling : {"raw", "share", "min-max", "rank"}
        ``share`` multiplies by n, so slides of different size compare. ``min-max`` and ``rank``
        show some tiles hot on every slide, a healthy one too. Equal weights give 0 in ``min-max``
        and 0.5 in ``rank``.

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    ValueError
        For an unknown scaling, or attention that is not of one bag.
    """
    attention = np.asarray(attention, dtype=float)
    if attention.ndim != 1 or not len(attention):
        raise ValueError(f"attention has shape {attention.shape}, expected (n,) of one bag, n ≥ 1")
    if scaling == "raw":
        return attention
    if scaling == "share":
        return attention * len(attention)
    if scaling == "min-max":
        spread = np.ptp(attention)
        return (attention - attention.min()) / spread if spread > 0 else np.zeros(len(attention))
    if scaling == "rank":
        from scipy.stats import rankdata

        return (rankdata(attention) - 0.5) / len(attention)
    raise ValueError(f"unknown scaling {scaling!r}; choose from {', '.join(SCALINGS)}")


def stitch_tiles(
    values: Any,
    coords: Any,
    tile_size: int,
    shape: tuple[int, int] | None = None,
    downsample: float = 1.0,
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
    downsample : float
        Slide pixels per canvas pixel.

    Returns
    -------
    float array, shape (height, width) or (height, width, C), divided by ``downsample``
        NaN where no tile lies; the mean where tiles overlap.

    Raises
    ------
    ValueError
        When coordinates and values do not fit together, or a tile lies outside the slide.
    """
    values, coords = np.asarray(values, dtype=float), np.asarray(coords)
    _check_tiles(values, coords, tile_size, downsample)
    if shape is None:
        shape = (int(coords[:, 1].max()) + tile_size, int(coords[:, 0].max()) + tile_size)
    height, width = (math.ceil(side / downsample) for side in shape)
    if (coords < 0).any() or (coords + tile_size > (shape[1], shape[0])).any():
        raise ValueError(
            f"tiles reach from {coords.min(axis=0)} to {coords.max(axis=0) + tile_size} (x, y), "
            f"outside the slide of {shape[1]} × {shape[0]} pixels"
        )
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


def _check_tiles(values: np.ndarray, coords: np.ndarray, tile_size: int, downsample: float) -> None:
    if len(values) == 0 or coords.shape != (len(values), 2):
        raise ValueError(
            f"coords have shape {coords.shape}, expected ({len(values)}, 2) with at least one tile"
        )
    if values.ndim > 1 and values.shape[1:3] != (tile_size, tile_size):
        raise ValueError(
            f"tile pictures have shape {values.shape[1:]}, expected ({tile_size}, {tile_size}, …)"
        )
    if values.ndim > 1 and downsample != 1:
        raise ValueError("tile pictures can be stitched at downsample 1 only")
    if downsample <= 0:
        raise ValueError(f"downsample must be positive, got {downsample}")


def plot_attention(
    image: np.ndarray,
    attention: Any,
    coords: Any,
    tile_size: int,
    *,
    truth: Any | None = None,
    scaling: str = "share",
    title: str = "",
) -> "Figure":
    """Draw a slide, its attention, and both together with the outline of the truth.

    Parameters
    ----------
    image : array, shape (height, width, 3)
        The slide, at the resolution that ``coords`` count in.
    attention : array, shape (n,)
    coords : array, shape (n, 2)
        x, y in pixels.
    tile_size : int
        In pixels.
    truth : array of 0/1, shape (n,), optional
        Instance labels; the positive tiles are outlined.
    scaling : str
        One of ``SCALINGS``; the colour bar says which.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    shape = (image.shape[0], image.shape[1])
    heat = stitch_tiles(scale_attention(attention, scaling), coords, tile_size, shape)
    with figure_style():
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 4))
        left.imshow(image)
        middle.imshow(np.full((*shape, 3), 235, dtype=np.uint8))
        colours = middle.imshow(heat, cmap=HEAT_MAP, interpolation="nearest")
        right.imshow(image)
        # The overlay grows denser with attention, so that the tissue stays visible.
        density = 0.65 * np.nan_to_num(colours.norm(heat).filled(0))
        right.imshow(heat, cmap=HEAT_MAP, norm=colours.norm, interpolation="nearest", alpha=density)
        outlined = truth is not None and bool(np.any(truth))
        if outlined:
            _outline(right, stitch_tiles(truth, coords, tile_size, shape))
        names = ("slide", "attention", "overlay, tumour outlined" if outlined else "overlay")
        for axes, name in zip((left, middle, right), names):
            axes.set(title=name, xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        figure.colorbar(colours, ax=[left, middle, right], label=SCALINGS[scaling], shrink=0.85)
        figure.suptitle(title)
    return figure


def _outline(axes: "Axes", truth: np.ndarray) -> None:
    """Draw the border of the positive tiles, light under dark so that it shows on any colour."""
    inside = np.pad(np.nan_to_num(truth) > 0.5, 1).astype(float)
    pixels = [np.arange(-1, side + 1) for side in reversed(truth.shape)]
    for colour, width in (("white", 3.0), (OUTLINE, 1.6)):
        axes.contour(*pixels, inside, levels=[0.5], colors=colour, linewidths=width)
