import math
import os
import re

import numpy as np
import pytest
import torch
from PIL import Image

from mil_tutorial import save_heat_map, scale_attention, stitch_tiles
from mil_tutorial.pictures.colour_scales import colour_scale
from mil_tutorial.pictures.export import scale_bar
from mil_tutorial.pictures.overlays import overlay

ATTENTION = [0.1, 0.2, 0.7]
COORDS = np.array([[0, 0], [32, 0], [448, 64]])
IMAGE = np.random.default_rng(0).integers(0, 256, (128, 480, 3)).astype(np.uint8)


def save(path, **change):
    arguments = {
        "image": IMAGE,
        "attention": ATTENTION,
        "coords": COORDS,
        "tile_size": 32,
        "microns_per_pixel": 0.5,
    } | change
    return save_heat_map(path, **arguments)


def read(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.array(picture.convert("RGB"))


def blended(image, downsample=1):
    """Return the picture with the shares of ``ATTENTION`` on their own logarithmic scale."""
    shares = scale_attention(ATTENTION, "share")
    heat = stitch_tiles(shares, COORDS, 32, (128, 480), downsample)
    scale = colour_scale(heat, "share", len(shares))
    return overlay(image, scale.position(heat), scale.ends)


def bar_length(legend):
    """Return the longest run of black pixels in a row."""
    black = (legend == 0).all(axis=2)
    return max(max(map(len, re.findall("1+", row)), default=0) for row in rows_of(black))


def rows_of(mask):
    return ["".join("1" if value else "0" for value in row) for row in mask]


def test_scale_bars_are_round_and_about_a_fifth_of_the_width():
    for width, microns_per_pixel, pixels, label in [
        (512, 0.5, 100, "50 µm"),  # a fifth is 51.2 µm
        (2000, 0.25, 400, "100 µm"),
        (1000, 0.25 * 32, 250, "2 mm"),  # 1.6 mm lies nearer to 2 than to 1 in ratio
        (1000, 4.0, 250, "1 mm"),
        (3000, 1.0, 500, "500 µm"),
        (100, 0.05, 20, "1 µm"),
        (512, 12.5, 80, "1 mm"),
        (64, 0.01, 10, "0.1 µm"),
    ]:
        assert scale_bar(width, microns_per_pixel) == (pixels, label)


def test_a_scale_bar_is_as_long_as_it_says():
    for width in [64, 100, 333, 512, 1999, 40_000]:
        for microns_per_pixel in [0.1213, 0.2498, 0.5, 7.9, 32.0]:
            pixels, label = scale_bar(width, microns_per_pixel)
            number, unit = label.split()
            microns = float(number) * {"µm": 1, "mm": 1000}[unit]
            assert abs(pixels - microns / microns_per_pixel) <= 0.5
            assert width / 8.5 < pixels < width / 2.9
            assert float(f"{microns:.0e}") == pytest.approx(microns)  # one digit
            assert f"{microns:e}"[0] in "125"


def test_the_picture_is_the_overlay_pixel_for_pixel(tmp_path):
    page = read(save(tmp_path / "new" / "s7.png"))
    np.testing.assert_array_equal(page[:128], blended(IMAGE))
    assert page.shape[1] == 480
    assert (page[128] == 255).all()  # then the legend, on white
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["s7.png"]


def test_the_scale_bar_is_drawn_as_long_as_it_is(tmp_path):
    for microns_per_pixel, pixels in ((0.5, 100), (0.25, 80), (1.0, 100)):
        legend = read(save(tmp_path / "s.png", microns_per_pixel=microns_per_pixel))[128:]
        assert bar_length(legend) == pixels == scale_bar(480, microns_per_pixel)[0]


def test_the_scale_is_that_of_the_small_picture(tmp_path):
    small = read(save(tmp_path / "s.png", image=IMAGE[::4, ::4], downsample=4))
    legend = small[32:]
    assert bar_length(legend) == scale_bar(120, 2.0)[0] == 25
    np.testing.assert_array_equal(small[:32, :120], blended(IMAGE[::4, ::4], 4))
    assert (small[:32, 120:] == 255).all()  # the legend's words need more room


def test_a_picture_whose_size_was_rounded_down(tmp_path):
    page = read(save(tmp_path / "s.png", image=IMAGE[:17, :68], coords=COORDS, downsample=7))
    assert page.shape[1] >= 68


def test_the_truth_is_outlined_and_explained(tmp_path):
    without, none, outlined = (
        read(save(tmp_path / "s.png", truth=truth)) for truth in (None, [0, 0, 0], [0, 0, 1])
    )
    np.testing.assert_array_equal(without, none)
    changed = (outlined[:128] != without[:128]).any(axis=2)
    rows, columns = np.nonzero(changed & (outlined[:128] == 0).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (64, 95, 448, 479)
    assert (outlined[63, 448:] == 255).all()  # white around the black
    assert not np.array_equal(outlined[128:], without[128:])  # the legend has a sample


def test_limits_make_two_slides_alike(tmp_path):
    alone = read(save(tmp_path / "s.png"))
    wide = read(save(tmp_path / "s.png", limits=(0, 100)))
    assert (
        np.abs(wide[:128].astype(int) - IMAGE).sum() < np.abs(alone[:128].astype(int) - IMAGE).sum()
    )
    narrow = read(save(tmp_path / "s.png", limits=(0.5, 1)))
    assert not np.array_equal(narrow[128:], read(save(tmp_path / "s.png", limits=(0.1, 3)))[128:])


def test_the_legend_is_legible_on_any_tissue(tmp_path):
    for shade in [0, 255]:
        legend = read(save(tmp_path / "s.png", image=np.full_like(IMAGE, shade)))[128:]
        assert (legend[:12, -100:] == 255).all()
        assert (legend[:22] < 60).all(axis=2).sum() > 300  # the bar and its words
        assert (legend[-22:] < 60).all(axis=2).sum() > 300  # the words below the colour bar


def test_what_can_be_drawn_is_and_the_same_in_every_run(tmp_path):
    for change in [
        {"attention": [1.0], "coords": [[0, 0]]},
        {"attention": [1 / 3] * 3},
        {"attention": torch.tensor(ATTENTION, dtype=torch.float16), "coords": torch.tensor(COORDS)},
        {"scaling": "rank"},
        {"scaling": "min-max"},
        {"scaling": "raw"},
        {"image": IMAGE.tolist()},
    ]:
        if isinstance(change.get("image"), list):
            change = {"image": np.array(change["image"], dtype=np.uint8)}
        first = save(tmp_path / "a.png", **change).read_bytes()
        assert save(tmp_path / "b.png", **change).read_bytes() == first
        assert not np.array_equal(read(tmp_path / "a.png")[:128], IMAGE)


def test_a_missing_size_of_pixels_is_refused(tmp_path):
    for value in [None, 0, -0.5, math.nan, math.inf, "0.5", True]:
        with pytest.raises(ValueError, match="microns_per_pixel is .*, expected a positive number"):
            save(tmp_path / "s.png", microns_per_pixel=value)
        assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_named_and_nothing_is_written(tmp_path):
    for change, message in [
        ({"image": IMAGE[..., 0]}, "slide s7: the image has shape"),
        ({"image": None}, "slide s7: the image has shape"),
        ({"attention": [0.5, 0.5]}, "slide s7: coords have shape"),
        ({"attention": [0.5, math.nan, 0.5]}, "slide s7: attention of tile 1 is nan"),
        ({"truth": [1]}, "slide s7: truth has shape"),
        ({"coords": COORDS + 100}, "slide s7: tiles reach from"),
        ({"scaling": "log"}, "unknown scaling"),
        ({"opacity": 2}, "opacity is 2"),
        ({"limits": (3, 1)}, "limits are 3 and 1"),
        ({"downsample": 0}, "downsample must be positive, got 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            save(tmp_path / "s.png", slide="s7", **change)
        assert list(tmp_path.iterdir()) == []


def test_only_png_keeps_every_pixel(tmp_path):
    with pytest.raises(ValueError, match="s.jpg does not end in .png"):
        save(tmp_path / "s.jpg")


def test_a_write_that_is_stopped_leaves_the_old_file(tmp_path, monkeypatch):
    path = save(tmp_path / "s.png")
    old = path.read_bytes()

    def killed(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        save(path, attention=[0.7, 0.2, 0.1])
    assert path.read_bytes() == old
