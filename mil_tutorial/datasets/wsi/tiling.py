"""Tiles of tissue by µm/px: the same field of view on every scanner."""

from pathlib import Path

import numpy as np

from mil_tutorial.datasets.wsi.slide import Slide, close
from mil_tutorial.datasets.wsi.tile_files import Tiles
from mil_tutorial.datasets.wsi.tissue import PALE, check_threshold, find_tissue

MPP, TILE_SIZE, MIN_TISSUE = 0.5, 256, 0.25
MOST_TILES = 10**8
"""Of a grid, before glass is left out; a slide of 100,000 × 100,000 pixels has 10**5 of 256."""


def tile_slide(
    path: str | Path,
    *,
    mpp: float = MPP,
    tile_size: int = TILE_SIZE,
    min_tissue: float = MIN_TISSUE,
    threshold: float | None = None,
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
    threshold : float, optional
        Saturation from which on a pixel is tissue, of 255; by default the slide's own, see
        ``tissue_mask``.
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
    check_settings(mpp, tile_size, min_tissue, threshold)
    with Slide(path, slide_mpp) as slide:
        mask = find_tissue(slide, threshold)
        return find_tiles(slide, mask, mpp, tile_size, min_tissue, threshold)


def find_tiles(
    slide: Slide,
    mask: np.ndarray,
    mpp: float,
    tile_size: int,
    min_tissue: float,
    threshold: float | None,
) -> Tiles:
    """Find the tiles of an open slide on its tissue mask; see ``tile_slide``."""
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
        threshold=threshold,
    )


def check_settings(mpp: float, tile_size: int, min_tissue: float, threshold: float | None) -> None:
    """Refuse settings with which nothing can be tiled."""
    if not 1e-6 <= mpp <= 1e6:  # beyond them its ratios overflow
        raise ValueError(f"mpp is {mpp}, expected a positive number of µm/px, such as 0.5")
    if not 1 <= tile_size < np.inf or tile_size % 1:
        raise ValueError(f"tile_size is {tile_size}, expected a whole number of pixels, ≥ 1")
    if not 0 <= min_tissue <= 1:
        raise ValueError(f"min_tissue is {min_tissue}, expected a share from 0 to 1")
    check_threshold(threshold)


def _coords(slide: Slide, mask: np.ndarray, side: int, min_tissue: float) -> np.ndarray:
    """Return the corners, row by row, of the tiles of the grid that show tissue."""
    columns, rows = (length // side for length in slide.size)
    if not columns or not rows:
        raise ValueError(
            f"{slide.path}: a tile of {side} px does not fit into the slide of "
            f"{slide.size[0]} × {slide.size[1]} pixels; take smaller tiles or a smaller mpp"
        )
    if columns * rows > MOST_TILES:
        raise ValueError(
            f"{slide.path}: {columns} × {rows} tiles of {side} px at level 0 are too many; take "
            "larger tiles or a larger mpp"
        )
    if not mask.any():
        raise ValueError(
            f"{slide.path}: no tissue; is the slide blank? If its tissue is only pale, give a low "
            f"threshold (--threshold, below {PALE})"
        )
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
