import csv
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from toy_bags import separable

from mil_tutorial import MedicalBagDataset, TrainingConfig, predict
from mil_tutorial.experiment.baselines import baseline_probabilities, baselines_for, colour
from mil_tutorial.experiment.benchmarks import Benchmark, cross_validation, fixed_split
from mil_tutorial.experiment.report import TABLES, check_report, write_report
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.experiment.summary import Summary, ranges_of, witness_rates
from mil_tutorial.experiment.tables import as_results
from mil_tutorial.metrics import decisions as metrics

CONFIG = TrainingConfig(epochs=5, learning_rate=5e-3, patience=None)


def fixed_benchmark(test=None):
    test = test or separable(30, seed=2, shift=1.5)
    splits = fixed_split(separable(40, seed=0), separable(20, seed=1), test)
    return Benchmark("toy", "toy bags", test, splits, input_dim=4, hidden_dim=8, config=CONFIG)


@pytest.fixture(scope="module")
def experiment():
    return run_experiment(fixed_benchmark(), seeds=2, progress=False)


@pytest.fixture(scope="module")
def summary(experiment):
    return Summary(experiment)


def test_rows_equal_plain_metrics_averaged_over_seeds(experiment, summary):
    labels = summary.labels
    for pooling, runs in experiment.runs.items():
        row = summary.row(pooling)
        for name, metric in (
            ("auc", roc_auc_score),
            ("sensitivity_at_90_specificity", metrics.sensitivity_at_specificity),
        ):
            expected = np.mean([metric(labels, p) for p in runs.probabilities])
            assert row[name].value == pytest.approx(expected)
        missed = np.mean([(~c[labels == 1]).mean() for c in runs.called_positive])
        assert row["false_negative_rate"].value == pytest.approx(missed)
        kept = np.mean([(~c[labels == 0]).mean() for c in runs.called_positive])
        assert row["specificity"].value == pytest.approx(kept)
        assert np.isnan(row.pop("calibration_error").low)
        for e in row.values():
            assert -1e-6 <= e.low <= e.value + 1e-6
            assert e.value - 1e-6 <= e.high <= 1 + 1e-6


def test_perfect_instance_aucs_are_no_certainty(experiment):
    values = experiment.runs["gated"].attention_auc
    right = replace(experiment.runs["gated"], attention_auc=np.where(np.isnan(values), values, 1.0))
    row = Summary(replace(experiment, runs={"max": experiment.runs["max"], "gated": right}))
    estimate = row.row("gated")["instance_auc"]
    assert estimate.value == estimate.high == 1
    assert 0.3 < estimate.low < 0.99


def test_attention_of_max_is_one_hot_and_of_mean_is_flat(summary):
    assert summary.row("max")["attention_entropy"].value == pytest.approx(0, abs=1e-6)
    assert summary.row("mean")["attention_entropy"].value == pytest.approx(1, abs=1e-6)
    assert summary.row("mean")["instance_auc"].value == pytest.approx(0.5)


def test_paired_differences_are_differences_of_the_rows(summary):
    for pooling in ("mean", "attention", "gated"):
        difference = summary.paired(pooling)["auc"].value
        expected = summary.row(pooling)["auc"].value - summary.row("max")["auc"].value
        assert difference == pytest.approx(expected)


def test_seeds_differ_poolings_share_them(experiment):
    runs = experiment.runs["gated"]
    assert not np.array_equal(runs.probabilities[0], runs.probabilities[1])
    again = run_experiment(experiment.benchmark, poolings=["gated"], seeds=1, progress=False)
    np.testing.assert_array_equal(again.runs["gated"].probabilities[0], runs.probabilities[0])


def test_the_threshold_comes_from_validation_bags_alone(experiment):
    for pooling, model in experiment.models.items():  # of the first seed
        val = predict(model, next(iter(experiment.benchmark.splits(0))).val)
        threshold = metrics.threshold_for_sensitivity(val.labels, val.probabilities, 0.95)
        runs = experiment.runs[pooling]
        np.testing.assert_array_equal(runs.called_positive[0], runs.probabilities[0] >= threshold)


def test_auc_by_witness_rate_uses_the_chosen_positives_and_all_negatives(experiment, summary):
    rates, labels = witness_rates(experiment), summary.labels
    edges = np.quantile(rates[labels == 1], [0, 0.5, 1])
    (low_rate, low), (high_rate, _) = summary.auc_by_witness_rate("gated", edges)
    assert low_rate <= high_rate
    kept = (labels == 0) | (rates < edges[1])
    expected = np.mean(
        [roc_auc_score(labels[kept], p[kept]) for p in experiment.runs["gated"].probabilities]
    )
    assert low.value == pytest.approx(expected)


