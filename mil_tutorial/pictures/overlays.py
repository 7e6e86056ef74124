"""Overlays: a heat map blended into the picture it belongs to, pixel for pixel."""

import numpy as np

from mil_tutorial.pictures.style import HEAT_MAP
from mil_tutorial.system.numbers import as_array, as_integer, as_number, check_kind

ROWS = 512  # of a picture blended at once: colours take 20 times the memory of the picture
OPACITY = 0.65  # at the highest value: dense enough to see, thin enough to see through


def colour_limits(heat: np.ndarray) -> tuple[float, float]:
    """Return the lowest and highest value of a map; for equal values a range around them."""
    low, high = float(np.nanmin(heat)), float(np.nanmax(heat))
    if low < high:
        return low, high
    first, last = sorted((0.0, 2 * high or 1.0))
    return first, last


def check_limits(limits: tuple[float, float] | None, heat: np.ndarray) -> tuple[float, float]:
    """Return the limits, by default those of the map; refuse an empty or infinite range."""
    ends = as_array(colour_limits(heat) if limits is None else limits, "limits").ravel().tolist()
    if len(ends) != 2 or not -np.inf < ends[0] < ends[1] < np.inf:
        got = " and ".join(f"{end:g}" for end in ends)
        raise ValueError(f"limits are {got}, expected two numbers, the lower one first")
    return ends[0], ends[1]


def overlay(
    image: np.ndarray,
    heat: np.ndarray,
    limits: tuple[float, float] | None = None,
    opacity: float = OPACITY,
) -> np.ndarray:
    """Blend a heat map into a picture: (1 - α) · tissue + α · colour.

    Parameters
    ----------
    image : uint8 array, shape (height, width, 3)
    heat : array, shape (height, width)
        From ``stitch_tiles``; where it is NaN the picture stays as it is.
    limits : (low, high), optional
        Values at the two ends of the colours; by default those of this map.
    opacity : float
        α at the upper end. It falls to 0 at the lower end, so that the tissue stays visible.

    Returns
    -------
    uint8 array, shape (height, width, 3)

    Raises
    ------
    ValueError
        When picture and map differ in size, or the limits or the opacity are out of range.
    """
    from matplotlib import colormaps

    check_kind(np.ndarray, image=image, heat=heat)
    if image.shape != (*heat.shape, 3):
        raise ValueError(f"the image has shape {image.shape}, expected {(*heat.shape, 3)}")
    if not 0 <= as_number(opacity, "opacity") <= 1:
        raise ValueError(f"opacity is {opacity}, expected a number from 0 to 1")
    low, high = check_limits(limits, heat)
    drawn = np.empty(image.shape, np.uint8)
    for top in range(0, len(image), ROWS):
        rows = slice(top, top + ROWS)
        level = np.clip((heat[rows] - low) / (high - low), 0, 1)
        alpha = opacity * np.nan_to_num(level)[..., None]
        colour = 255 * colormaps[HEAT_MAP](level)[..., :3]
        drawn[rows] = np.round((1 - alpha) * image[rows] + alpha * colour)
    return drawn


def draw_outline(picture: np.ndarray, inside: np.ndarray, width: int = 2) -> np.ndarray:
    """Return the picture with the border of a region: black inside, white around it.

    Parameters
    ----------
    picture : uint8 array, shape (height, width, 3)
    inside : bool array, shape (height, width)
    width : int
        Of either line, in pixels.
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    check_kind(np.ndarray, picture=picture, inside=inside)
    width = as_integer(width, "width")
    drawn = picture.copy()
    drawn[binary_dilation(inside, iterations=width) & ~inside] = 255
    core = binary_erosion(inside, iterations=width, border_value=1)
    drawn[inside & ~core] = 0
    return drawn
