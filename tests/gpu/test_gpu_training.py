"""Training and prediction: the same curve, checkpoints that change the device, half precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_bags import separable

from mil_tutorial import TrainingConfig, build_model, fit, predict
from mil_tutorial.models.mil import POOLINGS

CONFIG = TrainingConfig(epochs=4, learning_rate=2e-3, patience=None, keep="last", batch_size=8)
CLOSE = {"rtol": 1e-3, "atol": 1e-4}
"""Rounding of 1e-6 in a gradient, which Adam divides by its size, grows over a few dozen steps."""


def make(device, pooling="gated"):
    torch.manual_seed(0)
    return build_model(pooling, 4, 8).to(device)  # dropout would draw other numbers on a GPU


def losses(history):
    return np.stack([history.column("train_loss"), history.column("val_loss")])


def assert_alike(model, expected):
    for one, other in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(one.cpu(), other.cpu(), **CLOSE)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"instances_per_bag": 3, "class_balance": "sampler", "entropy_weight": 0.1},
        {"instances_at_once": 5},
        {"schedule": "one_cycle"},
    ],
    ids=["plain", "sampled", "in chunks", "one cycle"],
)
def test_fit_takes_the_steps_of_the_cpu(device, train_val, changes):
    config, models, curves = replace(CONFIG, **changes), [], []
    for where in ("cpu", device):
        models.append(make(where))
        curves.append(losses(fit(models[-1], *train_val, config, progress=False)))
    np.testing.assert_allclose(*curves, **CLOSE)
    assert_alike(*models)
    assert next(models[1].parameters()).device.type == device


@pytest.mark.parametrize("pooling", POOLINGS)
def test_predictions_are_those_of_the_cpu(device, pooling):
    bags = separable(30)
    expected, predictions = (predict(make(where, pooling), bags, 7) for where in ("cpu", device))
    for name in ("logits", "attention", "instance_logits", "probabilities"):
        np.testing.assert_allclose(
            getattr(predictions, name), getattr(expected, name), rtol=1e-4, atol=1e-5
        )
    np.testing.assert_array_equal(predictions.sizes, bags.sizes)


def test_a_run_goes_on_on_another_device_and_back(device, train_val, tmp_path):
    whole, path = make("cpu"), tmp_path / "run.pt"
    expected = fit(whole, *train_val, CONFIG, progress=False)
    for epochs, where in ((1, "cpu"), (3, device), (4, "cpu")):
        part = make(where)
        config = replace(CONFIG, epochs=epochs)
        history = fit(part, *train_val, config, checkpoint=path, progress=False)
        assert next(part.parameters()).device.type == where
    np.testing.assert_allclose(losses(history), losses(expected), **CLOSE)
    assert_alike(part, whole)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_learns_and_resumes(device, train_val, tmp_path, precision):
    config = replace(CONFIG, epochs=12, learning_rate=1e-2, precision=precision)
    model, path = make(device), tmp_path / "run.pt"
    fit(model, *train_val, replace(config, epochs=6), checkpoint=path, progress=False)
    history = fit(model, *train_val, config, checkpoint=path, progress=False)
    train_loss = history.column("train_loss")
    assert train_loss[-1] < 0.7 * train_loss[0]
    assert all(p.dtype == torch.float32 for p in model.parameters())
