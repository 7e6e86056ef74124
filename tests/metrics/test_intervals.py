import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from mil_tutorial import auc_standard_error, sensitivity_at_specificity
from mil_tutorial.metrics.intervals import (
    difference,
    measure_auc,
    measure_mean,
    measure_sensitivity,
)

MEASURES = (measure_auc, measure_sensitivity)


def width(measurement):
    estimate = getattr(measurement, "estimate", measurement)
    return estimate.high - estimate.low


def runs_of(labels, seed=0, shift=1.5, n_seeds=1):
    rng = np.random.default_rng(seed)
    return norm.cdf(shift * labels + rng.normal(size=(n_seeds, len(labels))))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(2, 40), levels=st.integers(1, 9))
def test_values_equal_plain_metrics_with_ties(seed, n, levels):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, n)]
    runs = rng.integers(0, levels, (2, n + 2)) / levels
    groups = np.unique(rng.integers(0, 9, n + 2), return_inverse=True)[1]
    for measure, metric in zip(MEASURES, (roc_auc_score, sensitivity_at_specificity), strict=True):
        measured = measure(labels, runs, groups)
        np.testing.assert_allclose(measured.by_seed, [metric(labels, run) for run in runs])
        estimate = measured.estimate
        assert estimate.value == pytest.approx(measured.by_seed.mean())
        assert 0 <= estimate.low <= estimate.value + 1e-9
        assert estimate.value - 1e-9 <= estimate.high <= 1
        assert width(measured) > 0.01


def test_auc_within_folds_compares_no_two_models():
    labels, folds = np.array([0, 1, 0, 1]), np.array([[0, 0, 1, 1]])
    scores = np.array([[0.1, 0.2, 0.8, 0.9]])  # the second model's scale is higher
    assert measure_auc(labels, scores, np.arange(4)).estimate.value == pytest.approx(0.75)
    assert measure_auc(labels, scores, np.arange(4), folds).estimate.value == 1


def test_a_mean_leaves_out_nan_and_what_was_not_chosen():
    values = np.array([[1.0, np.nan, 0.5, 0.0]])
    chosen = np.array([True, True, True, False])
    assert measure_mean(values, np.arange(4), chosen).estimate.value == pytest.approx(0.75)
    nobody = measure_mean(values, np.arange(4), np.zeros(4, dtype=bool)).estimate
    assert np.isnan([nobody.value, nobody.low, nobody.high]).all()
    one_patient = measure_mean(values, np.zeros(4, dtype=int)).estimate
    assert one_patient.value == pytest.approx(0.5)
    assert np.isnan([one_patient.low, one_patient.high]).all()


def test_a_mean_that_never_varies_has_no_width():
    """The entropy of max pooling is 0 by construction."""
    estimate = measure_mean(np.zeros((2, 9)), np.arange(9)).estimate
    assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)
    assert measure_mean(np.zeros((2, 9), dtype=bool), np.arange(9)).estimate.high > 0.1


def test_a_share_of_independent_bags_has_about_the_interval_of_wilson():
    values = (np.arange(200) % 10 == 0)[None]
    estimate = measure_mean(values, np.arange(200)).estimate
    z, n, p = 1.96, 200, 0.1
    centre = (p + z**2 / 2 / n) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / 4 / n**2)
    assert estimate.low == pytest.approx(centre - half, abs=0.002)
    assert estimate.high == pytest.approx(centre + half, abs=0.002)


@pytest.mark.parametrize("measure", MEASURES)
def test_copies_of_a_bag_bring_nothing_new(measure):
    labels = np.arange(80) % 2
    runs = runs_of(labels)
    once = measure(labels, runs, np.arange(80))
    many = np.tile(labels, 4), np.tile(runs, 4)
    of_patients = measure(*many, np.tile(np.arange(80), 4))
    independent = measure(*many, np.arange(320))
    assert width(of_patients) > 0.8 * width(once)
    assert width(independent) < 0.65 * width(once)


@pytest.mark.parametrize("measure", MEASURES)
def test_only_the_order_of_scores_and_who_belongs_together_matter(measure):
    labels, groups = np.arange(60) % 2, np.arange(60) // 3
    runs = runs_of(labels, n_seeds=3)
    expected = measure(labels, runs, groups).estimate
    order = np.random.default_rng(1).permutation(60)
    for again in (
        measure(labels, runs**3, groups),
        measure(labels, runs, 19 - groups),
        measure(labels[order], runs[:, order], groups[order]),
    ):
        got = again.estimate
        assert (got.value, got.low, got.high) == pytest.approx(
            (expected.value, expected.low, expected.high)
        )


