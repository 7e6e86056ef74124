"""Reproduce published experiments with plain and improved recipes, on public data.

``python data/results/reproduce.py mnist-50 musk1 colon --out FILE`` measures the recipes of
``recipes.py`` and writes a line of JSON for each; recipes that are in the file are skipped.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from recipes import NAMES, Recipe, recipes

from mil_tutorial import Summary, TrainingConfig, run_experiment
from mil_tutorial.cli.arguments import whole_number
from mil_tutorial.experiment.records import read_reproductions
from mil_tutorial.experiment.trials import PoolingRuns
from mil_tutorial.metrics.attention import instance_auc, smooth_scores
from mil_tutorial.metrics.intervals import Measurement, difference, measure_auc, measure_mean
from mil_tutorial.system.versions import environment


def reproduce(
    recipe: Recipe,
    *,
    done: Sequence[dict[str, Any]] = (),
    seeds: int = 5,
    jobs: int = 1,
    progress: bool = True,
) -> dict[str, Any]:
    """Train and test a recipe with several seeds.

    Parameters
    ----------
    recipe : Recipe
    done : sequence of dict
        What was reproduced before. Where the plain recipe is among it, with the same pooling, test
        bags and seeds, the difference from that is measured, too.
    seeds, jobs, progress
        As in ``run_experiment``.

    Returns
    -------
    dict
        Plain values: what was run, and the metrics of the ensemble, of its members by themselves
        (``single``) and of the baselines, for each seed and with intervals. ``single`` has none:
        members of a seed share its bags and do not vary as independent runs would.
        ``ahead_of_plain`` are paired differences. ``probabilities`` (S, B) are those of the
        ensemble.
    """
    experiment = run_experiment(
        recipe.benchmark,
        poolings=[recipe.pooling],
        seeds=seeds,
        members=recipe.members,
        jobs=jobs,
        progress=progress,
    )
    summary = Summary(experiment)

    def measure(runs: PoolingRuns, one: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        metrics = bag_metrics(summary, runs.probabilities, one)
        return metrics | instance_metrics(summary, runs, recipe.smoothing, one)

    runs = experiment.runs[recipe.pooling]
    row = recipe.as_dict() | {
        "seeds": seeds,
        "checksum": recipe.benchmark.test.checksum(),
        "environment": environment(),
        "ensemble": measure(runs, with_interval),
        "single": measure(experiment.members[recipe.pooling], without),
        "baselines": {
            name: bag_metrics(summary, probabilities, with_interval)
            for name, probabilities in experiment.baselines.items()
        },
        "probabilities": runs.probabilities.round(4).tolist(),
    }
    for plain in done:
        same = all(row[name] == plain[name] for name in ("data", "pooling", "checksum", "seeds"))
        if same and plain["recipe"] == "plain" and recipe.name == "improved":
            theirs = bag_measures(summary, np.array(plain["probabilities"]))
            row["ahead_of_plain"] = {
                name: asdict(difference(mine, theirs[name]))
                for name, mine in bag_measures(summary, runs.probabilities).items()
            }
    return row


def with_interval(measured: Measurement) -> dict[str, Any]:
    """Return a measurement as plain values."""
    return asdict(measured.estimate) | {"by_run": measured.by_seed.tolist()}


def without(measured: Measurement) -> dict[str, Any]:
    """Return a measurement of the members of ensembles, which depend on each other."""
    return {"value": measured.estimate.value, "by_run": measured.by_seed.tolist()}


def bag_metrics(
    summary: Summary, probabilities: np.ndarray, one: Callable[[Measurement], dict[str, Any]]
) -> dict[str, Any]:
    """Measure probabilities (R, B) of R runs, as plain values; see ``bag_measures``."""
    measures = bag_measures(summary, probabilities)
    return {name: one(measured) for name, measured in measures.items()}


def bag_measures(summary: Summary, probabilities: np.ndarray) -> dict[str, Measurement]:
    """Measure probabilities (R, B) of R runs.

    ``auc`` compares bags that one model judged, ``auc_pooled`` compares all. ``accuracy`` takes a
    probability of at least 0.5 as positive.
    """
    right = (probabilities >= 0.5) == summary.labels
    return {
        "auc": summary.auc(probabilities),
        "auc_pooled": measure_auc(summary.labels, probabilities, summary.group_of),
        "accuracy": measure_mean(right, summary.group_of),
    }


def instance_metrics(
    summary: Summary,
    runs: PoolingRuns,
    smoothing: float,
    one: Callable[[Measurement], dict[str, Any]],
) -> dict[str, Any]:
    """Measure how well instances are ranked, over all bags together and within each bag."""
    test = summary.experiment.benchmark.test
    ranked: dict[str, np.ndarray] = {}
    if (truth := test.instance_labels) is not None:
        ranked = {"scores": runs.scores, "attention": runs.attention * test.sizes.numpy()}
        if smoothing and test.coords is not None:
            smooth = np.empty_like(runs.scores)
            for run, bag in np.ndindex(smooth.shape):
                smooth[run, bag] = smooth_scores(runs.scores[run, bag], test.coords[bag], smoothing)
            ranked["smoothed scores"] = smooth

    def everywhere(values: np.ndarray) -> Measurement:
        flat = np.stack([np.concatenate(list(run)) for run in values])
        group_of = np.repeat(summary.group_of, test.sizes.numpy())
        return measure_auc(np.concatenate(truth), flat, group_of)

    def within(values: np.ndarray) -> Measurement:
        each = np.stack([instance_auc(list(run), truth) for run in values])
        return measure_mean(each, summary.group_of)

    return {
        "instance_auc": {name: one(everywhere(v)) for name, v in ranked.items()},
        "instance_auc_within": {name: one(within(v)) for name, v in ranked.items()},
    }


def is_of(row: dict[str, Any], recipe: Recipe, seeds: int) -> bool:
    """Return True if a recorded row is of this recipe, its data and this number of seeds."""
    expected = recipe.as_dict() | {"seeds": seeds, "checksum": recipe.benchmark.test.checksum()}
    # A setting that was added after the row was recorded had its default value.
    row = row | {"config": asdict(TrainingConfig()) | row["config"]}
    return all(row.get(name) == value for name, value in expected.items())


def main(arguments: list[str] | None = None) -> int:
    """Measure recipes and write them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", choices=NAMES, help=f"of {', '.join(NAMES)}")
    parser.add_argument("--recipes", nargs="+", metavar="NAME", help="default: all of the data's")
    parser.add_argument("--seeds", type=whole_number, default=5)
    parser.add_argument("--jobs", type=whole_number, default=1, help="as for compare (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="a file of JSON lines")
    options = parser.parse_args(arguments)
    try:
        known = [recipe for data in dict.fromkeys(options.data) for recipe in recipes(data)]
        names = {recipe.name for recipe in known}
        if unknown := set(options.recipes or ()) - names:
            parser.error(f"no recipe {', '.join(unknown)}; choose from {', '.join(sorted(names))}")
        done = read_reproductions(options.out)
        with options.out.open("a", encoding="utf-8", newline="\n") as file:  # fails before training
            for recipe in known:
                wanted = options.recipes is None or recipe.name in options.recipes
                if wanted and not any(is_of(row, recipe, options.seeds) for row in done):
                    row = reproduce(recipe, done=done, seeds=options.seeds, jobs=options.jobs)
                    done.append(row)
                    file.write(json.dumps(row) + "\n")
                    file.flush()
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
