"""Algorithmic unit tests: data on which a model that breaks the MIL assumption must fail.

After Raff & Holt 2023, "Reproducibility in multiple instance learning: a case for algorithmic unit
tests" (NeurIPS), tests 1 and 3. An AUC below 0.5 on the test bags shows that the model learned
something else than "positive means: a positive instance is there".
"""

import numpy as np
import pytest
import torch

from mil_tutorial import MedicalBagDataset, TrainingConfig, auc, build_model, fit, predict

WIDTH, BACKGROUND = 16, 10


def single_concept(n_bags, seed, *, training):
    """Test 1: in training only negative bags hold a poison instance, in the test only positive.

    Its absence must not be evidence of the positive class.
    """
    rng = np.random.default_rng(seed)
    bags = []
    for i in range(n_bags):
        positive = i % 2 == 1
        parts = [rng.normal(0, 1, (BACKGROUND, WIDTH))]
        if positive:
            parts.append(rng.normal(3, 0.5, (rng.integers(1, 4), WIDTH)))
        if positive != training:
            parts.append(rng.normal(-10, 0.1, (1, WIDTH)))
        bags.append((np.concatenate(parts), int(positive)))
    return MedicalBagDataset(bags, names=[f"{seed}-{i}" for i in range(n_bags)])


def false_frequency(n_bags, seed, *, training):
    """Test 3: positive bags hold one instance of each of two concepts, negative ones only of one.

    In the test, negative bags hold dozens of that one: counting must not pass for presence.
    """
    rng = np.random.default_rng(seed)
    bags = []
    for i in range(n_bags):
        positive = i % 2 == 1
        parts = [rng.normal(0, 1, (rng.integers(1, 10), WIDTH))]
        copies = 1 if positive or training else rng.integers(35, 45)
        parts.append(rng.normal(2, 0.1, (copies, WIDTH)))
        if positive:
            parts.append(rng.normal(3, 0.1, (1, WIDTH)))
        bags.append((np.concatenate(parts), int(positive)))
    return MedicalBagDataset(bags, names=[f"{seed}-{i}" for i in range(n_bags)])


def auc_on_test(pooling, make):
    """Train from three starts, keep the best by validation loss; return its AUC in both.

    Max pooling sometimes falls for a wrong instance at the start and never recovers.
    """
    train, val = (make(n, seed, training=True) for n, seed in ((300, 0), (100, 1)))
    runs = [train_from(start, pooling, train, val) for start in range(3)]
    model, best = min(runs, key=lambda run: run[1].val_loss)
    predictions = predict(model, make(200, 2, training=False))
    return best.val_auc, auc(predictions.labels, predictions.probabilities)


def train_from(start, pooling, train, val):
    torch.manual_seed(start)
    model = build_model(pooling, WIDTH, 32)
    config = TrainingConfig(epochs=60, learning_rate=3e-3, patience=None, seed=start)
    return model, fit(model, train, val, config, progress=False).best


@pytest.mark.parametrize(
    "make", [single_concept, pytest.param(false_frequency, marks=pytest.mark.full)]
)
def test_instance_level_max_respects_the_mil_assumption(make):
    assert min(auc_on_test("max", make)) > 0.95


@pytest.mark.full
def test_embedding_level_max_does_not():
    training, test = auc_on_test("max_embedding", single_concept)
    assert training > 0.95
    assert test < 0.5  # it took the missing poison for the positive class


def test_the_mean_counts():
    assert auc_on_test("mean", false_frequency)[1] < 0.8
