"""Where a slide shows tissue: what has more colour than its glass."""

import warnings

import numpy as np

from mil_tutorial.datasets.wsi.slide import Slide
from mil_tutorial.system.versions import import_extra

MASK_MPP = 8.0
"""µm/px at which tissue is looked for: a tile of 128 µm is 16 pixels wide."""
SATURATION = (15, 30)
"""Bounds of the threshold, of 255. Otsu's method cuts every slide in two, also one that is all
glass or all tissue; below the lower bound is never strong stain, above the upper one always."""
PALE = 10
"""Large pieces are tissue from here on: Otsu's threshold, between strong ones and glass, is above
them."""
DARKEST = 25
"""Pixels with less light, of 255, are black: edges of the scan, whose hue is noise."""
SMALLEST = 10_000.0
"""µm²: smaller pieces are dropped and smaller holes filled; a square of 100 µm."""
FLAT, TINT, DIM = 10, 70, 150
"""Of 255. Glass is flat: neighbours differ by no more than the first, those in tissue always do.
Its channels differ by no more than the second, and it lets through more than the third."""
LEAST_GLASS = 0.02  # of a picture, to tell its colour
NEARLY = (0.005, 0.95)
"""Shares of a slide: where less or more of it is tissue, somebody should look at it."""
EXTRACT = 0.25
"""mm²: what is smaller was cut from a slide, and may well be all tissue."""


def find_tissue(slide: Slide, threshold: float | None = None) -> np.ndarray:
    """Return the tissue mask of an open slide, bool (height, width), at about ``MASK_MPP``.

    Warns when the slide has no colour, or nearly all or nearly nothing of it is taken for tissue.
    """
    picture = slide.picture(MASK_MPP)
    mpp = slide.mpp * slide.size[0] / picture.shape[1]
    mask, used, has_colour = _find(picture, mpp, threshold)
    share = float(mask.mean())
    if not share:
        return mask  # for the caller to refuse
    option = "threshold (--threshold, 0 to 255)"
    if not has_colour:
        warnings.warn(
            f"{slide.path}: the slide has no colour (grey scale, or hardly stained), so what is "
            f"darker than glass is taken for tissue, dust and shadows too; look at its tiles, and "
            f"give another {option} than {used:g} where they are wrong",
            stacklevel=2,
        )
    if not NEARLY[0] <= share <= NEARLY[1] and mask.size * mpp**2 >= EXTRACT * 1e6:
        much, way = ("only ", "lower") if share < 0.5 else ("", "higher")
        warnings.warn(
            f"{slide.path}: {much}{share:.1%} of the slide is taken for tissue; look at its tiles, "
            f"and give a {way} {option} than {used:g} where they are wrong",
            stacklevel=2,
        )
    return mask


def tissue_mask(picture: np.ndarray, mpp: float, threshold: float | None = None) -> np.ndarray:
    """Return where a small picture of a slide shows tissue, not glass.

    The colour of the glass is measured and divided out, so that old, yellowed glass is white too.
    Then the saturation (HSV) is cut in two steps: by Otsu's threshold, kept within ``SATURATION``;
    and large pieces beside what it finds already by ``PALE``. At last pieces and holes smaller than
    ``SMALLEST`` are dropped. Pen and other strong colours count as tissue. Where a picture has no
    colour, darkness takes the place of saturation.

    Parameters
    ----------
    picture : uint8 array, shape (height, width, 3)
        RGB, some µm/px: about ``MASK_MPP``.
    mpp : float
        µm/px of the picture.
    threshold : float, optional
        One cut at this saturation, 0 to 255, in place of the two.

    Returns
    -------
    bool array, shape (height, width)
    """
    return _find(picture, mpp, threshold)[0]


def check_threshold(threshold: float | None) -> None:
    """Refuse a threshold that no pixel, or no thought, is behind."""
    if threshold is not None and not (threshold == 0 or 1 <= threshold < 255):
        raise ValueError(
            f"threshold is {threshold}, expected a saturation: 0, or 1 to less than 255, such as 20"
        )


def _find(
    picture: np.ndarray, mpp: float, threshold: float | None
) -> tuple[np.ndarray, float, bool]:
    """Return the mask, the threshold that was used, and whether the picture has colour."""
    from PIL import Image
    from scipy.ndimage import binary_dilation

    check_threshold(threshold)
    filters = import_extra("skimage.filters", "wsi")
    pixels = SMALLEST / mpp**2
    on_white = _without_tint(picture)
    lit = picture.max(axis=2) >= DARKEST
    strength = np.asarray(Image.fromarray(on_white).convert("HSV"))[..., 1]
    has_colour = bool(_large_pieces((strength > PALE) & lit, pixels).any())
    if not has_colour:
        strength = 255 - np.asarray(Image.fromarray(on_white).convert("L"))
    used = threshold
    if used is None:
        used = float(np.clip(filters.threshold_otsu(strength), *SATURATION))
    tissue = (strength > used) & lit
    if threshold is None:
        stained = (strength > PALE) & lit
        pale = _large_pieces(stained & ~binary_dilation(tissue), pixels)  # no rims of tissue
        tissue |= binary_dilation(pale) & stained
    return ~_large_pieces(~_large_pieces(tissue, pixels), pixels), used, has_colour


def _without_tint(picture: np.ndarray) -> np.ndarray:
    """Return the picture as if its glass were white."""
    glass = _glass_colour(picture)
    levels = np.arange(256)[:, None] * 255 / np.maximum(glass, 1)
    white = np.minimum(levels, 255).round().astype(np.uint8)  # (256, 3)
    return np.stack([white[picture[..., c], c] for c in range(3)], axis=2)


def _glass_colour(picture: np.ndarray) -> np.ndarray:
    """Return the usual colour of flat, bright, hardly coloured pixels; white where there are few.

    Pure white may be what was not scanned, beside yellowed glass; and haematoxylin and eosin take
    mostly green away, glass does not. Such pixels tell the colour only where no others do.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    step = maximum_filter(picture, (3, 3, 1)) - minimum_filter(picture, (3, 3, 1))
    high, low = picture.max(axis=2), picture.min(axis=2)
    flat = (step.max(axis=2) <= FLAT) & (high - low <= TINT) & (high >= DIM)
    red, green, blue = np.moveaxis(picture.astype(np.int16), 2, 0)
    stained = green + 12 < np.minimum(red, blue)
    for glass in (flat & (low < 254) & ~stained, flat):
        if glass.mean() >= LEAST_GLASS:
            return np.asarray(np.median(picture[glass], axis=0))
    return np.full(3, 255.0)


def _large_pieces(mask: np.ndarray, pixels: float) -> np.ndarray:
    """Keep the connected pieces that have at least so many pixels."""
    measure = import_extra("skimage.measure", "wsi")
    pieces = measure.label(mask, connectivity=1)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (sizes >= pixels)[pieces]  # type: ignore[no-any-return]
