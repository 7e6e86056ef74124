import matplotlib.pyplot as plt
import numpy as np
import pytest

from mil_tutorial import plot_attention, scale_attention, stitch_tiles
from mil_tutorial.pictures.heatmaps import SCALINGS

GRID = np.array([[0, 0], [2, 0], [0, 2]])
IMAGE = np.full((4, 4, 3), 200, dtype=np.uint8)


def test_stitch_by_hand_with_a_hole():
    canvas = stitch_tiles([1, 2, 3], GRID, tile_size=2)
    nan = np.nan
    np.testing.assert_array_equal(
        canvas, [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, nan, nan], [3, 3, nan, nan]]
    )


def test_stitch_puts_tile_pictures_back_where_they_were():
    picture = np.random.default_rng(0).integers(0, 256, (6, 4, 3))
    coords = np.array([[x, y] for y in (0, 2, 4) for x in (0, 2)])
    tiles = np.stack([picture[y : y + 2, x : x + 2] for x, y in coords])
    order = np.random.default_rng(1).permutation(6)
    np.testing.assert_array_equal(stitch_tiles(tiles[order], coords[order], 2), picture)


def test_any_grid_overlaps_are_averaged_and_shape_is_kept():
    canvas = stitch_tiles([1.0, 3.0], [[0, 0], [1, 0]], tile_size=2, shape=(3, 5))
    assert canvas.shape == (3, 5)
    assert canvas[0, :3].tolist() == [1.0, 2.0, 3.0]
    assert np.isnan(canvas[2]).all()
    assert np.isnan(canvas[:, 3:]).all()


def test_downsampled_tiles_meet_without_gap_or_overlap():
    coords = np.array([[x, y] for y in range(0, 512, 32) for x in range(0, 512, 32)])
    canvas = stitch_tiles(np.arange(256), coords, 32, shape=(512, 512), downsample=20)
    assert canvas.shape == (26, 26)
    assert not np.isnan(canvas).any()
    assert set(canvas.ravel()) == set(range(256))  # no average of two tiles


def test_no_tile_falls_off_the_edge_of_a_downsampled_canvas():
    canvas = stitch_tiles([7.0], [[485, 485]], 5, shape=(490, 490), downsample=20)
    assert np.nanmax(canvas) == 7


def test_scalings_by_hand():
    attention = [0.1, 0.2, 0.2, 0.5]
    assert scale_attention(attention, "raw").tolist() == attention
    assert scale_attention(attention, "share").tolist() == pytest.approx([0.4, 0.8, 0.8, 2.0])
    assert scale_attention(attention, "min-max").tolist() == pytest.approx([0, 0.25, 0.25, 1])
    assert scale_attention(attention, "rank").tolist() == [0.125, 0.5, 0.5, 0.875]


def test_equal_attention_is_not_blown_up():
    assert scale_attention([0.25] * 4, "min-max").tolist() == [0] * 4
    assert scale_attention([0.25] * 4, "rank").tolist() == [0.5] * 4
    assert scale_attention([0.25] * 4, "share").tolist() == [1] * 4


def test_figure_says_what_it_shows():
    for scaling in SCALINGS:
        for truth in [None, [0, 0, 1], [0, 0, 0]]:
            figure = plot_attention(
                IMAGE, [0.2, 0.3, 0.5], GRID, 2, truth=truth, scaling=scaling, title="slide 7"
            )
            slide, attention, overlay, bar = figure.axes
            logarithmic = scaling in ("raw", "share")
            note = ", logarithmic scale" if logarithmic else ""
            assert bar.get_xlabel() == SCALINGS[scaling] + note
            assert (bar.get_xscale() == "log") == logarithmic
            assert figure.get_suptitle() == "slide 7"
            assert [a.get_title() for a in (slide, attention)] == ["slide", "attention"]
            outlined = truth is not None and any(truth)
            assert overlay.get_title() == ("both, tumour outlined" if outlined else "both")
            shown = attention.images[-1].get_array()
            assert shown[0, 0] == pytest.approx(scale_attention([0.2, 0.3, 0.5], scaling)[0])
            assert np.ma.getmaskarray(np.ma.masked_invalid(shown))[3, 3]  # the hole stays empty
            plt.close(figure)


