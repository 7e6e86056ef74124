"""Reproduction of published experiments: plain and improved recipes on data nobody here made.

``python -m mil_tutorial.reproduction mnist-50 musk1 colon --out FILE`` measures the recipes of
``mil_tutorial.recipes`` and writes a line of JSON for each; what is in the file is not run again.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from mil_tutorial.judgement import Judgement
from mil_tutorial.recipes import NAMES, Recipe, recipes
from tqdm.auto import tqdm

from mil_tutorial.bags.splits import check_groups
from mil_tutorial.cli.slides import whole_number
from mil_tutorial.experiment.baselines import baseline_probabilities, baselines_for
from mil_tutorial.experiment.benchmarks import Benchmark, Split
from mil_tutorial.experiment.trials import train_one
from mil_tutorial.system.jobs import share_work
from mil_tutorial.system.versions import environment
from mil_tutorial.training.config import TrainingConfig
from mil_tutorial.training.prediction import Predictions, ensemble, predict

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
        (``single``) and of the baselines, for each seed and with intervals. ``single`` has none:
        members of a seed share its bags, and resampling them one by one would make it too narrow.
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
                check_groups(**split.parts())
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
        "single": without_intervals(alone.metrics()),
        "baselines": {name: judgement.metrics() for name, judgement in trivial.items()},
    }


def train_and_predict(
    benchmark: Benchmark, pooling: str, split: Split, config: TrainingConfig
) -> Predictions:
    """Train one member and let it judge the test bags of its split."""
    model, _ = train_one(benchmark, pooling, split, config)
    return predict(model, split.test)


def without_intervals(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return metrics without ``low`` and ``high``."""
    return {
        name: without_intervals(value) if isinstance(value, dict) else value
        for name, value in metrics.items()
        if name not in ("low", "high")
    }


def _no_splits(seed: int) -> list[Split]:
    return []


def read_reproductions(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file that this module wrote; none where there is no file.

    Raises
    ------
    ValueError
        When a line is not whole.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise ValueError(f"{path}: a line is not whole; take it out to go on ({error})") from error


def main(arguments: list[str] | None = None) -> int:
    """Measure recipes and write them."""
    parser = argparse.ArgumentParser(prog="python -m mil_tutorial.reproduction")
    parser.add_argument("data", nargs="+", choices=NAMES, help=f"of {', '.join(NAMES)}")
    parser.add_argument("--recipes", nargs="+", metavar="NAME", help="default: all of the data's")
    parser.add_argument("--seeds", type=whole_number, default=5)
    parser.add_argument("--jobs", type=whole_number, default=1, help="as for compare (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="a file of JSON lines")
    options = parser.parse_args(arguments)
    try:
        _measure(options, parser)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    found = [recipe for data in options.data for recipe in recipes(data)]
    names = {recipe.name for recipe in found}
    if unknown := set(options.recipes or ()) - names:
        parser.error(f"no recipe {', '.join(unknown)}; there are {', '.join(sorted(names))}")
    done = read_reproductions(options.out)
    with options.out.open("a", encoding="utf-8", newline="\n") as file:  # fails before training
        for recipe in found:
            wanted = options.recipes is None or recipe.name in options.recipes
            if wanted and not any(_is_of(row, recipe, options.seeds) for row in done):
                row = reproduce(recipe, seeds=options.seeds, jobs=options.jobs)
                file.write(json.dumps(row) + "\n")
                file.flush()


def _is_of(row: dict[str, Any], recipe: Recipe, seeds: int) -> bool:
    wanted = recipe.as_dict() | {"seeds": seeds, "checksum": recipe.benchmark.test.checksum()}
    # A setting that is younger than the row had the value that it has by default.
    row = row | {"config": asdict(TrainingConfig()) | row["config"]}
    return all(row.get(name) == value for name, value in wanted.items())


if __name__ == "__main__":
    sys.exit(main())
