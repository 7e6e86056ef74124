"""Judge published classifiers of CAMELYON16: ``python data/results/camelyon16.py --out FILE``."""

import argparse
import hashlib
import json
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from mil_tutorial.datasets.camelyon16 import (
    CLASSIFIERS,
    FINAL,
    THRESHOLDS,
    HeatmapFeatures,
    SlideScores,
    load_camelyon16_heatmap_features,
    load_camelyon16_scores,
)
from mil_tutorial.metrics.intervals import difference, measure_auc, measure_sensitivity
from mil_tutorial.system.versions import environment

SEEDS = 5
TREES = 500
METRICS = {"auc": measure_auc, "sensitivity_at_90_specificity": measure_sensitivity}


def judge(slides: SlideScores, runs: np.ndarray) -> dict[str, Any]:
    """Measure scores (S, 129) of S seeds: AUC, of macro- and micrometastases too, and sensitivity.

    Each slide counts as a patient, since the patients are not published.
    """
    row: dict[str, Any] = {}
    for kind in ("macro", "micro"):
        kept = slides.against_normal(kind)
        measured = measure_auc(slides.labels[kept], runs[:, kept], np.arange(kept.sum()))
        row[f"auc_{kind}"] = asdict(measured.estimate)
    for name, measured in _measure(slides, runs).items():
        row[name] = asdict(measured.estimate)
        row[f"{name}_by_seed"] = measured.by_seed.tolist()
    sensitivities = np.array(row["sensitivity_at_90_specificity_by_seed"])
    row["detected_by_seed"] = np.rint(sensitivities * slides.labels.sum()).astype(int).tolist()
    return row


def compare(slides: SlideScores, first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    """Measure how far the first scores are ahead of the second on the same slides."""
    one, other = _measure(slides, first), _measure(slides, second)
    return {name: asdict(difference(one[name], other[name])) for name in METRICS}


def _measure(slides: SlideScores, runs: np.ndarray) -> dict[str, Any]:
    alone = np.arange(len(slides.labels))
    return {name: measure(slides.labels, runs, alone) for name, measure in METRICS.items()}


def forest(features: HeatmapFeatures) -> np.ndarray:
    """Fit a random forest to the training slides with each seed; return (S, 129) of the others."""
    forests = (RandomForestClassifier(TREES, random_state=seed) for seed in range(SEEDS))
    fitted = (model.fit(features.train, features.train_labels) for model in forests)
    return np.stack([model.predict_proba(features.test)[:, 1] for model in fitted])


def largest_area(method: str) -> tuple[float, np.ndarray]:
    """Return the area of each test slide's largest hot region, (1, 129).

    Its threshold, returned too, is the one that tells training slides apart best.
    """
    by_threshold = {}
    for threshold in THRESHOLDS:
        features = load_camelyon16_heatmap_features(method, threshold)
        place = features.names.index("largest_area")
        area = roc_auc_score(features.train_labels, features.train[:, place])
        by_threshold[threshold] = (area, features.test[None, :, place])
    best = max(by_threshold, key=lambda threshold: by_threshold[threshold][0])
    return best, by_threshold[best][1]


def main(arguments: list[str] | None = None) -> None:
    """Judge the published scores, and what the heat-map features give; write a record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a JSON file")
    options = parser.parse_args(arguments)
    slides = load_camelyon16_scores()
    runs = {name: slides.scores[name][None] for name in CLASSIFIERS}
    pairs = list(combinations(CLASSIFIERS, 2))
    thresholds = {}
    for method in FINAL:
        runs[f"{method}, forest"] = forest(load_camelyon16_heatmap_features(method))
        thresholds[method], runs[f"{method}, largest area"] = largest_area(method)
        pairs += combinations((method, f"{method}, forest", f"{method}, largest area"), 2)
    table = json.dumps([slides.names, {name: slides.scores[name].tolist() for name in CLASSIFIERS}])
    record = {
        "data": {
            "name": "camelyon16",
            "checksum": hashlib.sha256(table.encode()).hexdigest()[:16],
            "test_bags": len(slides.labels),
            "test_positive": int(slides.labels.sum()),
            "kinds": {kind: int((slides.kinds == kind).sum()) for kind in ("macro", "micro")},
        },
        "seeds": SEEDS,
        "trees": TREES,
        "thresholds": {"forest": FINAL, "largest area": thresholds},
        "environment": environment(),
        "rows": [{"classifier": name} | judge(slides, scores) for name, scores in runs.items()],
        "paired": [
            {"classifier": one, "against": other} | compare(slides, *(_paired(runs, one, other)))
            for one, other in pairs
        ],
    }
    options.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _paired(runs: dict[str, np.ndarray], one: str, other: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the runs of both, as many of one as of the other: a fixed score is every seed's."""
    n_seeds = max(len(runs[one]), len(runs[other]))
    first, second = (
        np.broadcast_to(runs[name], (n_seeds, runs[name].shape[1])) for name in (one, other)
    )
    return first, second


if __name__ == "__main__":
    main()