@pytest.mark.parametrize("measure", MEASURES)
def test_perfect_separation_is_no_certainty(measure):
    lows = []
    for n in (10, 40, 160):
        labels = np.arange(n) % 2
        estimate = measure(labels, np.tile(labels, (5, 1)).astype(float), np.arange(n)).estimate
        assert estimate.value == estimate.high == 1
        lows.append(estimate.low)
    assert lows[0] < lows[1] < lows[2] < 1
    assert lows[0] < 0.85


def test_an_auc_with_fewer_wrong_pairs_never_ends_lower():
    """The few errors of a nearly perfect model tell little of their spread."""
    labels = np.r_[np.ones(31, dtype=int), np.zeros(31, dtype=int)]
    perfect = np.tile(np.r_[np.linspace(1, 2, 31), np.linspace(0, 0.9, 31)], (5, 1))
    lows = []
    for runs in range(6):  # that rank one positive below one negative
        scores = perfect.copy()
        scores[:runs, 0] = 0.89
        lows.append(measure_auc(labels, scores, np.arange(62)).estimate.low)
    assert lows == sorted(lows, reverse=True)
    assert 0.95 < lows[-1] < lows[0] < 0.99


def test_seeds_that_differ_widen_the_interval():
    labels = np.arange(200) % 2
    good, poor = runs_of(labels, shift=3)[0], runs_of(labels, shift=0.5)[0]
    unsure = measure_auc(labels, np.stack([good, poor]), np.arange(200))
    assert width(unsure) > 3 * width(measure_auc(labels, np.stack([good, good]), np.arange(200)))


def test_a_paired_difference_is_narrower_than_its_parts():
    labels = np.arange(100) % 2
    first = runs_of(labels)
    second = np.clip(first + np.random.default_rng(1).normal(0, 0.02, (1, 100)), 0, 1)
    a, b = (measure_auc(labels, runs, np.arange(100)) for runs in (first, second))
    apart, turned = difference(a, b), difference(b, a)
    assert width(apart) < 0.6 * width(a)
    assert (apart.value, apart.low) == pytest.approx((-turned.value, -turned.high))


def test_models_that_err_on_the_same_bags_may_still_differ():
    labels = np.arange(30) % 2
    perfect = measure_auc(labels, labels[None].astype(float), np.arange(30))
    missed = measure_mean((np.arange(30) < 4)[None], np.arange(30), labels == 1)
    for one in (perfect, missed):
        estimate = difference(one, one)
        assert estimate.value == 0
        assert estimate.low < -0.02
        assert estimate.high > 0.02


def test_intervals_cover_about_as_often_as_they_say():
    """The full simulation, of many kinds of cohort, is ``tests/benchmarks/coverage.py``."""
    labels, groups = (np.arange(60) % 3 == 0).astype(int), np.arange(60) // 2
    truth = norm.cdf(2 / np.sqrt(2)), norm.cdf(2 - norm.ppf(0.9))
    held = np.zeros((200, 3), dtype=bool)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        patients = rng.normal(size=30)[groups]
        noise = np.sqrt(0.4) * patients + np.sqrt(0.6) * rng.normal(size=(2, 1, 60))
        one, two = ([m(labels, 2 * labels + e, groups) for m in MEASURES] for e in noise)
        estimates = [part.estimate for part in one]
        held[seed, :2] = [e.low <= t <= e.high for e, t in zip(estimates, truth, strict=True)]
        apart = difference(one[0], two[0])
        held[seed, 2] = apart.low <= 0 <= apart.high
    assert (held.mean(axis=0) >= 0.91).all()


def test_the_standard_error_is_that_of_simulated_experiments():
    rng = np.random.default_rng(0)
    labels = np.r_[np.ones(49), np.zeros(80)]
    scores = rng.exponential(1 + 9 * labels, (4000, 129))  # the case that the formula assumes
    aucs = measure_auc(labels, scores, np.arange(129)).by_seed
    assert np.mean(aucs) == pytest.approx(10 / 11, abs=0.003)
    assert auc_standard_error(10 / 11, 49, 80) == pytest.approx(np.std(aucs), rel=0.05)


def test_a_standard_error_needs_an_auc_and_both_classes():
    assert auc_standard_error(1.0, 5, 5) == 0
    with pytest.raises(ValueError, match=r"expected a number in \[0, 1\]"):
        auc_standard_error(93, 49, 80)
    with pytest.raises(ValueError, match="both are needed"):
        auc_standard_error(0.9, 0, 80)
