"""Coordinates, pictures, slides and tissue."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import matplotlib.pyplot as plt
import numpy as np
import torch
from feature_folders import grid, write_file
from made_slides import make_slide, write_slide

from mil_tutorial import plot_attention, save_geojson, stitch_tiles, to_geojson
from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.files import describe
from mil_tutorial.datasets.hdf5 import kept_open
from mil_tutorial.datasets.wsi.slide import Slide
from mil_tutorial.datasets.wsi.tile_files import read_tiles
from mil_tutorial.experiment.slide_heatmaps import slide_figure
from odd_inputs.case import Case

GRID = grid(9)  # 4 × 3 tiles of 256 pixels, the last row of one
MPP = 0.5


def tiles_file(here: Path, coords: Any, of_file: Any = (), **of_coords: Any) -> Path:
    """Write features with coordinates, and attributes of the file and of the coordinates."""
    path = write_file(here / "s.h5", np.ones((len(coords), 3), np.float32), coords)
    with h5py.File(path, "r+") as file:
        file.attrs.update(of_file)
        file["coords"].attrs.update(of_coords)
    kept_open(path, anew=True)
    return path


def placed(name: str, coords: Any, of_file: Any = (), side: int = 256, **of_coords: Any) -> Case:
    """Coordinates that mean ``GRID`` on a slide of 0.5 µm/px."""

    def act(here: Path) -> None:
        placement = describe(tiles_file(here, coords, of_file, **of_coords)).placement()
        glass = np.full((1000, 1300, 3), 240, np.uint8)
        with Slide(make_slide(here / "s.tif", glass, MPP, shrink=())) as slide:
            corners, own_side = placement.on_slide(slide)
        assert own_side == side
        np.testing.assert_array_equal(corners, GRID)

    return Case(name, act)


def refused(name: str, error: str, coords: Any = GRID, of_file: Any = (), **of_coords: Any) -> Case:
    """Coordinates that are refused before any slide is opened."""

    def act(here: Path) -> None:
        describe(tiles_file(here, coords, of_file, **of_coords)).placement()

    return Case(name, act, rf"s\.h5.*{error}")


def figure(here: Path, coords: Any, size: tuple[int, int] = (1300, 1000), **attributes: Any) -> Any:
    """Draw coordinates on a slide of this size; return the drawn heat map."""
    bag = FeatureBags([describe(tiles_file(here, coords, **attributes))], torch.zeros(1), ["p"])
    n = len(coords)
    drawn = slide_figure(write_slide(here / "s.tif", *size), bag, np.full(n, 1 / n))
    heat = np.asarray(drawn.axes[1].images[-1].get_array())
    plt.close(drawn)
    return heat


def less_than_a_pixel(here: Path) -> None:
    """A tile is drawn as one pixel; the slide is not drawn larger for it."""
    heat = figure(here, GRID, (3000, 2000), patch_size_level0=1)
    assert heat.shape == (1000, 1500)
    assert np.isfinite(heat).sum() == len(GRID)


def beyond(here: Path) -> None:
    figure(here, GRID + np.array([0, 600]))


def microns_without_scale(here: Path) -> None:
    figure(here, GRID * MPP, of_file={"unit": "um", "tile_size_um": 128.0})


def big_canvas(values: Any, **options: Any) -> Callable[[Path], Any]:
    coords = 256 * np.array([[0, 0], [390, 299]])
    return lambda here: stitch_tiles(values, coords, 256, **options)


def stitched(values: Any, side: Any = 256) -> Callable[[Path], Any]:
    return lambda here: stitch_tiles(values, [[0, 0], [256, 0]], side)


def half_pixels(here: Path) -> None:
    plot_attention(np.zeros((9, 9, 3), np.uint8), [1.0], [[0, 0]], 9, downsample=1.5)


def bounds(here: Path) -> None:
    """QuPath's picture of a MIRAX slide begins at its bounds."""
    slide = Slide(write_slide(here / "s.tif"))
    names = {"x": "512", "y": "100", "width": "600", "height": "700"}
    known = {f"openslide.bounds-{name}": value for name, value in names.items()}
    with slide:
        assert slide.origin == (0, 0)
        slide._handle = type("Handle", (), {"properties": known, "close": lambda self: None})()
        tiles = to_geojson([1.0], [[256, 64]], 256, downsample=2, origin=slide.origin)
        del known["openslide.bounds-width"]
        assert slide.origin == (0, 0)
    ring = tiles["features"][0]["geometry"]["coordinates"][0]
    assert ring[0] == [0, 28]
    assert ring[2] == [512, 540]


