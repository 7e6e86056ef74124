"""The threshold explorer: move the decision threshold, see who is missed or falsely alarmed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import traitlets

from mil_tutorial.metrics import decisions as metrics
from mil_tutorial.pictures.style import figure_style
from mil_tutorial.widgets.base import Explanation, script

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


FATES = {  # label, called → sign, colour, word
    (1, True): ("o", "#009E73", "found"),
    (1, False): ("X", "#D55E00", "missed"),
    (0, True): ("^", "#E69F00", "false alarm"),
    (0, False): ("$\\circ$", "0.4", "correctly cleared"),
}


class Decisions(NamedTuple):
    """Counts, rates and misses of a set of slides at a threshold."""

    threshold: float
    sensitivity: float
    specificity: float
    false_negative_rate: float
    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int
    missed_slides: list[str]  # the lowest probability first
    missed_patients: list[str]  # in the order of the slides


class ThresholdExplorer(Explanation):
    """Slides by probability, a threshold to move, and its consequences.

    Shows the slides of both classes on a line, the ROC curve with the present point and the best
    point at 90 % specificity, the confusion matrix, sensitivity, specificity and false negative
    rate, and lists of missed slides, missed patients and false alarms. The threshold moves by the
    slider, by a click or drag among the slides or on the ROC curve, and by two buttons: the highest
    threshold that reaches 95 % sensitivity (``metrics.threshold_for_sensitivity``), and the one
    that gives ``metrics.sensitivity_at_specificity`` at 90 %.

    A slide is called positive when its probability is at least the threshold. A patient with a
    positive slide is missed when none of their positive slides is called.

    The browser computes all that it shows. The kernel gets ``threshold`` when a control is let go,
    and can set it. For other slides make another explorer.

    Parameters
    ----------
    labels : array, shape (B,)
        0 or 1; both must occur.
    probabilities : array, shape (B,)
        In [0, 1], not logits.
    groups : sequence of length B, optional
        The patient of each slide. Without it no patients are listed.
    names : sequence of length B, optional
        Names of the slides. Default: slide 0, slide 1, …
    threshold : float
        In [0, 1].
    bags_are : str
        The kind of the slides, for the heading. Thresholds are chosen on validation slides, never
        on test slides.

    Raises
    ------
    ValueError
        When lengths differ, labels are not 0 and 1, one class is missing, or a probability or the
        threshold is not in [0, 1].
    """

    _esm = script("svg.js", "decisions.js", "threshold_plots.js", "threshold_explorer.js")

    # Lists, not float32 bytes: a threshold equal to a probability must be equal in the browser too.
    labels: Any = traitlets.List().tag(sync=True)
    probabilities: Any = traitlets.List().tag(sync=True)
    groups: Any = traitlets.List().tag(sync=True)
    names: Any = traitlets.List().tag(sync=True)
    bags_are = traitlets.Unicode().tag(sync=True)
    threshold = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        labels: Any,
        probabilities: Any,
        *,
        groups: Sequence[Any] | None = None,
        names: Sequence[Any] | None = None,
        threshold: float = 0.5,
        bags_are: str = "validation slides",
    ) -> None:
        truth, predicted = np.asarray(labels), np.asarray(probabilities, dtype=float)
        n = len(predicted)
        names = _one_text_per_slide(names, n, "names") or [f"slide {i}" for i in range(n)]
        _check_probabilities(predicted, names)
        metrics.specificity(truth, predicted, 0.5)  # refuses other labels, shapes, one class only
        super().__init__(
            labels=truth.astype(int).tolist(),
            probabilities=predicted.tolist(),
            groups=_one_text_per_slide(groups, n, "groups"),
            names=names,
            bags_are=bags_are,
            threshold=float(threshold),
        )

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] <= 1:
            raise ValueError(
                f"the threshold is {proposal['value']:g}, expected a probability in [0, 1]"
            )
        return proposal["value"]

    def results(self) -> Decisions:
        """Return the decisions at the present threshold, by the package's metrics."""
        truth, probabilities = np.array(self.labels), np.array(self.probabilities)
        missed_rate = metrics.false_negative_rate(truth, probabilities, self.threshold)
        called, positive = probabilities >= self.threshold, truth == 1
        missed = np.flatnonzero(positive & ~called)
        lowest_first = missed[np.argsort(probabilities[missed], kind="stable")]
        return Decisions(
            threshold=self.threshold,
            sensitivity=1 - missed_rate,
            specificity=metrics.specificity(truth, probabilities, self.threshold),
            false_negative_rate=missed_rate,
            true_positives=int((positive & called).sum()),
            false_negatives=len(missed),
            false_positives=int((~positive & called).sum()),
            true_negatives=int((~positive & ~called).sum()),
            missed_slides=[self.names[i] for i in lowest_first],
            missed_patients=self._missed_patients(positive, called),
        )

    def _missed_patients(self, positive: np.ndarray, called: np.ndarray) -> list[str]:
        if not self.groups:
            return []
        called_patients = {self.groups[i] for i in np.flatnonzero(positive & called)}
        patients_with_tumour = dict.fromkeys(self.groups[i] for i in np.flatnonzero(positive))
        return [patient for patient in patients_with_tumour if patient not in called_patients]

    def twin(self) -> "Figure":
        """Draw the slides on a line, the ROC curve with the present point, and the counts."""
        import matplotlib.pyplot as plt

        labels, probabilities = np.array(self.labels), np.array(self.probabilities)
        now = self.results()
        with figure_style():
            figure = plt.figure(figsize=(8, 6))
            grid = figure.add_gridspec(2, 2, height_ratios=[1, 1.6])
            _draw_slides(figure.add_subplot(grid[0, :]), labels, probabilities, now.threshold)
            _draw_roc(figure.add_subplot(grid[1, 0]), labels, probabilities, now)
            _write_counts(figure.add_subplot(grid[1, 1]), now)
            figure.suptitle(f"{len(labels)} {self.bags_are}, threshold {now.threshold:.3f}")
        return figure

    def description(self) -> str:
        """Return the counts and rates at the present threshold, in words."""
        now, positives = self.results(), sum(self.labels)
        area = metrics.auc(self.labels, self.probabilities)
        text = (
            f"{len(self.labels)} {self.bags_are}, {positives} with tumour, as dots placed "
            f"by probability, and the ROC curve, AUC {area:.3f}. "
            f"At threshold {self.threshold:.3f}: {now.true_positives} tumour slides found, "
            f"{now.false_negatives} missed, {now.false_positives} false alarms, "
            f"{now.true_negatives} correctly cleared; sensitivity {now.sensitivity:.3f}, "
            f"specificity {now.specificity:.3f}."
        )
        if self.groups:
            text += f" Patients missed: {', '.join(now.missed_patients) or 'none'}."
        return text


