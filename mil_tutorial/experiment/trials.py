"""A trial: one model trained and tested. An experiment repeats it with other poolings and seeds."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from mil_tutorial.experiment.benchmarks import Benchmark, Split
from mil_tutorial.metrics.attention import attention_entropy, instance_auc
from mil_tutorial.metrics.decisions import threshold_for_sensitivity
from mil_tutorial.models.mil import MIL, build_model
from mil_tutorial.system.distributed import this_process
from mil_tutorial.training.config import TrainingConfig
from mil_tutorial.training.history import History
from mil_tutorial.training.loop import fit
from mil_tutorial.training.prediction import predict_together

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


@dataclass(frozen=True)
class PoolingRuns:
    """One pooling, run with S seeds, seen on the B test bags.

    Attributes
    ----------
    probabilities : array, shape (S, B)
    called_positive : bool array, shape (S, B)
        By ``threshold``.
    threshold : array, shape (S, B)
        What a probability had to reach: chosen for the wanted sensitivity on validation bags, so
        one for each model.
    entropy : array, shape (S, B)
        Normalised attention entropy; NaN for bags of one instance.
    attention_auc, score_auc : arrays, shape (S, B), or None
        Instance AUC within each bag, of attention and of instance logits; NaN where a bag has
        instances of one kind only; None where no instance truth exists.
    histories : list of History
        One for each seed and fold.
    """

    pooling: str
    probabilities: np.ndarray
    called_positive: np.ndarray
    threshold: np.ndarray
    entropy: np.ndarray
    attention_auc: np.ndarray | None
    score_auc: np.ndarray | None
    histories: list[History]

    @property
    def seconds_per_epoch(self) -> float:
        """Median time of an epoch, validation included."""
        return float(np.median(np.concatenate([h.column("seconds") for h in self.histories])))


class Record:
    """Collects what one pooling says of the test bags, seed after seed and fold after fold."""

    def __init__(self, pooling: str, shape: tuple[int, ...]) -> None:
        self.pooling, self.shape = pooling, shape
        self.columns: dict[str, np.ndarray] = {}
        self.histories: list[History] = []
        self.first: MIL

    def add(self, place: tuple, trial: Trial) -> None:
        """Note one trial and the rows of the results that it fills."""
        if not self.histories:
            self.first = trial.model
        self.histories.append(trial.history)
        for name, values in trial.said.items():
            self.columns.setdefault(name, np.full(self.shape, np.nan))[place] = values

    def runs(self) -> PoolingRuns:
        """Return what was collected."""
        columns = self.columns
        return PoolingRuns(
            pooling=self.pooling,
            probabilities=columns["probabilities"],
            called_positive=columns["called_positive"].astype(bool),
            threshold=columns["threshold"],
            entropy=columns["entropy"],
            attention_auc=columns.get("attention_auc"),
            score_auc=columns.get("score_auc"),
            histories=self.histories,
        )
