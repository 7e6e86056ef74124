"""The demo: where max pooling fails and attention does not, where both do well, and a heat map."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mil_tutorial.cli.arguments import add_out

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mil_tutorial.bags.dataset import MedicalBagDataset
    from mil_tutorial.experiment.benchmarks import Benchmark
    from mil_tutorial.models.mil import MIL

POOLINGS = ("max", "mean", "attention")
STARTS = {"slides-hard": 5, "slides": 1}
"""Starts of each pooling; on the default slides they differ by a few hundredths only."""
EPOCHS = {"slides-hard": 25, "slides": 15}
RATE = 3e-3
"""Three times the rate of ``compare``, which trains for up to 80 epochs."""


class Start(NamedTuple):
    """One training from its own random weights."""

    pooling: str
    auc: float  # on the test slides
    val_loss: float
    model: "MIL"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add_out(command, "demo")


def run(arguments: argparse.Namespace) -> int:
    """Train several starts of each pooling, print and write their tables, draw a heat map."""
    import torch
    from tqdm.auto import tqdm

    from mil_tutorial.experiment.catalogue import load_benchmark
    from mil_tutorial.system.files import check_writable, write_whole
    from mil_tutorial.system.jobs import possible_jobs, share_work

    out = check_writable(arguments.out)
    torch.set_num_threads(1)  # a bag is too small to share; starts run side by side instead
    benchmarks = {name: load_benchmark(name) for name in STARTS}
    tasks = [
        (name, pooling, seed)
        for name, starts in STARTS.items()
        for pooling in reversed(POOLINGS)  # the longest first
        for seed in range(starts)
    ]
    with tqdm(total=len(tasks), desc="trainings") as bar:
        train = partial(train_start, benchmarks)
        trained = share_work(train, tasks, possible_jobs(most=4), bar.update)
    by_data: dict[str, list[Start]] = {name: [] for name in STARTS}
    for (name, _, _), start in zip(tasks, trained):
        by_data[name].append(start)
    tables = [section(benchmarks[name], starts) for name, starts in by_data.items()]
    report = "\n\n".join([*tables, recorded_starts()])
    print(report)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "results.md", lambda file: file.write(f"{report}\n".encode()))
    test = benchmarks["slides-hard"].test
    attention = [start for start in by_data["slides-hard"] if start.pooling == "attention"]
    best = min(attention, key=lambda start: start.val_loss)
    write_whole(
        out / "heatmap.png", slide_heatmap(best.model, test, typical_positive(test)).savefig
    )
    print(
        f"\nWritten to {out}/: heatmap.png, results.md\n"
        f"Look at {out / 'heatmap.png'} first: a slide of slides-hard, where the kept start of\n"
        "attention looked, and the outline of the tumour it was never shown.\n"
        "A few starts are an anecdote. For longer training and 95 % intervals:\n"
        "  python -m mil_tutorial compare --data slides --seeds 5 --out results\n"
        "  python -m mil_tutorial compare --data slides-hard --seeds 5 --out results-hard"
    )
    return 0


def train_start(benchmarks: dict[str, "Benchmark"], name: str, pooling: str, seed: int) -> Start:
    """Train one start, keep its epoch with the lowest validation loss, and test it."""
    from mil_tutorial.experiment.trials import train_one
    from mil_tutorial.metrics.decisions import auc
    from mil_tutorial.training.prediction import predict

    benchmark = benchmarks[name]
    (split,) = benchmark.splits(seed)
    epochs, config = EPOCHS[name], benchmark.config
    config = replace(config, seed=seed, epochs=epochs, learning_rate=RATE, patience=None)
    model, history = train_one(benchmark, pooling, split, config)
    tested = predict(model, benchmark.test)
    test_auc = auc(tested.labels, tested.probabilities)
    return Start(pooling, test_auc, history.best.val_loss, model)


def section(benchmark: "Benchmark", starts: Sequence[Start]) -> str:
    """Return the heading and the table of one data set, as Markdown."""
    from mil_tutorial.experiment.records import FOUND
    from mil_tutorial.experiment.tables import aligned

    test = benchmark.test
    assert test.instance_labels is not None
    tumour = [truth.sum() for truth in test.instance_labels if truth.any()]
    rows = []
    for pooling in POOLINGS:
        own = [start for start in starts if start.pooling == pooling]
        kept = min(own, key=lambda start: start.val_loss)
        found = sum(start.auc > FOUND for start in own)
        listed = " ".join(f"{start.auc:.2f}" for start in own)
        rows.append([pooling, listed, f"{found} of {len(own)}", f"{kept.auc:.2f}"])
    head = ["", "test AUC of each start", f"above {FOUND}", "start kept"]
    return (
        f"# {benchmark.name}: tumour in {np.median(tumour):g} of "
        f"{np.median(test.sizes.numpy()):.0f} tiles of a typical positive slide\n\n"
        f"{aligned(head, rows)}"
    )


def recorded_starts() -> str:
    """Return what the longer record on ``slides-hard`` says of single starts."""
    from mil_tutorial.experiment.records import FOUND, load_recorded

    record = load_recorded("slides-hard-starts")
    counts = {row["pooling"]: 0 for row in record["rows"]}
    for start in record["runs"]:
        counts[start["pooling"]] += start["auc"] > FOUND
    listed = ", ".join(f"{pooling} {count}" for pooling, count in counts.items())
    return (
        "Each start has other random weights. One that stays near 0.5 has not found the tumour.\n"
        f"Of {len(record['seeds'])} recorded starts on slides-hard, trained longer, those above "
        f"{FOUND} are: {listed}.\nIf you can afford several starts, keep the one with the lowest "
        "validation loss:\nthe last column is its AUC."
    )


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
