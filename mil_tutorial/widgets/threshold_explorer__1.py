"""The threshold explorer as a figure: slides on a line, ROC curve, counts."""

from typing import TYPE_CHECKING

import numpy as np

from mil_tutorial import metrics
from mil_tutorial.style import figure_style
from mil_tutorial.widgets.threshold_explorer import Decisions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FATES = {  # label, called → sign, colour, word
    (1, True): ("o", "#009E73", "found"),
    (1, False): ("X", "#D55E00", "missed"),
    (0, True): ("^", "#E69F00", "false alarm"),
    (0, False): ("$\\circ$", "0.4", "rightly healthy"),
}


def draw_decisions(
    labels: np.ndarray, probabilities: np.ndarray, now: Decisions, bags_are: str
) -> "Figure":
    """Draw labels and probabilities (B,) with the threshold, the ROC curve, and the counts."""
    import matplotlib.pyplot as plt

    with figure_style():
        figure = plt.figure(figsize=(8, 6))
        grid = figure.add_gridspec(2, 2, height_ratios=[1, 1.6])
        _draw_slides(figure.add_subplot(grid[0, :]), labels, probabilities, now.threshold)
        _draw_roc(figure.add_subplot(grid[1, 0]), labels, probabilities, now)
        _write_counts(figure.add_subplot(grid[1, 1]), now)
        figure.suptitle(f"{len(labels)} {bags_are}, threshold {now.threshold:.3f}")
    return figure


def _draw_slides(
    axes: "Axes", labels: np.ndarray, probabilities: np.ndarray, threshold: float
) -> None:
    height = _stacked(labels, probabilities)
    for (label, called), (sign, colour, word) in FATES.items():
        chosen = (labels == label) & ((probabilities >= threshold) == called)
        where = probabilities[chosen], label + height[chosen]
        axes.scatter(*where, marker=sign, color=colour, s=26, linewidths=0.4, label=word)
    axes.axvline(threshold, color="0.1", linewidth=1.5)
    axes.set(
        xlim=(-0.02, 1.02),
        ylim=(-0.1, 2),
        yticks=[0, 1],
        yticklabels=["healthy", "tumour"],
        xlabel="probability",
    )
    axes.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1), fontsize=9)


def _stacked(labels: np.ndarray, probabilities: np.ndarray, bins: int = 60) -> np.ndarray:
    """Return a height for each slide, so that those of about the same probability are stacked."""
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1) + bins * labels
    level = np.empty(len(bin_of), dtype=int)
    for own in np.unique(bin_of):
        level[bin_of == own] = np.arange((bin_of == own).sum())
    return level * min(0.12, 0.8 / max(1, level.max()))


def _draw_roc(axes: "Axes", labels: np.ndarray, probabilities: np.ndarray, now: Decisions) -> None:
    from sklearn.metrics import roc_curve

    false_positive, sensitivity, _ = roc_curve(labels, probabilities, drop_intermediate=False)
    axes.plot(false_positive, sensitivity, color="#0072B2")
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":")
    axes.axvline(0.1, color="0.5", linewidth=0.8, linestyle="--")
    best = metrics.sensitivity_at_specificity(labels, probabilities, 0.90)
    mark = false_positive[sensitivity == best].min(), best
    axes.plot(*mark, "D", markerfacecolor="none", color="0.1", label="90 % specificity")
    point = 1 - now.specificity, now.sensitivity
    axes.plot(*point, "o", color="#D55E00", markersize=8, label="this threshold")
    axes.set(xlabel="false positive rate (1 - specificity)", ylabel="sensitivity", aspect="equal")
    axes.set_title(f"AUC {metrics.auc(labels, probabilities):.3f}")
    axes.legend(loc="lower right", fontsize=9)


def _write_counts(axes: "Axes", now: Decisions) -> None:
    from matplotlib.transforms import Bbox

    axes.set_axis_off()
    cells = [
        [f"{now.true_positives} found", f"{now.false_negatives} missed"],
        [f"{now.false_positives} false alarms", f"{now.true_negatives} rightly healthy"],
    ]
    table = axes.table(
        cells,
        rowLabels=["tumour", "healthy"],
        colLabels=["called tumour", "called healthy"],
        bbox=Bbox.from_bounds(0.14, 0.62, 0.86, 0.38),
        cellLoc="center",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    lines = [
        f"sensitivity {now.sensitivity:.3f}",
        f"false negative rate {now.false_negative_rate:.3f}",
        f"specificity {now.specificity:.3f}",
    ]
    if now.missed_patients:
        lines += ["", f"missed patients: {_listed(now.missed_patients)}"]
    axes.text(0, 0.5, "\n".join(lines), va="top", linespacing=1.5, wrap=True)


def _listed(words: list[str], longest: int = 4) -> str:
    more = len(words) - longest
    return ", ".join(words[:longest]) + (f" and {more} more" if more > 0 else "")
