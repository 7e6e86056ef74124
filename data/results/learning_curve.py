"""Measure a learning curve: ``python data/results/learning_curve.py --sizes 25 50 --out FILE``."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from mil_tutorial import MedicalBagDataset, load_benchmark
from mil_tutorial.bags.splits import group_numbers
from mil_tutorial.experiment.benchmarks import Benchmark, Split
from mil_tutorial.experiment.records import CurvePoint
from mil_tutorial.experiment.run import FOUR_POOLINGS, run_experiment
from mil_tutorial.experiment.summary import Summary
from mil_tutorial.system.versions import environment


def learning_curve(
    benchmark: Benchmark,
    sizes: Sequence[int],
    *,
    poolings: Sequence[str],
    seeds: int = 5,
    jobs: int = 1,
    progress: bool = True,
) -> list[CurvePoint]:
    """Run the experiment with fewer and fewer training bags.

    Validation and test bags stay the same. A seed decides which patients are left, besides the
    initial weights and the order of bags, so the interval covers that choice too.

    Parameters
    ----------
    benchmark : Benchmark
    sizes : sequence of int
        Numbers of training bags.
    poolings, seeds, jobs, progress
        As in ``run_experiment``.

    Returns
    -------
    list of CurvePoint
        Size after size, and for each size the poolings.

    Raises
    ------
    ValueError
        When a size is larger than the training set, or so small that a class is missing.
    """
    points = []
    for size in sizes:

        def splits(seed: int, size: int = size) -> Iterator[Split]:
            for split in benchmark.splits(seed):
                yield replace(split, train=training_subset(split.train, size, seed))

        experiment = run_experiment(
            replace(benchmark, splits=splits),
            poolings=poolings,
            seeds=seeds,
            jobs=jobs,
            progress=progress,
        )
        summary = Summary(experiment)
        for pooling in poolings:
            estimate, by_seed = summary.row(pooling)["auc"], summary.auc_by_seed(pooling)
            points.append(CurvePoint(pooling, size, estimate, by_seed))
    return points


def training_subset(train: MedicalBagDataset, n_bags: int, seed: int = 0) -> MedicalBagDataset:
    """Draw bags of whole patients until there are ``n_bags``.

    Patients with and without a positive bag come in their usual proportion. The subsets of one
    seed are nested: a larger one holds all bags of a smaller one. Of the last patient only as many
    bags are taken as are needed.

    Raises
    ------
    ValueError
        When there are fewer bags than that.
    """
    if not 1 <= n_bags <= len(train):
        raise ValueError(f"n_bags is {n_bags}, expected 1 to {len(train)}, the training bags")
    group_of, positive = group_numbers(train.groups), train.labels.numpy() == 1
    patients = np.random.default_rng(seed).permutation(group_of.max() + 1)
    ill = np.isin(patients, group_of[positive])
    # Each patient's place in his own queue, as a share: so both queues end together.
    place = np.empty(len(patients))
    for queue in (ill, ~ill):
        place[queue] = (np.arange(queue.sum()) + 0.5) / max(queue.sum(), 1)
    rank = np.empty(len(patients), dtype=int)
    rank[patients[np.argsort(place, kind="stable")]] = np.arange(len(patients))
    rows = np.argsort(rank[group_of], kind="stable")[:n_bags]
    return train.subset(sorted(rows.tolist()))


def main(arguments: list[str] | None = None) -> None:
    """Measure the curve of the poolings and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="slides", help="as for compare (default: slides)")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="as for compare, with a folder")
    parser.add_argument("--positive", metavar="NAME", help="as for compare, with a folder")
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="training bags")
    parser.add_argument("--poolings", nargs="+", default=FOUR_POOLINGS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="as for compare (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="a JSON file")
    options = parser.parse_args(arguments)
    benchmark = load_benchmark(options.data, labels=options.labels, positive=options.positive)
    points = learning_curve(
        benchmark,
        list(dict.fromkeys(options.sizes)),
        poolings=options.poolings,
        seeds=options.seeds,
        jobs=options.jobs,
    )
    record = {
        "data": {"name": benchmark.name, "checksum": benchmark.test.checksum()},
        "config": asdict(benchmark.config),
        "environment": environment(),
        "points": [asdict(point) for point in points],
    }
    options.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
