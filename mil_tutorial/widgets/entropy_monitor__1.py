"""The picture of a training that stands where the monitor cannot run."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.style import figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mil_tutorial.widgets.entropy_monitor import EntropyMonitor

TITLES = {
    "loss": "Loss",
    "entropy": "Attention entropy, normalised",
    "instances": "Effective instances",
    "auc": "AUC",
}
LINES: dict[str, dict[str, dict[str, Any]]] = {
    "loss": {
        "train_loss": {"label": "training", "color": "0.45", "linestyle": "--"},
        "val_loss": {"label": "validation", "color": "k"},
    },
    "entropy": {"val_attention_entropy": {"label": "all", "color": "k"}},
    "instances": {"val_effective_instances": {"label": "all", "color": "k"}},
    "auc": {"val_auc": {"label": "validation", "color": "k"}},
}
APART: dict[str, dict[str, Any]] = {
    "val_entropy_positive": {"label": "positives", "color": "#D55E00", "dashes": (5, 1.5)},
    "val_entropy_negative": {"label": "negatives", "color": "#0072B2", "dashes": (1, 1.5)},
}


def draw_monitor(monitor: "EntropyMonitor") -> "Figure":
    """Draw the charts that the monitor shows now."""
    import matplotlib.pyplot as plt

    shown = [name for name in TITLES if name in monitor.panels]
    rows, columns = (len(shown) + 1) // 2, min(len(shown), 2)
    with figure_style():
        if not shown:
            return plt.figure(figsize=(4, 0.6))
        size = (8 if columns == 2 else 4.4, 2.7 * rows)
        figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False)
        for name, axes in zip(shown, panels.flat):
            _draw(axes, name, monitor)
        for axes in panels.flat[len(shown) :]:
            axes.set_visible(False)
    return figure


def _draw(axes: "Axes", name: str, monitor: "EntropyMonitor") -> None:
    lines = LINES[name] | (APART if name == "entropy" and monitor.apart else {})
    epochs = [row["epoch"] for row in monitor.records]
    for column, style in lines.items():
        values = [row[column] for row in monitor.records]
        axes.plot(epochs, np.array(values, dtype=float), **style)
    last = max([monitor.epochs - 1, *epochs])
    axes.set(title=TITLES[name], xlabel="epoch", xlim=(0, max(last, 1)))
    axes.locator_params(axis="x", integer=True)
    if monitor.epoch >= 0:  # the epoch that is read
        axes.axvline(monitor.epoch, color="0.6", linewidth=0.8)
    _FINISH[name](axes, monitor)


def _finish_loss(axes: "Axes", monitor: "EntropyMonitor") -> None:
    axes.set_ylim(0, None if monitor.records else 1)
    if monitor.records:
        best = min(monitor.records, key=lambda row: row["val_loss"])
        ring: dict[str, Any] = {"markersize": 9, "markerfacecolor": "none", "color": "#009E73"}
        axes.plot(best["epoch"], best["val_loss"], "o", label="lowest", **ring)
    axes.legend(fontsize=8)


def _finish_instances(axes: "Axes", monitor: "EntropyMonitor") -> None:
    most = [row["val_effective_instances"] or 1 for row in monitor.records]
    axes.set(yscale="log", ylim=(1, 1.1 * max([10, *most])))
    axes.yaxis.set_major_formatter("{x:g}")


def _finish_auc(axes: "Axes", monitor: "EntropyMonitor") -> None:
    values = [row["val_auc"] for row in monitor.records if row["val_auc"] is not None]
    axes.set_ylim(min([0.4, *values]), 1.01)


def _finish_entropy(axes: "Axes", monitor: "EntropyMonitor") -> None:
    axes.set_ylim(0, 1)
    axes.axhspan(0, monitor.collapsed, color="#D55E00", alpha=0.15, linewidth=0)
    axes.axhspan(monitor.uniform, 1, color="#D55E00", alpha=0.15, linewidth=0)
    place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right"}
    place |= {"fontsize": 8, "color": "0.35"}
    axes.text(0.98, monitor.collapsed, "collapsed", va="bottom", **place)
    axes.text(0.98, monitor.uniform, "uniform", va="top", **place)
    axes.legend(fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.93))


_FINISH = {
    "loss": _finish_loss,
    "entropy": _finish_entropy,
    "instances": _finish_instances,
    "auc": _finish_auc,
}