def test_cross_validation_tests_every_bag_once_per_seed():
    dataset = separable(40, seed=0)
    benchmark = Benchmark(
        "cv", "toy", dataset, cross_validation(dataset, 4), 4, 8, n_folds=4, config=CONFIG
    )
    experiment = run_experiment(benchmark, poolings=["mean"], seeds=2, progress=False)
    runs = experiment.runs["mean"]
    assert runs.probabilities.shape == (2, 40)
    assert np.isfinite(runs.probabilities).all()
    assert len(runs.histories) == 8
    assert runs.seconds_per_epoch > 0
    assert [np.bincount(folds).tolist() for folds in experiment.folds] == [[10] * 4] * 2
    assert len(experiment.checksums) == len(set(experiment.checksums)) == 8


def test_ranges_of_witness_rate_hold_each_positive_once():
    rates = np.array([0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.0])
    positive = rates > 0
    for edges in ([0.1, 0.2, 0.3], [0.1, 0.1], [0.1, 0.3]):
        ranges = ranges_of(rates, positive, np.array(edges))
        expected = positive & (rates <= edges[-1])
        np.testing.assert_array_equal(np.sum(ranges, axis=0), expected)


def test_baseline_on_bag_size_finds_the_shortcut_and_nothing_else():
    train, test = separable(60, seed=0), separable(60, seed=1)
    bigger = [x.repeat(5, 1) if y else x for x, y in zip(test.instances, test.labels, strict=True)]
    fair = roc_auc_score(test.labels, baseline_probabilities("bag_size", train, test))
    shortcut = type(test)(zip(bigger, test.labels, strict=True))
    unfair = roc_auc_score(test.labels, baseline_probabilities("bag_size", shortcut, shortcut))
    assert abs(fair - 0.5) < 0.2
    assert unfair > 0.95
    mean = roc_auc_score(test.labels, baseline_probabilities("mean_feature", train, test))
    assert mean > 0.7


