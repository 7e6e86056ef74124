import os
from pathlib import Path

import numpy as np
import pytest
from made_slides import CORNER, SIDE, make_slide


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
