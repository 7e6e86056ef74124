import numpy as np
import pytest
import torch
from toy_bags import make_bags, separable

from mil_tutorial import MedicalBagDataset, auc, fit_tile_classifier
from mil_tutorial.experiment.baselines import TOPS, baseline_probabilities


@pytest.fixture(scope="module")
def splits():
    return separable(80, seed=0), separable(30, seed=1), separable(30, seed=2)


def test_with_every_label_the_toy_bags_are_easy(splits):
    train, val, test = splits
    classifier = fit_tile_classifier(train, val)
    probabilities = classifier.bag_probabilities(test)
    assert auc(test.labels.numpy(), probabilities) > 0.95
    tiles = classifier.instance_probabilities(test)
    assert [len(p) for p in tiles] == test.sizes.tolist()
    expected = [np.sort(p)[::-1][: classifier.top].mean() for p in tiles]
    np.testing.assert_allclose(probabilities, expected)


def test_validation_bags_choose_how_a_bag_is_called(splits):
    train, val, _ = splits
    classifier = fit_tile_classifier(train, val)
    scores = {
        k: auc(val.labels.numpy(), type(classifier)(classifier.model, k).bag_probabilities(val))
        for k in TOPS
    }
    assert scores[classifier.top] == max(scores.values())


def test_the_seed_decides(splits):
    train, val, test = splits
    first, again, other = (
        fit_tile_classifier(train, val, seed).bag_probabilities(test) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_is_missing_is_named(splits):
    _, val, _ = splits
    with pytest.raises(ValueError, match="no instance_labels"):
        fit_tile_classifier(MedicalBagDataset(make_bags()), val)
    truth = [np.zeros(len(x)) for x, _ in make_bags()]
    with pytest.raises(ValueError, match="every instance label is 0"):
        fit_tile_classifier(MedicalBagDataset(make_bags(), instance_labels=truth), val)
    images = MedicalBagDataset([(torch.rand(2, 1, 4, 4), 1)], instance_labels=[[0, 1]])
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\), expected features"):
        fit_tile_classifier(images, val)


def test_the_regression_is_held_back_where_features_are_many():
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    means = rng.normal(size=(80, 200))
    means[:, 0] += 0.8 * labels
    bags = MedicalBagDataset([(m[None], label) for m, label in zip(means, labels)])
    train, test = bags.subset(range(40)), bags.subset(range(40, 80))
    probabilities = baseline_probabilities("mean_feature", train, test)
    assert probabilities.std() < 0.25  # with the usual C of 1 it is 0.36
    assert auc(test.labels.numpy(), probabilities) > 0.5
