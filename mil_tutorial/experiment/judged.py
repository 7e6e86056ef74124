"""What a kept model says of slides, and how right it is where labels are known: tables and maps."""

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.splits import group_numbers
from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.labels import LabelTable
from mil_tutorial.datasets.features.tables import bare, csv_text, one_form, shorten
from mil_tutorial.experiment.figures import drawing
from mil_tutorial.experiment.kept import SEEN, UNSEEN, KeptModel, KeptPredictions
from mil_tutorial.experiment.slide_heatmaps import slide_figure
from mil_tutorial.experiment.tables import aligned, inert
from mil_tutorial.metrics.intervals import Estimate, measure_auc, measure_mean
from mil_tutorial.system.files import new_folder, write_whole


def match_labels(bags: FeatureBags, table: LabelTable, path: Path | str) -> FeatureBags:
    """Give the bags of ``open_folder`` the labels and patients of a table that ``path`` names.

    Bags without a row are named in a warning; their labels stay NaN.

    Raises
    ------
    ValueError
        For rows whose slide is not among the bags, or several rows of one slide.
    """
    place = {one_form(name): i for i, name in enumerate(bags.names)}
    rows = [place.get(slide, place.get(bare(slide), -1)) for slide in table.slides]
    if missing := [slide for slide, row in zip(table.slides, rows) if row < 0]:
        raise ValueError(
            f"{path} lists {shorten(missing)}, without a feature file; extract it or remove the row"
        )
    if twice := [bags.names[row] for row, count in Counter(rows).items() if count > 1]:
        raise ValueError(f"{path} has several rows for {shorten(twice)}: keep one")
    if table.patients is None:
        warnings.warn(
            f"{path} has no column patient, so intervals take each slide as a patient of its own",
            stacklevel=2,
        )
    labels, groups = bags.labels.clone(), list(bags.groups)
    for row, label, patient in zip(rows, table.labels, table.patients or table.slides):
        labels[row], groups[row] = label, patient
    if unlisted := [name for name, label in zip(bags.names, labels) if label.isnan()]:
        warnings.warn(
            f"{path} does not list {len(unlisted)} of the {len(bags)} slides, which are judged "
            f"and count in no metric: {shorten(unlisted)}",
            stacklevel=2,
        )
    return FeatureBags(bags.files, labels, groups)


def evaluate(
    kept: KeptModel, dataset: MedicalBagDataset, predictions: KeptPredictions
) -> dict[str, Any]:
    """Return AUC, sensitivity and specificity, each an ``Estimate``, and how many slides count.

    Slides whose label is NaN, or that all models trained on, do not count. Where some were in
    cross-validation, the AUC is that of ``compare``: the mean over seeds, of pairs that the same
    models judged.
    """
    truth, judged_by = dataset.labels.numpy(), np.array(predictions.judged_by)
    known = np.isfinite(truth)
    counted = known & (judged_by != SEEN)
    labels = truth[counted]
    metrics: dict[str, Any] = {
        "slides": int(counted.sum()),
        "positive": int((labels == 1).sum()),
        "of_cross_validation": int((judged_by[counted] == UNSEEN).sum()),
        "left_out_as_trained_on": int((known & (judged_by == SEEN)).sum()),
    }
    if not len(labels):
        return metrics
    groups = group_numbers([dataset.groups[i] for i in np.flatnonzero(counted)])
    called = predictions.called_positive[None, counted]
    shares = {"sensitivity": (called, labels == 1), "specificity": (~called, labels == 0)}
    for name, (values, chosen) in shares.items():
        if chosen.any():
            metrics[name] = measure_mean(values, groups, chosen).estimate
    if len(set(labels)) == 2:
        scores, folds = predictions.probabilities[None, counted], None
        if metrics["of_cross_validation"]:
            scores, folds = _by_seed(kept, predictions.by_trial[:, counted])
        metrics["auc"] = measure_auc(labels, scores, groups, folds).estimate
    return metrics


