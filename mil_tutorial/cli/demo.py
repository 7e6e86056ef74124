"""The demo: four poolings on the shipped slides, a table, a ROC figure and a heat map."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mil_tutorial.cli.arguments import add_out, print_warnings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mil_tutorial.bags.dataset import MedicalBagDataset
    from mil_tutorial.models.mil import MIL


EPOCHS = 30


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add_out(command, "demo")


def run(arguments: argparse.Namespace) -> int:
    """Compare the four poolings with one seed, write the report and print its table."""
    from mil_tutorial.experiment.catalogue import load_benchmark
    from mil_tutorial.experiment.report import check_report, write_report
    from mil_tutorial.experiment.run import run_experiment
    from mil_tutorial.experiment.tables import as_markdown

    out = check_report(arguments.out)
    benchmark = load_benchmark("slides")
    experiment = run_experiment(benchmark, seeds=1, config=replace(benchmark.config, epochs=EPOCHS))
    test, model = benchmark.test, experiment.models["gated"]
    heatmap = {"heatmap": lambda: slide_heatmap(model, test, typical_positive(test))}
    report = print_warnings(write_report, experiment, out, heatmap)
    print(as_markdown(report.results))
    print(f"Written to {out}/: {', '.join(report.files)}")
    if "heatmap.png" in report.files:
        print(
            f"Look at {out / 'heatmap.png'} first: the slide, where gated attention looked,\n"
            "and the outline of the tumour it was never shown."
        )
    print(
        "One seed is an anecdote; next:\n"
        "  python -m mil_tutorial compare --data slides --seeds 5 --out results\n"
        "  python -m mil_tutorial compare --data slides-hard --seeds 5 --out results-hard"
    )
    return 0


def typical_positive(dataset: "MedicalBagDataset") -> int:
    """Return the positive bag with the median witness rate: the data choose, not the model."""
    assert dataset.instance_labels is not None
    rates = np.array([truth.mean() for truth in dataset.instance_labels])
    positives = np.flatnonzero(dataset.labels.numpy() == 1)
    return int(positives[np.argsort(rates[positives])[len(positives) // 2]])


def slide_heatmap(model: "MIL", dataset: "MedicalBagDataset", index: int) -> "Figure":
    """Draw one shipped slide with the attention of a model."""
    from mil_tutorial.datasets.rendering.lesion import TILE
    from mil_tutorial.datasets.slides import slide_image
    from mil_tutorial.pictures.heatmaps import plot_attention
    from mil_tutorial.training.prediction import predict

    assert dataset.coords is not None
    assert dataset.instance_labels is not None
    predictions = predict(model, dataset.subset([index]))
    name, truth = dataset.names[index], "tumour" if dataset.labels[index] else "no tumour"
    return plot_attention(
        slide_image(name),
        predictions.attention,
        dataset.coords[index],
        TILE,
        truth=dataset.instance_labels[index],
        title=f"{name} ({truth}): predicted probability {predictions.probabilities[0]:.2f}",
    )
