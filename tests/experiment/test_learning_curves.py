import json
from dataclasses import asdict

import numpy as np
import pytest
from scripts import load_script
from toy_bags import separable

from mil_tutorial import MedicalBagDataset, TrainingConfig
from mil_tutorial.experiment.benchmarks import Benchmark, fixed_split
from mil_tutorial.experiment.figures import plot_learning_curve
from mil_tutorial.experiment.records import read_points
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.experiment.summary import Summary

script = load_script("data/results/learning_curve.py")
learning_curve = script.learning_curve


@pytest.fixture(scope="module")
def benchmark():
    train = separable(40, seed=0, groups=[f"p{i // 4}{i % 2}" for i in range(40)])
    splits = fixed_split(train, separable(20, seed=1), test := separable(30, seed=2, shift=1.5))
    config = TrainingConfig(epochs=3, learning_rate=5e-3, patience=None)
    return Benchmark("toy", "toy", test, splits, input_dim=4, hidden_dim=8, config=config)


@pytest.fixture(scope="module")
def points(benchmark):
    return learning_curve(benchmark, [12, 40], poolings=["mean", "gated"], seeds=2, progress=False)


def patients(dataset):
    return set(dataset.groups)


def test_subsets_are_nested_of_the_wanted_size_and_keep_patients_together():
    labels = np.r_[np.ones(60), np.zeros(30)]
    groups = np.r_[np.repeat(np.arange(30), 2), np.repeat(np.arange(30, 40), 3)].tolist()
    bags = [(np.full((1, 1), i), label) for i, label in enumerate(labels)]
    train = MedicalBagDataset(bags, groups=groups, names=[f"s{i}" for i in range(90)])
    for seed in range(5):
        before = None
        for n in (6, 7, 20, 45, 90):
            subset = script.training_subset(train, n, seed)
            assert len(subset) == n
            assert abs(float(subset.labels.mean()) - 2 / 3) <= 3 / n
            cut = [p for p in patients(subset) if subset.groups.count(p) < train.groups.count(p)]
            assert len(cut) <= 1
            if before is not None:
                assert set(before.names) < set(subset.names)
            before = subset
        assert before.names == train.names, "all of them, in their old order"
    assert script.training_subset(train, 20, 0).names != script.training_subset(train, 20, 1).names


@pytest.mark.parametrize(
    ("n", "message"),
    [
        (0, "n_bags is 0, expected 1 to 40"),
        (41, "n_bags is 41, expected 1 to 40"),
        (2, "train holds label"),  # of one class only
    ],
)
def test_impossible_sizes_are_refused(n, message, benchmark):
    with pytest.raises(ValueError, match=message):
        learning_curve(benchmark, [n], poolings=["max"], seeds=1, progress=False)


def test_with_all_bags_the_curve_is_the_experiment(benchmark, points):
    assert [(p.n_train, p.pooling) for p in points] == [
        (12, "mean"), (12, "gated"), (40, "mean"), (40, "gated")
    ]  # fmt: skip
    whole = Summary(run_experiment(benchmark, poolings=["gated"], seeds=2, progress=False))
    assert points[3].auc == whole.row("gated")["auc"]
    assert points[3].by_seed == whole.auc_by_seed("gated")
    assert np.mean(points[0].by_seed) == pytest.approx(points[0].auc.value)
    assert read_points(json.loads(json.dumps({"points": [asdict(p) for p in points]}))) == points


def test_the_figure_shows_every_pooling_and_size(points):
    (axes,) = plot_learning_curve(points).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["12", "40"]
    assert {t.get_text() for t in axes.get_legend().get_texts()} == {"mean", "gated", "chance"}


def test_as_a_script(benchmark, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "load_benchmark", lambda name, **folder: benchmark)
    out = tmp_path / "curve.json"
    arguments = ["--sizes", "12", "--seeds", "1", "--poolings", "max", "--out", str(out)]
    script.main(arguments)
    (point,) = read_points(json.loads(out.read_text()))
    assert (point.pooling, point.n_train) == ("max", 12)
