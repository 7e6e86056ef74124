"""Reports: an experiment written as JSON, Markdown, CSV and figures; the numbers come first."""

import json
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mil_tutorial.experiment.figures import drawing, plot_roc, plot_training, plot_witness_rate
from mil_tutorial.experiment.keeping import kept_models
from mil_tutorial.experiment.kept_files import write_kept
from mil_tutorial.experiment.run import Experiment
from mil_tutorial.experiment.summary import Summary
from mil_tutorial.experiment.tables import as_csv, as_markdown, as_results, predictions_csv
from mil_tutorial.models.mil import POOLINGS
from mil_tutorial.system.files import alone_in, check_writable, partial_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Report(NamedTuple):
    """What was written: the content of ``results.json``, and the names of all files."""

    results: dict[str, Any]
    files: list[str]


RESULTS = "results.json"
TABLES = ("results.md", "results.csv", "predictions.csv", "config.json", RESULTS)
FIGURES = (
    *("roc.png", "training.png", "witness_rate.png", "heatmap.png"),
    *("heatmap_found.png", "heatmap_missed.png", "heatmap_false_alarm.png", "heatmap_negative.png"),
)
"""All figures that a report may have, its own and those of ``compare``."""

MODEL = "model-{}.safetensors"
MODELS = tuple(map(MODEL.format, POOLINGS))
"""Files of kept models that a report may have."""

SPACE, PREDICTION = 4_000_000, 150
"""Bytes that a report takes, about: without ``predictions.csv``, and each row of that."""


def write_report(
    experiment: Experiment,
    out: Path,
    more_figures: "Mapping[str, Callable[[], Figure]] | None" = None,
    keep: bool = False,
) -> Report:
    """Write ``results.json``, ``.md``, ``.csv``, ``config.json`` and the figures to a folder.

    The tables replace earlier ones together or not at all, and take earlier figures and kept models
    away, so that none lies beside the numbers of another run. Figures follow, one after the other:
    one that fails is left out with a warning. Where another run has replaced the tables meanwhile,
    the folder is left to it.

    Parameters
    ----------
    experiment : Experiment
    out : path
        Made if it does not exist; files of the same names are replaced.
    more_figures : dict, optional
        File stem → function that draws the figure, written as PNG beside the others.
    keep : bool
        Write the models of each pooling too, as ``model-NAME.safetensors``: see ``load_kept``.

    Raises
    ------
    OSError, ValueError
        When the tables cannot be written; the folder is as it was then.
    """
    summary = Summary(experiment)
    results = as_results(summary)
    figures: dict[str, Callable[[], Figure]] = {
        "roc": lambda: plot_roc(summary),
        "training": lambda: plot_training(experiment),
    }
    truth = experiment.benchmark.test.instance_labels
    if truth is not None and any(map(any, truth)):
        figures["witness_rate"] = lambda: plot_witness_rate(summary)
    settings = {
        "data": experiment.benchmark.name,
        "source": experiment.benchmark.source,
        "poolings": list(experiment.runs),
        "seeds": len(experiment.seeds),
        "members": experiment.n_members,
    } | asdict(experiment.config)
    texts = (
        as_markdown(results),
        as_csv(results),
        predictions_csv(experiment),
        json.dumps(settings, indent=2) + "\n",
        json.dumps(results, indent=2, allow_nan=False) + "\n",
    )
    try:
        with partial_path(out / RESULTS) as made:
            made.mkdir()
            for name, text in zip(TABLES, texts, strict=True):
                (made / name).write_text(text, encoding="utf-8")
            models = kept_models(experiment) if keep else {}
            for pooling, kept in models.items():
                (made / MODEL.format(pooling)).write_bytes(write_kept(kept))
            model_files = [MODEL.format(pooling) for pooling in models]
            with alone_in(out):
                _replace_tables(made, out, [*model_files, *TABLES])
            drawn = _draw(figures | dict(more_figures or {}), made, out, texts[-1])
    except BaseException:
        with suppress(OSError):
            out.rmdir()  # if it is empty
        raise
    return Report(results, [*drawn, *TABLES, *model_files])


def _replace_tables(made: Path, out: Path, new: list[str]) -> None:
    """Move new tables into the folder and all files of an earlier report out of it, or do nothing.

    ``results.json`` goes first and comes last: where it is, the report is whole.
    """
    (old := made / "old").mkdir()
    earlier = [name for name in (*reversed(TABLES), *FIGURES, *MODELS) if (out / name).is_file()]
    moved = []
    try:
        for source, goal, names in ((out, old, earlier), (made, out, new)):
            for name in names:
                os.replace(source / name, goal / name)
                moved.append((source / name, goal / name))
    except BaseException:
        for source_file, goal_file in reversed(moved):
            os.replace(goal_file, source_file)
        raise


def _draw(
    figures: "Mapping[str, Callable[[], Figure]]", made: Path, out: Path, results: str
) -> list[str]:
    """Draw figures into the folder of these results; return the names of those that succeeded."""
    drawn = []
    for stem, draw in figures.items():
        name = f"{stem}.png"
        with drawing(f"{name} was not drawn"):
            draw().savefig(made / name)
            with alone_in(out):
                if (out / RESULTS).read_text(encoding="utf-8") != results:
                    warnings.warn(
                        f"another run has replaced the report in {out} with its own; figures of "
                        "this one are left out",
                        stacklevel=3,
                    )
                    return []
                os.replace(made / name, out / name)
            drawn.append(name)
    return drawn


def check_report(
    out: Path, predictions: int = 0, inputs: Iterable[Path] = (), kept: float = 0
) -> Path:
    """Return ``out`` if a report can be written there; call it before an hour of training.

    Parameters
    ----------
    out : path
        A folder; it need not exist.
    predictions : int
        Rows of ``predictions.csv``.
    inputs : iterable of paths
        Files that the report must not replace.
    kept : float
        Bytes of the models that are kept.
    """
    check_writable(out, SPACE + PREDICTION * predictions + kept)
    if folders := [name for name in (*TABLES, *MODELS) if (out / name).is_dir()]:
        raise ValueError(
            f"{out / folders[0]} is a folder, where the report has a file; move it away, or "
            "choose another folder for the report"
        )
    for path in inputs:
        if any((out / name).exists() and path.samefile(out / name) for name in (*TABLES, *MODELS)):
            raise ValueError(
                f"the report would replace {path}; choose another folder for it, or rename the file"
            )
    return out
