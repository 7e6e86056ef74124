"""The command ``compare``, from the words on the command line to the report."""

import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from mil_tutorial.datasets import load_benchmark
from mil_tutorial.datasets.benchmark import Benchmark
from mil_tutorial.experiment import FOUR_POOLINGS, run_experiment
from mil_tutorial.models import check_pooling
from mil_tutorial.processes import this_process
from mil_tutorial.report import Report, check_writable, write_report

T = TypeVar("T")


def run_compare(
    data: str,
    out: Path,
    *,
    poolings: Sequence[str] = FOUR_POOLINGS,
    seeds: int = 5,
    jobs: int = 1,
    settings: Mapping[str, int | str | None] | None = None,
    checkpoints: Path | None = None,
    train_bags: int | None = None,
    labels: Path | None = None,
    positive: str | None = None,
    slides: Path | None = None,
) -> Report | None:
    """Train and test poolings on a data set and write the report; all input is checked first.

    Of several processes that were launched, the main one writes; the others return None.

    Parameters
    ----------
    data, train_bags, labels, positive
        As in ``load_benchmark``.
    out : path
        The folder of the report.
    poolings, seeds, jobs, checkpoints
        As in ``run_experiment``.
    settings : mapping, optional
        Fields of ``TrainingConfig`` in place of what suits the data; None keeps that. The precision
        may come from the launcher, too.
    slides : path, optional
        Folder of whole slides: heat maps of some test slides are drawn on them.
    """
    for pooling in poolings:
        check_pooling(pooling)
    check_writable(out)
    processes = this_process()
    if processes.is_main:
        _tell_what_is_replaced(out)
    if checkpoints is not None:
        check_writable(checkpoints)
    if train_bags is not None and data != "mnist":
        raise ValueError(f"--train-bags is for mnist; {data} comes with its bags")
    if labels is not None and not Path(data).is_dir():
        raise ValueError(f"--labels is for a folder of features, and there is no folder {data}")
    benchmark = _telling_warnings(
        load_benchmark, data, train_bags=train_bags or 100, labels=labels, positive=positive
    )
    pictures = _pictures(slides, benchmark)
    given: dict[str, Any] = {
        name: value
        for name, value in ({"precision": processes.precision} | dict(settings or {})).items()
        if value is not None
    }
    config = replace(benchmark.config, **given)
    experiment = run_experiment(
        benchmark,
        poolings=poolings,
        seeds=seeds,
        config=config,
        jobs=jobs,
        checkpoints=checkpoints,
    )
    if not processes.is_main:
        return None
    figures = None
    if pictures:
        from mil_tutorial.slide_heatmaps import slide_figures

        figures = _telling_warnings(slide_figures, experiment, pictures)
    return write_report(experiment, out, figures)


def _tell_what_is_replaced(out: Path) -> None:
    """Say so while there is time to stop: the report that lies in the folder will be replaced."""
    try:
        earlier = json.loads((out / "config.json").read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    print(
        f"warning: {out} holds a report on {earlier}; the new one will replace it when it is "
        "complete. To keep it, stop now and choose another --out",
        file=sys.stderr,
    )


def _telling_warnings(function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Call a function; what it warns of goes to the terminal, a line each."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", UserWarning)
        found = function(*arguments, **options)
    for warning in noted:
        print(f"warning: {warning.message}", file=sys.stderr)
    return found


def _pictures(folder: Path | None, benchmark: Benchmark) -> dict[str, Path]:
    if folder is None:
        return {}
    from mil_tutorial.slide_heatmaps import find_slides

    return find_slides(folder, benchmark)