def test_bad_tiles_are_named():
    for arguments, message in [
        (dict(values=[], coords=np.zeros((0, 2)), tile_size=2), "at least one tile"),
        (
            dict(values=[1, 2], coords=GRID, tile_size=2),
            r"coords have shape \(3, 2\), expected \(2, 2\)",
        ),
        (
            dict(values=[1, 2, 3], coords=GRID, tile_size=2, shape=(3, 4)),
            "outside the slide of 4 × 3",
        ),
        (dict(values=[1, 2, 3], coords=GRID - 1, tile_size=2), "outside the slide"),
        (dict(values=np.ones((3, 5, 5)), coords=GRID, tile_size=2), r"expected \(2, 2, …\)"),
        (
            dict(values=np.ones((3, 2, 2)), coords=GRID, tile_size=2, downsample=2),
            "downsample 1 only",
        ),
        (dict(values=[1, 2, 3], coords=GRID, tile_size=2, downsample=0), "must be positive"),
        (dict(values=[1, 2, 3], coords=None, tile_size=2), "coords are None"),
        (dict(values=5, coords=GRID, tile_size=2), "at least one tile"),
        (dict(values=[1, 2, 3], coords=GRID * np.nan, tile_size=2), "coords of tile 0"),
        (dict(values=[1, np.nan, 3], coords=GRID, tile_size=2), "value of tile 1 is not finite"),
        (dict(values=[1, 2, 3], coords=GRID, tile_size=0), "tile_size is 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            stitch_tiles(**arguments)


def test_a_canvas_that_is_too_large_names_the_downsample_that_fits(monkeypatch):
    monkeypatch.setattr("mil_tutorial.pictures.stitching.CANVAS", 8 * 300.0)
    tiles = ([1, 2], [[0, 0], [40, 20]], 10)
    with pytest.raises(ValueError, match=r"50 × 30 pixels takes .*pass downsample=3,"):
        stitch_tiles(*tiles)
    assert stitch_tiles(*tiles, downsample=3).shape == (10, 17)
    assert stitch_tiles(*tiles, downsample=1).shape == (30, 50)  # asked for
    with pytest.raises(ValueError, match="make the pictures and coords smaller, 4 times"):
        stitch_tiles(np.ones((2, 10, 10, 3)), *tiles[1:])
    monkeypatch.setattr("mil_tutorial.pictures.stitching.available_memory", lambda: 8 * 900.0)
    with pytest.raises(ValueError, match="25 × 15 pixels .*pass downsample=3,"):
        stitch_tiles(*tiles, downsample=2)


def test_a_large_picture_is_drawn_smaller(monkeypatch):
    monkeypatch.setattr("mil_tutorial.pictures.heatmaps.DRAWN", 2)
    for downsample, side in ((None, 2), (1, 4)):
        figure = plot_attention(IMAGE, [0.2, 0.3, 0.5], GRID, 2, downsample=downsample)
        assert figure.axes[0].images[0].get_array().shape == (side, side, 3)
        plt.close(figure)


def test_bad_scaling_is_named():
    with pytest.raises(ValueError, match="unknown scaling 'log'; choose from raw"):
        scale_attention([1.0], "log")
    with pytest.raises(ValueError, match="of one bag"):
        scale_attention([[1.0]], "raw")


def test_bad_attention_is_named():
    for attention in [[0.5, np.nan], [1.5, -0.5], [], [0, 0], None]:
        for scaling in SCALINGS:
            with pytest.raises(ValueError, match="attention"):
                scale_attention(attention, scaling)


def test_bad_input_is_named_instead_of_drawing_a_blank_canvas():
    for change, message in [
        ({"coords": None}, "coords are None"),
        ({"attention": [0.5, 0.5]}, "coords have shape"),
        ({"attention": [0.5, np.nan, 0.5]}, "attention of tile 1 is nan"),
        ({"attention": [0.5, 0.7, -0.2]}, "attention of tile 2 is -0.2"),
        ({"truth": [1, 0]}, "truth has shape"),
        ({"image": None}, "the image has shape"),
        ({"image": IMAGE[..., 0]}, "a grey one becomes RGB"),
        ({"image": np.dstack([IMAGE, IMAGE[..., :1]])}, "leave alpha out"),
        ({"image": IMAGE / 255}, "expected uint8"),
        ({"image": IMAGE[:3]}, "outside the slide of 4 × 3 pixels"),
        ({"limits": (1, 0)}, "limits are 1 and 0"),
    ]:
        good = {"image": IMAGE, "attention": [0.2, 0.3, 0.5], "coords": GRID, "tile_size": 2}
        before = plt.get_fignums()
        with pytest.raises(ValueError, match=message):
            plot_attention(**good | change)
        assert plt.get_fignums() == before


def test_equal_shares_are_drawn_in_the_middle_of_the_colours():
    figure = plot_attention(IMAGE, [1 / 3] * 3, GRID, 2)
    assert figure.axes[1].images[-1].get_clim() == pytest.approx((0.1, 10))
    overlaid = np.asarray(figure.axes[2].images[-1].get_array())
    assert (overlaid[0, 0] != IMAGE[0, 0]).any()
    plt.close(figure)


def test_one_tile_is_enough():
    figure = plot_attention(IMAGE, [1.0], [[2, 2]], 2, truth=[1])
    overlaid = np.asarray(figure.axes[2].images[-1].get_array())
    assert (overlaid[2:, 2:] != IMAGE[2:, 2:]).any()
    plt.close(figure)


def test_limits_are_those_asked_for():
    figure = plot_attention(IMAGE, [0.2, 0.3, 0.5], GRID, 2, limits=(0, 20))
    assert figure.axes[1].images[-1].get_clim() == (0.1, 20)  # a logarithm has no 0
    plt.close(figure)


def test_a_weight_of_0_has_a_colour_and_a_place_without_tile_has_none():
    figure = plot_attention(IMAGE, [1.0, 0.0, 0.0], GRID, 2)
    drawn = figure.axes[1].images[-1]
    colours = drawn.to_rgba(drawn.get_array())
    assert colours[0, 3].tolist() == pytest.approx(drawn.get_cmap()(0.0))
    assert colours[3, 3, 3] == 0
    plt.close(figure)


def test_letters_are_large_and_the_outline_is_black_on_white():
    figure = plot_attention(IMAGE, [0.2, 0.3, 0.5], GRID, 2, truth=[0, 0, 1])
    slide, _, both, bar = figure.axes
    numbers = bar.get_xticklabels()
    assert min(text.get_fontsize() for text in [slide.title, bar.xaxis.label, *numbers]) >= 13
    lines = [(c.get_edgecolor()[0][:3].tolist(), c.get_linewidth()[0]) for c in both.collections]
    assert lines == [([1, 1, 1], 5), ([0, 0, 0], 2)]
    plt.close(figure)
