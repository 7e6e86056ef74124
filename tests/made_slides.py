"""Slides for tests: stained tissue on white glass, as pyramidal TIFF files; and real ones."""

import os
from pathlib import Path

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


@pytest.fixture(scope="session")
def picture():
    """Stained tissue, 1536 px, on white glass of 2560 x 2048 px."""
    stained = pytest.importorskip("skimage.data").immunohistochemistry()
    canvas = np.full((2048, 2560, 3), 245, np.uint8)
    x, y = CORNER
    canvas[y : y + SIDE, x : x + SIDE] = np.tile(stained, (3, 3, 1))
    return canvas


@pytest.fixture(scope="session")
def slide(tmp_path_factory, picture):
    """A slide of 0.5 µm/px with levels 1 and 4."""
    return make_slide(tmp_path_factory.mktemp("slide") / "made.tif", picture)


@pytest.fixture()
def blank(tmp_path):
    """Glass with the noise of a camera."""
    glass = np.random.default_rng(0).normal(240, 2, (1024, 1024, 3)).clip(0, 255)
    return make_slide(tmp_path / "blank.tif", glass.astype(np.uint8), shrink=())


@pytest.fixture()
def damaged(tmp_path, slide):
    """A slide whose copying stopped half-way."""
    path = tmp_path / "damaged.tif"
    content = slide.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


@pytest.fixture(scope="session")
def scans():
    """The folder of two real slides."""
    folder = Path(os.environ.get("MIL_TUTORIAL_DATA", "")) / "wsi"
    if not (folder / "CMU-1-Small-Region.svs").is_file():
        pytest.skip("wsi/CMU-1-Small-Region.svs is not in the folder MIL_TUTORIAL_DATA names")
    return folder


def write_slide(path, width=1200, height=900, colour=200):
    """A slide that OpenSlide opens: one square of 256 pixels at x 512, y 256 is dark."""
    tifffile = pytest.importorskip("tifffile")
    picture = np.full((height, width, 3), colour, dtype=np.uint8)
    picture[256:512, 512:768] = 20
    tifffile.imwrite(path, picture, tile=(256, 256), photometric="rgb")
    return path
