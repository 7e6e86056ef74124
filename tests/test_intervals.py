import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mil_tutorial import (
    Bootstrap,
    bootstrap_interval,
    paired_difference,
    sensitivity_at_specificity,
)
from mil_tutorial.intervals import (
    interval,
    weighted_auc,
    weighted_mean,
    weighted_sensitivity_at_specificity,
)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(2, 40), levels=st.integers(1, 9))
def test_weighted_metrics_equal_scikit_learns_with_ties_and_weights(seed, n, levels):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, n)]
    values = rng.integers(0, levels, n + 2) / levels
    weights = rng.integers(1, 4, (3, n + 2)).astype(float)
    found = weighted_auc(labels)(values, weights)
    expected = [roc_auc_score(labels, values, sample_weight=w) for w in weights]
    np.testing.assert_allclose(found, expected)
    repeats = [np.repeat(np.arange(n + 2), w.astype(int)) for w in weights]
    np.testing.assert_allclose(
        weighted_sensitivity_at_specificity(labels)(values, weights),
        [sensitivity_at_specificity(labels[r], values[r]) for r in repeats],
    )


def test_weighted_mean_leaves_out_nan():
    values = np.array([1.0, np.nan, 3.0])
    found = weighted_mean(values, np.array([[1.0, 1, 1], [3, 9, 1], [0, 5, 0]]))
    np.testing.assert_allclose(found, [2.0, 1.5, np.nan])


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
    found = bootstrap_interval(weighted_auc, labels, runs, groups=range(80))
    assert found.value == pytest.approx(np.mean([roc_auc_score(labels, r) for r in runs]))
    assert found.low < found.value < found.high
    assert str(found) == f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def test_interval_covers_the_truth_about_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        sample = np.random.default_rng(seed).normal(0, 1, 40)
        found = Bootstrap(range(40), n_resamples=300, seed=seed).estimate(
            weighted_mean, sample[None]
        )
        covered += found.low <= 0 <= found.high
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
    alone = bootstrap_interval(weighted_auc, labels, first, range(100))
    found = paired_difference(weighted_auc, labels, first, second, range(100))
    assert found.high - found.low < 0.5 * (alone.high - alone.low)
    same = paired_difference(weighted_auc, labels, first, first, range(100))
    assert (same.value, same.low, same.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="expected the same"):
        paired_difference(weighted_auc, labels, first, np.stack([first, first]), range(100))


def test_undefined_is_nan_not_a_number():
    assert np.isnan(interval(np.array([np.nan, 0.5])).value)
    assert np.isnan(interval(np.array([0.5, np.nan])).low)
    one_class = weighted_auc(np.ones(4, dtype=int))(np.linspace(0, 1, 4), np.ones((1, 4)))
    assert np.isnan(one_class).all()
