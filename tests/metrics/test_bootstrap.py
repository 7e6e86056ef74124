from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mil_tutorial import (
    Bootstrap,
    auc,
    best_of,
    confidence_interval,
    paired_difference,
    sensitivity_at_specificity,
)
from mil_tutorial.metrics.bootstrap import percentiles
from mil_tutorial.metrics.intervals import measure_auc, measure_sensitivity


def brier(labels, probabilities):
    return float(np.mean((labels - probabilities) ** 2))


@pytest.fixture()
def runs():
    labels = np.arange(80) % 2
    rng = np.random.default_rng(0)
    return labels, np.clip(0.3 * labels + rng.uniform(0, 0.7, (3, 80)), 0, 1)


def test_patients_are_drawn_whole():
    groups = ["a", "a", "b", "c", "c", "c"]
    weights = Bootstrap(groups, n_resamples=50).weights
    assert (weights[0] == 1).all()
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert not (weights[:, 0] == weights[:, 2]).all()
    assert set(weights[:, [0, 2, 3]].sum(1)) == {3}


def test_an_estimate_is_the_mean_over_seeds_and_lies_inside(runs):
    labels, probabilities = runs
    for metric in (auc, sensitivity_at_specificity, brier):
        estimate = confidence_interval(metric, labels, probabilities, range(80))
        expected = np.mean([metric(labels, run) for run in probabilities])
        assert estimate.value == pytest.approx(expected)
        assert estimate.low < estimate.value < estimate.high
        assert str(estimate) == f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
        narrow = confidence_interval(metric, labels, probabilities, range(80), level=0.5)
        assert narrow.high - narrow.low < estimate.high - estimate.low


def test_two_metrics_have_the_intervals_that_cover(runs):
    labels, probabilities = runs
    for metric, measure in (
        (auc, measure_auc),
        (sensitivity_at_specificity, measure_sensitivity),
    ):
        got = confidence_interval(
            metric, labels.tolist(), probabilities, [f"P{i}" for i in range(80)]
        )
        assert got == measure(labels, probabilities, np.arange(80)).estimate


def test_the_area_of_scikit_learn_is_the_same_metric(runs):
    labels, probabilities = runs
    own = confidence_interval(auc, labels, probabilities, range(80))
    assert confidence_interval(roc_auc_score, labels, probabilities, range(80)) == own


def test_a_paired_difference_is_narrower_than_its_parts(runs):
    labels, probabilities = runs
    other = np.clip(probabilities + np.random.default_rng(1).normal(0, 0.02, (3, 80)), 0, 1)
    for metric in (auc, brier):
        alone = confidence_interval(metric, labels, probabilities, range(80))
        estimate = paired_difference(metric, labels, probabilities, other, range(80))
        assert estimate.high - estimate.low < 0.6 * (alone.high - alone.low)
        same = paired_difference(metric, labels, probabilities, probabilities.copy(), range(80))
        assert (same.value, same.low, same.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="expected the same"):
        paired_difference(auc, labels, probabilities, probabilities[:, :-1], range(80))
    with pytest.raises(ValueError, match="expected the same"):
        paired_difference(auc, labels, probabilities, other[:2], range(80))


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says():
    held = 0
    labels = np.arange(60) % 2
    for seed in range(100):
        sample = np.random.default_rng(seed).uniform(size=60)
        estimate = confidence_interval(brier, labels, sample, range(60), n_resamples=200)
        held += estimate.low <= 1 / 3 <= estimate.high
    assert 86 <= held <= 99


def test_undefined_is_nan_not_a_number():
    assert np.isnan(percentiles(np.array([np.nan, 0.5])).value)
    assert np.isnan(percentiles(np.array([0.5, np.nan])).low)

    def area(labels, probabilities):
        return roc_auc_score(labels, probabilities)

    estimate = confidence_interval(area, [0, 1, 1], [0.2, 0.4, 0.6], [0, 1, 2], n_resamples=50)
    assert (estimate.value, estimate.high) == (1, 1)


def test_an_auc_within_compares_only_bags_that_share_a_value(runs):
    labels, probabilities = runs
    strata = np.arange(80) // 4 % 7
    won = [
        (a > b) + 0.5 * (a == b)
        for run in probabilities
        for part in range(7)
        for a in run[(strata == part) & (labels == 1)]
        for b in run[(strata == part) & (labels == 0)]
    ]
    within = confidence_interval(auc, labels, probabilities, range(80), within=strata)
    assert within.value == pytest.approx(np.mean(won))
    assert within.low < within.value < within.high
    whole = confidence_interval(auc, labels, probabilities, range(80))
    names = ["one hospital"] * 80
    assert confidence_interval(auc, labels, probabilities, range(80), within=names) == whole
    assert np.isnan(confidence_interval(auc, labels, probabilities, range(80), within=labels).value)


def test_bad_input_is_refused(runs):
    labels, probabilities = runs
    with pytest.raises(ValueError, match="apply the sigmoid"):
        confidence_interval(auc, labels, 9 * probabilities, range(80))
    with pytest.raises(ValueError, match="79 groups for 80 bags"):
        confidence_interval(auc, labels, probabilities, range(79))
    for level in (0, 1, 95, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            confidence_interval(auc, labels, probabilities, range(80), level=level)
    with pytest.raises(ValueError, match="n_resamples must be a positive whole number"):
        confidence_interval(brier, labels, probabilities, range(80), n_resamples=0)
    with pytest.raises(ValueError, match="79 values of within for 80 bags"):
        confidence_interval(auc, labels, probabilities, range(80), within=range(79))
    with pytest.raises(ValueError, match="another metric than auc"):
        confidence_interval(brier, labels, probabilities, range(80), within=range(80))


def test_the_lowest_validation_loss_of_each_group_decides():
    losses, values = [0.9, 0.2, 0.5], [1, 2, 3]
    assert best_of(losses, values, 1) == pytest.approx(2)
    assert best_of(losses, values, 2) == pytest.approx((2 + 3 + 2) / 3)
    assert best_of(losses, values, 3) == pytest.approx(2)


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_best_of_is_the_mean_over_all_groups(sizes):
    n, r = sizes
    losses, values = np.random.default_rng(n).permuted(np.arange(2.0 * n).reshape(2, n), axis=1)
    kept = [values[min(group, key=losses.__getitem__)] for group in combinations(range(n), r)]
    assert best_of(losses, values, r) == pytest.approx(np.mean(kept))


def test_impossible_groups_are_refused():
    for r in (0, 4):
        with pytest.raises(ValueError, match=f"r is {r}, expected 1 to 3"):
            best_of(np.ones(3), np.ones(3), r)
    with pytest.raises(ValueError, match=r"must both be \(S,\)"):
        best_of(np.ones(3), np.ones(2), 1)
