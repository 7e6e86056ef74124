"""Calibration: does a probability of 0.8 come true eight times in ten? If not, mend it.

Here are the bins of ``metrics.calibration_error`` and the temperature that sets the confidence.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mil_tutorial.metrics.decisions import checked
from mil_tutorial.system.numbers import as_array, as_integer


@dataclass(frozen=True)
class ReliabilityCurve:
    """Probabilities and frequencies in the M bins that hold bags; all arrays are (M,).

    Attributes
    ----------
    stated : mean probability of the bags in the bin
    observed : share of them that is positive
    low, high : 95 % interval of ``observed`` (Wilson 1927), which takes bags as independent
    counts : bags in the bin
    """

    stated: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray


def reliability_curve(labels: Any, probabilities: Any, bins: int = 10) -> ReliabilityCurve:
    """Sort bags into bins of equal width by probability; count in each how many are positive.

    The bins are those of ``calibration_error``: the mean of ``|observed - stated|``, weighted by
    ``counts``, is that error.

    Parameters
    ----------
    labels : (B,) of 0 and 1
    probabilities : (B,) in [0, 1]
    bins : int

    Raises
    ------
    ValueError
        For what the metrics refuse, or fewer than one bin.
    """
    from scipy.stats import binomtest

    bins = as_integer(bins, "bins")
    labels, probabilities = checked(labels, probabilities)
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1)
    members = [np.flatnonzero(bin_of == i) for i in np.unique(bin_of)]
    positives = [int(labels[rows].sum()) for rows in members]
    intervals = [
        binomtest(k, len(rows)).proportion_ci(method="wilson")
        for k, rows in zip(positives, members)
    ]
    counts = np.array([len(rows) for rows in members])
    return ReliabilityCurve(
        stated=np.array([probabilities[rows].mean() for rows in members]),
        observed=np.array(positives) / counts,
        low=np.array([one.low for one in intervals]),
        high=np.array([one.high for one in intervals]),
        counts=counts,
    )


def fit_temperature(labels: Any, logits: Any) -> float:
    """Return the temperature T > 0 whose ``logits / T`` have the lowest cross-entropy.

    T above 1 takes confidence away, below 1 it adds some; the order of bags stays as it is (Guo et
    al. 2017, "On calibration of modern neural networks", section 4.2). Fit it on validation bags.

    Parameters
    ----------
    labels : (B,) of 0 and 1
    logits : (B,)

    Raises
    ------
    ValueError
        For bad labels or logits, and where no T is best: all bags are on their right side of 0,
        or the logits are no better than chance.
    """
    from scipy.optimize import brentq
    from scipy.special import expit

    logits = as_array(logits, "logits")
    if not np.isfinite(logits).all():
        raise ValueError("logits must be finite numbers")
    labels, _ = checked(labels, expit(logits))
    signed = np.where(labels == 1, logits, -logits)
    if (signed >= 0).all():
        raise ValueError(
            f"all {len(labels)} bags are on their right side of 0, so a lower temperature is "
            "always better; take more validation bags"
        )
    if signed.sum() <= 0:
        raise ValueError(
            "the logits point away from the labels, so a higher temperature is always better; is "
            "the order of the bags, or of the classes, the same in both?"
        )

    def slope(sharpness: float) -> float:
        """Derivative of the cross-entropy, which is convex, by 1 / T."""
        return -float(np.mean(signed * expit(-sharpness * signed)))

    upper = 1 / np.abs(logits).max()
    while slope(upper) < 0:
        upper *= 2
    return float(1 / brentq(slope, 0, upper))
