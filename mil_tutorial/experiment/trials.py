"""Trials: models trained, their threshold chosen on validation bags, and tested."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import expit

from mil_tutorial.experiment.benchmarks import Benchmark, Split, Splits
from mil_tutorial.metrics.attention import attention_entropy, instance_auc
from mil_tutorial.metrics.decisions import threshold_for_sensitivity
from mil_tutorial.models.mil import MIL, build_model
from mil_tutorial.system.distributed import this_process
from mil_tutorial.training.checkpoints import identify, load_checkpoint
from mil_tutorial.training.config import TrainingConfig
from mil_tutorial.training.history import History
from mil_tutorial.training.loop import fit
from mil_tutorial.training.memory import naming_the_largest
from mil_tutorial.training.prediction import Predictions, ensemble, predict_together

WANTED_SENSITIVITY = 0.95
MEMBER_SEED = 1000
"""Member m of seed s starts from seed s + 1000 m."""

NO_BAGS = np.zeros((2, 0))
"""Labels and logits where no bags validate."""

Values = dict[str, np.ndarray]
"""Measures of a model on the T test bags of its split, each (T,)."""


class Trial(NamedTuple):
    """The trial of a seed and fold: the members' models, and what they say together and alone.

    ``models`` is empty where they are not kept. ``validation`` holds labels and logits of the
    validation bags, (2, V), of each by the members that validated on it; V may be 0.
    """

    models: list[MIL]
    histories: list[History]
    values: Values
    members: list[Values]
    validation: np.ndarray


@dataclass(frozen=True)
class Trials:
    """The trials of an experiment: each by its pooling, seed and fold, in any process.

    Attributes
    ----------
    splits : Splits
    config : TrainingConfig
        Its seed is replaced.
    members : int
        Models whose mean judges a test bag. Several differ by their seed, and by the bags they
        validate on, see ``Split.for_members``.
    keep_models : bool
        Keep the models of all seeds; else those of the first alone.
    checkpoints : path, optional
        The folder for the state of each training; see ``fit``.
    """

    splits: Splits
    config: TrainingConfig
    members: int
    keep_models: bool
    checkpoints: Path | None

    def __call__(self, pooling: str, seed: int, fold: int) -> Trial:
        """Train a model on a split, or the members of an ensemble, then test it."""
        benchmark, split = self.splits.benchmark, self.splits(seed, fold)
        models, histories, validations, tests = [], [], [], []
        for part, own, file in self._members(pooling, seed, fold):
            with naming_the_largest(*split.parts().values()):
                model, history = train_one(benchmark, pooling, part, own, file)
                if part.val is not None:
                    validations.append(predict_together(model, part.val))
                tests.append(predict_together(model, split.test))
            if self.keep_models or seed == 0:
                models.append(model)
            histories.append(history)
        truth = split.test.instance_labels
        judged = [np.stack([one.labels, one.logits]) for one in validations]
        judged = judged or [NO_BAGS] * self.members
        alone = [_values(test, own, truth) for test, own in zip(tests, judged)]
        same = part.val is split.val  # all members validate on the same bags, or on none
        validation = np.mean(judged, axis=0) if same else np.concatenate(judged, axis=1)
        is_one = self.members == 1
        together = alone[0] if is_one else _values(ensemble(tests), validation, truth)
        return Trial(models, histories, together, alone, validation)

    def check_checkpoints(self, pooling: str, seed: int, fold: int) -> None:
        """Refuse checkpoints from which a trial cannot resume."""
        if self.checkpoints is None:
            return
        benchmark = self.splits.benchmark
        for part, own, file in self._members(pooling, seed, fold):
            if file is not None and file.exists():
                model = new_model(benchmark, pooling, own.seed)
                identity = identify(model, part.train, part.val, own, benchmark.augment)
                load_checkpoint(file, identity, own.epochs)

    def _members(
        self, pooling: str, seed: int, fold: int
    ) -> Iterator[tuple[Split, TrainingConfig, Path | None]]:
        """Yield the split of each member, its settings, and its checkpoint."""
        for member, part in enumerate(self.splits(seed, fold).for_members(self.members, seed)):
            name = f"{pooling}-seed{seed}-fold{fold}"
            if self.members > 1:
                name += f"-member{member}"
            file = self.checkpoints and self.checkpoints / f"{name}.pt"
            yield part, replace(self.config, seed=seed + MEMBER_SEED * member), file


def train_one(
    benchmark: Benchmark,
    pooling: str,
    split: Split,
    config: TrainingConfig,
    checkpoint: Path | None = None,
) -> tuple[MIL, History]:
    """Build and train one model; the seed of ``config`` decides everything."""
    model = new_model(benchmark, pooling, config.seed).to(this_process().device)
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


def new_model(benchmark: Benchmark, pooling: str, seed: int) -> MIL:
    """Build a model whose initial weights the seed decides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(
            pooling,
            benchmark.input_dim,
            benchmark.hidden_dim,
            encoder=benchmark.make_encoder() if benchmark.make_encoder else None,
            dropout=benchmark.dropout,
        )


