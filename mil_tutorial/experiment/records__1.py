"""Recorded trainings for chapter 08: curves to diagnose, and a sweep of the entropy weight.

They are attention pooling on the shipped slides, seen on the validation slides. ``python -m
mil_tutorial.recorded_runs --out FILE`` makes them again, in about eight minutes on one core.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mil_tutorial.attention_metrics import instance_auc
from mil_tutorial.config import TrainingConfig
from mil_tutorial.datasets.paths import data_dir, verify_checksum
from mil_tutorial.datasets.slide_bags import load_slides
from mil_tutorial.history import EpochRecord
from mil_tutorial.models import MIL, build_model
from mil_tutorial.pooling import AttentionPooling
from mil_tutorial.prediction import predict
from mil_tutorial.training import fit

FILE = "attention_runs.json"
SEEDS = 5
WEIGHTS = (-0.1, 0.03, 0.1, 0.3)
"""Entropy weights of the sweep; recipe B without one is its 0."""
USUAL = TrainingConfig(epochs=30, learning_rate=1e-3, weight_decay=1e-3, patience=None)


@dataclass(frozen=True)
class Recipe:
    """How runs were made: what differs from the usual settings."""

    cause: str
    changes: dict[str, Any] = field(default_factory=dict)
    large_start: bool = False


RECIPES = {
    "A": Recipe("last attention layer started by nn.init.normal_: 20 times too large", {}, True),
    "B": Recipe("the usual settings"),
    "C": Recipe("weight_decay=0.1 in place of 0.001", {"weight_decay": 0.1}),
}


@dataclass(frozen=True)
class RecordedRun:
    """One training.

    Attributes
    ----------
    recipe : {"A", "B", "C"}
    entropy_weight : float
    seed : int
    best_epoch : int
        The epoch with the lowest validation loss.
    columns : dict
        One array over epochs for each measure of ``EpochRecord``, and ``val_instance_auc``, the
        mean over positive slides; all of the validation slides, but for ``train_loss``.
    """

    recipe: str
    entropy_weight: float
    seed: int
    best_epoch: int
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
    found = [r for r in _all_runs() if (r.recipe, r.entropy_weight) == (recipe, entropy_weight)]
    if not found:
        known = sorted({(run.recipe, run.entropy_weight) for run in _all_runs()})
        raise ValueError(f"no runs of {(recipe, entropy_weight)} are recorded; there are {known}")
    return found


@cache
def _all_runs() -> list[RecordedRun]:
    text = verify_checksum(data_dir() / "runs" / FILE).read_text(encoding="utf-8")
    return [
        RecordedRun(**row | {"columns": {k: np.array(v) for k, v in row["columns"].items()}})
        for row in json.loads(text)
    ]


def record_runs(seeds: int = SEEDS, epochs: int = USUAL.epochs) -> Iterator[RecordedRun]:
    """Train every recipe, and recipe B with every entropy weight, with each seed."""
    jobs = [(recipe, 0.0) for recipe in RECIPES] + [("B", weight) for weight in WEIGHTS]
    for recipe, weight in jobs:
        for seed in range(seeds):
            yield record_run(recipe, weight, seed, epochs)


def record_run(recipe: str, entropy_weight: float, seed: int, epochs: int) -> RecordedRun:
    """Train once, and keep what every epoch showed."""
    train, val, _ = load_slides()
    changes = RECIPES[recipe].changes
    config = replace(USUAL, epochs=epochs, entropy_weight=entropy_weight, seed=seed, **changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model("attention", input_dim=64, hidden_dim=128, dropout=0.5)
        if RECIPES[recipe].large_start:
            assert isinstance(model.pooling, AttentionPooling)
            nn.init.normal_(model.pooling.w.weight)
    rows: list[dict[str, float]] = []

    def keep(record: EpochRecord) -> None:
        row = asdict(record) | {"val_instance_auc": _mean_instance_auc(model, val)}
        rows.append({name: row[name] for name in row if name not in ("epoch", "seconds")})

    history = fit(model, train, val, config, on_epoch=keep, progress=False)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return RecordedRun(recipe, entropy_weight, seed, history.best_epoch, columns)


def _mean_instance_auc(model: MIL, val: Any) -> float:
    found = predict(model, val)
    return float(np.nanmean(instance_auc(found.per_bag(found.attention), val.instance_labels)))


def _as_row(run: RecordedRun) -> dict[str, Any]:
    digits = {k: [float(f"{v:.4g}") for v in values] for k, values in run.columns.items()}
    return {**vars(run), "columns": digits}


def main(arguments: list[str] | None = None) -> int:
    """Train and write the runs."""
    parser = argparse.ArgumentParser(prog="python -m mil_tutorial.recorded_runs")
    parser.add_argument("--out", type=Path, required=True, help="where the JSON goes")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int, default=USUAL.epochs)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    for run in record_runs(options.seeds, options.epochs):
        rows.append(_as_row(run))
        print(
            run.recipe, run.entropy_weight, run.seed, f"AUC {run.kept('val_auc'):.3f}", flush=True
        )
    lines = ",\n".join(json.dumps(row) for row in rows)  # one run a line
    options.out.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
