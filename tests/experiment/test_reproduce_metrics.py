"""The metrics of a reproduction, against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import recipes as recipes_module
import torch
from recipes import Recipe
from reproduce import reproduce
from sklearn.metrics import roc_auc_score

from mil_tutorial import MedicalBagDataset, TrainingConfig
from mil_tutorial.experiment.benchmarks import Benchmark, cross_validation
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.metrics.attention import smooth_scores

SMOOTHING = 9.0


@pytest.fixture(scope="module")
def benchmark():
    rng = np.random.default_rng(0)
    labels = [0, 1] * 10
    sizes = rng.integers(1, 9, 20)
    data = MedicalBagDataset(
        [(rng.normal(size=(n, 3)), label) for n, label in zip(sizes, labels)],
        instance_labels=[rng.integers(0, 2, n) * label for n, label in zip(sizes, labels)],
        coords=[rng.uniform(0, 50, (n, 2)) for n in sizes],
    )
    return Benchmark(
        "toy",
        "toy bags",
        data,
        cross_validation(data, 5),
        3,
        8,
        n_folds=5,
        config=TrainingConfig(epochs=2, patience=None),
    )


@pytest.fixture(scope="module")
def plain(benchmark):
    recipe = Recipe("toy", "plain", "attention", benchmark, smoothing=SMOOTHING)
    return reproduce(recipe, seeds=2, progress=False)


@pytest.fixture(scope="module")
def row(plain):
    return plain["ensemble"]


@pytest.fixture(scope="module")
def runs(benchmark):
    """The same experiment once more: seeds decide everything."""
    experiment = run_experiment(benchmark, poolings=["attention"], seeds=2, progress=False)
    return experiment.runs["attention"], experiment.folds


def test_a_gain_is_over_the_plain_recipe_of_the_same_pooling(plain, benchmark):
    others = [plain | {"pooling": "gated"}, plain | {"checksum": "of other bags"}]
    improved = Recipe("toy", "improved", "attention", benchmark, members=2)
    again = reproduce(improved, done=[*others, plain], seeds=2, progress=False)
    assert set(again["ahead_of_plain"]) == {"auc", "auc_pooled", "accuracy"}
    for metric, gain in again["ahead_of_plain"].items():
        expected = again["ensemble"][metric]["value"] - plain["ensemble"][metric]["value"]
        assert gain["value"] == pytest.approx(expected, abs=0.02)  # rounded probabilities may tie
        assert gain["low"] < gain["value"] < gain["high"]
    assert "ahead_of_plain" not in reproduce(improved, done=others, seeds=2, progress=False)


def test_metrics_of_bags(row, runs, benchmark):
    (judged, folds), labels = runs, benchmark.test.labels.numpy()
    pooled = [roc_auc_score(labels, p) for p in judged.probabilities]
    accuracy = [((p >= 0.5) == labels).mean() for p in judged.probabilities]
    np.testing.assert_allclose(row["auc_pooled"]["by_run"], pooled)
    np.testing.assert_allclose(row["accuracy"]["by_run"], accuracy)
    assert row["accuracy"]["value"] == pytest.approx(np.mean(accuracy))
    assert row["auc_pooled"]["low"] < row["auc_pooled"]["value"] < row["auc_pooled"]["high"]
    within, pairs = 0.0, 0
    for fold in range(5):
        own = folds[0] == fold
        weight = (labels[own] == 1).sum() * (labels[own] == 0).sum()
        within += weight * roc_auc_score(labels[own], judged.probabilities[0, own])
        pairs += weight
    assert row["auc"]["by_run"][0] == pytest.approx(within / pairs)


def test_metrics_of_instances(row, runs, benchmark):
    judged, truth = runs[0], benchmark.test.instance_labels
    sizes, coords = benchmark.test.sizes.numpy(), benchmark.test.coords
    smooth = [
        [smooth_scores(s, c, SMOOTHING) for s, c in zip(run, coords)] for run in judged.scores
    ]
    shares = judged.attention * sizes
    np.testing.assert_allclose([s.mean() for s in shares[0]], 1, rtol=1e-5)  # an equal share is 1
    mixed = [i for i, t in enumerate(truth) if 0 < t.sum() < len(t)]
    for name, values in {
        "scores": judged.scores,
        "attention": shares,
        "smoothed scores": smooth,
    }.items():
        everywhere = [roc_auc_score(np.concatenate(truth), np.concatenate(list(v))) for v in values]
        np.testing.assert_allclose(row["instance_auc"][name]["by_run"], everywhere)
        within = np.mean([roc_auc_score(truth[i], values[1][i]) for i in mixed])
        assert row["instance_auc_within"][name]["by_run"][1] == pytest.approx(within)
    interval = row["instance_auc"]["scores"]
    assert 0.1 < interval["high"] - interval["low"] < 0.6  # whole bags are drawn


def test_without_instance_truth_there_are_bag_metrics_only(benchmark):
    data = MedicalBagDataset(zip(benchmark.test.instances, benchmark.test.labels))
    bare = replace(benchmark, test=data, splits=cross_validation(data, 5))
    row = reproduce(Recipe("toy", "plain", "max", bare), seeds=1, progress=False)["ensemble"]
    assert row["instance_auc"] == {} == row["instance_auc_within"]


def test_frozen_features_are_those_of_the_enlarged_patches(monkeypatch):
    class MeanColour(torch.nn.Module):
        def forward(self, tiles):
            assert tiles.dtype == torch.uint8
            assert tiles.shape[1:] == (64, 64, 3)
            return tiles.float().mean(dim=(1, 2))

    monkeypatch.setattr(recipes_module, "load_frozen_encoder", lambda name: MeanColour())
    flat = [torch.full((n, 3, 27, 27), 0.2 * n) for n in (1, 2, 3)]
    nuclei = MedicalBagDataset([(patches, 0) for patches in flat], names=["a", "b", "c"])
    features = recipes_module.colon_features(nuclei, batch_size=2)
    assert features.names == nuclei.names
    for n, bag in enumerate(features.instances, start=1):
        assert bag.shape == (n, 3)
        assert torch.allclose(bag, torch.tensor(round(255 * 0.2 * n)).float(), atol=1)
