import matplotlib as mpl
import numpy as np
import pytest

from mil_tutorial.pictures.overlays import colour_limits, draw_outline, overlay
from mil_tutorial.pictures.style import HEAT_MAP

GREY = np.full((1, 3, 3), 100, dtype=np.uint8)


def colour(level):
    return 255 * np.array(mpl.colormaps[HEAT_MAP](level)[:3])


def test_blend_by_hand():
    drawn = overlay(GREY, np.array([[0.0, 1.0, 2.0]]), opacity=0.5)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn[0, 0], 100)  # the lowest value is transparent
    np.testing.assert_allclose(drawn[0, 1], 0.75 * 100 + 0.25 * colour(0.5), atol=1)
    np.testing.assert_allclose(drawn[0, 2], 0.5 * 100 + 0.5 * colour(1.0), atol=1)


def test_tissue_shows_where_no_tile_lies_and_the_picture_is_left_alone():
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    before = image.copy()
    heat = np.full((4, 5), np.nan)
    heat[1, 1], heat[2, 2] = 1, 3
    drawn = overlay(image, heat, opacity=1.0)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(drawn[np.isnan(heat)], image[np.isnan(heat)])
    np.testing.assert_allclose(drawn[2, 2], colour(1.0), atol=1)


def test_a_picture_is_the_same_in_any_number_of_parts(monkeypatch):
    rng = np.random.default_rng(0)
    image, heat = rng.integers(0, 256, (7, 5, 3)).astype(np.uint8), rng.random((7, 5))
    whole = overlay(image, heat)
    monkeypatch.setattr("mil_tutorial.pictures.overlays.ROWS", 2)
    np.testing.assert_array_equal(overlay(image, heat), whole)


def test_limits_are_shared_and_values_beyond_them_are_cut():
    drawn = overlay(GREY, np.array([[-1.0, 5.0, 10.0]]), limits=(0, 10), opacity=1)
    np.testing.assert_array_equal(drawn[0, 0], 100)
    np.testing.assert_allclose(drawn[0, 1], 0.5 * 100 + 0.5 * colour(0.5), atol=1)
    beyond = overlay(GREY, np.array([[5.0, 10.0, 99.0]]), limits=(0, 10), opacity=1)
    np.testing.assert_array_equal(beyond[0, 1], beyond[0, 2])


def test_equal_values_get_a_range_to_lie_in():
    assert colour_limits(np.array([[1.0, np.nan, 3.0]])) == (1, 3)
    assert colour_limits(np.ones((1, 3))) == (0, 2)
    assert colour_limits(np.zeros((1, 3))) == (0, 1)


def test_what_does_not_fit_is_named():
    for change, message in [
        ({"image": GREY[..., 0]}, r"\(1, 3\), expected \(1, 3, 3\)"),
        ({"heat": np.zeros((2, 3))}, r"\(1, 3, 3\), expected \(2, 3, 3\)"),
        ({"opacity": 65}, "opacity is 65, expected a number from 0 to 1"),
        ({"limits": (2, 1)}, "limits are 2 and 1, expected two numbers, the lower one first"),
        ({"limits": (np.nan, 1)}, "limits are nan and 1"),
        ({"limits": (1, 1)}, "limits are 1 and 1"),
    ]:
        good = {"image": GREY, "heat": np.array([[0.0, 1.0, 2.0]])}
        with pytest.raises(ValueError, match=message):
            overlay(**good | change)


def test_outline_is_on_both_sides_of_the_border_and_nowhere_else():
    picture = np.full((12, 12, 3), 7, dtype=np.uint8)
    inside = np.zeros((12, 12), dtype=bool)
    inside[4:9, 4:9] = True
    drawn = draw_outline(picture, inside, width=1)
    assert (drawn[5:8, 5:8] == 7).all()  # the middle
    assert drawn[4, 6].tolist() == [0, 0, 0]
    assert drawn[3, 6].tolist() == [255, 255, 255]
    assert (drawn[2] == 7).all()
    assert (picture == 7).all()


def test_outline_of_a_tile_at_the_edge_is_open_there():
    inside = np.zeros((6, 6), dtype=bool)
    inside[:3, :3] = True
    drawn = draw_outline(np.full((6, 6, 3), 7, dtype=np.uint8), inside, width=1)
    assert (drawn[:2, :2] == 7).all()
