"""Heat maps: attention put back where its tiles came from."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.pictures.colour_scales import colour_scale, plain_number
from mil_tutorial.pictures.overlays import OPACITY, overlay
from mil_tutorial.pictures.stitching import stitch_tiles
from mil_tutorial.pictures.style import HEAT_MAP, OUTLINE, figure_style
from mil_tutorial.pictures.tile_checks import check_attention, check_tiles
from mil_tutorial.system.numbers import as_integer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = 2000
"""Pixels on the longest side of a drawn picture, far more than a figure shows."""
LETTERS: dict[Any, Any] = {"font.size": 13, "axes.titlesize": 14, "figure.titlesize": 14}
"""Sizes that can still be read where a page shows the figure at two thirds of its width."""
SCALINGS = {
    "raw": "attention weight a (sums to 1)",
    "share": "attention × number of tiles (1 = an equal share)",
    "min-max": "min–max of a (0 to 1 on every slide)",
    "rank": "rank of a (half of every slide > 0.5)",
}
"""Ways to scale attention for display, with the label of the colour bar."""


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
        For an unknown scaling, or attention that is not of one bag, not finite or negative.
    """
    check_attention(attention)
    attention = np.asarray(attention, dtype=float)
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


def plot_attention(
    image: np.ndarray,
    attention: Any,
    coords: Any,
    tile_size: int,
    *,
    truth: Any | None = None,
    scaling: str = "share",
    limits: tuple[float, float] | None = None,
    opacity: float = OPACITY,
    downsample: int | None = None,
    title: str = "",
) -> "Figure":
    """Draw a slide, its attention, and both together with the outline of the truth.

    The colours of shares and raw weights follow the logarithm, as the colour bar says: on a linear
    scale only the top tile of most slides would show.

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
        One of ``SCALINGS``; the colour bar names it.
    limits : (low, high), optional
        Values at the ends of the colour bar, to compare slides; by default those of this slide.
    opacity : float
        Of the overlay at the highest value.
    downsample : int, optional
        Draw every n-th pixel only; by default as many as make at most ``DRAWN`` pixels a side.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        When arguments do not fit together; the message names the fault.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm, Normalize

    image = np.asarray(image)
    check_tiles(attention, coords, truth, image, tile_size)
    if downsample is None:
        downsample = math.ceil(max(image.shape[:2]) / DRAWN)
    downsample = as_integer(downsample, "downsample")
    place = (coords, tile_size, image.shape[:2], downsample)
    heat = stitch_tiles(scale_attention(attention, scaling), *place)
    image, shape = image[::downsample, ::downsample], heat.shape
    scale = colour_scale(heat, scaling, len(attention), limits)
    kind = LogNorm if scale.logarithmic else Normalize
    norm = kind(scale.low, scale.high, clip=True)  # a weight of 0 gets the lowest colour
    with figure_style(), plt.rc_context(LETTERS):
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 4.4))
        left.imshow(image)
        middle.imshow(np.full((*shape, 3), 235, dtype=np.uint8))
        colours = middle.imshow(heat, HEAT_MAP, norm=norm, interpolation="nearest")
        right.imshow(overlay(image, scale.position(heat), scale.ends, opacity))
        outlined = truth is not None and bool(np.any(truth))
        if outlined:
            inside = np.pad(np.nan_to_num(stitch_tiles(truth, *place)) > 0.5, 1).astype(float)
            pixels = [np.arange(-1, side + 1) for side in reversed(shape)]
            for colour, width in (("white", 5.0), (OUTLINE, 2.0)):
                right.contour(*pixels, inside, levels=[0.5], colors=colour, linewidths=width)
        names = ("slide", "attention", "both, tumour outlined" if outlined else "both")
        for axes, name in zip((left, middle, right), names):
            axes.set(title=name, xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        beyond = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}
        extend, panels = beyond[scale.cut(heat)], [left, middle, right]
        bar = figure.colorbar(colours, ax=panels, location="bottom", aspect=40, extend=extend)
        bar.set_label(SCALINGS[scaling] + scale.note)
        if scale.logarithmic:
            ticks = scale.ticks()
            bar.set_ticks(ticks, labels=[plain_number(tick) for tick in ticks])
            bar.minorticks_off()
        figure.suptitle(title)
    return figure
