import numpy as np
import pytest

from mil_tutorial.metrics.features import FEW_INSTANCES, FEW_SLIDES, measure_features


def made(slides=10, n=40, width=80, seed=0):
    """Slides whose instances differ in all directions, and a little from slide to slide."""
    rng = np.random.default_rng(seed)
    places = 3 + 0.3 * rng.normal(size=(slides, 1, width))
    return list(places + rng.normal(size=(slides, n, width)))


def test_by_hand():
    """Four instances of two slides in the plane: 8 along x, 2 along y."""
    first, second = np.array([[0, 0], [0, 2]]), np.array([[4, 0], [4, 2]])
    numbers = measure_features([first, second])
    assert numbers.dead == 0
    assert numbers.spread == pytest.approx(np.sqrt(4 + 1) / np.sqrt(4 + 1))
    assert numbers.dimension == pytest.approx((4 + 1) ** 2 / (4**2 + 1**2))
    assert numbers.between == pytest.approx(np.median([1, 0]))
    assert numbers.chance == pytest.approx(1 / 3)
    np.testing.assert_allclose(numbers.length, np.sqrt([2, 18]) / np.median(np.sqrt([2, 18])))
    assert np.isnan(numbers.distance).all()  # of two slides none is usual


def test_dead_features_are_counted_and_change_nothing_else():
    slides = made()
    padded = [np.concatenate([x, np.full((len(x), 20), 7.1)], axis=1) for x in slides]
    before, after = measure_features(slides), measure_features(padded)
    assert (before.dead, after.dead) == (0, pytest.approx(0.2))
    for name in ("dimension", "between", "distance"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), err_msg=name)


def test_all_in_one_direction():
    direction = np.random.default_rng(0).normal(size=100)
    slides = [np.outer(np.linspace(1 + i, 2 + i, 30), direction) for i in range(3)]
    assert measure_features(slides).dimension == pytest.approx(1)


def test_neither_order_nor_unit_matters():
    slides = made()
    numbers = measure_features(slides)
    other = measure_features([1000 * x[::-1] for x in slides[::-1]])
    for name in ("spread", "dimension", "between"):
        assert getattr(other, name) == pytest.approx(getattr(numbers, name)), name
    for name in ("length", "distance"):
        np.testing.assert_allclose(getattr(other, name)[::-1], getattr(numbers, name))


def test_the_odd_slide_is_the_farthest():
    slides = made()
    assert np.nanmax(measure_features(slides).distance) < 2
    slides[3] = slides[3] + 2 * np.sign(np.arange(80) % 2 - 0.5)
    distance = measure_features(slides).distance
    assert distance.argmax() == 3
    assert distance[3] > 3.2 > 2 > np.delete(distance, 3).max()


def test_small_and_few_slides_are_not_judged():
    slides = made(FEW_SLIDES + 1)
    slides[2] = slides[2][: FEW_INSTANCES - 1]
    assert np.flatnonzero(np.isnan(measure_features(slides).distance)).tolist() == [2]
    assert np.isnan(measure_features(slides[1:]).distance[1])
    assert np.isnan(measure_features(slides[2:]).distance).all()


def test_flat_slides():
    slides = [*made(3), np.full((7, 80), 0.1), np.ones((1, 80))]
    assert measure_features(slides).flat.tolist() == [False, False, False, True, False]
    assert measure_features(slides[3:4]).dead == 1


@pytest.mark.parametrize(
    "slides", [[], [np.ones((3, 2)), np.ones((3, 4))], [np.ones((0, 2))], [[[1.0, np.nan]]]]
)
def test_what_is_no_set_of_features(slides):
    with pytest.raises(ValueError, match="expected"):
        measure_features(slides)
