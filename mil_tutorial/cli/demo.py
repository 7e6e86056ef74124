"""The demo: four poolings on the shipped slides, a table, a ROC figure and a heat map."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.datasets import load_benchmark
from mil_tutorial.datasets.slides import TILE, slide_image
from mil_tutorial.experiment import run_experiment
from mil_tutorial.heatmaps import plot_attention
from mil_tutorial.models import MIL
from mil_tutorial.prediction import predict
from mil_tutorial.report import Report, check_writable, write_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_demo(out: Path, epochs: int = 30) -> Report:
    """Compare the four poolings with one seed and write all files to ``out``."""
    check_writable(out)
    benchmark = load_benchmark("slides")
    experiment = run_experiment(benchmark, seeds=1, config=replace(benchmark.config, epochs=epochs))
    test = benchmark.test
    figure = slide_heatmap(experiment.models["gated"], test, typical_positive(test))
    return write_report(experiment, out, {"heatmap": figure})


def typical_positive(dataset: MedicalBagDataset) -> int:
    """Return the positive bag with the median witness rate: the data choose, not the model."""
    assert dataset.instance_labels is not None
    rates = np.array([truth.mean() for truth in dataset.instance_labels])
    positives = np.flatnonzero(dataset.labels.numpy() == 1)
    return int(positives[np.argsort(rates[positives])[len(positives) // 2]])


def slide_heatmap(model: MIL, dataset: MedicalBagDataset, index: int) -> "Figure":
    """Draw one shipped slide with the attention of a model."""
    assert dataset.coords is not None
    assert dataset.instance_labels is not None
    found = predict(model, dataset.subset([index]))
    name, truth = dataset.names[index], "tumour" if dataset.labels[index] else "no tumour"
    return plot_attention(
        slide_image(name),
        found.attention,
        dataset.coords[index],
        TILE,
        truth=dataset.instance_labels[index],
        title=f"{name} ({truth}): predicted probability {found.probabilities[0]:.2f}",
    )
