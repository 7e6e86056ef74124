"""Compare poolings on TCGA, divided in each way that the data allow.

``python data/results/tcga.py --work FOLDER --out tcga.json`` keeps the state of all training runs
in the folder: the same command resumes after a stop.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial import Summary, load_benchmark, run_experiment
from mil_tutorial.cli.arguments import whole_number
from mil_tutorial.experiment.benchmarks import Benchmark
from mil_tutorial.experiment.tables import as_results
from mil_tutorial.metrics.folds import mean_over_folds
from mil_tutorial.system.files import check_writable, replacing

COHORTS = ("brca", "lung")
FIVE = {"members": 5, "poolings": ("attention", "gated")}
Run = tuple[str, str, str, dict[str, Any]]
RUNS: dict[str, Run] = {
    f"{cohort}-{folds}": (cohort, folds, "subtype", {})
    for cohort in COHORTS
    for folds in ("published", "patient", "site")
}
RUNS |= {
    f"brca-{gene}_mut-patient": ("brca", "patient", f"{gene}_mut", {})
    for gene in ("TP53", "CDH1", "PIK3CA")
}
RUNS |= {f"{cohort}-published-five": (cohort, "published", "subtype", FIVE) for cohort in COHORTS}
"""Cohort, folds, label, and what differs from the default."""


def report(
    benchmark: Benchmark, seeds: int, jobs: int, checkpoints: Path, options: dict[str, Any]
) -> dict[str, Any]:
    """Return the results of all poolings and baselines, also within each fold.

    ``folds`` holds the AUC within each fold, (S, F); ``over_folds`` their mean, as publications
    give it; ``ahead_over_folds`` the mean of the paired difference to the regression.
    """
    checkpoints.mkdir(parents=True, exist_ok=True)
    experiment = run_experiment(
        benchmark, seeds=seeds, jobs=jobs, checkpoints=checkpoints, **options
    )
    summary = Summary(experiment)
    known = {name: runs.probabilities for name, runs in experiment.runs.items()}
    known |= experiment.baselines
    by_fold = {name: summary.auc_by_fold(values) for name, values in known.items()}
    sizes = [(len(split.not_tested()), len(split.test)) for split in benchmark.splits(0)]
    n_train, n_test = np.mean(sizes, axis=0)

    is_given = benchmark.source["folds"] == "published"  # else each seed has folds of its own

    def over_folds(values: np.ndarray) -> dict[str, float]:
        divisions = values.mean(axis=0) if is_given else values.ravel()
        return asdict(mean_over_folds(divisions, n_train, n_test))

    trivial = by_fold["mean_feature"]
    return as_results(summary) | {
        "folds": {name: values.round(5).tolist() for name, values in by_fold.items()},
        "over_folds": {name: over_folds(values) for name, values in by_fold.items()},
        "ahead_over_folds": {name: over_folds(by_fold[name] - trivial) for name in experiment.runs},
    }


def write(path: Path, text: str) -> None:
    """Write the whole text or nothing: where a file is, its run is done."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def read_report(path: Path, seeds: int) -> dict[str, Any]:
    """Read a report; refuse one of another number of seeds."""
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        number, _ = len(made["seeds"]), made["ahead_over_folds"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no report; remove it to make it again") from error
    if number != seeds:
        raise ValueError(
            f"{path} is of {number} seeds, this record of {seeds}; name another --work, or remove "
            "the file to make it again"
        )
    return made


def main(arguments: list[str] | None = None) -> int:
    """Make all reports that are missing, then the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS), metavar="NAME")
    parser.add_argument("--seeds", type=whole_number, default=5)
    parser.add_argument("--jobs", type=whole_number, default=1, help="as for compare (default: 1)")
    parser.add_argument("--work", type=Path, required=True, help="a folder for unfinished work")
    parser.add_argument("--out", type=Path, required=True, help="the record, a JSON file")
    options = parser.parse_args(arguments)
    try:
        check_writable(options.out.parent)
        if options.out.is_dir():
            raise ValueError(f"{options.out} is a folder; --out names the record, a file")
        reports = {}
        for name in options.runs:
            path = options.work / f"{name}.json"
            if not path.exists():
                cohort, folds, label, changes = RUNS[name]
                leak = folds == "published"
                benchmark = load_benchmark(
                    f"tcga-{cohort}", folds=folds, label=label, allow_leak=leak
                )
                checkpoints = options.work / name
                made = report(benchmark, options.seeds, options.jobs, checkpoints, changes)
                write(path, json.dumps(made))
            reports[name] = read_report(path, options.seeds)
        write(options.out, json.dumps({"runs": reports}, indent=1) + "\n")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
