import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from mil_tutorial import auc, calibration_error, fit_temperature, reliability_curve


def drawn(temperature, n=4000, seed=0):
    """Labels that come true as ``logits / temperature`` say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, n)
    return (rng.uniform(size=n) < expit(logits / temperature)).astype(int), logits


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.1)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-3, 1.0, 30.0]))
def test_no_other_temperature_has_a_lower_cross_entropy(seed, scale):
    labels, logits = drawn(1.5, n=40, seed=seed)
    temperature = fit_temperature(labels, logits * scale)

    def loss(log_temperature):
        return log_loss(labels, expit(logits * scale / np.exp(log_temperature)))

    width = (np.log(temperature) - 3, np.log(temperature) + 3)
    best = minimize_scalar(loss, bounds=width, method="bounded", options={"xatol": 1e-8})
    assert loss(np.log(temperature)) <= best.fun + 1e-9
    assert temperature == pytest.approx(np.exp(best.x), rel=1e-3)


def test_logits_twice_as_large_need_twice_the_temperature():
    labels, logits = drawn(2.0, n=200)
    assert fit_temperature(labels, 2 * logits) == pytest.approx(2 * fit_temperature(labels, logits))


def test_the_order_of_bags_stays_and_the_error_falls():
    labels, logits = drawn(3.0)
    scaled = expit(logits / fit_temperature(labels, logits))
    assert auc(labels, scaled) == auc(labels, expit(logits))
    assert calibration_error(labels, scaled) < calibration_error(labels, expit(logits)) / 3


def test_what_has_no_best_temperature_is_refused():
    for labels, logits, message in (
        ([0, 1, 1], [-1.0, 0.0, 2.0], "all 3 bags are on their right side"),
        ([1, 0, 1, 0], [-1.0, 2.0, 1.0, 1.0], "point away from the labels"),
        ([0, 1], [0.0, np.nan], "finite"),
        ([0, 2], [0.0, 1.0], "labels must be 0 or 1"),
        ([0, 1, 1], [0.0, 1.0], "must both be"),
        ([1, 1], [-1.0, 1.0], "one class only"),
    ):
        with pytest.raises(ValueError, match=message):
            fit_temperature(labels, logits)


def test_a_curve_by_hand():
    labels = [0, 0, 1, 1, 1, 0]
    probabilities = [0.1, 0.2, 0.3, 0.8, 1.0, 0.9]
    curve = reliability_curve(labels, probabilities, bins=4)
    np.testing.assert_array_equal(curve.counts, [2, 1, 3])  # the third bin is empty
    np.testing.assert_allclose(curve.stated, [0.15, 0.3, 0.9])
    np.testing.assert_allclose(curve.observed, [0, 1, 2 / 3])
    assert (curve.low[0], curve.high[1]) == pytest.approx((0, 1))
    assert curve.high[0] == pytest.approx(1.96**2 / (2 + 1.96**2), abs=1e-3)  # Wilson, 0 of 2


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), bins=st.integers(1, 12))
def test_the_bins_are_those_of_the_calibration_error_and_of_scikit_learn(seed, bins):
    rng = np.random.default_rng(seed)
    labels, probabilities = np.array([0, 1, *rng.integers(0, 2, 30)]), rng.uniform(size=32)
    curve = reliability_curve(labels, probabilities, bins)
    gaps = np.abs(curve.observed - curve.stated)
    assert np.average(gaps, weights=curve.counts) == pytest.approx(
        calibration_error(labels, probabilities, bins)
    )
    observed, stated = calibration_curve(labels, probabilities, n_bins=bins)
    np.testing.assert_allclose(curve.observed, observed)
    np.testing.assert_allclose(curve.stated, stated)
    assert (curve.low <= curve.observed).all()
    assert (curve.observed <= curve.high).all()


def test_probabilities_outside_0_and_1_and_no_bins_are_refused():
    with pytest.raises(ValueError, match="apply the sigmoid"):
        reliability_curve([0, 1], [-2.0, 3.0])
    with pytest.raises(ValueError, match="bins must be a positive whole number, got 0"):
        reliability_curve([0, 1], [0.2, 0.3], bins=0)
