import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from mil_tutorial import auc_by_fold, mean_over_folds


def test_each_fold_is_measured_by_itself():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 60), rng.random((2, 60))
    folds = np.stack([rng.permutation(np.arange(60) % 4) for _ in range(2)])
    values = auc_by_fold(labels, (scores + folds) / 4, folds)  # scales differ between folds
    for s in range(2):
        for fold in range(4):
            rows = folds[s] == fold
            assert values[s, fold] == pytest.approx(roc_auc_score(labels[rows], scores[s, rows]))


def test_a_fold_of_one_class_has_no_auc():
    values = auc_by_fold(
        np.array([0, 1, 1, 1]), np.array([[0.1, 0.2, 0.3, 0.4]]), np.array([[0, 0, 1, 1]])
    )
    np.testing.assert_array_equal(values, [[1, np.nan]])


def test_few_test_bags_give_the_usual_interval_of_a_mean_and_many_a_wider_one():
    values = np.array([0.81, 0.86, 0.9, 0.84])
    usual = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    narrow, wide = mean_over_folds(values, 1e9, 1), mean_over_folds(values, 80, 20)
    assert (narrow.low, narrow.high) == pytest.approx(usual)
    assert wide.value == narrow.value == values.mean()
    assert wide.high - wide.low == pytest.approx(np.sqrt(2) * (usual[1] - usual[0]))  # 1/4 + 1/4


def test_one_fold_has_no_interval():
    with pytest.raises(ValueError, match="1 fold has no spread"):
        mean_over_folds(np.array([0.8]), 80, 20)
