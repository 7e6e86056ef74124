"""Figures of an experiment: ROC, training, AUC against witness rate and against training bags."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.experiment.learning_curves import CurvePoint
from mil_tutorial.experiment.run import Experiment
from mil_tutorial.experiment.summary import Summary, witness_rates
from mil_tutorial.pictures.style import POOLING_COLOURS, POOLING_MARKERS, figure_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_roc(summary: Summary) -> "Figure":
    """Draw the ROC curve of each pooling, averaged over seeds at equal false positive rate."""
    import matplotlib.pyplot as plt
    from sklearn.metrics import roc_curve

    experiment, grid = summary.experiment, np.linspace(0, 1, 201)
    with figure_style():
        figure, axes = plt.subplots(figsize=(5.2, 4.8))
        for i, (name, runs) in enumerate(experiment.runs.items()):
            curves = []
            for probabilities in runs.probabilities:
                false_positive, sensitivity, _ = roc_curve(summary.labels, probabilities)
                curves.append(np.interp(grid, false_positive, sensitivity))
                curves[-1][0] = 0.0  # every ROC curve starts where nothing is called positive
            auc = summary.row(name)["auc"]
            label = f"{name}: AUC {auc.value:.2f} [{auc.low:.2f}, {auc.high:.2f}]"
            style: dict[str, Any] = {
                "color": POOLING_COLOURS[name],
                "marker": POOLING_MARKERS[name],
                "markevery": (8 + 4 * i, 30),  # where lines lie together, marks tell them apart
                "markersize": 5,
            }
            axes.plot(grid, np.mean(curves, axis=0), label=label, **style)
        axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="chance")
        axes.axvline(0.1, color="0.6", linewidth=0.8)
        axes.text(0.11, 0.02, "90 % specificity", color="0.35", fontsize=9)
        axes.set(
            xlabel="false positive rate (1 - specificity)",
            ylabel="sensitivity",
            title=f"ROC on {experiment.benchmark.name}, {len(summary.labels)} test bags, "
            f"{_count(len(experiment.seeds), 'seed')}",
            aspect="equal",
        )
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.06), fontsize=9)
    return figure


def plot_training(experiment: Experiment) -> "Figure":
    """Draw validation loss and attention entropy by epoch; a dot marks the epoch that was kept."""
    import matplotlib.pyplot as plt

    columns = {"val_loss": "validation loss", "val_attention_entropy": "attention entropy"}
    with figure_style():
        figure, panels = plt.subplots(1, 2, figsize=(10, 4))
        for axes, (column, label) in zip(panels, columns.items()):
            for name, runs in experiment.runs.items():
                colour = POOLING_COLOURS[name]
                for i, history in enumerate(runs.histories[:10]):
                    values, best = history.column(column), history.best_epoch
                    axes.plot(values, color=colour, alpha=0.6, label=name if i == 0 else None)
                    axes.plot(best, values[best], "o", color=colour, markersize=4)
            axes.set(xlabel="epoch", ylabel=label)
        panels[0].legend()
        figure.suptitle(f"Training on {experiment.benchmark.name}; dots: the epoch kept")
    return figure


def plot_witness_rate(summary: Summary, ranges: int = 4) -> "Figure":
    """Draw the AUC of positive bags against all negatives, by the positives' witness rate."""
    import matplotlib.pyplot as plt

    experiment = summary.experiment
    rates = witness_rates(experiment)[summary.labels == 1]
    known = rates[rates > 0]  # a positive bag without a positive instance has no place on the axis
    edges = np.unique(np.quantile(known, np.linspace(0, 1, ranges + 1)))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    with figure_style():
        figure, axes = plt.subplots(figsize=(6.4, 4.4))
        for i, name in enumerate(experiment.runs):
            points = summary.auc_by_witness_rate(name, edges)
            shift = 1 + 0.04 * (i - (len(experiment.runs) - 1) / 2)  # keeps the bars apart
            x = np.array([100 * rate * shift for rate, _ in points])
            y, low, high = np.array([(e.value, e.low, e.high) for _, e in points]).T
            axes.errorbar(
                x,
                y,
                yerr=[y - low, high - y],
                color=POOLING_COLOURS[name],
                marker=POOLING_MARKERS[name],
                capsize=2,
                label=name,
            )
        axes.axhline(0.5, color="0.6", linestyle=":", label="chance")
        axes.set_xscale("log")
        axes.set(
            xlabel="witness rate of the positive bags (%), median of each range; marks set apart",
            ylabel="AUC against all negative bags",
            title=f"Who wins where: {experiment.benchmark.name}, 95 % intervals",
        )
        ticks = [t for t in (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if x.min() / 2 < t < x.max() * 2]
        axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axes.minorticks_off()
        axes.legend(loc="lower right")
    return figure


def plot_learning_curve(points: Sequence[CurvePoint]) -> "Figure":
    """Draw the test AUC against the number of training bags; small marks are single seeds."""
    import matplotlib.pyplot as plt

    poolings = list(dict.fromkeys(point.pooling for point in points))
    sizes = sorted({point.n_train for point in points})
    with figure_style():
        figure, axes = plt.subplots(figsize=(6.4, 4.4))
        for i, name in enumerate(poolings):
            mine = sorted((p for p in points if p.pooling == name), key=lambda p: p.n_train)
            shift = 1 + 0.05 * (i - (len(poolings) - 1) / 2)  # keeps the bars apart
            x = [point.n_train * shift for point in mine]
            y, low, high = np.array([(p.auc.value, p.auc.low, p.auc.high) for p in mine]).T
            style: dict[str, Any] = {
                "color": POOLING_COLOURS[name],
                "marker": POOLING_MARKERS[name],
            }
            axes.errorbar(x, y, yerr=[y - low, high - y], capsize=2, label=name, **style)
            for place, point in zip(x, mine):
                each = point.by_seed
                axes.plot([place] * len(each), each, linestyle="", markersize=3, alpha=0.5, **style)
        axes.axhline(0.5, color="0.6", linestyle=":", label="chance")
        axes.set(xscale="log", xlabel="training bags; marks set apart", ylabel="AUC on test bags")
        axes.set_title("What more bags would buy; bars: 95 % intervals")
        axes.set_xticks(sizes, [f"{size}" for size in sizes])
        axes.minorticks_off()
        axes.set_ylim(bottom=0.3)  # room for the legend
        axes.legend(loc="lower right", ncols=3, fontsize=9)
    return figure


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
