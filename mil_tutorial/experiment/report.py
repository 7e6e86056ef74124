"""Reports: an experiment written as JSON, Markdown, CSV and figures, all or nothing."""

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mil_tutorial.experiment.figures import plot_roc, plot_training, plot_witness_rate
from mil_tutorial.experiment.run import Experiment
from mil_tutorial.experiment.summary import Summary
from mil_tutorial.experiment.tables import as_csv, as_markdown, as_results, predictions_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Report(NamedTuple):
    """What was written: the content of ``results.json``, and the names of all files."""

    results: dict[str, Any]
    files: list[str]


FIGURES = (
    *("roc.png", "training.png", "witness_rate.png", "heatmap.png"),
    *("heatmap_found.png", "heatmap_missed.png", "heatmap_false_alarm.png", "heatmap_negative.png"),
)
"""All figures that a report may have, its own and those of ``demo`` and ``compare``."""


def write_report(
    experiment: Experiment, out: Path, more_figures: "dict[str, Figure] | None" = None
) -> Report:
    """Write ``results.json``, ``.md``, ``.csv``, ``config.json`` and the figures to a folder.

    Everything is made in a temporary folder first and moved when it is complete; ``results.json``
    comes last. Figures that only an earlier report had are removed, so that no picture lies beside
    the numbers of another run.

    Parameters
    ----------
    experiment : Experiment
    out : path
        Made if it does not exist; files of the same names are replaced.
    more_figures : dict, optional
        File stem → figure, written as PNG beside the others.
    """
    import matplotlib.pyplot as plt

    summary = Summary(experiment)
    results = as_results(summary)
    figures = {"roc": plot_roc(summary), "training": plot_training(experiment)}
    truth = experiment.benchmark.test.instance_labels
    if truth is not None and any(map(any, truth)):
        figures["witness_rate"] = plot_witness_rate(summary)
    figures |= more_figures or {}
    settings = {
        "data": experiment.benchmark.name,
        "poolings": list(experiment.runs),
        "seeds": len(experiment.seeds),
        "members": experiment.n_members,
    } | asdict(experiment.config)
    texts = {
        "results.md": as_markdown(results),
        "results.csv": as_csv(results),
        "predictions.csv": predictions_csv(experiment),
        "config.json": json.dumps(settings, indent=2) + "\n",
        "results.json": json.dumps(results, indent=2, allow_nan=False) + "\n",
    }
    names = [*(f"{stem}.png" for stem in figures), *texts]
    out.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=out, prefix=".partial-") as folder:
            made = Path(folder)
            for stem, figure in figures.items():
                figure.savefig(made / f"{stem}.png")
                plt.close(figure)
            for name, text in texts.items():
                (made / name).write_text(text, encoding="utf-8")
            for name in set(FIGURES) - set(names):
                (out / name).unlink(missing_ok=True)
            for name in names:
                os.replace(made / name, out / name)
    finally:
        if not any(out.iterdir()):
            out.rmdir()
    return Report(results, names)


def check_writable(out: Path) -> Path:
    """Return ``out`` if a report can be written there; call it before an hour of training.

    Raises
    ------
    ValueError
        When the path is a file, or lies where nothing may be written.
    """
    existing = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryDirectory(dir=existing, prefix=".partial-"):
            return out
    except OSError as error:
        raise ValueError(f"cannot write to {out}: {existing} is not a writable folder") from error
