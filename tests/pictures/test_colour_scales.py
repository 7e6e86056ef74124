import numpy as np
import pytest

from mil_tutorial.pictures.colour_scales import ColourScale, colour_scale, plain_number

SHARES = np.array([[0.004, 0.02, 0.5], [1.0, 9.0, np.nan]])


def test_shares_begin_at_a_tenth_of_an_equal_share():
    scale = colour_scale(SHARES, "share", 5)
    assert (scale.low, scale.high, scale.logarithmic) == (0.1, 9.0, True)
    assert colour_scale(SHARES / 5, "raw", 5).low == pytest.approx(0.02)
    assert colour_scale(SHARES + 1, "share", 5).low == pytest.approx(1.004)  # its lowest value


def test_each_power_of_ten_has_the_same_part_of_the_colours():
    scale = ColourScale(0.1, 100, logarithmic=True)
    low, high = scale.ends
    parts = (scale.position([0.0, 0.1, 1, 10, 100]) - low) / (high - low)
    np.testing.assert_allclose(parts, [0, 0, 1 / 3, 2 / 3, 1], atol=1e-12)
    assert np.isnan(scale.position([np.nan])).all()


def test_scalings_from_0_to_1_stay_linear():
    for scaling in ("rank", "min-max"):
        scale = colour_scale(np.array([[0.0, 0.25, 1.0]]), scaling, 3)
        assert (scale.ends, scale.note) == ((0, 1), "")
        assert scale.position([0.25]).tolist() == [0.25]


def test_limits_of_another_slide_are_kept_and_the_bar_says_what_it_cuts():
    scale = colour_scale(SHARES, "share", 5, limits=(0, 5))
    assert (scale.low, scale.high) == (0.1, 5)
    assert scale.cut(SHARES) == (True, True)
    assert scale.cut(np.array([[0.1, 5.0]])) == (False, False)
    assert colour_scale(SHARES, "share", 5, limits=(0, 0.01)).low == pytest.approx(0.001)


def test_equal_shares_lie_in_the_middle():
    for value in (1.0, 0.2):
        scale = colour_scale(np.full((2, 2), value), "share", 4)
        assert scale.position([value])[0] == pytest.approx(sum(scale.ends) / 2)


def test_limits_without_a_logarithm_are_refused():
    with pytest.raises(ValueError, match="limits are -2 and 0, expected a positive upper limit"):
        colour_scale(SHARES, "share", 5, limits=(-2, 0))
    with pytest.raises(ValueError, match="limits are 3 and 1"):
        colour_scale(SHARES, "share", 5, limits=(3, 1))


def test_ticks_are_the_ends_and_powers_of_ten_with_room_around_them():
    assert ColourScale(0.1, 40, True).ticks() == pytest.approx([0.1, 1, 10, 40])
    assert ColourScale(0.1, 108, True).ticks() == pytest.approx([0.1, 1, 10, 108])  # no 100
    assert ColourScale(0.94, 1.06, True).ticks() == pytest.approx([0.94, 1, 1.06])
    assert ColourScale(0.00046, 0.137, True).ticks() == pytest.approx([0.00046, 0.001, 0.01, 0.137])


def test_numbers_are_plain():
    for value, text in [(108.2, "108"), (0.1, "0.1"), (7.2e-4, "0.00072"), (0.94, "0.94")]:
        assert plain_number(value) == text