def _by_seed(kept: KeptModel, by_trial: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores (S, B) of each seed, and which of its folds judged: -1 for several."""
    scores, folds = [], []
    for seed in dict.fromkeys(trial.seed for trial in kept.trials):
        own = by_trial[[trial.seed == seed for trial in kept.trials]]
        judged = np.isfinite(own)
        scores.append(np.mean(own, axis=0, where=judged))
        folds.append(np.where(judged.sum(axis=0) == 1, judged.argmax(axis=0), -1))
    return np.stack(scores), np.stack(folds)


def write_judged(
    out: Path,
    kept: KeptModel,
    dataset: MedicalBagDataset,
    predictions: KeptPredictions,
    about: dict[str, Any],
) -> dict[str, Any]:
    """Write the tables and the attention of each slide into a new folder, all or nothing.

    Parameters
    ----------
    out : path
        Does not exist yet, or is empty.
    kept, dataset, predictions
        The model, the slides that it judged, and its predictions for them. Labels are NaN where
        they are unknown; if all are, nothing is measured.
    about : dict
        What else ``results.json`` says, such as the name of the model's file.

    Returns
    -------
    dict
        The content of ``results.json``, with each ``Estimate`` as it is.
    """
    shift = predictions.shift
    results = about | {
        "slides": len(dataset),
        "called_positive": int(predictions.called_positive.sum()),
        "judged_by": dict(Counter(predictions.judged_by)),
        "features": {
            "distance": shift.distance,
            "usual_distance": shift.usual,
            "ratio_of_deviations": shift.ratio,
            "warning": shift.warning(),
        },
        "model": kept.settings,
    }
    if dataset.labels.isfinite().any():
        results["metrics"] = evaluate(kept, dataset, predictions)
    text = json.dumps(results, indent=2, default=_plain) + "\n"
    with new_folder(out) as folder:
        (folder / "predictions.csv").write_text(predictions_table(dataset, predictions), "utf-8")
        (folder / "by_fold.csv").write_text(folds_table(kept, predictions), "utf-8")
        (folder / "results.json").write_text(text, "utf-8")
        (folder / "attention").mkdir()
        for i, (name, attention) in enumerate(zip(predictions.names, predictions.attention)):
            arrays: dict[str, Any] = {"attention": attention.astype(np.float32)}
            if dataset.coords is not None:
                arrays["coords"] = dataset.coords[i]
            np.savez_compressed(folder / "attention" / f"{name}.npz", **arrays)
    return results


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in vars(estimate).items()}


def predictions_table(dataset: MedicalBagDataset, predictions: KeptPredictions) -> str:
    """Return one line a slide as CSV; what is unknown is empty."""
    columns: dict[str, Sequence[Any]] = {"slide": [inert(name) for name in predictions.names]}
    if dataset.labels.isfinite().any():
        columns["label"] = _numbers(dataset.labels.numpy())
    columns |= {
        "probability": _numbers(predictions.probabilities),
        "calibrated": _numbers(predictions.calibrated),
        "spread": _numbers(predictions.spread),
        "threshold": _numbers(predictions.thresholds),
        "called_positive": predictions.called_positive.astype(int).tolist(),
        "judged_by": predictions.judged_by,
    }
    return csv_text(columns, zip(*columns.values()))


def folds_table(kept: KeptModel, predictions: KeptPredictions) -> str:
    """Return one line for each slide, seed and fold that judges it, as CSV; compare ``compare``."""
    rows = [
        [
            *(inert(name), trial.seed, trial.fold),
            *(f"{p:.9g}", f"{trial.threshold:.9g}", int(p >= trial.threshold)),
        ]
        for name, column in zip(predictions.names, predictions.by_trial.T)
        for trial, p in zip(kept.trials, column)
        if np.isfinite(p)
    ]
    return csv_text(["slide", "seed", "fold", "probability", "threshold", "called_positive"], rows)


def _numbers(values: np.ndarray) -> list[str]:
    return ["" if np.isnan(value) else f"{value:.9g}" for value in values]


def as_text(results: dict[str, Any]) -> str:
    """Return what the command prints: numbers of slides, who judged them, metrics."""
    n = results["slides"]
    lines = [f"{n} slide{'s' * (n != 1)}, {results['called_positive']} called positive"]
    lines += [f"judged by {who}: {count}" for who, count in sorted(results["judged_by"].items())]
    if (metrics := results.get("metrics")) is None:
        return "\n".join(lines)
    seen = metrics["left_out_as_trained_on"]
    lines.append(
        f"of {metrics['slides']} slides with a label, {metrics['positive']} positive"
        + (f"; {seen} more do not count, because all models trained on them" if seen else "")
    )
    if known := metrics["of_cross_validation"]:
        lines.append(
            f"{known} of these were in training: only models that never saw them count, and the "
            "AUC compares slides that the same models judged"
        )
    names = {"auc": "AUC", "sensitivity": "sensitivity", "specificity": "specificity"}
    rows = [[names[name], str(metrics[name])] for name in names if name in metrics]
    table = ["", aligned(["", "[95 % interval]"], rows)]
    return "\n".join([*lines, *(table if rows else ["no slide is left to measure on"])])


def draw_heat_maps(
    out: Path, dataset: FeatureBags, predictions: KeptPredictions, slides: dict[str, Path]
) -> None:
    """Draw the attention of each slide whose picture is known; one that fails costs a warning."""
    (folder := out / "heatmaps").mkdir()
    for i, name in enumerate(predictions.names):
        if name not in slides:
            continue
        verdict = "positive" if predictions.called_positive[i] else "negative"
        title = (
            f"{name}: {predictions.probabilities[i]:.3f}, called {verdict} "
            f"(threshold {predictions.thresholds[i]:.3f})"
        )
        with drawing(f"no heat map of {name}"):
            attention = predictions.attention[i]
            figure = slide_figure(slides[name], dataset.subset([i]), attention, title)
            write_whole(folder / f"{name}.png", figure.savefig)
