"""Slides made for tests: stained tissue on white glass, as pyramidal TIFF files."""

import numpy as np
import pytest

CORNER, SIDE = (512, 256), 1536  # x, y and side of the tissue on the made slide


def make_slide(path, picture, mpp=0.5, shrink=(4,)):
    """Write a tiled pyramidal TIFF: level 0, and levels shrunk by averaging."""
    tifffile = pytest.importorskip("tifffile")
    options = dict(tile=(256, 256), photometric="rgb", compression="zlib")
    if mpp is not None:
        across, down = mpp if isinstance(mpp, tuple) else (mpp, mpp)
        options |= dict(resolution=(1e4 / across, 1e4 / down), resolutionunit="CENTIMETER")
    with tifffile.TiffWriter(path) as file:
        file.write(picture, **options)
        for factor in shrink:
            file.write(averaged(picture, factor), subfiletype=1, **options)
    return path


def averaged(picture, factor):
    height, width = (side // factor for side in picture.shape[:2])
    blocks = picture[: height * factor, : width * factor].astype(float)
    blocks = blocks.reshape(height, factor, width, factor, 3).mean(axis=(1, 3))
    return blocks.round().astype(np.uint8)
