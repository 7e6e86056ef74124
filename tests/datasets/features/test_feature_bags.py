import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from feature_folders import toy_bags, write_file, write_folder, write_labels

from mil_tutorial import (
    InstanceSampler,
    MedicalBagDataset,
    TrainingConfig,
    build_model,
    fit,
    predict,
    standardise,
)
from mil_tutorial.datasets.features.files import FeatureFile
from mil_tutorial.datasets.features.folder import read_features
from mil_tutorial.experiment.baselines import baseline_probabilities
from mil_tutorial.training import prediction


def load(tmp_path, seed=0):
    bags = toy_bags(40, seed=seed)
    labels = write_labels(tmp_path / f"labels{seed}.csv", bags)
    lazy, _ = read_features(write_folder(tmp_path / f"f{seed}", bags), labels)
    lazy.groups = [f"{seed} {group}" for group in lazy.groups]
    return lazy


def eager(lazy):
    return MedicalBagDataset(zip(lazy.instances, lazy.labels), groups=lazy.groups, names=lazy.names)


@pytest.fixture()
def pair(tmp_path):
    lazy = load(tmp_path), load(tmp_path, seed=1)
    return lazy, tuple(map(eager, lazy))


def trained(train, val, **options):
    torch.manual_seed(0)
    model = build_model("gated", 6, 8, dropout=0.5)
    config = TrainingConfig(epochs=3, batch_size=8, **options)
    history = fit(model, train, val, config, progress=False)
    return model, history


