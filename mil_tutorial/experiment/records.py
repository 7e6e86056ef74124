"""Recorded results that ship, so that pages and chapters can be checked against them.

Reports of ``compare``, reproductions of published experiments, and the trainings of chapter 08.
``data/results/README.md`` and ``data/runs/README.md`` say which command made each of them.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.metrics.intervals import Estimate
from mil_tutorial.system.paths import data_dir, verify_checksum

FOUND = 0.7
"""Test AUC on rendered slides above which a start has found the tumour; no recorded start on the
hard slides is between 0.62 and 0.71."""


def load_recorded(name: str) -> dict[str, Any]:
    """Return a recorded ``results.json``, or another record.

    Parameters
    ----------
    name : {"slides", "slides-hard", "slides-hard-starts", "musk1", "musk2", "learning-curve", \
"camelyon16", "encoders", "tcga"}
        ``learning-curve`` is for ``read_points``, ``camelyon16`` for ``classifier_table``; ``tcga``
        holds such results for each of its ``runs``.

    Raises
    ------
    ValueError
        For a name that is not recorded, or a file that was changed.
    """
    files = {path.stem: path for path in sorted((data_dir() / "results").glob("*.json"))}
    if name not in files:
        raise ValueError(f"no results are recorded as {name!r}; there are {', '.join(files)}")
    return json.loads(verify_checksum(files[name]).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class CurvePoint:
    """The test AUC of a pooling trained on ``n_train`` bags, and that of each seed."""

    pooling: str
    n_train: int
    auc: Estimate
    by_seed: list[float]


def read_points(record: dict[str, Any]) -> list[CurvePoint]:
    """Return the points of the recorded learning curve, see ``load_recorded``."""
    return [CurvePoint(**(p | {"auc": Estimate(**p["auc"])})) for p in record["points"]]


def load_reproductions() -> list[dict[str, Any]]:
    """Return the recorded reproductions of published experiments, one for each recipe.

    Raises
    ------
    ValueError
        When the file was changed.
    """
    return read_reproductions(verify_checksum(data_dir() / "results" / "reproductions.jsonl"))


def read_reproductions(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of JSON lines; an empty list where the file does not exist."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        rows = [json.loads(line) for line in text.splitlines()]
    except ValueError as error:
        raise ValueError(
            f"{path}: a line is incomplete; remove it to continue ({error})"
        ) from error
    if text and not text.endswith("\n"):  # the next row would be written behind it
        raise ValueError(f"{path}: its last line does not end; append a line break to continue")
    return rows


def table_cells(markdown: str) -> list[str]:
    """Return the cells of all Markdown tables in a text, in reading order, without the rules."""
    lines = [line.strip() for line in markdown.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return [cell for row in rows if any(cell.strip("-:") for cell in row) for cell in row]


RECIPES = {
    "A": "last attention layer started by nn.init.normal_: 20 times too large",
    "B": "the usual settings",
    "C": "weight_decay=0.1 in place of 0.001",
}
"""How the recorded runs of chapter 08 were made."""


@dataclass(frozen=True)
class RecordedRun:
    """One training of chapter 08."""

    recipe: str  # {"A", "B", "C"}
    entropy_weight: float
    seed: int
    best_epoch: int  # the epoch with the lowest validation loss
    # One array over epochs for each measure of ``EpochRecord``, and ``val_instance_auc``, the
    # mean over positive slides; all of the validation slides, but for ``train_loss``
    columns: dict[str, np.ndarray]

    def kept(self, column: str) -> float:
        """Return a measure of the epoch that ``fit`` keeps."""
        return float(self.columns[column][self.best_epoch])


def load_recorded_runs(recipe: str, entropy_weight: float = 0.0) -> list[RecordedRun]:
    """Return the runs of a recipe, one for each seed.

    Raises
    ------
    ValueError
        When no such runs were recorded.
    """
    runs = _all_runs()
    if (recipe, entropy_weight) not in runs:
        raise ValueError(
            f"no runs of {(recipe, entropy_weight)} are recorded; there are {sorted(runs)}"
        )
    return runs[recipe, entropy_weight]


@cache
def _all_runs() -> dict[tuple[str, float], list[RecordedRun]]:
    text = verify_checksum(data_dir() / "runs" / "attention_runs.json").read_text(encoding="utf-8")
    runs: dict[tuple[str, float], list[RecordedRun]] = {}
    for row in json.loads(text):
        columns = {name: np.array(values) for name, values in row["columns"].items()}
        run = RecordedRun(**row | {"columns": columns})
        runs.setdefault((run.recipe, run.entropy_weight), []).append(run)
    return runs
