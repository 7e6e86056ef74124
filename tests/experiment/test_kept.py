"""Kept models: they judge as the experiment did, leak nothing, and run nothing."""

import csv
import json
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from feature_folders import toy_bags, write_folder, write_labels
from toy_bags import separable
from toy_kept import toy_kept, write_toy_kept

from mil_tutorial import MedicalBagDataset, TrainingConfig, fit_temperature, keep_model, load_kept
from mil_tutorial.datasets.features.folder import open_folder
from mil_tutorial.experiment.benchmarks import Benchmark, cross_validation, fixed_split
from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.keeping import check_keepable, kept_bytes, kept_models
from mil_tutorial.experiment.kept import NEW, SEEN, UNSEEN
from mil_tutorial.experiment.kept_files import write_kept
from mil_tutorial.experiment.report import write_report
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.models.encoders import LeNetEncoder

SHORT = TrainingConfig(epochs=3, batch_size=4, learning_rate=0.01)


def run(benchmark, **options):
    options = {"poolings": ["gated"], "seeds": 2, "config": SHORT, "progress": False} | options
    return run_experiment(benchmark, **({"keep_models": True} | options))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of features, cross-validated by ensembles of two, and the model that was kept."""
    here = tmp_path_factory.mktemp("kept")
    bags = toy_bags(30)
    features = write_folder(here / "f", bags)
    benchmark = load_benchmark(features, labels=write_labels(here / "l.csv", bags))
    experiment = run(benchmark, members=2)
    return features, experiment, load_kept(keep_model(experiment, "gated", here / "m.safetensors"))


def by_seed(kept, predictions):
    """Return the probabilities of each seed (S, B), of the only fold that judges a bag."""
    seeds = np.array([trial.seed for trial in kept.trials])
    rows = [predictions.by_trial[seeds == seed] for seed in np.unique(seeds)]
    assert all((np.isfinite(row).sum(axis=0) == 1).all() for row in rows)
    return np.stack([np.nansum(row, axis=0) for row in rows])


def test_bags_of_the_cross_validation_get_the_probabilities_that_it_reported(folder):
    features, experiment, kept = folder
    predictions = kept.predict(open_folder(features))
    runs, names = experiment.runs["gated"], experiment.benchmark.test.names
    order = [predictions.names.index(name) for name in names]
    np.testing.assert_allclose(
        by_seed(kept, predictions)[:, order], runs.probabilities, rtol=0, atol=1e-6
    )
    expected = runs.probabilities.mean(axis=0)
    np.testing.assert_allclose(predictions.probabilities[order], expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(predictions.thresholds[order], runs.threshold.mean(axis=0))
    assert set(predictions.judged_by) == {UNSEEN}
    assert len({model for trial in kept.trials for model in trial.models}) == 2 * 5 * 2


def test_no_judge_of_a_known_bag_trained_on_it_or_was_chosen_by_it(folder):
    _, experiment, kept = folder
    benchmark = experiment.benchmark
    splits = [split for seed in experiment.seeds for split in benchmark.splits(seed)]
    for name, content in zip(benchmark.test.names, benchmark.test.contents()):
        judging, _ = kept.judges(content)
        for judges, split in zip(judging, splits, strict=True):
            assert judges == (name not in {*split.train.names, *split.val.names})


def test_new_bags_are_judged_by_all_and_averaged_as_said(folder):
    _, experiment, kept = folder
    bag = torch.randn(7, 6, generator=torch.Generator().manual_seed(5))
    predictions = kept.predict(MedicalBagDataset([(bag, 0)]))
    splits = [split for seed in experiment.seeds for split in experiment.benchmark.splits(seed)]
    together, alone, attention = [], [], []
    for split, models in zip(splits, experiment.ensembles["gated"], strict=True):
        mean, deviation = split.train.scale
        with torch.inference_mode():
            outs = [model.eval()(((bag - mean) / deviation)[None]) for model in models]
        logits = torch.cat([out.logits for out in outs])
        together.append(torch.sigmoid(logits.mean()))
        alone += torch.sigmoid(logits).tolist()
        attention.append(torch.stack([out.attention[0] for out in outs]).mean(dim=0))
    assert predictions.judged_by == [NEW]
    np.testing.assert_allclose(predictions.by_trial[:, 0], together, atol=1e-6)
    np.testing.assert_allclose(predictions.probabilities, np.mean(together), atol=1e-6)
    np.testing.assert_allclose(predictions.spread, np.std(alone), atol=1e-6)
    expected = torch.stack(attention).mean(dim=0)
    np.testing.assert_allclose(predictions.attention[0], expected, atol=1e-6)


def test_a_bag_is_known_by_its_content_and_not_by_its_name(folder):
    features, _, kept = folder
    known = open_folder(features)
    first, second = known.instances[0], known.instances[1].clone()
    second[-1, 3] += 1e-3
    copies = MedicalBagDataset([(first, 1), (second, 1)], names=["new", known.names[1]])
    predictions = kept.predict(copies)
    assert predictions.judged_by == [UNSEEN, NEW]
    expected = kept.predict(known.subset([0])).probabilities[0]
    assert predictions.probabilities[0] == pytest.approx(expected, abs=1e-6)


def test_a_copy_in_float16_is_the_same_bag():
    """As many programs save features; numbers out of its range are told apart all the same."""
    for size, same in ((1, True), (1e-9, False), (1e6, False)):
        bags = separable(4)
        own, half, other = (
            MedicalBagDataset([(size * change(x), 1) for x in bags.instances]).contents()
            for change in (torch.Tensor.float, lambda x: x.half().float(), lambda x: x * 1.01)
        )
        assert (own == half) is same
        assert set(own).isdisjoint(other)


def test_with_a_fixed_test_set_training_bags_are_judged_by_all_and_marked():
    train, val, test = (separable(20, seed=seed) for seed in range(3))
    benchmark = Benchmark("x", "x", test, fixed_split(train, val, test), 4, 8)
    experiment = run(benchmark, poolings=["max"])
    kept = kept_models(experiment)["max"]
    for dataset, who in ((train, SEEN), (val, SEEN), (test, UNSEEN)):
        predictions = kept.predict(dataset)
        assert set(predictions.judged_by) == {who}
        assert np.isfinite(predictions.by_trial).all()
    expected = experiment.runs["max"].probabilities
    np.testing.assert_allclose(predictions.by_trial, expected, rtol=0, atol=1e-6)


def test_bags_in_memory_keep_what_they_were_before_scaling():
    bags = separable(30)
    benchmark = Benchmark("x", "x", bags, cross_validation(bags, 3), 4, 8, n_folds=3)
    experiment = run(benchmark, seeds=1)
    kept = kept_models(experiment)["gated"]
    probabilities = kept.predict(bags).probabilities
    expected = experiment.runs["gated"].probabilities[0]
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-6)
    split = next(iter(benchmark.splits(0)))
    with pytest.raises(ValueError, match="the features were scaled before"):
        kept.predict(split.test)
    assert split.test.contents() == bags.subset(split.test_rows).contents()
    for twice in split.train.scaled(torch.ones(4), torch.full((4,), 2.0)).scale:
        assert twice.shape == (4,)
    again = split.train.scaled(torch.ones(4), torch.full((4,), 2.0))
    mean, deviation = again.scale
    raw = bags.subset([bags.names.index(again.names[0])]).instances[0]
    torch.testing.assert_close((raw - mean) / deviation, again.instances[0])


def test_temperature_is_chosen_on_validation_bags_alone(folder):
    _, experiment, _ = folder
    validated = np.concatenate(experiment.validations["gated"], axis=1)
    n_bags, others = len(experiment.benchmark.test), experiment.benchmark.n_folds - 1
    assert validated.shape[1] == 2 * others * n_bags  # once a seed wherever it does not test
    spoilt = replace(experiment, validations={"gated": [np.array([[0.0, 1.0], [-1.0, 1.0]])]})
    none = kept_models(spoilt)["gated"].settings
    assert none["temperature"] is None
    assert none["temperature_from"].startswith("none: all 2 bags are on their right side")
    noisy = np.array([[0.0, 1, 0, 1, 1, 0], [-2.0, 3, 1, -1, 2, -3]])
    chosen = kept_models(replace(experiment, validations={"gated": [noisy]}))["gated"].settings
    assert chosen["temperature"] == fit_temperature(*noisy)


def test_calibrated_probabilities_divide_logits_by_the_temperature():
    kept = toy_kept(toy_bags(6), n_trials=1, temperature=2.0)
    predictions = kept.predict(separable(4, width=6))
    logits = np.log(predictions.probabilities / (1 - predictions.probabilities))
    np.testing.assert_allclose(predictions.calibrated, 1 / (1 + np.exp(-logits / 2)), atol=1e-6)
    without = toy_kept(toy_bags(6), temperature=None).predict(separable(4, width=6))
    assert np.isnan(without.calibrated).all()


def test_a_file_gives_back_what_was_written(folder, tmp_path):
    *_, kept = folder
    path = tmp_path / "m.safetensors"
    path.write_bytes(write_kept(kept))
    again = load_kept(path)
    assert again.settings == kept.settings
    assert again.contents == kept.contents
    np.testing.assert_array_equal(again.roles, kept.roles)
    new = separable(3, width=6)
    np.testing.assert_array_equal(again.predict(new).by_trial, kept.predict(new).by_trial)


def test_the_file_says_what_it_was_made_of(folder):
    _, experiment, kept = folder
    known = kept.settings
    assert (known["pooling"], known["width"], kept.classes) == ("gated", 6, ("0", "1"))
    assert (known["seeds"], known["folds"], known["members"]) == (2, 5, 2)
    assert known["checksums"] == experiment.checksums
    assert known["training"]["epochs"] == 3
    assert known["source"]["labels"]["name"] == "l.csv"
    assert "validation bags" in known["threshold"]


class Payload:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_a_pickled_payload_runs_nothing(ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"model{ending}"
    if ending == ".pt":
        torch.save({"model": Payload()}, path)
    else:
        path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ValueError, match="cannot be read as a kept model"):
        load_kept(path)
    assert not (tmp_path / "ran").exists()
    pickle.loads(pickle.dumps(Payload()))  # it would have run
    assert (tmp_path / "ran").exists()


def test_data_with_an_encoder_of_their_own_are_refused_before_training():
    bags = separable(8)
    benchmark = Benchmark("m", "m", bags, fixed_split(bags, bags, bags), 4, 8)
    assert check_keepable(benchmark) == {}
    with pytest.raises(ValueError, match="models of m cannot be kept: they are trained with"):
        check_keepable(replace(benchmark, make_encoder=LeNetEncoder))


def test_the_size_of_a_file_is_known_before(folder, tmp_path):
    _, experiment, kept = folder
    expected = kept_bytes(experiment.benchmark, ["gated"], trials=10, members=2)
    assert len(write_kept(kept)) == pytest.approx(expected, rel=0.1)


def test_a_report_keeps_models_of_its_own_run_only(folder, tmp_path):
    _, experiment, kept = folder
    files = write_report(experiment, tmp_path, keep=True).files
    assert "model-gated.safetensors" in files
    written = load_kept(tmp_path / "model-gated.safetensors")
    assert written.contents == kept.contents
    rows = list(csv.DictReader((tmp_path / "predictions.csv").open()))
    assert len(rows) == 2 * len(kept.contents)
    assert json.loads((tmp_path / "results.json").read_text())
    write_report(experiment, tmp_path)
    assert not (tmp_path / "model-gated.safetensors").exists()
    assert (tmp_path / "predictions.csv").exists()


def test_a_hidden_width_that_differs_by_fold_is_kept(tmp_path):
    kept = toy_kept(toy_bags(6))
    wide = toy_kept(toy_bags(6)).trials[0].models[0].__class__(6, 9).eval()
    trials = [kept.trials[0]._replace(models=[wide]), *kept.trials[1:]]
    path = tmp_path / "m.safetensors"
    path.write_bytes(write_kept(replace(kept, trials=trials)))
    assert load_kept(path).trials[0].models[0].head.in_features == 9


def test_toy_models_are_read(tmp_path):
    assert load_kept(write_toy_kept(tmp_path / "m.safetensors", toy_bags(6))).width == 6


def test_a_copy_on_both_sides_counts_as_trained_on():
    train, val, test = (separable(20, seed=seed) for seed in range(3))
    bags = [(train.instances[0], 0.0), *zip(test.instances[1:], test.labels[1:])]
    leaky = MedicalBagDataset(bags)
    benchmark = Benchmark("x", "x", leaky, fixed_split(train, val, leaky), 4, 8)
    kept = kept_models(run(benchmark, poolings=["mean"], seeds=1))["mean"]
    assert kept.predict(leaky).judged_by == [SEEN, *[UNSEEN] * 19]


def test_only_an_experiment_that_kept_its_models_can_be_written(folder, tmp_path):
    _, experiment, _ = folder
    lean = run(experiment.benchmark, members=2, keep_models=False)
    assert [bool(models) for models in lean.ensembles["gated"]] == [True] * 5 + [False] * 5
    path = tmp_path / "m.safetensors"
    with pytest.raises(ValueError, match="first seed only; run it with keep_models=True"):
        keep_model(lean, "gated", path)
    assert not path.exists()
