"""Where the tissue is: stain is saturated, glass is not."""

import numpy as np

from mil_tutorial.optional import import_extra

MASK_MPP = 8.0
"""µm/px at which tissue is looked for: a tile of 128 µm is 16 pixels wide."""
SATURATION = (15, 30)
"""Bounds of the threshold, of 255. Otsu's method cuts every slide in two, also one that is all
glass or all tissue; below the lower bound is never tissue, above the upper one always."""
DARKEST = 25
"""Pixels with less light, of 255, are black: edges of the scan, whose hue is noise."""
SMALLEST = 10_000.0
"""µm²: smaller pieces are dropped and smaller holes filled; a square of 100 µm."""


def tissue_mask(picture: np.ndarray, mpp: float) -> np.ndarray:
    """Tell tissue from glass on a small picture of a slide.

    Otsu's threshold on the saturation (HSV), kept within ``SATURATION``; then pieces and holes
    smaller than ``SMALLEST`` go. Pen and other strong colours count as tissue.

    Parameters
    ----------
    picture : uint8 array, shape (height, width, 3)
        RGB, some µm/px: about ``MASK_MPP``.
    mpp : float
        µm/px of the picture.

    Returns
    -------
    bool array, shape (height, width)
    """
    from PIL import Image

    filters = import_extra("skimage.filters", "wsi")
    hsv = np.asarray(Image.fromarray(picture).convert("HSV"))
    saturation, light = hsv[..., 1], hsv[..., 2]
    threshold = np.clip(filters.threshold_otsu(saturation), *SATURATION)
    tissue = (saturation > threshold) & (light >= DARKEST)
    pixels = SMALLEST / mpp**2
    tissue = _large(tissue, pixels)
    return ~_large(~tissue, pixels)


def _large(mask: np.ndarray, pixels: float) -> np.ndarray:
    """Keep the connected pieces that have at least so many pixels."""
    measure = import_extra("skimage.measure", "wsi")
    pieces = measure.label(mask, connectivity=1)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (sizes >= pixels)[pieces]  # type: ignore[no-any-return]
