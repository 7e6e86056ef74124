"""Reproduction of published experiments: plain and improved recipes on data nobody here made.

``python -m mil_tutorial.reproduction mnist-50 musk1 colon --out FILE`` measures the recipes of
``mil_tutorial.recipes`` and writes a line of JSON for each; what is in the file is not run again.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from mil_tutorial.baselines import baseline_probabilities, baselines_for
from mil_tutorial.config import TrainingConfig
from mil_tutorial.datasets.benchmark import Benchmark, Split
from mil_tutorial.ensembles import ensemble
from mil_tutorial.environment import environment
from mil_tutorial.judgement import Judgement
from mil_tutorial.parallel import share_work
from mil_tutorial.prediction import Predictions, predict
from mil_tutorial.recipes import NAMES, Recipe, recipes
from mil_tutorial.trial import train_one

MEMBER_SEED = 1000
"""Member m of seed s starts from seed s + 1000 m; all members of a seed have the same split."""


def reproduce(
    recipe: Recipe, *, seeds: int = 5, jobs: int = 1, progress: bool = True
) -> dict[str, Any]:
    """Train and test a recipe with several seeds.

    Parameters
    ----------
    recipe : Recipe
    seeds, jobs, progress
        As in ``run_experiment``.

    Returns
    -------
    dict
        Plain values: what was run, and the metrics of the ensemble, of its members by themselves
        (``single``) and of the baselines, with intervals and for each seed.
    """
    benchmark, members = recipe.benchmark, recipe.members
    together = Judgement(benchmark, seeds, recipe.smoothing)
    alone = Judgement(benchmark, seeds * members, recipe.smoothing)
    trivial = {name: Judgement(benchmark, seeds) for name in baselines_for(benchmark.test)}
    places: list[tuple[int, int, np.ndarray]] = []

    def tasks() -> Iterator[tuple]:
        # A function cannot be sent to another process; each task brings its split along.
        sent = replace(benchmark, splits=_no_splits)
        for seed in range(seeds):
            for fold, split in enumerate(benchmark.splits(seed)):
                places.append((seed, fold, split.test_rows))
                for name, judgement in trivial.items():
                    said = baseline_probabilities(name, split.train, split.test)
                    judgement.note(seed, fold, split.test_rows, said)
                for member in range(members):
                    config = replace(benchmark.config, seed=seed + MEMBER_SEED * member)
                    yield sent, recipe.pooling, split, config

    with tqdm(
        total=seeds * benchmark.n_folds * members, disable=None if progress else True, unit="model"
    ) as bar:
        found = share_work(train_and_predict, tasks(), jobs, bar.update)
    for i, (seed, fold, rows) in enumerate(places):
        said = found[i * members : (i + 1) * members]
        together.note_all(seed, fold, rows, ensemble(said))
        for m, member in enumerate(said):
            alone.note_all(seed * members + m, fold, rows, member)
    return recipe.as_dict() | {
        "seeds": seeds,
        "checksum": benchmark.test.checksum(),
        "environment": environment(),
        "ensemble": together.metrics(),
        "single": alone.metrics(),
        "baselines": {name: judgement.metrics() for name, judgement in trivial.items()},
    }


def train_and_predict(
    benchmark: Benchmark, pooling: str, split: Split, config: TrainingConfig
) -> Predictions:
    """Train one member and let it judge the test bags of its split."""
    model, _ = train_one(benchmark, pooling, split, config)
    return predict(model, split.test)


def _no_splits(seed: int) -> list[Split]:
    return []


def read_reproductions(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file that this module wrote; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main(arguments: list[str] | None = None) -> int:
    """Measure recipes and write them."""
    parser = argparse.ArgumentParser(prog="python -m mil_tutorial.reproduction")
    parser.add_argument("data", nargs="+", choices=NAMES, help=f"of {', '.join(NAMES)}")
    parser.add_argument("--recipes", nargs="+", metavar="NAME", help="default: all of the data's")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="as for compare (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="a file of JSON lines")
    options = parser.parse_args(arguments)
    done = {(r["data"], r["recipe"], r["pooling"]) for r in read_reproductions(options.out)}
    for data in options.data:
        for recipe in recipes(data):
            wanted = options.recipes is None or recipe.name in options.recipes
            if wanted and (data, recipe.name, recipe.pooling) not in done:
                row = reproduce(recipe, seeds=options.seeds, jobs=options.jobs)
                with options.out.open("a", encoding="utf-8", newline="\n") as file:
                    file.write(json.dumps(row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
