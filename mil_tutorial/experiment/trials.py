"""A trial: one model trained and tested. An experiment repeats it with other poolings and seeds."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from mil_tutorial.attention_metrics import attention_entropy, instance_auc
from mil_tutorial.config import TrainingConfig
from mil_tutorial.datasets.benchmark import Benchmark, Split
from mil_tutorial.history import History
from mil_tutorial.metrics import threshold_for_sensitivity
from mil_tutorial.models import MIL, build_model
from mil_tutorial.processes import this_process
from mil_tutorial.shared_prediction import predict_together
from mil_tutorial.training import fit

WANTED_SENSITIVITY = 0.95


class Trial(NamedTuple):
    """A trained model and what it said of the T test bags of its split."""

    model: MIL
    history: History
    said: dict[str, np.ndarray]  # each (T,)


def run_trial(
    benchmark: Benchmark,
    pooling: str,
    split: Split,
    config: TrainingConfig,
    seed: int,
    checkpoint: Path | None = None,
) -> Trial:
    """Train one model with this seed on a split, then test it; ``checkpoint`` as in ``fit``."""
    model, history = train_one(benchmark, pooling, split, replace(config, seed=seed), checkpoint)
    return Trial(model, history, _test(model, split))


def train_one(
    benchmark: Benchmark,
    pooling: str,
    split: Split,
    config: TrainingConfig,
    checkpoint: Path | None = None,
) -> tuple[MIL, History]:
    """Build and train one model; the seed of ``config`` decides everything."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        encoder = benchmark.make_encoder() if benchmark.make_encoder else None
        model = build_model(
            pooling,
            benchmark.input_dim,
            benchmark.hidden_dim,
            encoder=encoder,
            dropout=benchmark.dropout,
        ).to(this_process().device)
    history = fit(
        model,
        split.train,
        split.val,
        config,
        augment=benchmark.augment,
        checkpoint=checkpoint,
        progress=False,
    )
    return model, history


def _test(model: MIL, split: Split) -> dict[str, np.ndarray]:
    """Predict the test bags; the threshold comes from the validation bags."""
    assert split.val is not None
    validation = predict_together(model, split.val)
    threshold = threshold_for_sensitivity(
        validation.labels, validation.probabilities, WANTED_SENSITIVITY
    )
    found = predict_together(model, split.test)
    entropy = attention_entropy(found.attention, sizes=found.sizes).numpy()
    values = {
        "probabilities": found.probabilities,
        "called_positive": found.probabilities >= threshold,
        "threshold": np.full(len(found.labels), threshold),
        "entropy": np.where(found.sizes > 1, entropy, np.nan),
    }
    if (truth := split.test.instance_labels) is not None:
        values["attention_auc"] = instance_auc(found.per_bag(found.attention), truth)
        values["score_auc"] = instance_auc(found.per_bag(found.instance_logits), truth)
    return values
