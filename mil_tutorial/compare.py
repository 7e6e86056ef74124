"""The command ``compare``, from the words on the command line to the report."""

import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mil_tutorial.datasets import load_benchmark
from mil_tutorial.datasets.benchmark import Benchmark
from mil_tutorial.experiment import FOUR_POOLINGS, run_experiment
from mil_tutorial.models import check_pooling
from mil_tutorial.report import Report, check_writable, write_report


def run_compare(
    data: str,
    out: Path,
    *,
    poolings: Sequence[str] = FOUR_POOLINGS,
    seeds: int = 5,
    jobs: int = 1,
    settings: Mapping[str, int | None] | None = None,
    train_bags: int | None = None,
    labels: Path | None = None,
    positive: str | None = None,
    slides: Path | None = None,
) -> Report:
    """Train and test poolings on a data set and write the report; all input is checked first.

    Parameters
    ----------
    data, train_bags, labels, positive
        As in ``load_benchmark``.
    out : path
        The folder of the report.
    poolings, seeds, jobs
        As in ``run_experiment``.
    settings : mapping, optional
        Fields of ``TrainingConfig`` in place of what suits the data; None keeps that.
    slides : path, optional
        Folder of whole slides: heat maps of some test slides are drawn on them.
    """
    for pooling in poolings:
        check_pooling(pooling)
    check_writable(out)
    if train_bags is not None and data != "mnist":
        raise ValueError(f"--train-bags is for mnist; {data} comes with its bags")
    if labels is not None and not Path(data).is_dir():
        raise ValueError(f"--labels is for a folder of features, and {data} is none")
    benchmark = _load(data, train_bags=train_bags or 100, labels=labels, positive=positive)
    pictures = _pictures(slides, benchmark)
    given: dict[str, Any] = {
        name: value for name, value in (settings or {}).items() if value is not None
    }
    config = replace(benchmark.config, **given)
    experiment = run_experiment(benchmark, poolings=poolings, seeds=seeds, config=config, jobs=jobs)
    figures = None
    if pictures:
        from mil_tutorial.slide_heatmaps import slide_figures

        figures = slide_figures(experiment, pictures)
    return write_report(experiment, out, figures)


def _load(data: str, **options: Any) -> Benchmark:
    """Load the data; what the user should know of them goes to the terminal, a line each."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", UserWarning)
        benchmark = load_benchmark(data, **options)
    for warning in noted:
        print(f"warning: {warning.message}", file=sys.stderr)
    return benchmark


def _pictures(folder: Path | None, benchmark: Benchmark) -> dict[str, Path]:
    if folder is None:
        return {}
    from mil_tutorial.slide_heatmaps import find_slides

    return find_slides(folder, benchmark)
