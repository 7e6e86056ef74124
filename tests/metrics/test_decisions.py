import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import recall_score, roc_auc_score

from mil_tutorial import (
    auc,
    calibration_error,
    false_negative_rate,
    sensitivity_at_specificity,
    specificity,
    threshold_for_sensitivity,
)


@st.composite
def scored(draw):
    """Labels of both classes and probabilities with many ties."""
    labels = np.array([0, 1, *draw(st.lists(st.integers(0, 1), min_size=0, max_size=30))])
    grid = st.integers(0, 8).map(lambda i: i / 8)
    n = len(labels)
    return labels, np.array(draw(st.lists(grid, min_size=n, max_size=n)))


@settings(max_examples=60, deadline=None)
@given(data=scored())
def test_metrics_equal_scikit_learns_with_ties(data):
    labels, probabilities = data
    assert auc(labels, probabilities) == pytest.approx(roc_auc_score(labels, probabilities))
    for threshold in (0.0, 0.25, 0.5, 1.0):
        called = probabilities >= threshold
        assert false_negative_rate(labels, probabilities, threshold) == pytest.approx(
            1 - recall_score(labels, called)
        )
        assert specificity(labels, probabilities, threshold) == pytest.approx(
            recall_score(1 - labels, ~called)
        )


@settings(max_examples=60, deadline=None)
@given(data=scored(), wanted=st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_sensitivity_at_specificity_is_the_best_over_all_thresholds(data, wanted):
    labels, probabilities = data
    thresholds = [*np.unique(probabilities), np.inf]
    by_hand = max(
        1 - (probabilities[labels == 1] < t).mean()
        for t in thresholds
        if (probabilities[labels == 0] < t).mean() >= wanted - 1e-9
    )
    assert sensitivity_at_specificity(labels, probabilities, wanted) == pytest.approx(by_hand)


@settings(max_examples=60, deadline=None)
@given(data=scored(), wanted=st.sampled_from([0.3, 0.5, 0.9, 0.95, 1.0]))
def test_threshold_reaches_the_wanted_sensitivity_and_no_higher_one_does(data, wanted):
    labels, probabilities = data
    threshold = threshold_for_sensitivity(labels, probabilities, wanted)
    assert 1 - false_negative_rate(labels, probabilities, threshold) >= wanted - 1e-9
    above = np.nextafter(threshold, 2) if threshold < 1 else np.inf
    assert 1 - false_negative_rate(labels, probabilities, above) < wanted


def test_by_hand():
    labels = [0, 0, 0, 0, 1, 1]
    probabilities = [0.1, 0.2, 0.3, 0.8, 0.7, 0.9]
    assert auc(labels, probabilities) == pytest.approx(7 / 8)
    assert sensitivity_at_specificity(labels, probabilities, 0.90) == 0.5
    assert sensitivity_at_specificity(labels, probabilities, 0.75) == 1.0
    assert threshold_for_sensitivity(labels, probabilities, 1.0) == 0.7
    assert false_negative_rate(labels, probabilities, 0.75) == 0.5
    assert specificity(labels, probabilities, 0.75) == 0.75


def test_ten_negatives_allow_exactly_one_false_alarm_at_90_percent():
    labels = [0] * 10 + [1]
    assert sensitivity_at_specificity(labels, [0.1] * 9 + [0.9, 0.5], 0.9) == 1.0
    assert sensitivity_at_specificity(labels, [0.1] * 8 + [0.9, 0.9, 0.5], 0.9) == 0.0


def test_calibration_error_by_hand():
    assert calibration_error([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5]) == 0.0
    assert calibration_error([1, 0], [1.0, 0.0]) == 0.0
    assert calibration_error([0, 1], [0.9, 0.1]) == pytest.approx(0.9)
    assert calibration_error([1, 1, 0, 0], [0.8, 0.8, 0.8, 0.2]) == pytest.approx(
        3 / 4 * abs(0.8 - 2 / 3) + 1 / 4 * 0.2
    )


@pytest.mark.parametrize("metric", [auc, sensitivity_at_specificity, calibration_error])
def test_bad_input_is_named(metric):
    for labels, probabilities, message in (
        ([0, 1], [0.2, 1.5], "apply the sigmoid"),
        ([0, 1], [0.2, -0.1], "apply the sigmoid"),
        ([0, 1], [0.2, np.nan], r"must lie in \[0, 1\]"),
        ([1, 1], [0.2, 0.3], "2 bags of one class only"),
        ([0, 2], [0.2, 0.3], "labels must be 0 or 1"),
        ([0, 1, 1], [0.2, 0.3], "must both be"),
    ):
        with pytest.raises(ValueError, match=message):
            metric(labels, probabilities)


def test_impossible_wishes_are_refused():
    with pytest.raises(ValueError, match=r"specificity is 90, expected a number in \[0, 1\]"):
        sensitivity_at_specificity([0, 1], [0.1, 0.2], 90)
    with pytest.raises(ValueError, match=r"expected a number in \(0, 1\]"):
        threshold_for_sensitivity([0, 1], [0.1, 0.2], 95)