@pytest.mark.parametrize("options", [{}, {"instances_per_bag": 3}, {"class_balance": "sampler"}])
def test_training_and_prediction_are_those_of_bags_in_memory(options, pair):
    (lazy, lazy_val), (held, held_val) = pair
    model, history = trained(lazy, lazy_val, **options)
    same, expected = trained(held, held_val, **options)
    for name, value in model.state_dict().items():
        assert torch.equal(value, same.state_dict()[name]), name
    assert history.column("val_loss").tolist() == expected.column("val_loss").tolist()
    one, other = predict(model, lazy_val), predict(same, held_val)
    for name in ("labels", "logits", "sizes", "attention", "instance_logits"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_they_have_the_same_face(pair):
    (lazy, _), (held, _) = pair
    assert len(lazy) == len(held)
    assert torch.equal(lazy.sizes, held.sizes)
    assert lazy.instance_shape == held.instance_shape
    assert lazy.instance_labels is None
    part, same = lazy.subset([7, 2]), held.subset([7, 2])
    assert (part.names, part.groups) == (same.names, same.groups)
    for bag, other in zip(part, same, strict=True):
        assert torch.equal(bag.instances, other.instances)
        assert bag.label == other.label
    assert len(lazy.coords[2:5]) == 3 == len(lazy.instances[2:5])
    with pytest.raises(ValueError, match="at least one bag"):
        lazy.subset([])
    assert isinstance(lazy.with_instances(list(lazy.instances)), MedicalBagDataset)


@pytest.mark.parametrize("deviation", [None, 3.0])
def test_the_sampler_shows_the_same_rows(deviation, pair):
    (lazy, _), (held, _) = pair
    if deviation:
        scale = torch.arange(6.0), torch.full((6,), deviation)
        lazy, held = lazy.scaled(*scale), held.scaled(*scale)
    one, other = InstanceSampler(lazy, 3, seed=5), InstanceSampler(held, 3, seed=5)
    for sampler in (one, other):
        sampler.set_epoch(2)
    assert torch.equal(one.sizes, other.sizes)
    for bag, same in zip(one, other, strict=False):
        assert torch.equal(bag.instances, same.instances)


def test_standardising_streams_and_agrees(pair):
    (lazy, lazy_val), (held, held_val) = pair
    parts, expected = standardise(lazy, lazy_val), standardise(held, held_val)
    for part, same in zip(parts, expected, strict=True):
        for one, other in zip(part.instances, same.instances, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    again = standardise(*parts)
    for one, other in zip(again[1].instances, parts[1].instances, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    shift = torch.arange(6.0), torch.full((6,), 3.0)
    for one, other in zip(
        lazy.scaled(*shift).instances, held.scaled(*shift).instances, strict=True
    ):
        assert torch.equal(one, other)


def test_a_feature_that_never_varies_is_only_shifted(tmp_path):
    bags = {name: (x.copy(), y, p) for name, (x, y, p) in toy_bags(8).items()}
    for features, _, _ in bags.values():
        features[:, 2] = 0.1
    labels = write_labels(tmp_path / "l.csv", bags)
    (standardised,) = standardise(read_features(write_folder(tmp_path / "f", bags), labels)[0])
    assert all(x[:, 2].abs().max() < 1e-6 for x in standardised.instances)


@pytest.mark.parametrize("name", ["bag_size", "mean_feature"])
def test_baselines_agree(name, pair):
    lazy, held = pair
    for one, other in ((lazy, held), (standardise(*lazy), standardise(*held))):
        np.testing.assert_allclose(
            baseline_probabilities(name, *one), baseline_probabilities(name, *other), atol=1e-4
        )


def test_files_are_read_once_for_all_folds(pair, monkeypatch):
    (lazy, _), _ = pair
    reads = []
    real = FeatureFile.read

    def read(file, rows=None):
        if rows is None:  # a few rows are read for the checksum too
            reads.append(file.path)
        return real(file, rows)

    monkeypatch.setattr(FeatureFile, "read", read)
    for first in range(3):
        standardise(lazy.subset(range(first, 40)), lazy.subset(range(3)))
        lazy.subset(range(first, 40)).bag_means()
    assert len(reads) == 40


def test_a_run_that_was_stopped_goes_on(pair, tmp_path):
    (lazy, lazy_val), _ = pair
    model, _ = trained(lazy, lazy_val)
    torch.manual_seed(0)
    stopped = build_model("gated", 6, 8, dropout=0.5)
    path = tmp_path / "run.pt"
    config = {"batch_size": 8}
    options = {"checkpoint": path, "progress": False}
    fit(stopped, lazy, lazy_val, TrainingConfig(epochs=1, **config), **options)
    again = load(tmp_path), load(tmp_path, seed=1)
    fit(stopped, *again, TrainingConfig(epochs=3, **config), **options)
    for name, value in stopped.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    write_file(again[0].files[3].path, np.ones((5, 6), dtype=np.float32))
    changed = load_again(tmp_path)
    with pytest.raises(ValueError, match="written with another training set"):
        fit(stopped, changed, lazy_val, TrainingConfig(epochs=3, **config), **options)


def load_again(tmp_path):
    lazy, _ = read_features(tmp_path / "f0", tmp_path / "labels0.csv")
    lazy.groups = [f"0 {group}" for group in lazy.groups]
    return lazy


def test_the_checksum_notices_what_matters(pair, tmp_path):
    (lazy, _), _ = pair
    known = lazy.checksum()
    assert len(known) == 16
    assert load_again(tmp_path).checksum() == known
    assert lazy.subset(range(40)).checksum() == known
    assert lazy.subset([1, 0, *range(2, 40)]).checksum() != known
    assert lazy.scaled(torch.ones(6), torch.ones(6)).checksum() != known
    features = lazy.instances[3].numpy()
    features[0, 0] += 1
    write_file(lazy.files[3].path, features)
    assert load_again(tmp_path).checksum() != known


def test_another_process_gets_the_files_not_the_rows(pair):
    (lazy, _), _ = pair
    lazy.mean_and_deviation()
    message = pickle.dumps(lazy.subset([3, 4]))
    assert len(message) < 2000
    copy = pickle.loads(message)
    assert torch.equal(copy[1].instances, lazy[4].instances)
    assert copy.names == lazy.names[3:5]


def test_workers_may_read(pair):
    from torch.utils.data import DataLoader

    from mil_tutorial import collate_packed

    (lazy, _), _ = pair
    lazy[0]
    loader = DataLoader(lazy, 8, collate_fn=collate_packed, num_workers=2)
    instances = torch.cat([batch.instances for batch in loader])
    assert torch.equal(instances, torch.cat(list(lazy.instances)))


@pytest.mark.parametrize("most", [1, 6 * 8, 6 * 20])
def test_predictions_do_not_depend_on_what_fits_into_a_batch(most, pair, monkeypatch):
    (lazy, _), _ = pair
    model = build_model("gated", 6, 8)
    expected = predict(model, lazy)
    monkeypatch.setattr(prediction, "MOST_VALUES", most)
    monkeypatch.setattr(prediction, "CHUNK_VALUES", most)
    np.testing.assert_allclose(predict(model, lazy).logits, expected.logits, atol=1e-6)


MEMORY = """
import resource, sys
sys.path.insert(0, {benchmarks!r})
from pathlib import Path
from feature_folder import measure, write_folder
folder = Path(sys.argv[1])
write_folder(folder, 40, 10_000, 1024)
print(measure(folder)[1]["peak GB"])
"""


@pytest.mark.full
def test_memory_does_not_grow_with_the_folder(tmp_path):
    from pathlib import Path

    code = MEMORY.format(benchmarks=str(Path(__file__).parents[2] / "benchmarks"))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout.split()[-1]) < 3.0
