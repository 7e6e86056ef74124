import numpy as np
import pytest

from mil_tutorial.metrics.attention import smooth_scores


def scene(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.uniform(0, 100, (n, 2))


def by_hand(scores, coords, radius):
    smoothed = []
    for place in coords:
        distance = np.linalg.norm(coords - place, axis=1)
        weight = np.exp(-0.5 * (distance / radius) ** 2) * (distance <= 3 * radius)
        smoothed.append((weight * scores).sum() / weight.sum())
    return np.array(smoothed)


@pytest.mark.parametrize("radius", [3.0, 20.0, 1000.0])
def test_equal_to_a_loop(radius):
    scores, coords = scene()
    np.testing.assert_allclose(
        smooth_scores(scores, coords, radius), by_hand(scores, coords, radius)
    )


def test_limits():
    scores, coords = scene()
    np.testing.assert_array_equal(smooth_scores(scores, coords, 0), scores)
    np.testing.assert_allclose(smooth_scores(scores, coords, 1e6), scores.mean())
    np.testing.assert_array_equal(smooth_scores(scores[:1], coords[:1], 20), scores[:1])
    constant = np.full(40, 3.0)
    np.testing.assert_allclose(smooth_scores(constant, coords, 15), constant)


def test_order_does_not_matter():
    scores, coords = scene()
    order = np.random.default_rng(1).permutation(40)
    np.testing.assert_allclose(
        smooth_scores(scores[order], coords[order], 10), smooth_scores(scores, coords, 10)[order]
    )


def test_two_neighbours_by_hand():
    found = smooth_scores([1.0, 0.0, 5.0], [(0, 0), (10, 0), (500, 0)], radius=10)
    weight = np.exp(-0.5)
    np.testing.assert_allclose(found, [1 / (1 + weight), weight / (1 + weight), 5])


@pytest.mark.parametrize(
    ("scores", "coords", "radius", "message"),
    [
        ([1.0, 2.0], [(0, 0)], 5, "coords \\(1, 2\\), expected"),
        ([1.0, np.nan], [(0, 0), (1, 1)], 5, "must be finite"),
        ([1.0, 2.0], [(0, 0), (1, 1)], -5, "got -5"),
    ],
)
def test_bad_input(scores, coords, radius, message):
    with pytest.raises(ValueError, match=message):
        smooth_scores(scores, coords, radius)
