"""The experiment: every pooling on the same bags, splits and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm.auto import tqdm

from mil_tutorial.attention_metrics import attention_entropy, instance_auc
from mil_tutorial.baselines import BASELINES, baseline_probabilities
from mil_tutorial.config import TrainingConfig
from mil_tutorial.datasets.benchmark import Benchmark, Split
from mil_tutorial.history import History
from mil_tutorial.metrics import threshold_for_sensitivity
from mil_tutorial.models import MIL, build_model
from mil_tutorial.prediction import predict
from mil_tutorial.splits import check_classes, check_groups
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
    """All runs on one benchmark.

    Attributes
    ----------
    seeds : list of int
    runs : dict
        Pooling → its runs.
    baselines : dict
        Name → probabilities (S, B) of a model without MIL.
    folds : int array, shape (S, B)
        Which model of a seed judged each bag; all 0 where the test set is fixed.
    models : dict
        Pooling → the model of the first seed and fold.
    checksums : list of str
        Of training and validation bags, for each seed and fold.
    """

    benchmark: Benchmark
    config: TrainingConfig
    seeds: list[int]
    runs: dict[str, PoolingRuns]
    baselines: dict[str, np.ndarray]
    folds: np.ndarray
    models: dict[str, MIL]
    checksums: list[str]


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

    Raises
    ------
    ValueError
        For a patient in two splits, or a split of one class.
    """
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}; at least one run is needed")
    config = config or benchmark.config
    check_classes(test=benchmark.test)
    shape = (seeds, len(benchmark.test))
    records = {pooling: _Record(pooling, shape) for pooling in poolings}
    baselines = {name: np.full(shape, np.nan) for name in BASELINES}
    folds, checksums = np.zeros(shape, dtype=int), []
    total = len(poolings) * seeds * benchmark.n_folds
    with tqdm(total=total, disable=None if progress else True, unit="model") as bar:
        for seed in range(seeds):
            # One split at a time: standardised copies of large features would fill the memory.
            for fold, split in enumerate(benchmark.splits(seed)):
                _check(split)
                checksums.append(f"{split.train.checksum()} {split.val.checksum()}")
                place = (seed, split.test_rows)
                folds[place] = fold
                for name, values in baselines.items():
                    values[place] = baseline_probabilities(name, split.train, split.test)
                for record in records.values():
                    bar.set_description(record.pooling)
                    model, history = train_one(
                        benchmark, record.pooling, split, replace(config, seed=seed)
                    )
                    record.add(place, model, history, split)
                    bar.update()
    return Experiment(
        benchmark=benchmark,
        config=config,
        seeds=list(range(seeds)),
        runs={pooling: record.runs() for pooling, record in records.items()},
        baselines=baselines,
        folds=folds,
        models={pooling: record.first for pooling, record in records.items()},
        checksums=checksums,
    )


def train_one(
    benchmark: Benchmark, pooling: str, split: Split, config: TrainingConfig
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
        )
    return model, fit(model, split.train, split.val, config, progress=False)


class _Record:
    """Collects what one pooling says of the test bags, seed after seed and fold after fold."""

    def __init__(self, pooling: str, shape: tuple[int, int]) -> None:
        self.pooling, self.shape = pooling, shape
        self.columns: dict[str, np.ndarray] = {}
        self.histories: list[History] = []
        self.first: MIL

    def add(self, place: tuple, model: MIL, history: History, split: Split) -> None:
        if not self.histories:
            self.first = model
        self.histories.append(history)
        for name, values in _test(model, split).items():
            self.columns.setdefault(name, np.full(self.shape, np.nan))[place] = values

    def runs(self) -> PoolingRuns:
        columns = self.columns
        return PoolingRuns(
            pooling=self.pooling,
            probabilities=columns["probabilities"],
            called_positive=columns["called_positive"].astype(bool),
            entropy=columns["entropy"],
            attention_auc=columns.get("attention_auc"),
            score_auc=columns.get("score_auc"),
            histories=self.histories,
        )


def _check(split: Split) -> None:
    check_groups(train=split.train, val=split.val, test=split.test)
    check_classes(train=split.train, val=split.val)


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
    if (truth := split.test.instance_labels) is not None:
        values["attention_auc"] = instance_auc(found.per_bag(found.attention), truth)
        values["score_auc"] = instance_auc(found.per_bag(found.instance_logits), truth)
    return values
