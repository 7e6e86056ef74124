"""What each part of the default recipe does, measured on bags that validate in the benchmark.

``python data/results/ablation.py --out ablation.jsonl`` writes a line for each data set and recipe;
those that are in the file are skipped.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial import Summary, TrainingConfig, load_benchmark, load_slides, run_experiment
from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.splits import group_folds, scale_together, standardise
from mil_tutorial.cli.arguments import whole_number
from mil_tutorial.experiment.benchmarks import Benchmark, Split
from mil_tutorial.experiment.recipe import DROPOUT, MEMBERS, default_config
from mil_tutorial.experiment.records import read_reproductions
from mil_tutorial.experiment.tables import as_results

GENES = ("TP53", "CDH1", "PIK3CA")
DATA: dict[str, tuple[str, str | None]] = {
    **{name: (name, None) for name in ("musk1", "musk2", "tcga-brca", "tcga-lung")},
    **{f"tcga-brca {gene}": ("tcga-brca", f"{gene}_mut") for gene in GENES},
    **{name: (name, None) for name in ("slides", "slides-hard")},
}
FORMER = TrainingConfig()
"""The default before: 50 epochs, a learning rate of 5e-4, patience 10, with dropout .25."""
Scale = Callable[..., list[MedicalBagDataset]]
RECIPES: dict[str, tuple[bool, float, Scale, int]] = {
    "former": (False, 0.25, standardise, 1),
    "+ settings": (True, DROPOUT, standardise, 1),
    "+ scale": (True, DROPOUT, scale_together, 1),
    f"+ {MEMBERS} members": (True, DROPOUT, scale_together, MEMBERS),
    "5 members": (True, DROPOUT, scale_together, 5),
}
"""The steps from the former default to today's, and one beyond.

Whether the settings are today's, dropout, scale, members.
"""


def inner(benchmark: Benchmark, scale: Scale) -> Benchmark:
    """Return a benchmark that tests on validation bags and divides the training bags anew."""
    pool = judges = benchmark.test
    if benchmark.name.startswith("slides"):
        pool, judges, _ = load_slides(benchmark.name)

    def splits(seed: int) -> Iterator[Split]:
        divisions = [(np.arange(len(pool)), np.arange(len(judges)), np.array([]))]
        if pool is judges:
            divisions = group_folds(pool.labels.tolist(), pool.groups, benchmark.n_folds, seed)
        for train, judged, _ in divisions:
            known = pool.subset(train)
            first, val, second = group_folds(known.labels.tolist(), known.groups, 5, seed)[0]
            rows = np.sort(np.r_[first, second])
            parts = scale(known.subset(rows), known.subset(val), judges.subset(judged))
            yield Split(*parts, test_rows=judged)

    return replace(benchmark, test=judges, splits=splits)


def measure(data: str, recipe: str, seeds: int, jobs: int) -> dict[str, Any]:
    """Return the results of attention, and its difference to the regression on the mean feature."""
    name, label = DATA[data]
    todays_settings, dropout, scale, members = RECIPES[recipe]
    benchmark = replace(inner(load_benchmark(name, label=label), scale), dropout=dropout)
    first = next(iter(benchmark.splits(0)))
    experiment = run_experiment(
        benchmark,
        poolings=["attention"],
        seeds=seeds,
        config=default_config(len(first.train) + len(first.val)) if todays_settings else FORMER,
        members=members,
        jobs=jobs,
    )
    return {"name": data, "recipe": recipe} | as_results(Summary(experiment))


def main(arguments: list[str] | None = None) -> int:
    """Measure what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA), metavar="NAME")
    parser.add_argument("--seeds", type=whole_number, default=3)
    parser.add_argument("--jobs", type=whole_number, default=1, help="as for compare (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="a file of JSON lines")
    options = parser.parse_args(arguments)
    try:
        rows = read_reproductions(options.out)
        if other := [row for row in rows if len(row["seeds"]) != options.seeds]:
            raise ValueError(
                f"{options.out} has rows of {len(other[0]['seeds'])} seeds, this ablation of "
                f"{options.seeds}; name another --out"
            )
        done = {(row["name"], row["recipe"]) for row in rows}
        with options.out.open("a", encoding="utf-8", newline="\n") as file:
            for data in options.data:
                for recipe in RECIPES:
                    if (data, recipe) not in done:
                        row = measure(data, recipe, options.seeds, options.jobs)
                        file.write(json.dumps(row) + "\n")
                        file.flush()
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
