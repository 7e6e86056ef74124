"""The experiment: every pooling on the same bags, splits and seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from mil_tutorial.bags.splits import check_classes, check_groups
from mil_tutorial.experiment.baselines import baseline_probabilities, baselines_for
from mil_tutorial.experiment.benchmarks import Benchmark, Splits
from mil_tutorial.experiment.trials import (
    PoolingRuns,
    Trials,
    collect_runs,
    new_model,
)
from mil_tutorial.models.mil import MIL, check_poolings
from mil_tutorial.system.distributed import this_process
from mil_tutorial.system.files import check_writable
from mil_tutorial.system.jobs import share_work
from mil_tutorial.system.numbers import as_integer, check_kind
from mil_tutorial.training.checkpoints import checkpoint_bytes
from mil_tutorial.training.config import TrainingConfig
from mil_tutorial.training.memory import check_memory

FOUR_POOLINGS = ("max", "mean", "attention", "gated")


@dataclass(frozen=True)
class Experiment:
    """All runs on one benchmark.

    Attributes
    ----------
    seeds : list of int
    runs : dict
        Pooling → its runs, (S, B).
    members : dict
        Pooling → the single models of its ensembles, (S · M, B): the members of the first seed,
        then those of the second, and so on. Without ensembles, the same as ``runs``.
    baselines : dict
        Name → probabilities (S, B) of a model without MIL.
    folds : int array, shape (S, B)
        Which model of a seed judged each bag; all 0 where the test set is fixed.
    ensembles : dict
        Pooling → of each seed and fold the models whose mean judges, (S · F) lists of M: the folds
        of the first seed, then those of the second, and so on. Empty lists after the first seed
        unless all models were to be kept.
    validations : dict
        Pooling → labels and logits of the validation bags, (2, V), of each of these ensembles.
    checksums : list of str
        Of training and validation bags, for each seed and fold.
    """

    benchmark: Benchmark
    config: TrainingConfig
    seeds: list[int]
    runs: dict[str, PoolingRuns]
    members: dict[str, PoolingRuns]
    baselines: dict[str, np.ndarray]
    folds: np.ndarray
    ensembles: dict[str, list[list[MIL]]]
    validations: dict[str, list[np.ndarray]]
    checksums: list[str]

    @property
    def models(self) -> dict[str, MIL]:
        """Pooling → the first model of the first seed and fold."""
        return {pooling: ensembles[0][0] for pooling, ensembles in self.ensembles.items()}

    @property
    def n_members(self) -> int:
        """How many models an ensemble has, 1 without ensembles."""
        pooling = next(iter(self.runs))
        one, all_ = self.runs[pooling].probabilities, self.members[pooling].probabilities
        return len(all_) // len(one)


def run_experiment(
    benchmark: Benchmark,
    *,
    poolings: Sequence[str] = FOUR_POOLINGS,
    seeds: int = 5,
    config: TrainingConfig | None = None,
    members: int | None = None,
    keep_models: bool = False,
    jobs: int = 1,
    checkpoints: Path | None = None,
    progress: bool = True,
    before_training: Callable[[], None] | None = None,
) -> Experiment:
    """Train and test every pooling with several seeds.

    A seed decides the initial weights, the order of bags and, where the data are divided or drawn
    anew, the splits. Poolings share all of these, so their results can be compared in pairs.

    Where several processes were launched (see ``system.distributed``), they train each model
    together.

    Parameters
    ----------
    benchmark : Benchmark
    poolings : sequence of str
    seeds : int
        How many; they are 0, 1, 2, …
    config : TrainingConfig, optional
        In place of the benchmark's own; its seed is replaced.
    members : int, optional
        Models whose mean judges a test bag, in place of the benchmark's number; 1: a single model.
    keep_models : bool
        Keep the models of all seeds, as ``keep_model`` needs them; else those of the first alone.
    jobs : int
        Processes that share the trainings; the results do not depend on it. See
        ``system.jobs.share_work``. Not for processes that a launcher started.
    checkpoints : path, optional
        A folder for the state of each training, written after every epoch. Unfinished trainings
        resume; finished ones are skipped.
    progress : bool
    before_training : function, optional
        Called when all input has been checked.

    Raises
    ------
    ValueError
        For a pooling that is unknown or named twice, a patient in two splits, a split of one class,
        a bag that does not fit into the free memory, or checkpoints that cannot be written or are
        of another run; all before the first training.
    """
    check_kind(Benchmark, benchmark=benchmark)
    check_poolings(poolings)
    members = benchmark.members if members is None else as_integer(members, "members")
    seeds = as_integer(seeds, "seeds")
    jobs = as_integer(jobs, "jobs")
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
    total = len(poolings) * seeds * benchmark.n_folds
    # Everything but the trainings comes first: what is wrong with the last of the splits, or with a
    # file that only the report reads, is known before hours of work.
    check_classes(test=benchmark.test)
    memory = partial(check_memory, config=config, hidden=benchmark.hidden_dim, jobs=jobs)
    memory(benchmark.test, trained=benchmark.n_folds > 1)
    if checkpoints is not None:
        size = max(checkpoint_bytes(new_model(benchmark, name, seed=0)) for name in poolings)
        missing = max(1, total * members - len(list(checkpoints.glob("*.pt"))))
        check_writable(checkpoints, missing * size)
    benchmark.test.checksum()
    shape = (seeds, len(benchmark.test))
    folds = np.zeros(shape, dtype=int)
    baselines = {name: np.full(shape, np.nan) for name in baselines_for(benchmark.test)}
    checksums: list[str] = []
    places: list[tuple[int, np.ndarray]] = []  # of each split: its seed and rows in the results
    splits = Splits(benchmark)
    run = Trials(splits, config, members, keep_models, checkpoints)

    def prepare(seed: int, fold: int) -> None:
        """Check a split, and let the baselines judge its test bags."""
        split = splits(seed, fold)
        parts = split.parts()
        check_groups(**parts)
        for name, part in parts.items():
            memory(part, trained=name == "train" or (name == "val" and members > 1))
        del parts["test"]  # a fold may hold one class
        check_classes(**parts)
        checksums.append(" ".join(part.checksum() for part in parts.values()))
        places.append(place := (seed, split.test_rows))
        folds[place] = fold
        for name, known in baselines.items():
            known[place] = baseline_probabilities(name, split.not_tested(), split.test)
        for pooling in poolings:
            run.check_checkpoints(pooling, seed, fold)

    folds_of_seeds = list(product(range(seeds), range(benchmark.n_folds)))
    for seed, fold in folds_of_seeds:
        prepare(seed, fold)
    tested = [sum(len(rows) for own, rows in places if own == seed) for seed in range(seeds)]
    if set(tested) != {len(benchmark.test)}:
        raise ValueError(
            f"{benchmark.name}: n_folds is {benchmark.n_folds}, whose splits test {tested[0]} of "
            f"{len(benchmark.test)} bags; n_folds is how many splits a seed has"
        )
    if before_training is not None:
        before_training()
    with tqdm(
        total=total, disable=None if progress and processes.is_main else True, unit="model"
    ) as bar:
        tasks = [(pooling, *place) for place in folds_of_seeds for pooling in poolings]
        trials = share_work(run, tasks, min(jobs, total), bar.update)
    runs, singles, ensembles, validations = {}, {}, {}, {}
    for i, pooling in enumerate(poolings):
        own = trials[i :: len(poolings)]
        ensembles[pooling] = [trial.models for trial in own]
        validations[pooling] = [trial.validation for trial in own]
        histories = [history for trial in own for history in trial.histories]
        values = [trial.values for trial in own]
        runs[pooling] = singles[pooling] = collect_runs(shape, places, values, histories)
        if members > 1:
            singles[pooling] = collect_runs(
                (seeds * members, len(benchmark.test)),
                [(seed * members + m, rows) for seed, rows in places for m in range(members)],
                [values for trial in own for values in trial.members],
                histories,
            )
    return Experiment(
        benchmark=benchmark,
        config=config,
        seeds=list(range(seeds)),
        runs=runs,
        members=singles,
        baselines=baselines,
        folds=folds,
        ensembles=ensembles,
        validations=validations,
        checksums=checksums,
    )
