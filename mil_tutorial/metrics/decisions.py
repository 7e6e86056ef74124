"""Metrics of decisions on bags: what a model catches, what it misses, how sure it may be.

They take ``labels (B,)`` of 0/1 and ``probabilities (B,)`` in [0, 1], not logits, and raise
``ValueError`` for anything else, or when the bags are of one class only. A bag is called positive
when its probability is at least the threshold, which lies in [0, 1]; infinity calls none.
"""

from typing import Any

import numpy as np

from mil_tutorial.system.numbers import as_array, as_integer, as_number


def auc(labels: Any, probabilities: Any) -> float:
    """Area under the ROC curve: the chance that a positive bag scores above a negative one."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*checked(labels, probabilities)))


def sensitivity_at_specificity(labels: Any, probabilities: Any, specificity: float = 0.90) -> float:
    """Highest sensitivity among thresholds whose specificity is at least ``specificity``.

    It describes the ROC curve. It does not pick a threshold: for that see
    ``threshold_for_sensitivity``, on validation bags.
    """
    from sklearn.metrics import roc_curve

    specificity = as_number(specificity, "specificity")
    if not 0 <= specificity <= 1:
        raise ValueError(f"the wanted specificity is {specificity:g}, expected a number in [0, 1]")
    labels, probabilities = checked(labels, probabilities)
    false_positive, sensitivity, _ = roc_curve(labels, probabilities, drop_intermediate=False)
    # 1 - 0.9 is a little below 0.1 in floating point; one bag too many weighs more than that.
    return float(sensitivity[false_positive <= 1 - specificity + 1e-9].max())


def threshold_for_sensitivity(labels: Any, probabilities: Any, sensitivity: float = 0.95) -> float:
    """Return the highest threshold that reaches the wanted sensitivity on these bags.

    Choose it on validation bags, then apply it unchanged to test bags.
    """
    sensitivity = as_number(sensitivity, "sensitivity")
    if not 0 < sensitivity <= 1:
        raise ValueError(f"the wanted sensitivity is {sensitivity:g}, expected a number in (0, 1]")
    labels, probabilities = checked(labels, probabilities)
    positives = np.sort(probabilities[labels == 1])[::-1]
    needed = int(np.ceil(sensitivity * len(positives) - 1e-9))
    return float(positives[needed - 1])


def false_negative_rate(labels: Any, probabilities: Any, threshold: float) -> float:
    """Share of positive bags that are missed: 1 - sensitivity."""
    labels, probabilities = checked(labels, probabilities)
    return float((probabilities[labels == 1] < _checked_threshold(threshold)).mean())


def specificity(labels: Any, probabilities: Any, threshold: float) -> float:
    """Share of negative bags that are called negative."""
    labels, probabilities = checked(labels, probabilities)
    return float((probabilities[labels == 0] < _checked_threshold(threshold)).mean())


def _checked_threshold(threshold: Any) -> float:
    value = as_number(threshold, "threshold")
    if not (0 <= value <= 1 or value == np.inf):
        raise ValueError(f"the threshold is {value:g}, expected a probability in [0, 1]")
    return value


def calibration_error(labels: Any, probabilities: Any, bins: int = 10) -> float:
    """Expected calibration error: mean gap between stated probability and observed frequency.

    Bags are put into ``bins`` of equal width by probability; each bin's gap counts by its share of
    bags (Guo et al. 2017, "On calibration of modern neural networks", equation 3, with the
    probability of the positive class as confidence). Class weights or balanced sampling in training
    shift the probabilities on purpose; then the error shows that shift too.
    """
    bins = as_integer(bins, "bins")
    labels, probabilities = checked(labels, probabilities)
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=labels - probabilities, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def checked(labels: Any, probabilities: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities as arrays (B,); raise ValueError for anything else."""
    labels, probabilities = as_array(labels, "labels"), as_array(probabilities, "probabilities")
    if labels.shape != probabilities.shape or labels.ndim != 1:
        raise ValueError(
            f"labels {labels.shape} and probabilities {probabilities.shape} must both be (B,)"
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():  # NaN fails this too
        raise ValueError("probabilities must lie in [0, 1]; apply the sigmoid to logits first")
    if len(np.unique(labels)) < 2:
        raise ValueError(f"{len(labels)} bags of one class only; the metric needs both classes")
    return labels.astype(int), probabilities
