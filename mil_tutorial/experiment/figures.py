"""Figures of an experiment: ROC, training, AUC against witness rate and against training bags."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.experiment.records import CurvePoint
from mil_tutorial.experiment.run import Experiment
from mil_tutorial.experiment.summary import Summary, witness_rates
from mil_tutorial.metrics.intervals import Estimate
from mil_tutorial.pictures.style import POOLING_COLOURS, POOLING_MARKERS, figure_style
from mil_tutorial.system.errors import in_a_line
from mil_tutorial.system.numbers import check_kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@contextmanager
def drawing(complaint: str) -> Iterator[None]:
    """Let a figure fail with a warning, ``complaint`` and why; close what was left open."""
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    try:
        yield
    except Exception as error:  # whatever a library raises: the numbers are there
        warnings.warn(f"{complaint}: {in_a_line(error)}", stacklevel=4)
    finally:
        for number in set(plt.get_fignums()) - set(before):
            plt.close(number)


def plot_roc(summary: Summary) -> "Figure":
    """Draw the ROC curve of each pooling, averaged over seeds at equal false positive rate."""
    import matplotlib.pyplot as plt
    from sklearn.metrics import roc_curve

    check_kind(Summary, summary=summary)
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
            axes.plot(
                grid,
                np.mean(curves, axis=0),
                label=f"{name}: AUC {auc.value:.2f} [{auc.low:.2f}, {auc.high:.2f}]",
                markevery=(8 + 4 * i, 30),  # where lines lie together, marks tell them apart
                markersize=5,
                **_style(name),
            )
        axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="chance")
        axes.axvline(0.1, color="0.6", linewidth=0.8)
        axes.text(0.11, 0.02, "90 % specificity", color="0.35", fontsize=9)
        n_seeds = len(experiment.seeds)
        axes.set(
            xlabel="false positive rate (1 - specificity)",
            ylabel="sensitivity",
            title=f"ROC on {experiment.benchmark.name}, {len(summary.labels)} test bags, "
            f"{n_seeds} seed{'s' if n_seeds != 1 else ''}",
            aspect="equal",
        )
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.06), fontsize=9)
    return figure


def plot_training(experiment: Experiment) -> "Figure":
    """Draw validation loss and attention entropy by epoch; a dot marks the epoch that was kept."""
    import matplotlib.pyplot as plt

    check_kind(Experiment, experiment=experiment)
    columns = {"val_loss": "validation loss", "val_attention_entropy": "attention entropy"}
    with figure_style():
        figure, panels = plt.subplots(1, 2, figsize=(10, 4))
        for axes, (column, label) in zip(panels, columns.items()):
            for name, runs in experiment.runs.items():
                colour = POOLING_COLOURS.get(name, "0.3")
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

    check_kind(Summary, summary=summary)
    experiment = summary.experiment
    rates = witness_rates(experiment)[summary.labels == 1]
    known = rates[rates > 0]  # a positive bag without a positive instance has no place on the axis
    edges = np.unique(np.quantile(known, np.linspace(0, 1, ranges + 1)))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    with figure_style():
        figure, axes = plt.subplots(figsize=(6.4, 4.4))
        for i, name in enumerate(experiment.runs):
            medians, estimates = zip(*summary.auc_by_witness_rate(name, edges))
            shift = 1 + 0.04 * (i - (len(experiment.runs) - 1) / 2)  # keeps the bars apart
            x = 100 * np.array(medians) * shift
            _draw_estimates(axes, x, estimates, name)
        ticks = [t for t in (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if x.min() / 2 < t < x.max() * 2]
        _finish_estimates(axes, ticks)
        axes.set(
            xlabel="witness rate of the positive bags (%), median of each range; marks set apart",
            ylabel="AUC against all negative bags",
            title=f"Who wins where: {experiment.benchmark.name}, 95 % intervals",
        )
        axes.legend(loc="lower right")
    return figure


def plot_learning_curve(points: Sequence[CurvePoint]) -> "Figure":
    """Draw the test AUC against the number of training bags; small marks are single seeds."""
    import matplotlib.pyplot as plt

    poolings = list(dict.fromkeys(point.pooling for point in points))
    with figure_style():
        figure, axes = plt.subplots(figsize=(6.4, 4.4))
        for i, name in enumerate(poolings):
            own = sorted((p for p in points if p.pooling == name), key=lambda p: p.n_train)
            shift = 1 + 0.05 * (i - (len(poolings) - 1) / 2)  # keeps the bars apart
            x = np.array([point.n_train for point in own]) * shift
            _draw_estimates(axes, x, [point.auc for point in own], name)
            seeds = np.array([point.by_seed for point in own])
            axes.plot(x, seeds, linestyle="", markersize=3, alpha=0.5, **_style(name))
        _finish_estimates(axes, sorted({point.n_train for point in points}))
        axes.set(xlabel="training bags; marks set apart", ylabel="AUC on test bags")
        axes.set_title("What more bags would buy; bars: 95 % intervals")
        axes.set_ylim(bottom=0.3)  # room for the legend
        axes.legend(loc="lower right", ncols=3, fontsize=9)
    return figure


def _style(pooling: str) -> dict[str, Any]:
    return {
        "color": POOLING_COLOURS.get(pooling, "0.3"),
        "marker": POOLING_MARKERS.get(pooling, "."),
    }


def _draw_estimates(
    axes: "Axes", x: np.ndarray, estimates: Iterable[Estimate], pooling: str
) -> None:
    y, low, high = np.array([(e.value, e.low, e.high) for e in estimates]).T
    axes.errorbar(x, y, yerr=[y - low, high - y], capsize=2, label=pooling, **_style(pooling))


def _finish_estimates(axes: "Axes", ticks: Sequence[float]) -> None:
    """Mark what chance gives, and put plain numbers on the logarithmic axis."""
    axes.axhline(0.5, color="0.6", linestyle=":", label="chance")
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
