"""Features that lie outside of training are noticed; those of held-out slides are not."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from mil_tutorial import MedicalBagDataset, group_folds, load_slides
from mil_tutorial.datasets.features.files import moments_of
from mil_tutorial.datasets.musk import load_musk
from mil_tutorial.experiment.shift import measure_shift, raw_moments, reference_of


def musk(version):
    dataset = load_musk(version)
    return parted(dataset)


def parted(dataset):
    train, _, test = group_folds(dataset.labels.tolist(), dataset.groups)[0]
    return dataset.subset(train), dataset.subset(test)


def rendered(name):
    train, _, test = load_slides(name)
    return train, test


@cache
def tcga(cohort):
    path = Path(os.environ.get("MIL_TUTORIAL_DATA", "")) / "tcga" / f"tcga_{cohort}_hipt192.npz"
    if not path.is_file():
        pytest.skip(f"tcga/{path.name} is not in the folder MIL_TUTORIAL_DATA names")
    with np.load(path) as file:
        features, bag = file["features"], file["bag"]
    bags = np.split(features[np.argsort(bag, kind="stable")], np.cumsum(np.bincount(bag))[:-1])
    return parted(MedicalBagDataset([(x, i % 2) for i, x in enumerate(bags)]))


SOURCES = {
    "musk1": lambda: musk(1),
    "musk2": lambda: musk(2),
    "slides": lambda: rendered("slides"),
    "slides-hard": lambda: rendered("slides-hard"),
    "brca": lambda: tcga("brca"),
    "lung": lambda: tcga("lung"),
}


def draws(moments, size, n=40):
    rng = np.random.default_rng(size)
    for _ in range(n):
        yield [moments[i] for i in rng.permutation(len(moments))[:size]]


@pytest.mark.parametrize("source", SOURCES)
def test_held_out_slides_are_no_reason_to_warn(source):
    train, test = SOURCES[source]()
    reference, moments = reference_of(raw_moments(train)), raw_moments(test)
    for size in (1, 3, 10, len(moments)):
        for some in draws(moments, size):
            assert measure_shift(reference, some).warning() is None
    assert measure_shift(reference, raw_moments(train)).distance < 1e-9


WRONG = {
    "divided by 255": lambda x: x / 255,
    "of length 1": lambda x: x / x.norm(dim=1, keepdim=True),
    "tripled": lambda x: 3 * x,
    "shifted": lambda x: x + 4 * x.std(dim=0, correction=0),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("wrong", WRONG)
def test_another_normalisation_is_noticed(source, wrong):
    train, test = SOURCES[source]()
    reference = reference_of(raw_moments(train))
    shift = measure_shift(reference, [moments_of(WRONG[wrong](x)) for x in test.instances])
    assert "lie outside what the model was trained on" in shift.warning()


@pytest.mark.parametrize("source", ["musk1", "musk2", "brca", "lung"])
def test_features_in_another_order_are_noticed_from_thirty_slides(source):
    train, test = SOURCES[source]()
    reference = reference_of(raw_moments(train))
    width = train.instance_shape[0]
    order = torch.randperm(width, generator=torch.Generator().manual_seed(0))
    moments = [moments_of(x[:, order]) for x in test.instances]
    for some in draws(moments, 30, 10):
        assert measure_shift(reference, some).warning() is not None


def test_the_other_organ_is_noticed():
    reference, other = reference_of(raw_moments(tcga("brca")[0])), raw_moments(tcga("lung")[1])
    shift = measure_shift(reference, other)
    assert 0.2 < shift.distance < 0.6
    assert "(usual for the same source: 0.05)" in shift.warning()


def test_distance_and_ratio_are_in_deviations_of_training():
    generator = torch.Generator().manual_seed(0)
    means = 3 * torch.randn(400, 1, 5, generator=generator)
    bags = list(means + 0.5 * torch.randn(400, 50, 5, generator=generator))
    reference = reference_of([moments_of(x) for x in bags])
    moved = [moments_of((x - m) * 4 + m + 6) for x, m in zip(bags, means)]
    shift = measure_shift(reference, moved)
    assert shift.distance == pytest.approx(2, rel=0.1)  # 6 of 3
    assert shift.ratio == pytest.approx(4, rel=0.01)
    assert f"differs by {shift.distance:.2f} dev" in shift.warning()
    assert "deviations within a slide are 4 times those of training" in shift.warning()


def test_features_that_never_varied_do_not_count():
    bags = [torch.cat([torch.randn(9, 3), torch.full((9, 4), 7.0)], dim=1) for _ in range(20)]
    reference = reference_of([moments_of(x) for x in bags])
    shift = measure_shift(reference, [moments_of(x) for x in bags[:5]])
    assert np.isfinite([shift.distance, shift.ratio]).all()
    assert shift.warning() is None


def test_moments_are_those_before_scaling():
    train, _ = musk(1)
    scaled = train.scaled(*train.mean_and_deviation())
    for before, after in zip(raw_moments(train), raw_moments(scaled), strict=True):
        torch.testing.assert_close(before.mean, after.mean, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(before.variance, after.variance, rtol=1e-4, atol=1e-1)
