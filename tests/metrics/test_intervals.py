from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mil_tutorial import (
    Bootstrap,
    auc,
    auc_standard_error,
    best_of,
    bootstrap_interval,
    calibration_error,
    paired_difference,
    sensitivity_at_specificity,
)
from mil_tutorial.metrics.decisions import (
    weighted_auc,
    weighted_calibration_error,
    weighted_mean,
    weighted_sensitivity_at_specificity,
)
from mil_tutorial.metrics.intervals import interval


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(2, 40), levels=st.integers(1, 9))
def test_weighted_metrics_equal_scikit_learns_with_ties_and_weights(seed, n, levels):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, n)]
    values = rng.integers(0, levels, n + 2) / levels
    weights = rng.integers(1, 4, (3, n + 2)).astype(float)
    aucs = weighted_auc(labels)(values, weights)
    expected = [roc_auc_score(labels, values, sample_weight=w) for w in weights]
    np.testing.assert_allclose(aucs, expected, atol=1e-12)
    repeats = [np.repeat(np.arange(n + 2), w.astype(int)) for w in weights]
    np.testing.assert_allclose(
        weighted_sensitivity_at_specificity(labels)(values, weights),
        [sensitivity_at_specificity(labels[r], values[r]) for r in repeats],
        atol=1e-12,
    )
    np.testing.assert_allclose(
        weighted_calibration_error(labels)(values, weights),
        [calibration_error(labels[r], values[r]) for r in repeats],
        atol=1e-12,
    )


def test_auc_within_folds_compares_no_two_models():
    labels, folds = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    scores = np.array([0.1, 0.2, 0.8, 0.9])  # the second model's scale is higher
    weights = np.ones((1, 4))
    assert weighted_auc(labels)(scores, weights) == pytest.approx(0.75)
    assert weighted_auc(labels, folds)(scores, weights) == pytest.approx(1.0)
    assert weighted_auc(labels, np.zeros(4))(scores, weights) == pytest.approx(0.75)


def test_weighted_mean_leaves_out_nan():
    values = np.array([1.0, np.nan, 3.0])
    means = weighted_mean(values, np.array([[1.0, 1, 1], [3, 9, 1], [0, 5, 0]]))
    np.testing.assert_allclose(means, [2.0, 1.5, np.nan])


def test_patients_are_drawn_whole():
    groups = ["a", "a", "b", "c", "c", "c"]
    weights = Bootstrap(groups, n_resamples=50).weights
    assert (weights[0] == 1).all()
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert not (weights[:, 0] == weights[:, 2]).all()
    assert set(weights[:, [0, 2, 3]].sum(1)) == {3}


def test_estimate_is_the_mean_over_seeds_and_lies_inside():
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    runs = np.clip(0.3 * labels + rng.uniform(0, 0.7, (3, 80)), 0, 1)
    estimate = bootstrap_interval(auc, labels, runs, groups=range(80))
    assert estimate.value == pytest.approx(np.mean([roc_auc_score(labels, r) for r in runs]))
    assert estimate.low < estimate.value < estimate.high
    assert str(estimate) == f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def test_interval_covers_the_truth_about_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        sample = np.random.default_rng(seed).normal(0, 1, 40)
        estimate = Bootstrap(range(40), n_resamples=300, seed=seed).estimate(
            weighted_mean, sample[None]
        )
        covered += estimate.low <= 0 <= estimate.high
    assert 0.88 <= covered / 200 <= 0.99


def test_slides_of_one_patient_widen_the_interval():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(30), 5)
    values = rng.normal(size=30)[patients] + 0.1 * rng.normal(size=150)
    by_patient = Bootstrap(patients).estimate(weighted_mean, values[None])
    by_slide = Bootstrap(range(150)).estimate(weighted_mean, values[None])
    assert by_patient.high - by_patient.low > 1.5 * (by_slide.high - by_slide.low)


def test_a_paired_difference_is_narrower_than_its_parts():
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    first = np.clip(0.3 * labels + rng.uniform(0, 0.7, 100), 0, 1)
    second = np.clip(first + rng.normal(0, 0.02, 100), 0, 1)
    alone = bootstrap_interval(auc, labels, first, range(100))
    estimate = paired_difference(auc, labels, first, second, range(100))
    assert estimate.high - estimate.low < 0.5 * (alone.high - alone.low)
    same = paired_difference(auc, labels, first, first, range(100))
    assert (same.value, same.low, same.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="expected the same"):
        paired_difference(auc, labels, first, np.stack([first, first]), range(100))


def test_undefined_is_nan_not_a_number():
    assert np.isnan(interval(np.array([np.nan, 0.5])).value)
    assert np.isnan(interval(np.array([0.5, np.nan])).low)
    for kind in (weighted_auc, weighted_sensitivity_at_specificity):
        for labels in (np.array([1, 1, 0]), np.array([0, 0, 1])):
            assert np.isnan(kind(labels)(np.array([0.1, 0.2, 0.3]), np.array([[1.0, 1, 0]])))
    one_class = weighted_auc(np.ones(4, dtype=int))(np.linspace(0, 1, 4), np.ones((1, 4)))
    assert np.isnan(one_class).all()


def test_any_metric_will_do_and_is_asked_to_check():
    rng = np.random.default_rng(0)
    labels, scores = np.arange(40) % 2, rng.uniform(size=40)

    def slow_auc(y, p):
        return auc(y, p)

    fast = bootstrap_interval(auc, labels, scores, range(40), n_resamples=100)
    assert fast == bootstrap_interval(slow_auc, labels, scores, range(40), n_resamples=100)
    narrow = bootstrap_interval(auc, labels, scores, range(40), level=0.5)
    assert narrow.high - narrow.low < fast.high - fast.low
    with pytest.raises(ValueError, match="apply the sigmoid"):
        bootstrap_interval(auc, labels, 9 * scores, range(40))
    with pytest.raises(ValueError, match="39 groups for 40 bags"):
        bootstrap_interval(auc, labels, scores, range(39))


def test_the_standard_error_is_that_of_simulated_experiments():
    rng = np.random.default_rng(0)
    labels = np.r_[np.ones(49), np.zeros(80)]
    scores = rng.exponential(1 + 9 * labels, (4000, 129))  # the case that the formula assumes
    aucs = [weighted_auc(labels)(s, np.ones((1, 129)))[0] for s in scores]
    assert np.mean(aucs) == pytest.approx(10 / 11, abs=0.003)
    assert auc_standard_error(10 / 11, 49, 80) == pytest.approx(np.std(aucs), rel=0.05)


def test_a_standard_error_needs_an_auc_and_both_classes():
    assert auc_standard_error(1.0, 5, 5) == 0
    with pytest.raises(ValueError, match=r"expected a number in \[0, 1\]"):
        auc_standard_error(93, 49, 80)
    with pytest.raises(ValueError, match="both are needed"):
        auc_standard_error(0.9, 0, 80)


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