def bounds_twice(here: Path) -> None:
    save_geojson(here / "out" / "s.geojson", [1.0], [[0, 64]], 256, origin=(9000, 0), slide="s")


def other_tools_tiles(here: Path) -> None:
    """Sizes as arrays, coordinates as floats: the same tiles."""
    attributes = {"patch_size": np.array([256]), "downsample": (1.0, 1.0), "patch_level": [0]}
    tiles = read_tiles(tiles_file(here, GRID.astype(float), **attributes))
    assert (tiles.side, tiles.tile_size, tiles.level) == (256, 256, 0)
    np.testing.assert_array_equal(tiles.coords, GRID)


def places_beyond_memory(here: Path) -> None:
    """As a damaged file may have it: declared, and filled in one place."""
    with h5py.File(here / "s.h5", "w") as file:
        file.create_dataset("coords", (10**12, 2), np.int64)[0] = 1
    read_tiles(here / "s.h5")


def level_pixels(here: Path, **overlap: int) -> list[str]:
    """Tiles that are read at level 1, placed in its pixels; return the warnings."""
    size = {"patch_size": 256, "patch_level": 1, "downsample": 4.0}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_tiles(tiles_file(here, GRID, **size, **overlap))
    return [str(one.message) for one in caught]


def pixels_of_the_level(here: Path) -> None:
    (warning,) = level_pixels(here)
    assert re.search(r"s\.h5: tiles of 1024 .* step by 256.*multiply them by 4;", warning)
    assert not level_pixels(here, overlap=192)


def microns_as_tiles(here: Path) -> None:
    read_tiles(tiles_file(here, GRID * MPP, {"unit": "um", "tile_size_um": 128.0}))


STAMP = {"unit": "um", "tile_size_um": 128.0, "tile_size_px": 224}
MICRONS = (GRID * MPP).astype(np.float32)