def _values(test: Predictions, validation: np.ndarray, truth: list[np.ndarray] | None) -> Values:
    threshold = 0.5  # where no validation bags choose it
    labels, logits = validation
    if len(labels):
        threshold = threshold_for_sensitivity(labels, expit(logits), WANTED_SENSITIVITY)
    entropy = attention_entropy(test.attention, sizes=test.sizes).numpy()
    values = {
        "probabilities": test.probabilities,
        "called_positive": test.probabilities >= threshold,
        "threshold": np.full(len(test.labels), threshold),
        "entropy": np.where(test.sizes > 1, entropy, np.nan),
    }
    if truth is not None:
        attention, scores = test.per_bag(test.attention), test.per_bag(test.instance_logits)
        values["attention_auc"] = instance_auc(attention, truth)
        values["score_auc"] = instance_auc(scores, truth)
        for name, arrays in (("attention", attention), ("scores", scores)):
            values[name] = np.empty(len(arrays), dtype=object)  # of unequal length
            values[name][:] = arrays
    return values


@dataclass(frozen=True)
class PoolingRuns:
    """One pooling, run with S seeds, seen on the B test bags."""

    probabilities: np.ndarray  # (S, B)
    called_positive: np.ndarray  # (S, B): by ``threshold``
    # (S, B): what a probability had to reach, for the wanted sensitivity on validation bags; 0.5
    # where no bags were held back
    threshold: np.ndarray
    entropy: np.ndarray  # (S, B): normalised attention entropy; NaN for bags of one instance
    # Where instance truth exists. Instance AUC within each bag, of attention and of instance
    # logits, (S, B); NaN where a bag has instances of one kind only.
    attention_auc: np.ndarray | None = None
    score_auc: np.ndarray | None = None
    # These themselves, (S, B) of arrays (n_b,).
    attention: np.ndarray | None = None
    scores: np.ndarray | None = None
    histories: list[History] = field(default_factory=list)  # one for each seed, fold and member

    @property
    def seconds_per_epoch(self) -> float:
        """Median time of an epoch, validation included."""
        return float(np.median(np.concatenate([h.column("seconds") for h in self.histories])))


def collect_runs(
    shape: tuple[int, int],
    rows: Sequence[tuple[int, np.ndarray]],
    values: Sequence[Values],
    histories: list[History],
) -> PoolingRuns:
    """Put the values of all trials in their places: run and test rows of each, (S, B) in all."""
    columns = {
        name: np.full(shape, np.nan, object if column.dtype == object else float)
        for name, column in values[0].items()
    }
    for place, part in zip(rows, values, strict=True):
        for name, column in part.items():
            columns[name][place] = column
    columns["called_positive"] = columns["called_positive"].astype(bool)
    return PoolingRuns(histories=histories, **columns)
