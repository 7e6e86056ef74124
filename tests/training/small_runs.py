"""Small training runs for tests."""

from dataclasses import replace

import torch
from toy_bags import separable

from mil_tutorial import TrainingConfig, build_model, fit, predict

__all__ = [
    "CONFIG",
    "fit",
    "interrupt_at",
    "jitter",
    "loss_of",
    "model",
    "replace",
    "separable",
    "weights",
]


CONFIG = TrainingConfig(epochs=6, learning_rate=2e-3, patience=None, batch_size=8)


def model(dropout=0.5):
    torch.manual_seed(0)
    return build_model("gated", 4, 8, dropout=dropout)


def weights(of):
    return torch.cat([p.detach().flatten() for p in of.parameters()])


def jitter(instances, sizes):
    return instances + 0.1 * torch.randn_like(instances)


def interrupt_at(epoch):
    def stop(record):
        if record.epoch == epoch:
            raise KeyboardInterrupt

    return stop


def loss_of(net, bags):
    predictions = predict(net, bags)
    logits, labels = map(torch.from_numpy, (predictions.logits, predictions.labels))
    return float(torch.nn.functional.binary_cross_entropy_with_logits(logits, labels))
