"""Tiles of tissue by µm/px: the same field of view on every scanner."""

from pathlib import Path

import numpy as np

from mil_tutorial.datasets.wsi.slide import Slide, close
from mil_tutorial.datasets.wsi.tile_files import Tiles
from mil_tutorial.system.versions import import_extra

MPP, TILE_SIZE, MIN_TISSUE = 0.5, 256, 0.25
MASK_MPP = 8.0
"""µm/px at which tissue is looked for: a tile of 128 µm is 16 pixels wide."""
SATURATION = (15, 30)
"""Bounds of the threshold, of 255. Otsu's method cuts every slide in two, also one that is all
glass or all tissue; below the lower bound is never tissue, above the upper one always."""
DARKEST = 25
"""Pixels with less light, of 255, are black: edges of the scan, whose hue is noise."""
SMALLEST = 10_000.0
"""µm²: smaller pieces are dropped and smaller holes filled; a square of 100 µm."""


def tile_slide(
    path: str | Path,
    *,
    mpp: float = MPP,
    tile_size: int = TILE_SIZE,
    min_tissue: float = MIN_TISSUE,
    slide_mpp: float | None = None,
) -> Tiles:
    """Find the tiles of a slide that show tissue.

    Tiles lie edge to edge on a grid from the slide's corner; those that would reach beyond it are
    left out. No pixel of a tile is read here.

    Parameters
    ----------
    path : str or Path
    mpp : float
        µm/px of a tile. A level of the pyramid within 5 % of it is taken as it is; else tiles are
        made from the next finer level.
    tile_size : int
        Side of a tile in pixels of that size: 256 px of 0.5 µm show 128 µm.
    min_tissue : float
        The share of a tile that must be tissue, 0 to 1; see ``tissue_mask``. A tile with none is
        never kept.
    slide_mpp : float, optional
        µm/px of level 0, for a slide that does not say it itself; it is never guessed.

    Returns
    -------
    Tiles

    Raises
    ------
    FileNotFoundError
        When there is no such slide.
    ValueError
        When the slide cannot be read, does not say its µm/px, is coarser than asked, or shows no
        tissue.
    """
    with Slide(path, slide_mpp) as slide:
        return find_tiles(slide, find_tissue(slide), mpp, tile_size, min_tissue)


def find_tissue(slide: Slide) -> np.ndarray:
    """Return the tissue mask of an open slide, bool (height, width), at about ``MASK_MPP``."""
    return tissue_mask(slide.picture(MASK_MPP), max(MASK_MPP, slide.mpp))


def find_tiles(
    slide: Slide, mask: np.ndarray, mpp: float, tile_size: int, min_tissue: float
) -> Tiles:
    """Find the tiles of an open slide on its tissue mask; see ``tile_slide``."""
    check_settings(mpp, tile_size, min_tissue)
    downsample = mpp / slide.mpp
    if downsample < 1 and not close(downsample, 1):
        raise ValueError(
            f"{slide.path}: the slide has {slide.mpp:g} µm/px, coarser than the {mpp:g} asked for; "
            f"detail that was not scanned cannot be had, ask for mpp {slide.mpp:g} or more"
        )
    level = slide.level_for(downsample)
    own = slide.downsamples[level]
    side = round(tile_size * (own if close(own, downsample) else downsample))
    return Tiles(
        name=slide.name,
        coords=_coords(slide, mask, side, min_tissue),
        tile_size=tile_size,
        side=side,
        slide_size=slide.size,
        level=level,
        downsample=own,
        mpp=mpp,
        slide_mpp=slide.mpp,
        magnification=slide.magnification,
        min_tissue=min_tissue,
    )


def check_settings(mpp: float, tile_size: int, min_tissue: float) -> None:
    """Refuse settings with which nothing can be tiled."""
    if not 0 < mpp < np.inf:
        raise ValueError(f"mpp is {mpp}, expected a positive number of µm/px, such as 0.5")
    if tile_size < 1 or tile_size != int(tile_size):
        raise ValueError(f"tile_size is {tile_size}, expected a whole number of pixels, ≥ 1")
    if not 0 <= min_tissue <= 1:
        raise ValueError(f"min_tissue is {min_tissue}, expected a share from 0 to 1")


def tissue_mask(picture: np.ndarray, mpp: float) -> np.ndarray:
    """Return where a small picture of a slide shows tissue, not glass.

    Otsu's threshold on the saturation (HSV), kept within ``SATURATION``; then pieces and holes
    smaller than ``SMALLEST`` are dropped. Pen and other strong colours count as tissue.

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
    return ~_large_pieces(~_large_pieces(tissue, SMALLEST / mpp**2), SMALLEST / mpp**2)


def _large_pieces(mask: np.ndarray, pixels: float) -> np.ndarray:
    """Keep the connected pieces that have at least so many pixels."""
    measure = import_extra("skimage.measure", "wsi")
    pieces = measure.label(mask, connectivity=1)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (sizes >= pixels)[pieces]  # type: ignore[no-any-return]


def _coords(slide: Slide, mask: np.ndarray, side: int, min_tissue: float) -> np.ndarray:
    """Return the corners, row by row, of the tiles of the grid that show tissue."""
    columns, rows = (length // side for length in slide.size)
    if not columns or not rows:
        raise ValueError(
            f"{slide.path}: a tile of {side} px does not fit into the slide of "
            f"{slide.size[0]} × {slide.size[1]} pixels; take smaller tiles or a smaller mpp"
        )
    if not mask.any():
        raise ValueError(f"{slide.path}: no tissue; is the slide blank?")
    share = tissue_shares(mask, slide.size, side)
    y, x = np.nonzero((share >= min_tissue) & (share > 0))
    if not len(x):
        raise ValueError(
            f"{slide.path}: no tile has {min_tissue:.0%} tissue, the best has {share.max():.0%}; "
            "take smaller tiles or a smaller share"
        )
    return side * np.stack([x, y], axis=1)


def tissue_shares(mask: np.ndarray, slide_size: tuple[int, int], side: int) -> np.ndarray:
    """Return the share of tissue of every tile of the grid, shape (rows, columns)."""
    from PIL import Image

    columns, rows = (length // side for length in slide_size)
    across, down = mask.shape[1] / slide_size[0], mask.shape[0] / slide_size[1]
    right, bottom = columns * side * across, rows * side * down
    box = (0, 0, min(right, mask.shape[1]), min(bottom, mask.shape[0]))  # rounding stays inside
    share = Image.fromarray(mask.astype(np.float32)).resize(
        (columns, rows), Image.Resampling.BOX, box
    )
    return np.clip(np.asarray(share), 0, 1)
