"""A small picture of a slide with what was found to be tissue, and the tiles kept."""

import io
from pathlib import Path

import numpy as np

from mil_tutorial.datasets.wsi.slide import Slide
from mil_tutorial.datasets.wsi.tiles import Tiles
from mil_tutorial.export import write_whole

SIDE = 1024  # pixels of the longer side
TILES, TISSUE = (0, 90, 160), (0, 158, 115)  # blue and green, told apart from pink by everyone


def save_preview(path: str | Path, slide: Slide, mask: np.ndarray, tiles: Tiles) -> Path:
    """Write a JPEG: the slide, the outline of its tissue (green), and its tiles (blue).

    Parameters
    ----------
    path : str or Path
        Written whole or not at all.
    slide : Slide
    mask : bool array, shape (height, width)
        Of the whole slide, at any resolution.
    tiles : Tiles
    """
    from PIL import Image, ImageDraw

    downsample = max(1.0, max(slide.size) / SIDE)
    picture = slide.thumbnail(downsample)
    small = Image.fromarray(mask).resize(picture.shape[1::-1], Image.Resampling.NEAREST)
    image = Image.fromarray(_outlined(picture, np.asarray(small)))
    pen = ImageDraw.Draw(image)
    for x, y in tiles.coords / downsample:
        side = tiles.side / downsample
        pen.rectangle((round(x), round(y), round(x + side), round(y + side)), outline=TILES)
    buffer = io.BytesIO()
    image.save(buffer, format="jpeg", quality=85)
    return write_whole(Path(path), buffer.getvalue())


def _outlined(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Paint the border of the mask."""
    inner = mask.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            inner &= np.roll(mask, step, axis)
    drawn = picture.copy()
    drawn[mask & ~inner] = TISSUE
    return drawn
