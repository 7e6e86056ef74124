"""Several starts: train more than once, keep the run that validation bags like best."""

import math
from typing import Any

import numpy as np


def best_of(val_losses: Any, values: Any, r: int) -> float:
    """Tell what keeping the best of r starts gives on average, over all groups of r starts.

    It is a fair remedy for a model that does not always find its way, if all models get the same
    number of starts, and if the choice is made on validation bags: the best *test* value of r
    starts would be too good.

    Parameters
    ----------
    val_losses, values : arrays, shape (S,)
        Of S starts: the loss that decides, and the value that is reported, such as the test AUC.
    r : int
        Starts in a group, 1 to S.

    Returns
    -------
    float
        Mean value of the start with the lowest validation loss of its group. The start with i lower
        losses wins C(S-1-i, r-1) of the C(S, r) groups: the estimator of Dodge et al. 2019, "Show
        Your Work", without replacement.
    """
    losses, values = np.asarray(val_losses, dtype=float), np.asarray(values, dtype=float)
    if losses.ndim != 1 or losses.shape != values.shape:
        raise ValueError(f"losses {losses.shape} and values {values.shape} must both be (S,)")
    if not 1 <= r <= len(losses):
        raise ValueError(f"r is {r}, expected 1 to {len(losses)}, the number of starts")
    order = np.argsort(losses, kind="stable")
    wins = [math.comb(len(order) - 1 - i, r - 1) for i in range(len(order))]
    return float(np.average(values[order], weights=wins))