CASES = [
    placed("coords of STAMP in µm", MICRONS, STAMP),
    placed("coords of older STAMP in µm", MICRONS, {"unit": b"um", "tile_size": [128.0]}),
    placed("µm said of the coords, in Greek", MICRONS, unit="μm", tile_size_um=128),
    placed("µm in British English", MICRONS, unit="Micrometres"),
    placed("pixels as floats", GRID.astype(np.float32), {"unit": "pixels"}),
    placed("pixels of 16 bits", GRID.astype(np.uint16), patch_size_level0=np.array([[256]])),
    placed("a side given as a pair", GRID, patch_size=(256, 256), downsample=(1.0, 1.0)),
    placed("tiles that overlap by half", GRID, side=512, patch_size_level0=512),
    refused("µm without a unit", "coords of tile 1 are .*expected whole pixels", GRID * 0.499),
    refused("µm by the size of a tile alone", "none says the unit", GRID, {"tile_size_um": 256.0}),
    refused("an unknown unit", "unit is 'mm', expected px .* or um", GRID, {"unit": "mm"}),
    refused("no unit in the attribute", "attribute unit is ", GRID, {"unit": h5py.Empty("f")}),
    refused("columns and rows", "coords step by 1 .*columns and rows", GRID // 256),
    refused("shares of the slide", "expected whole pixels", GRID / 1300),
    refused("all tiles at one place", "coords step by 0", GRID * 0, patch_size_level0=256),
    refused(
        "a negative place", r"tile 2 are \[-1, 0\], expected 0 or more", GRID - (GRID == 512) * 513
    ),
    refused("a place that is NaN", "tile 0 are .*finite", np.where(GRID == 0, np.nan, GRID)),
    refused(
        "a place that wrapped",
        r"tile 1 are \[18446744073709551615, 0\], .* below 2\*\*31",
        np.array([[0, 0], [2**64 - 1, 0]], np.uint64),
    ),
    refused(
        "a place beyond any slide", "tile 2 are .*below", GRID * np.float64(1e18) * (GRID > 511)
    ),
    refused("places as text", "type object", np.array([["0", "1"]], dtype=object)),
    refused("one tile of unknown size", "their size is not known", GRID[:1]),
    refused("one tile of µm alike", "attribute tile_size_um", MICRONS[:1], {"unit": "um"}),
    refused("an empty size", "patch_size is Empty", patch_size=h5py.Empty("f"), downsample=1.0),
    refused("a size of 0", "patch_size_level0 is 0, expected a positive", patch_size_level0=0),
    refused("a size that is NaN", "downsample is nan", patch_size=256, downsample=np.nan),
    refused("a size in words", "patch_size_level0 is 256 px", patch_size_level0="256 px"),
    refused("an oblong tile", r"patch_size is \[256 512\]", patch_size=(256, 512), downsample=1),
    refused("µm of size 0", "tile_size_um is 0", MICRONS, {"unit": "um", "tile_size_um": 0}),
    Case(
        "tiles beyond the slide", beyond, r"s\.tif: tiles reach to x 768, y 1112, .*s\.h5 belongs"
    ),
    Case(
        "a tile larger than the slide",
        lambda here: figure(here, GRID, patch_size_level0=10**9),
        r"s\.h5: a tile is 1000000000 pixels wide, but .*s\.tif has 1300 x 1000",
    ),
    Case(
        "µm on a slide without scale",
        microns_without_scale,
        r"s\.h5: .*in µm, and .*s\.tif does not",
    ),
    Case("tiles smaller than a pixel of the thumbnail", less_than_a_pixel),
    Case(
        "a canvas for a whole slide", big_canvas([1, 2]), "100096 × 76800.*61.5 GB.*downsample=12,"
    ),
    Case("a canvas of NaN", big_canvas([1, 2], shape=(np.nan, 9)), "slide's shape is .*expected"),
    Case("a canvas for a volume", big_canvas([1, 2], shape=(9, 9, 3)), "expected .height, width."),
    Case("a canvas of no pixel", big_canvas([1, 2], downsample=np.inf), "downsample must be"),
    Case("values as words", stitched(["a", "b"]), "values must be an array of numbers"),
    Case("complex values", stitched([1j, 2]), "values must be an array of numbers"),
    Case(
        "values with a gradient",
        stitched(torch.ones(2).requires_grad_()),
        "values must be an array of numbers",
    ),
    Case("a tile of True pixels", stitched([1, 2], True), "tile_size is True"),
    Case("a tile of a tensor's size", stitched([1, 2], torch.tensor(256))),
    Case("every 1.5th pixel", half_pixels, "downsample must be a positive whole number, got 1.5"),
    Case("pictures of tiles for it", big_canvas(np.ones((2, 256, 256, 3))), "smaller, 20 times"),
    Case(
        "a canvas beyond the memory",
        lambda _: stitch_tiles([1, 2], [[0, 0], [10**9, 0]], 1, (10**9, 10**9 + 1), 1),
        "pass downsample=",
    ),
    Case("GeoJSON of a slide with bounds", bounds),
    Case("bounds taken off twice", bounds_twice, r"slide s: tile 0 .*openslide\.bounds-x"),
    Case("tiles of other tools", other_tools_tiles),
    Case("places beyond the memory", places_beyond_memory, r"'coords' says .* 1\.6e\+04 GB"),
    Case("pixels of the level that is read", pixels_of_the_level),
    Case("µm as tiles to encode", microns_as_tiles, r"s\.h5: coords are in µm"),
]
