"""What type a bag's label has: one float32 number, which the loss takes."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.checks.exercise import Wrong

LOSS = "The loss takes float32: torch.tensor(1) counts in integers, torch.tensor(1.0) does not."
ONE_HOT = "One number a bag, 0 or 1: not one-hot."


def expect_label(label: Any, i: int, truth: float, given: str) -> None:
    """Refuse a label that is no float32 tensor () of this value; ``given`` is the type it had."""
    what = f"the label of item {i} (given as {given})"
    if not isinstance(label, Tensor):
        if isinstance(label, list | tuple | np.ndarray) and np.size(label) == 2:
            raise Wrong(f"{what} is {label!r}. {ONE_HOT}")
        raise Wrong(
            f"{what} is {label!r}, of type {type(label).__name__}, expected a float tensor: "
            "torch.tensor(1.0) for 1"
        )
    if tuple(label.shape) == (2,):
        raise Wrong(f"{what} came in shape (2,), expected (). {ONE_HOT}")
    if label.shape:
        raise Wrong(
            f"{what} came in shape {tuple(label.shape)}, expected (): one number, no brackets"
        )
    if label.dtype != torch.float32:
        raise Wrong(f"{what} came in dtype {label.dtype}, expected torch.float32. {LOSS}")
    if label != truth:
        raise Wrong(f"{what} is {label.item():g}, expected {truth:g}")
