import itertools

import numpy as np
import pytest
from made_slides import CORNER, SIDE, averaged, make_slide

from mil_tutorial.datasets.wsi import tiling
from mil_tutorial.datasets.wsi.slide import Slide
from mil_tutorial.datasets.wsi.tiling import tile_slide, tissue_shares

openslide = pytest.importorskip("openslide")


def test_tiles_lie_on_the_tissue(slide):
    tiles = tile_slide(slide, tile_size=256)
    assert (tiles.level, tiles.side, tiles.name) == (0, 256, "made")
    inside = ((tiles.coords >= CORNER) & (tiles.coords + 256 <= np.add(CORNER, SIDE))).all(axis=1)
    assert inside.all()
    assert len(tiles) >= 0.8 * (SIDE // 256) ** 2  # it has white gaps


def test_a_tile_shows_the_micrometres_asked_for(slide):
    for mpp, tile_size in itertools.product((0.5, 0.7, 1.0, 2.0, 2.5), (64, 100)):
        tiles = tile_slide(slide, mpp=mpp, tile_size=tile_size)
        assert tiles.side == pytest.approx(tile_size * mpp / 0.5, abs=0.5)
        assert tiles.coords.dtype == np.int64
        assert (tiles.coords % tiles.side == 0).all()  # edge to edge
        assert len(np.unique(tiles.coords, axis=0)) == len(tiles)
        tiles.check_inside((2560, 2048), slide)
        assert tiles.level == (mpp >= 2)


def test_a_level_near_the_wanted_is_taken_as_it_is(slide):
    assert tile_slide(slide, mpp=0.48).side == 256
    assert tile_slide(slide, mpp=2.08).side == 1024
    with pytest.raises(ValueError, match=r"made\.tif: the slide has 0\.5 µm/px, coarser than the"):
        tile_slide(slide, mpp=0.25)


def test_shares_are_those_counted():
    mask = np.random.default_rng(0).random((128, 160)) < 0.4
    shares = tissue_shares(mask, (2560, 2048), 256)  # 16 pixels of the mask a tile
    expected = mask.reshape(8, 16, 10, 16).mean(axis=(1, 3))
    np.testing.assert_allclose(shares, expected, atol=1e-6)


def test_more_tissue_asked_for_keeps_fewer_tiles(slide):
    kept = [
        {tuple(c) for c in tile_slide(slide, tile_size=300, min_tissue=share).coords}
        for share in (0, 0.25, 0.6, 0.8)
    ]
    assert kept[0] > kept[1] > kept[2] > kept[3] > set()


def test_a_blank_slide_is_named(blank):
    with pytest.raises(ValueError, match=r"blank\.tif: no tissue; is the slide blank\?"):
        tile_slide(blank)


def test_a_share_no_tile_reaches(slide):
    with pytest.raises(ValueError, match="no tile has 100% tissue, the best has 3"):
        tile_slide(slide, tile_size=2040, min_tissue=1.0)


def test_wrong_settings_are_refused(slide):
    for wrong, message in (
        ({"mpp": 0}, "mpp is 0, expected a positive"),
        ({"mpp": float("nan")}, "mpp is nan"),
        ({"tile_size": 0}, "tile_size is 0, expected a whole"),
        ({"tile_size": 25.5}, "tile_size is 25.5"),
        ({"tile_size": float("nan")}, "tile_size is nan"),
        ({"tile_size": float("inf")}, "tile_size is inf"),
        ({"threshold": float("nan")}, "threshold is nan, expected a saturation"),
        ({"min_tissue": 1.5}, "min_tissue is 1.5, expected a share"),
        ({"tile_size": 4096}, "a tile of 4096 px does not fit"),
    ):
        with pytest.raises(ValueError, match=message):
            tile_slide(slide, **wrong)


def test_more_tiles_than_memory_holds_are_refused(slide, monkeypatch):
    monkeypatch.setattr(tiling, "MOST_TILES", 10_000)
    with pytest.raises(ValueError, match="640 × 512 tiles of 4 px at level 0 are too many; take"):
        tile_slide(slide, tile_size=4)


def test_a_real_slide_at_its_own_level(scans):
    """Coordinates are those OpenSlide reads at, pixel by pixel."""
    path = scans / "CMU-1-Small-Region.svs"
    tiles = tile_slide(path)
    assert (tiles.slide_mpp, tiles.magnification, tiles.slide_size) == (0.499, 20, (2220, 2967))
    assert len(tiles) == 43
    reference = openslide.OpenSlide(str(path))
    with Slide(path) as opened:
        for x, y in tiles.coords[::9].tolist():
            expected = np.asarray(reference.read_region((x, y), 0, (256, 256)).convert("RGB"))
            np.testing.assert_array_equal(opened.read(x, y, tiles.side, 256), expected)


@pytest.mark.parametrize(("mpp", "factor", "level"), [(0.25, 1, 0), (0.5, 2, 1), (1.0, 4, 1)])
def test_a_real_slide_with_two_levels(scans, mpp, factor, level):
    path = scans / "TCGA-CR-7395-cropped.svs"
    tiles = tile_slide(path, mpp=mpp, tile_size=128, slide_mpp=0.25)
    assert (tiles.level, tiles.side) == (level, 128 * factor)
    x, y = tiles.coords[len(tiles) // 2].tolist()
    reference = openslide.OpenSlide(str(path)).read_region((x, y), 0, (tiles.side, tiles.side))
    with Slide(path) as opened:
        field = opened.read(x, y, tiles.side, 128).astype(float)
    expected = averaged(np.asarray(reference.convert("RGB")), factor)
    assert np.abs(field - expected).mean() < (1e-9 if factor == 1 else 8)
    shifted = np.abs(np.roll(field, 3, axis=1) - expected).mean()
    assert np.abs(field - expected).mean() < shifted / 2


def test_a_real_slide_that_does_not_say_its_resolution(scans):
    with pytest.raises(ValueError, match=r"TCGA-CR-7395-cropped\.svs: the slide does not say"):
        tile_slide(scans / "TCGA-CR-7395-cropped.svs")


def test_the_same_field_on_another_scanner(tmp_path, picture):
    fine = make_slide(tmp_path / "fine.tif", picture, mpp=0.25)
    coarse = make_slide(tmp_path / "coarse.tif", averaged(picture, 2), mpp=0.5)
    one, two = (tile_slide(path, mpp=0.5, tile_size=128) for path in (fine, coarse))
    np.testing.assert_array_equal(one.coords, 2 * two.coords)
