"""Record the trainings of chapter 08: ``python data/runs/record.py --out FILE``, eight minutes."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mil_tutorial import (
    MIL,
    EpochRecord,
    TrainingConfig,
    build_model,
    fit,
    instance_auc,
    load_slides,
    predict,
)
from mil_tutorial.experiment.records import RECIPES, RecordedRun

SEEDS = 5
WEIGHTS = (-0.1, 0.03, 0.1, 0.3)
"""Entropy weights of the sweep; recipe B without one is its 0."""
USUAL = TrainingConfig(epochs=30, learning_rate=1e-3, weight_decay=1e-3, patience=None)


def record_runs(seeds: int = SEEDS, epochs: int = USUAL.epochs) -> Iterator[RecordedRun]:
    """Train every recipe, and recipe B with every entropy weight, with each seed."""
    jobs = [(recipe, 0.0) for recipe in RECIPES] + [("B", weight) for weight in WEIGHTS]
    for recipe, weight in jobs:
        for seed in range(seeds):
            yield record_run(recipe, weight, seed, epochs)


def record_run(recipe: str, entropy_weight: float, seed: int, epochs: int) -> RecordedRun:
    """Train attention pooling once on the shipped slides; keep the measures of every epoch."""
    train, val, _ = load_slides()
    changes = {"weight_decay": 0.1} if recipe == "C" else {}
    config = replace(USUAL, epochs=epochs, entropy_weight=entropy_weight, seed=seed, **changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model("attention", input_dim=64, hidden_dim=128, dropout=0.5)
        if recipe == "A":
            nn.init.normal_(model.pooling.w.weight)
    rows: list[dict[str, float]] = []

    def keep(record: EpochRecord) -> None:
        row = asdict(record) | {"val_instance_auc": _mean_instance_auc(model, val)}
        rows.append({name: row[name] for name in row if name not in ("epoch", "seconds")})

    history = fit(model, train, val, config, on_epoch=keep, progress=False)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return RecordedRun(recipe, entropy_weight, seed, history.best_epoch, columns)


def _mean_instance_auc(model: MIL, val: Any) -> float:
    predictions = predict(model, val)
    attention = predictions.per_bag(predictions.attention)
    return float(np.nanmean(instance_auc(attention, val.instance_labels)))


def main(arguments: list[str] | None = None) -> None:
    """Train and write the runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the JSON goes")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int, default=USUAL.epochs)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    for run in record_runs(options.seeds, options.epochs):
        digits = {k: [float(f"{v:.4g}") for v in values] for k, values in run.columns.items()}
        rows.append({**vars(run), "columns": digits})
        text = f"{run.recipe} {run.entropy_weight} {run.seed} AUC {run.kept('val_auc'):.3f}"
        print(text, flush=True)
    lines = ",\n".join(json.dumps(row) for row in rows)  # one run a line
    options.out.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
