import numpy as np
import pytest
import torch
from mil_tutorial.judgement import Judgement
from sklearn.metrics import roc_auc_score

from mil_tutorial import MedicalBagDataset
from mil_tutorial.experiment.benchmarks import Benchmark, cross_validation
from mil_tutorial.metrics.attention import smooth_scores
from mil_tutorial.training.prediction import Predictions


@pytest.fixture
def benchmark():
    rng = np.random.default_rng(0)
    labels = [0, 1] * 10
    sizes = rng.integers(1, 9, 20)
    truth = [rng.integers(0, 2, n) * label for n, label in zip(sizes, labels)]
    data = MedicalBagDataset(
        [(rng.normal(size=(n, 3)), label) for n, label in zip(sizes, labels)],
        instance_labels=truth,
        coords=[rng.uniform(0, 50, (n, 2)) for n in sizes],
    )
    return Benchmark("toy", "toy bags", data, cross_validation(data, 5), 3, 8, n_folds=5)


def said(benchmark, rows, seed):
    rng = np.random.default_rng(seed)
    sizes = benchmark.test.sizes.numpy()[rows]
    attention = [torch.from_numpy(rng.normal(size=n)).softmax(0).numpy() for n in sizes]
    return Predictions(
        labels=benchmark.test.labels.numpy()[rows],
        logits=rng.normal(size=len(rows)),
        sizes=sizes,
        attention=np.concatenate(attention),
        instance_logits=rng.normal(size=sizes.sum()),
    )


def judged(benchmark, smoothing=0.0):
    judgement = Judgement(benchmark, 2, smoothing)
    for run in range(2):
        for fold in range(2):
            rows = np.arange(fold, 20, 2) if run else np.arange(10) + 10 * fold
            judgement.note_all(run, fold, rows, said(benchmark, rows, seed=10 * run + fold))
    return judgement


def test_metrics_of_bags_are_those_of_scikit_learn(benchmark):
    judgement = judged(benchmark)
    found, labels = judgement.metrics(), benchmark.test.labels.numpy()
    pooled = [roc_auc_score(labels, p) for p in judgement.probabilities]
    accuracy = [((p >= 0.5) == labels).mean() for p in judgement.probabilities]
    np.testing.assert_allclose(found["auc_pooled"]["by_run"], pooled)
    np.testing.assert_allclose(found["accuracy"]["by_run"], accuracy)
    assert found["accuracy"]["value"] == pytest.approx(np.mean(accuracy))
    assert found["auc_pooled"]["low"] < found["auc_pooled"]["value"] < found["auc_pooled"]["high"]
    folds = [
        roc_auc_score(labels[k], judgement.probabilities[0, k]) for k in (slice(10), slice(10, 20))
    ]
    assert found["auc"]["by_run"][0] == pytest.approx(np.mean(folds))


def test_metrics_of_instances_are_those_of_scikit_learn(benchmark):
    judgement, truth = judged(benchmark), benchmark.test.instance_labels
    found = judgement.metrics()
    for name in ("scores", "attention"):
        values = judgement.instances[name]
        over_all = [roc_auc_score(np.concatenate(truth), np.concatenate(list(v))) for v in values]
        np.testing.assert_allclose(found["instance_auc"][name]["by_run"], over_all)
        mixed = [i for i, t in enumerate(truth) if 0 < t.sum() < len(t)]
        within = [roc_auc_score(truth[i], values[1][i]) for i in mixed]
        by_run = found["instance_auc_within"][name]["by_run"]
        assert by_run[1] == pytest.approx(np.mean(within))
    assert "smoothed scores" not in found["instance_auc"]


def test_smoothed_scores_and_equal_shares(benchmark):
    judgement = judged(benchmark, smoothing=9.0)
    scores, smooth = judgement.instances["scores"], judgement.instances["smoothed scores"]
    expected = smooth_scores(scores[1, 4], benchmark.test.coords[4], 9.0)
    np.testing.assert_allclose(smooth[1, 4], expected)
    shares = judgement.instances["attention"][0]
    np.testing.assert_allclose([s.mean() for s in shares], 1)  # an equal share is 1


def test_the_interval_of_instances_draws_whole_bags(benchmark):
    found = judged(benchmark).metrics()["instance_auc"]["scores"]
    assert 0.1 < found["high"] - found["low"] < 0.6


def test_without_instance_truth_there_are_bag_metrics_only(benchmark):
    data = MedicalBagDataset(zip(benchmark.test.instances, benchmark.test.labels))
    bare = Benchmark("toy", "", data, cross_validation(data, 5), 3, 8)
    judgement = Judgement(bare, 1)
    judgement.note_all(0, 0, np.arange(20), said(benchmark, np.arange(20), 0))
    found = judgement.metrics()
    assert found["instance_auc"] == {} == found["instance_auc_within"]
