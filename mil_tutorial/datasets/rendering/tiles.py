"""Tiles: where tissue is, what they show, and how much of them is tumour."""

import numpy as np

from mil_tutorial.datasets.rendering.lesion import TILE

TISSUE_SHARE = 0.5  # of a tile's blocks must hold tissue
BLOCK = 4  # pixels; averaging over blocks makes thin fat membranes and noise count little
TISSUE_DENSITY = 0.14  # optical density of the green channel, which both dyes absorb
COLOUR_STATISTICS = tuple(
    f"{what}_{channel}"
    for what in ("mean", "std", "q10", "q25", "q50", "q75", "q90")
    for channel in ("red", "green", "blue")
)


def tissue_tiles(image: np.ndarray, tile: int = TILE) -> np.ndarray:
    """Find the tiles of a grid that show tissue.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB. Rows and columns that do not fill a tile are left out.
    tile : int
        Pixels along one side of a tile, a multiple of 4.

    Returns
    -------
    ndarray of shape (n, 2)
        x and y in pixels of the top left corner of each tile, row by row.

    Raises
    ------
    ValueError
        If the image is not RGB or the tile is not a multiple of 4.
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image must have shape (height, width, 3); got {image.shape}")
    if tile < BLOCK or tile % BLOCK:
        raise ValueError(f"tile must be a multiple of {BLOCK}; got {tile}")
    rows, columns = image.shape[0] // tile, image.shape[1] // tile
    green = image[: rows * tile, : columns * tile, 1].astype(np.float32)
    few = tile // BLOCK
    blocks = green.reshape(rows, few, BLOCK, columns, few, BLOCK).mean(axis=(2, 5))
    tissue = blocks < 255 * np.exp(-TISSUE_DENSITY)
    share = tissue.mean(axis=(1, 3))
    y, x = np.nonzero(share >= TISSUE_SHARE)
    return np.column_stack([x, y]) * tile


def cut_tiles(image: np.ndarray, coords: np.ndarray, tile: int = TILE) -> np.ndarray:
    """Cut tiles out of a picture.

    Parameters
    ----------
    image : ndarray of shape (height, width, …)
    coords : ndarray of shape (n, 2)
        x and y of the top left corners in pixels.
    tile : int
        Pixels along one side.

    Returns
    -------
    ndarray of shape (n, tile, tile, …)
    """
    x, y = np.asarray(coords, np.intp).reshape(-1, 2).T
    height, width = image.shape[:2]
    if len(x) and (min(x.min(), y.min()) < 0 or x.max() + tile > width or y.max() + tile > height):
        raise ValueError(f"a tile reaches beyond the picture of {width} x {height} pixels")
    step = np.arange(tile)
    return image[y[:, None, None] + step[:, None], x[:, None, None] + step]


def tumour_fraction(mask: np.ndarray, coords: np.ndarray, tile: int = TILE) -> np.ndarray:
    """Return the share of each tile's pixels that is tumour, shape (n,).

    A tile counts as tumour when the share is at least ``TUMOUR_TILE_FRACTION``.
    """
    return cut_tiles(mask, coords, tile).mean(axis=(1, 2))


def colour_statistics(image: np.ndarray, coords: np.ndarray) -> np.ndarray:
    """Return the 21 ``COLOUR_STATISTICS`` of the tissue of a slide, in levels of 0 to 255.

    A model that tells the classes apart by these alone uses a shortcut, not the tumour.
    """
    pixels = cut_tiles(image, coords).reshape(-1, 3)
    quantiles = np.quantile(pixels, (0.1, 0.25, 0.5, 0.75, 0.9), axis=0)
    return np.concatenate([pixels.mean(axis=0), pixels.std(axis=0), quantiles.ravel()])
