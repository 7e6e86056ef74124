import numpy as np
import pytest
from made_slides import averaged, make_slide

from mil_tutorial.datasets.wsi import slide as slide_module
from mil_tutorial.datasets.wsi.slide import Slide

SMALL = np.full((300, 300, 3), 200, np.uint8)


def test_a_level_that_fits_is_taken_pixel_by_pixel(slide, picture):
    with Slide(slide) as opened:
        assert opened.mpp == pytest.approx(0.5)
        assert opened.size == (2560, 2048)
        field = opened.read(640, 300, 256, 256)
        np.testing.assert_array_equal(field, picture[300:556, 640:896])
        field = opened.read(1024, 512, 512, 128)
        np.testing.assert_array_equal(field, averaged(picture, 4)[128:256, 256:384])


@pytest.mark.parametrize(("side", "tile_size", "factor"), [(256, 128, 2), (768, 96, 8)])
def test_between_levels_pixels_are_averaged(slide, picture, side, tile_size, factor):
    with Slide(slide) as opened:
        field = opened.read(768, 512, side, tile_size).astype(float)
    expected = averaged(picture, factor)[512 // factor :, 768 // factor :][:tile_size, :tile_size]
    inner = np.s_[2:-2, 2:-2]  # the filter reaches a little beyond a pixel
    assert np.abs(field - expected)[inner].mean() < 6
    nearest = picture[512 : 512 + side : factor, 768 : 768 + side : factor].astype(float)
    assert np.abs(field - expected)[inner].mean() < np.abs(nearest - expected)[inner].mean() / 2


def test_beyond_the_slide_is_white(slide):
    with Slide(slide) as opened:
        assert (opened.read(2560 - 64, 0, 256, 256)[:, 64:] == 255).all()


def test_a_picture_read_in_blocks_is_that_read_at_once(slide, monkeypatch):
    with Slide(slide) as opened:
        whole = opened.picture(8.0)
        monkeypatch.setattr(slide_module, "BLOCK", 128)
        parts = opened.picture(8.0)
    assert whole.shape == (128, 160, 3)
    assert np.abs(whole.astype(int) - parts).mean() < 2


def test_a_large_field_is_read_in_blocks(slide, picture, monkeypatch):
    monkeypatch.setattr(slide_module, "BLOCK", 100)
    with Slide(slide) as opened:
        field = opened.read(640, 300, 256, 256)
        shrunk = opened.read(640, 300, 512, 256).astype(float)
    np.testing.assert_array_equal(field, picture[300:556, 640:896])
    assert np.abs(shrunk - averaged(picture[300:812, 640:1152], 2)).mean() < 6


def test_a_picture_of_a_huge_slide_is_coarser(slide, monkeypatch):
    """Where µm/px are large, a picture at 8 µm would be the whole slide at full size."""
    monkeypatch.setattr(slide_module, "LARGEST", 5000)
    with Slide(slide) as opened:
        small = opened.picture(2.0)
    assert small.shape == (63, 79, 3)


def test_a_level_is_never_much_coarser_than_wanted(slide):
    with Slide(slide) as opened:
        for wanted in (0.9, 1.0, 1.04, 2.0, 3.7, 3.9, 4.1, 9.0):
            assert opened.level_for(wanted) == (wanted >= 3.9), wanted


def test_a_resolution_is_never_guessed(tmp_path):
    for own, user, message in (
        (None, None, "does not say its µm/px.*--slide-mpp"),
        (1e4 / 28.3, None, r"does not say its µm/px \(only 353.* × 353"),
        ((0.5, 0.25), None, "only 0.5 × 0.25"),
        (0.5, 0.25, "the slide says 0.5 µm/px, but 0.25 was given"),
        (None, 250.0, "250 µm/px was given"),
        (None, -1.0, "-1 µm/px was given"),
    ):
        path = make_slide(tmp_path / "small.tif", SMALL, mpp=own, shrink=())
        with Slide(path, user) as opened, pytest.raises(ValueError, match=message):
            _ = opened.mpp


def test_the_users_resolution_is_used(tmp_path):
    for own, user in ((None, 0.25), (0.499, 0.5)):
        path = make_slide(tmp_path / "small.tif", SMALL, mpp=own, shrink=())
        with Slide(path, user) as opened:
            assert opened.mpp == user


def test_what_is_no_slide_is_refused(tmp_path):
    (tmp_path / "text.svs").write_text("no slide")
    with pytest.raises(ValueError, match=r"text\.svs: OpenSlide does not know this format"):
        Slide(tmp_path / "text.svs")
    with pytest.raises(FileNotFoundError, match=r"none\.svs: there is no such slide"):
        Slide(tmp_path / "none.svs")


def test_a_damaged_slide_is_named(damaged):
    with pytest.raises(ValueError, match=r"damaged\.tif: .*damaged"), Slide(damaged, 0.5) as opened:
        opened.picture(1.0)
