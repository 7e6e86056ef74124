"""Several starts: train more than once, keep the run that validation bags like best."""

from typing import Any

import numpy as np


def best_of(val_losses: Any, values: Any, r: int) -> np.ndarray:
    """Take the starts in groups of r; return the value of each group's lowest validation loss.

    It is a fair remedy for a model that does not always find its way, if all models get the same
    number of starts, and if the choice is made on validation bags: the best *test* value of r
    starts would be too good.

    Parameters
    ----------
    val_losses, values : arrays, shape (S,)
        Of S starts in the order of their seeds: the loss that decides, and the value that is
        reported, such as the test AUC.
    r : int
        Starts in a group, 1 to S; those left over at the end are not used.

    Returns
    -------
    array, shape (S // r,)
    """
    losses, values = np.asarray(val_losses, dtype=float), np.asarray(values, dtype=float)
    if losses.ndim != 1 or losses.shape != values.shape:
        raise ValueError(f"losses {losses.shape} and values {values.shape} must both be (S,)")
    if not 1 <= r <= len(losses):
        raise ValueError(f"r is {r}, expected 1 to {len(losses)}, the number of starts")
    groups = np.arange(len(losses) // r * r).reshape(-1, r)
    chosen = losses[groups].argmin(axis=1)
    return values[groups[np.arange(len(groups)), chosen]]
