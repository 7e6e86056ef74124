"""Reports: an experiment written as JSON, Markdown, CSV and figures, when all of it is made."""

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mil_tutorial.experiment import Experiment
from mil_tutorial.figures import plot_roc, plot_training, plot_witness_rate
from mil_tutorial.summary import Summary
from mil_tutorial.tables import as_csv, markdown, results

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_report(
    experiment: Experiment, out: Path, more_figures: "dict[str, Figure] | None" = None
) -> dict[str, Any]:
    """Write ``results.json``, ``.md``, ``.csv``, ``config.json`` and the figures to a folder.

    Everything is made in a temporary folder first and moved when it is complete.

    Parameters
    ----------
    experiment : Experiment
    out : path
        Made if it does not exist; files of the same names are replaced.
    more_figures : dict, optional
        File stem → figure, written as PNG beside the others.

    Returns
    -------
    dict
        What ``results.json`` holds.
    """
    summary = Summary(experiment)
    found = results(experiment, summary)
    texts = {
        "results.json": json.dumps(found, indent=2, allow_nan=False) + "\n",
        "results.md": markdown(found),
        "results.csv": as_csv(found),
        "config.json": experiment.config.to_json() + "\n",
    }
    figures = _figures(experiment, summary) | (more_figures or {})
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
        made = Path(name)
        for file, text in texts.items():
            (made / file).write_text(text, encoding="utf-8")
        for stem, figure in figures.items():
            save_figure(figure, made / f"{stem}.png")
        out.mkdir(exist_ok=True)
        for path in made.iterdir():
            os.replace(path, out / path.name)
    return found


def _figures(experiment: Experiment, summary: Summary) -> "dict[str, Figure]":
    figures = {"roc": plot_roc(experiment, summary), "training": plot_training(experiment)}
    if experiment.benchmark.test.instance_labels is not None:
        figures["witness_rate"] = plot_witness_rate(experiment, summary)
    return figures


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG and close it."""
    import matplotlib.pyplot as plt

    figure.savefig(path)
    plt.close(figure)


def check_writable(out: Path) -> Path:
    """Return ``out`` if a report can be written there; better to know before an hour of training.

    Raises
    ------
    ValueError
        When the path is a file, or lies where nothing may be written.
    """
    existing = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise ValueError(f"cannot write to {out}: {existing} is no folder that may be written to")
    return out
