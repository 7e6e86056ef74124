"""The figure of the what-if widget: tissue, weights of what is left, and the steps so far."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.heatmaps import SCALINGS, scale_attention
from mil_tutorial.overlays import colour_limits, overlay
from mil_tutorial.stitching import stitch_tiles
from mil_tutorial.style import HEAT_MAP, figure_style
from mil_tutorial.widgets.slide_view import SlideView
from mil_tutorial.widgets.tissue import mark_tiles, outlined, show_tissue

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_what_if(
    view: SlideView,
    pixels: np.ndarray,
    removed: list[int],
    attention: np.ndarray,
    history: list[Any],
    outline: bool,
) -> "Figure":
    """Draw a slide without some of its tiles.

    Parameters
    ----------
    view, pixels
        The whole slide and its picture.
    removed : list of int
    attention : array, shape (n,)
        0 for the tiles removed.
    history : list of (number removed, probability)
    outline : bool
        Outline the tumour.
    """
    import matplotlib.pyplot as plt
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    coords = np.asarray(view.coords)
    left = np.setdiff1d(np.arange(len(coords)), removed)
    shape = (pixels.shape[0], pixels.shape[1])
    shares = scale_attention(attention[left], "share")
    heat = stitch_tiles(shares, coords[left], view.tile_size, shape)
    low, high = colour_limits(heat)
    pictures = [
        _paler(p, coords[np.asarray(removed, dtype=int)], view.tile_size)
        for p in (pixels, overlay(pixels, heat))
    ]
    if outline and view.truth is not None:
        pictures = [outlined(p, view.truth, coords, view.tile_size) for p in pictures]
    with figure_style():
        figure, (tissue, weights, steps) = plt.subplots(1, 3, figsize=(11, 3.8))
        show_tissue(tissue, pictures[0], f"{len(removed)} of {len(coords)} tiles removed (×)")
        mark_tiles(tissue, removed, coords, view.tile_size, "cross", "black")
        show_tissue(weights, pictures[1], "weights of the tiles left")
        bar = figure.colorbar(
            ScalarMappable(Normalize(low, high), HEAT_MAP), ax=weights, shrink=0.8
        )
        bar.set_label(SCALINGS["share"].split(" (")[0])
        _draw_steps(steps, history)
        figure.suptitle(f"{view.name}, probability {history[-1][1]:.3f}, {len(left)} tiles left")
    return figure


def _paler(picture: np.ndarray, coords: np.ndarray, tile_size: int) -> np.ndarray:
    """Return the picture with these tiles nearly white."""
    if not len(coords):
        return picture
    shape = (picture.shape[0], picture.shape[1])
    gone = ~np.isnan(stitch_tiles(np.ones(len(coords)), coords, tile_size, shape))
    pale = picture.copy()
    pale[gone] = np.round(0.28 * picture[gone] + 0.72 * 255)
    return pale


def _draw_steps(axes: "Axes", history: list[Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    probabilities = [probability for _, probability in history]
    axes.axhline(probabilities[0], color="0.5", linestyle="--", linewidth=1, label="all tiles")
    axes.plot(probabilities, marker="o", color="#0072B2")
    axes.set(title="probability by step", xlabel="step", ylim=(-0.03, 1.03))
    axes.set_xlim(-0.5, max(len(history), 5) - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
