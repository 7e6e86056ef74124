"""The experiment: every pooling on the same bags, splits and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm.auto import tqdm

from mil_tutorial.attention_metrics import attention_entropy, instance_auc
from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.baselines import BASELINES, baseline_probabilities
from mil_tutorial.config import TrainingConfig
from mil_tutorial.datasets.benchmark import Benchmark, Split
from mil_tutorial.history import History
from mil_tutorial.metrics import threshold_for_sensitivity
from mil_tutorial.models import MIL, build_model
from mil_tutorial.prediction import Predictions, predict
from mil_tutorial.splits import check_splits
from mil_tutorial.training import fit

FOUR_POOLINGS = ("max", "mean", "attention", "gated")
WANTED_SENSITIVITY = 0.95


@dataclass(frozen=True)
class PoolingRuns:
    """One pooling, run with S seeds, seen on the B test bags.

    Attributes
    ----------
    probabilities : array, shape (S, B)
    called_positive : bool array, shape (S, B)
        By the threshold that reached the wanted sensitivity on validation bags.
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
    entropy: np.ndarray
    attention_auc: np.ndarray | None
    score_auc: np.ndarray | None
    histories: list[History]

    @property
    def seconds_per_epoch(self) -> float:
        """Median time of an epoch, validation included."""
        return float(np.median(np.concatenate([h.column("seconds") for h in self.histories])))


@dataclass(frozen=True)
class Experiment:
    """All runs on one benchmark, the baselines, and a model of the first seed for each pooling."""

    benchmark: Benchmark
    config: TrainingConfig
    seeds: list[int]
    runs: dict[str, PoolingRuns]
    baselines: dict[str, np.ndarray]  # name -> probabilities (S, B)
    models: dict[str, MIL]  # of the first seed and fold


def run_experiment(
    benchmark: Benchmark,
    *,
    poolings: Sequence[str] = FOUR_POOLINGS,
    seeds: int = 5,
    config: TrainingConfig | None = None,
    progress: bool = True,
) -> Experiment:
    """Train and test every pooling with several seeds.

    A seed decides the initial weights, the order of bags and, where the data are divided or drawn
    anew, the splits. Poolings share all of these, so their results can be compared in pairs.

    Parameters
    ----------
    benchmark : Benchmark
    poolings : sequence of str
    seeds : int
        How many; they are 0, 1, 2, …
    config : TrainingConfig, optional
        In place of the benchmark's own; its seed is replaced.
    progress : bool
    """
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}; at least one run is needed")
    config = config or benchmark.config
    splits = {seed: benchmark.splits(seed) for seed in range(seeds)}
    for split in (s for fold in splits.values() for s in fold):
        check_splits(train=split.train, val=split.val)
    total = len(poolings) * sum(map(len, splits.values()))
    runs, models = {}, {}
    with tqdm(total=total, disable=None if progress else True, unit="model") as bar:
        for pooling in poolings:
            bar.set_description(pooling)
            runs[pooling], models[pooling] = _run_pooling(benchmark, pooling, splits, config, bar)
    baselines = {
        name: np.stack([_baseline(name, folds, len(benchmark.test)) for folds in splits.values()])
        for name in BASELINES
    }
    return Experiment(benchmark, config, list(range(seeds)), runs, baselines, models)


def train_one(benchmark: Benchmark, pooling: str, split: Split, config: TrainingConfig) -> tuple:
    """Build and train one model; returns (model, history). The config's seed decides everything."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        encoder = benchmark.make_encoder() if benchmark.make_encoder else None
        model = build_model(
            pooling,
            benchmark.input_dim,
            benchmark.hidden_dim,
            encoder=encoder,
            dropout=benchmark.dropout,
        )
    return model, fit(model, split.train, split.val, config, progress=False)


def _run_pooling(
    benchmark: Benchmark,
    pooling: str,
    splits: dict[int, list[Split]],
    config: TrainingConfig,
    bar: tqdm,
) -> tuple[PoolingRuns, MIL]:
    n_bags = len(benchmark.test)
    shape = (len(splits), n_bags)
    columns = {name: np.full(shape, np.nan) for name in _COLUMNS}
    histories, first = [], None
    for row, (seed, folds) in enumerate(splits.items()):
        for split in folds:
            model, history = train_one(benchmark, pooling, split, replace(config, seed=seed))
            histories.append(history)
            first = first or model
            for name, values in _test(model, split).items():
                columns[name][row, split.test_rows] = values
            bar.update()
    truth = benchmark.test.instance_labels is not None
    runs = PoolingRuns(
        pooling=pooling,
        probabilities=columns["probabilities"],
        called_positive=columns["called_positive"].astype(bool),
        entropy=columns["entropy"],
        attention_auc=columns["attention_auc"] if truth else None,
        score_auc=columns["score_auc"] if truth else None,
        histories=histories,
    )
    assert first is not None
    return runs, first


_COLUMNS = ("probabilities", "called_positive", "entropy", "attention_auc", "score_auc")


def _test(model: MIL, split: Split) -> dict[str, np.ndarray]:
    """Predict the test bags; the threshold comes from the validation bags."""
    validation = predict(model, split.val)
    threshold = threshold_for_sensitivity(
        validation.labels, validation.probabilities, WANTED_SENSITIVITY
    )
    found = predict(model, split.test)
    entropy = attention_entropy(found.attention, sizes=found.sizes).numpy()
    values = {
        "probabilities": found.probabilities,
        "called_positive": found.probabilities >= threshold,
        "entropy": np.where(found.sizes > 1, entropy, np.nan),
    }
    return values | _instance_aucs(found, split.test)


def _instance_aucs(found: Predictions, test: MedicalBagDataset) -> dict[str, np.ndarray]:
    truth = test.instance_labels
    if truth is None:
        return {}
    return {
        "attention_auc": instance_auc(found.per_bag(found.attention), truth),
        "score_auc": instance_auc(found.per_bag(found.instance_logits), truth),
    }


def _baseline(name: str, folds: list[Split], n_bags: int) -> np.ndarray:
    probabilities = np.full(n_bags, np.nan)
    for split in folds:
        probabilities[split.test_rows] = baseline_probabilities(name, split.train, split.test)
    return probabilities