def test_baseline_of_images_is_their_colour():
    def images(shift, seed):
        rng = np.random.default_rng(seed)
        bags = [(rng.random((n, 3, 4, 5)) * (1 + shift * (n % 2)), n % 2) for n in range(1, 21)]
        return MedicalBagDataset(bags)

    train, test = images(1.0, 0), images(1.0, 1)
    assert baselines_for(train) == ("bag_size", "colour")
    assert baselines_for(separable(4)) == ("bag_size", "mean_feature")
    described, pixels = colour(train), train.instances[3].permute(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(described[3, :3], pixels.mean(1), rtol=1e-5)
    np.testing.assert_allclose(described[3, 3:], pixels.std(1, correction=0), rtol=1e-4)
    assert roc_auc_score(test.labels, baseline_probabilities("colour", train, test)) > 0.95


def test_report_holds_what_was_promised(experiment, tmp_path):
    out = tmp_path / "new" / "results"
    results, files = write_report(experiment, out)
    assert set(files) == {path.name for path in out.iterdir()}
    assert results == json.loads((out / "results.json").read_text())
    assert set(results) >= {"data", "seeds", "environment", "rows", "paired", "baselines"}
    assert [row["pooling"] for row in results["rows"]] == ["max", "mean", "attention", "gated"]
    assert set(results["rows"][0]) >= {
        "auc", "auc_low", "auc_high", "sensitivity_at_90_specificity",
        "sensitivity_at_90_specificity_low", "sensitivity_at_90_specificity_high",
        "false_negative_rate", "attention_entropy", "instance_auc", "seconds_per_epoch",
    }  # fmt: skip
    assert [(p["pooling"], p["against"]) for p in results["paired"]] == [
        ("mean", "max"), ("attention", "max"), ("gated", "max"), ("gated", "attention"),
        *((row["pooling"], "mean_feature") for row in results["rows"]),
    ]  # fmt: skip
    assert set(results["baselines"]) == {"bag_size", "mean_feature"}
    assert {path.name for path in out.iterdir()} == {
        "results.json", "results.md", "results.csv", "predictions.csv", "config.json",
        "roc.png", "training.png", "witness_rate.png",
    }  # fmt: skip
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert float(rows[3]["auc"]) == results["rows"][3]["auc"]
    predictions = list(csv.DictReader((out / "predictions.csv").open()))
    assert len(predictions) == 4 * 2 * 30
    last = predictions[-1]
    assert (last["pooling"], last["seed"], last["bag"]) == ("gated", "1", "s2b29")
    assert float(last["probability"]) == pytest.approx(
        experiment.runs["gated"].probabilities[1, 29], abs=1e-6
    )
    text = (out / "results.md").read_text()
    assert f"{results['rows'][3]['auc']:.2f} [" in text
    assert all(len(line) < 160 for line in text.splitlines())
    assert list((tmp_path / "new").iterdir()) == [out], "nothing temporary is left"


def test_without_truth_or_max_the_report_leaves_them_out(tmp_path):
    test = separable(30, seed=2)
    test.instance_labels = None
    experiment = run_experiment(fixed_benchmark(test), poolings=["gated"], seeds=1, progress=False)
    results = write_report(experiment, tmp_path / "r").results
    assert results["rows"][0]["instance_auc"] is None
    assert [pair["against"] for pair in results["paired"]] == ["mean_feature"]
    assert not (tmp_path / "r" / "witness_rate.png").exists()
    assert "instance AUC" not in (tmp_path / "r" / "results.md").read_text()
    with pytest.raises(ValueError, match="toy has no instance labels"):
        witness_rates(experiment)


def fail(*_, **__):
    raise OSError("disk full")


@pytest.mark.parametrize(
    "at", ["mil_tutorial.experiment.report.as_csv", "pathlib.Path.write_text", "os.replace"]
)
def test_a_failing_report_leaves_what_was_there(at, experiment, tmp_path, monkeypatch):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "results.json").write_text("old")
    monkeypatch.setattr(at, fail)
    for name in ("new", "old"):
        with pytest.raises(OSError, match="disk full"):
            write_report(experiment, tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["old", "results.json"]
    assert (tmp_path / "old" / "results.json").read_text() == "old"


def test_tables_that_were_moved_come_back(experiment, tmp_path, monkeypatch):
    """The third table cannot be replaced, as where a spreadsheet has it open on Windows."""
    for name in (*TABLES, "roc.png"):
        (tmp_path / name).write_text("old")
    replace = os.replace

    def locked(source, goal):
        if goal == tmp_path / "predictions.csv" and source.parent.name != "old":
            raise PermissionError(13, "Permission denied", str(goal))
        replace(source, goal)

    monkeypatch.setattr("os.replace", locked)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*predictions\.csv'"):
        write_report(experiment, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*TABLES, "roc.png"}
    assert all(path.read_text() == "old" for path in tmp_path.iterdir())


@pytest.mark.parametrize("error", [MemoryError(), OSError(28, "No space left"), KeyError("x")])
def test_a_failing_figure_costs_no_more_than_itself(error, experiment, tmp_path):
    import matplotlib.pyplot as plt

    def broken():
        plt.figure()
        raise error

    def good():
        return plt.figure()

    with pytest.warns(UserWarning, match=r"heatmap_found\.png was not drawn: .") as caught:
        files = write_report(
            experiment, tmp_path, {"heatmap_found": broken, "heatmap_missed": good}
        ).files
    assert len(caught) == 1
    assert {path.name for path in tmp_path.iterdir()} == set(files)
    assert "heatmap_missed.png" in files
    assert not plt.get_fignums()


def test_figures_are_not_laid_beside_the_numbers_of_another_run(experiment, tmp_path):
    from matplotlib.figure import Figure

    def replaced():
        (tmp_path / "results.json").write_text("of another run")
        (tmp_path / "roc.png").unlink()
        return Figure()

    with pytest.warns(UserWarning, match="another run has replaced the report in"):
        write_report(experiment, tmp_path, {"heatmap": replaced})
    assert {"heatmap.png", "roc.png"}.isdisjoint(path.name for path in tmp_path.iterdir())
    assert (tmp_path / "results.json").read_text() == "of another run"


def test_pictures_of_another_run_do_not_stay(experiment, tmp_path):
    for name in ("heatmap.png", "thesis.docx"):
        (tmp_path / name).write_text("")
    _, files = write_report(experiment, tmp_path)
    assert not (tmp_path / "heatmap.png").exists()
    assert (tmp_path / "thesis.docx").exists()
    assert "thesis.docx" not in files


@pytest.mark.parametrize("truth", ["one rate", "none"])
def test_odd_instance_truth_costs_a_figure_at_most(truth, tmp_path):
    test = separable(30, seed=2)
    test.instance_labels = [
        np.full(len(t), truth == "one rate") * (i % 2) for i, t in enumerate(test.instance_labels)
    ]
    experiment = run_experiment(fixed_benchmark(test), poolings=["mean"], seeds=1, progress=False)
    _, files = write_report(experiment, tmp_path / "r")
    assert ("witness_rate.png" in files) == (truth == "one rate")


def test_unwritable_output_is_noticed_before_training(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ValueError, match=r"cannot write to .*file"):
        check_report(file / "results")
    assert check_report(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    with pytest.raises(ValueError, match=r"needs about 1\d+\.\d MB, but .* MB are free there"):
        check_report(tmp_path, predictions=10**12)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_bad_splits_and_seeds_are_named():
    train, val, test = (separable(20, seed=i) for i in range(3))

    def run(*splits, seeds=1):
        benchmark = Benchmark("x", "x", splits[-1], fixed_split(*splits), 4, 8)
        run_experiment(benchmark, seeds=seeds, progress=False)

    with pytest.raises(ValueError, match="is in train and in val"):
        run(train, train, test)
    with pytest.raises(ValueError, match="is in train and in test"):
        run(train, val, train)
    with pytest.raises(ValueError, match="test holds label 0 only"):
        run(train, val, test.subset([0, 2]))
    with pytest.raises(ValueError, match="val holds label 1 only"):
        run(train, val.subset([1, 3]), test)
    with pytest.raises(ValueError, match="seeds must be a positive whole number, got 0"):
        run(train, val, test, seeds=0)


@pytest.fixture(scope="module")
def bare():
    """Cross-validation without validation bags: all but the fold that is tested train."""
    dataset = separable(24, groups=[f"P{i // 4}" for i in range(24)])
    splits = cross_validation(dataset, 3, validated=False)
    config = replace(CONFIG, keep="last", patience=None)
    return Benchmark("bare", "toy", dataset, splits, 4, 8, n_folds=3, config=config)


def test_without_validation_bags_the_last_epoch_and_a_fixed_threshold_judge(bare):
    experiment = run_experiment(bare, poolings=["gated"], seeds=2, progress=False)
    runs = experiment.runs["gated"]
    assert (runs.threshold == 0.5).all()
    np.testing.assert_array_equal(runs.called_positive, runs.probabilities >= 0.5)
    assert all(history.best_epoch == len(history.epochs) - 1 for history in runs.histories)
    results = as_results(Summary(experiment))
    assert results["runs"][0]["val_loss"] is None
    json.dumps(results, allow_nan=False)
    choosing = replace(bare, config=CONFIG)
    with pytest.raises(ValueError, match="val is None, but keep 'best' picks the epoch"):
        run_experiment(choosing, seeds=1, progress=False)


def test_an_ensemble_is_the_mean_of_its_members(bare):
    """Member 0 is the model that stands alone; all members of a seed share its splits."""
    alone = run_experiment(bare, poolings=["gated"], seeds=2, progress=False)
    both = run_experiment(bare, poolings=["gated"], seeds=2, members=3, progress=False)
    single, together = both.members["gated"].probabilities, both.runs["gated"].probabilities
    assert single.shape == (6, len(bare.test))
    np.testing.assert_array_equal(single[::3], alone.runs["gated"].probabilities)
    assert (single[0] != single[1]).all()
    logits = np.log(single / (1 - single)).reshape(2, 3, -1).mean(axis=1)
    np.testing.assert_allclose(together, 1 / (1 + np.exp(-logits)), rtol=1e-4)
    np.testing.assert_array_equal(both.folds, alone.folds)
    assert alone.members["gated"] is alone.runs["gated"]
    summary = Summary(both)
    assert len(summary.auc_by_seed("gated")) == 2
    assert len(summary.auc(single).by_seed) == 6
    assert len(as_results(summary)["runs"]) == 2


def test_members_have_checkpoints_of_their_own(bare, tmp_path):
    run_experiment(bare, poolings=["max"], seeds=1, members=2, checkpoints=tmp_path, progress=False)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"max-seed0-fold{f}-member{m}.pt" for f in range(3) for m in range(2)}


def test_no_more_processes_are_started_than_there_are_trainings(monkeypatch):
    asked = []

    def alone(function, tasks, jobs, on_done):
        asked.append(jobs)
        return [function(*task) for task in tasks]

    monkeypatch.setattr("mil_tutorial.experiment.run.share_work", alone)
    sets = [separable(20, seed=seed) for seed in range(3)]
    small = Benchmark("toy", "toy", sets[2], fixed_split(*sets), 4, 8)
    config = TrainingConfig(epochs=1, patience=None)
    run_experiment(small, poolings=["max", "mean"], seeds=1, config=config, jobs=500)
    assert asked == [2]
    with pytest.raises(ValueError, match="jobs is 2 and workers is 1"):
        run_experiment(small, seeds=1, config=TrainingConfig(workers=1), jobs=2)


@pytest.mark.parametrize(
    ("n_folds", "message"), [(1, "test 10 of 30 bags"), (4, "has no split after 3")]
)
def test_another_number_of_folds_than_there_are_splits_is_refused(n_folds, message):
    dataset = separable(30, seed=0)
    splits = cross_validation(dataset, 3)
    benchmark = Benchmark("x", "x", dataset, splits, 4, 8, n_folds=n_folds, config=CONFIG)
    with pytest.raises(ValueError, match=f"n_folds is {n_folds}, .*{message}"):
        run_experiment(benchmark, poolings=["max"], seeds=1, progress=False)
