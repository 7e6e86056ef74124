"""The experiment: every pooling on the same bags, splits and seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from mil_tutorial.bags.splits import check_classes, check_groups
from mil_tutorial.experiment.baselines import baseline_probabilities, baselines_for
from mil_tutorial.experiment.benchmarks import Benchmark, Split
from mil_tutorial.experiment.trials import PoolingRuns, Record, run_trial
from mil_tutorial.models.mil import MIL
from mil_tutorial.system.distributed import this_process
from mil_tutorial.system.jobs import share_work
from mil_tutorial.training.config import TrainingConfig

FOUR_POOLINGS = ("max", "mean", "attention", "gated")


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
    jobs: int = 1,
    checkpoints: Path | None = None,
    progress: bool = True,
) -> Experiment:
    """Train and test every pooling with several seeds.

    A seed decides the initial weights, the order of bags and, where the data are divided or drawn
    anew, the splits. Poolings share all of these, so their results can be compared in pairs.

    Where several processes were launched (see ``processes``), they train each model together.

    Parameters
    ----------
    benchmark : Benchmark
    poolings : sequence of str
    seeds : int
        How many; they are 0, 1, 2, …
    config : TrainingConfig, optional
        In place of the benchmark's own; its seed is replaced.
    jobs : int
        Processes that share the work, this one included; the results do not depend on it. Each
        needs half a gigabyte for itself, and a copy of the data. See ``parallel.share_work``. Each
        trains other models, so it is not for processes that a launcher started.
    checkpoints : path, optional
        A folder for the state of each training, written after every epoch. What is there is gone on
        with, and what was trained to its end is not trained again.
    progress : bool

    Raises
    ------
    ValueError
        For a patient in two splits, or a split of one class.
    """
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}; at least one run is needed")
    processes = this_process()
    if jobs > 1 and processes.number > 1:
        raise ValueError(
            f"jobs is {jobs}, but {processes.number} processes were launched; leave it 1"
        )
    config = config or benchmark.config
    if jobs > 1 and config.workers:
        raise ValueError(
            f"jobs is {jobs} and workers is {config.workers}; the processes of jobs cannot start "
            "readers of their own: leave one of them out"
        )
    check_classes(test=benchmark.test)
    plan = _Plan(benchmark, poolings, seeds, config, checkpoints)
    total = len(poolings) * seeds * benchmark.n_folds
    with tqdm(
        total=total, disable=None if progress and processes.is_main else True, unit="model"
    ) as bar:
        trials = share_work(run_trial, plan.tasks(), min(jobs, total), bar.update)
    records = {pooling: Record(pooling, plan.folds.shape) for pooling in poolings}
    for (pooling, place), trial in zip(plan.places, trials, strict=True):
        records[pooling].add(place, trial)
    return Experiment(
        benchmark=benchmark,
        config=config,
        seeds=list(range(seeds)),
        runs={pooling: record.runs() for pooling, record in records.items()},
        baselines=plan.baselines,
        folds=plan.folds,
        models={pooling: record.first for pooling, record in records.items()},
        checksums=plan.checksums,
    )


class _Plan:
    """All trainings of an experiment, split after split, and what is known without training."""

    def __init__(
        self,
        benchmark: Benchmark,
        poolings: Sequence[str],
        seeds: int,
        config: TrainingConfig,
        checkpoints: Path | None,
    ) -> None:
        self.benchmark, self.poolings, self.seeds, self.config = benchmark, poolings, seeds, config
        self.checkpoints = checkpoints
        shape = (seeds, len(benchmark.test))
        self.folds = np.zeros(shape, dtype=int)
        self.baselines = {name: np.full(shape, np.nan) for name in baselines_for(benchmark.test)}
        self.checksums: list[str] = []
        self.places: list[tuple[str, tuple]] = []  # of each task: pooling, rows of the results

    def tasks(self) -> Iterator[tuple]:
        """Yield the arguments of each ``run_trial``."""
        # A function cannot be sent to another process; each task brings its split along.
        benchmark = replace(self.benchmark, splits=_no_splits)
        for seed in range(self.seeds):
            # One split at a time: standardised copies of large features would fill the memory.
            for fold, split in enumerate(self.benchmark.splits(seed)):
                place = (seed, split.test_rows)
                self._note(place, fold, split)
                for pooling in self.poolings:
                    self.places.append((pooling, place))
                    yield (
                        benchmark,
                        pooling,
                        split,
                        self.config,
                        seed,
                        self._file(pooling, seed, fold),
                    )

    def _file(self, pooling: str, seed: int, fold: int) -> Path | None:
        return self.checkpoints and self.checkpoints / f"{pooling}-seed{seed}-fold{fold}.pt"

    def _note(self, place: tuple, fold: int, split: Split) -> None:
        if split.val is None:
            raise ValueError(
                f"{self.benchmark.name} comes without validation bags, and an experiment chooses "
                "epoch and threshold by them; take splits that have some"
            )
        check_groups(**split.parts())
        check_classes(train=split.train, val=split.val)
        self.checksums.append(f"{split.train.checksum()} {split.val.checksum()}")
        self.folds[place] = fold
        for name, values in self.baselines.items():
            values[place] = baseline_probabilities(name, split.train, split.test)


def _no_splits(seed: int) -> list[Split]:
    return []