def _one_text_per_slide(values: Any, n: int, trait: str) -> list[str]:
    """Return a text for each of n slides; an empty list for None."""
    if values is None:
        return []
    values = values.tolist() if hasattr(values, "tolist") else list(values)
    if len(values) != n:
        raise ValueError(f"{len(values)} {trait} for {n} slides; give one for each")
    return [str(value) for value in values]


def _check_probabilities(probabilities: np.ndarray, names: list[str]) -> None:
    if probabilities.ndim != 1:
        raise ValueError(f"probabilities have shape {probabilities.shape}, expected (B,)")
    wrong = np.flatnonzero(~((probabilities >= 0) & (probabilities <= 1)))  # NaN fails this too
    if len(wrong):
        raise ValueError(
            f"{names[wrong[0]]} has probability {probabilities[wrong[0]]:g}, expected a number in "
            "[0, 1]; apply the sigmoid to logits first"
        )


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
        [f"{now.false_positives} false alarms", f"{now.true_negatives} correctly cleared"],
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
        first, more = now.missed_patients[:4], len(now.missed_patients) - 4
        ending = f" and {more} more" if more > 0 else ""
        lines += ["", f"missed patients: {', '.join(first)}{ending}"]
    axes.text(0, 0.5, "\n".join(lines), va="top", linespacing=1.5, wrap=True)
