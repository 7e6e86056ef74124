"""The threshold explorer: slide the decision threshold, see who is missed and who is alarmed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import traitlets

from mil_tutorial import metrics
from mil_tutorial.widgets.base import Explanation, script

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Decisions(NamedTuple):
    """What a threshold makes of a set of slides."""

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
    """Slides by probability, a threshold to move, and what follows from it.

    Shows the slides of both classes on a line, the ROC curve with the present point and the best
    point at 90 % specificity, the confusion matrix, sensitivity, specificity and false negative
    rate, and lists of missed slides, missed patients and false alarms. The threshold moves by the
    slider, by a click or drag among the slides or on the ROC curve, and by two buttons: the highest
    threshold that reaches 95 % sensitivity (``metrics.threshold_for_sensitivity``), and the one
    that gives ``metrics.sensitivity_at_specificity`` at 90 %.

    A slide is called positive when its probability is at least the threshold. A patient with a
    positive slide is missed when none of his positive slides is called.

    The browser computes everything that is seen. The kernel gets ``threshold`` when a control is
    let go, and can set it. For other slides make another explorer.

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
        What the slides are, for the heading. Thresholds are chosen on validation slides, never on
        test slides.

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
        truth, found = np.asarray(labels), np.asarray(probabilities, dtype=float)
        called = _words(names, len(found), "names") or [f"slide {i}" for i in range(len(found))]
        _check_probabilities(found, called)
        metrics.specificity(truth, found, 0.5)  # refuses other labels, shapes, one class only
        super().__init__(
            labels=truth.astype(int).tolist(),
            probabilities=found.tolist(),
            groups=_words(groups, len(found), "groups"),
            names=called,
            bags_are=bags_are,
            threshold=_checked_threshold(threshold),
        )

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: Any) -> float:
        return _checked_threshold(proposal["value"])

    def results(self) -> Decisions:
        """Return what the present threshold makes of the slides, by the package's metrics."""
        truth, found = np.array(self.labels), np.array(self.probabilities)
        missed_rate = metrics.false_negative_rate(truth, found, self.threshold)
        called, positive = found >= self.threshold, truth == 1
        missed = np.flatnonzero(positive & ~called)
        return Decisions(
            threshold=self.threshold,
            sensitivity=1 - missed_rate,
            specificity=metrics.specificity(truth, found, self.threshold),
            false_negative_rate=missed_rate,
            true_positives=int((positive & called).sum()),
            false_negatives=len(missed),
            false_positives=int((~positive & called).sum()),
            true_negatives=int((~positive & ~called).sum()),
            missed_slides=[self.names[i] for i in missed[np.argsort(found[missed], kind="stable")]],
            missed_patients=self._missed_patients(positive, called),
        )

    def _missed_patients(self, positive: np.ndarray, called: np.ndarray) -> list[str]:
        if not self.groups:
            return []
        caught = {self.groups[i] for i in np.flatnonzero(positive & called)}
        with_tumour = dict.fromkeys(self.groups[i] for i in np.flatnonzero(positive))
        return [patient for patient in with_tumour if patient not in caught]

    def twin(self) -> "Figure":
        """Draw the slides on a line, the ROC curve with the present point, and the counts."""
        from mil_tutorial.widgets.threshold_twin import draw_decisions

        return draw_decisions(
            np.array(self.labels), np.array(self.probabilities), self.results(), self.bags_are
        )

    def description(self) -> str:
        """Say the counts and rates at the present threshold."""
        now, positives = self.results(), sum(self.labels)
        area = metrics.auc(self.labels, self.probabilities)
        said = (
            f"{len(self.labels)} {self.bags_are}, {positives} with tumour, as dots by their "
            f"probability, and the ROC curve, AUC {area:.3f}. "
            f"At threshold {self.threshold:.3f}: {now.true_positives} tumour slides found, "
            f"{now.false_negatives} missed, {now.false_positives} false alarms, "
            f"{now.true_negatives} rightly healthy; sensitivity {now.sensitivity:.3f}, "
            f"specificity {now.specificity:.3f}."
        )
        if self.groups:
            said += f" Patients missed: {', '.join(now.missed_patients) or 'none'}."
        return said


def _words(given: Any, n_slides: int, what: str) -> list[str]:
    """Return one text for each slide; an empty list where nothing was given."""
    if given is None:
        return []
    values = given.tolist() if hasattr(given, "tolist") else list(given)
    if len(values) != n_slides:
        raise ValueError(f"{len(values)} {what} for {n_slides} slides; give one for each")
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


def _checked_threshold(threshold: float) -> float:
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold is {threshold:g}, expected a probability in [0, 1]")
    return float(threshold)
