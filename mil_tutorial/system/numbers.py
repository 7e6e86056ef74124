"""Arguments as people give them: numbers of Python, NumPy or torch; arrays; objects of a kind."""

import operator
from typing import Any

import numpy as np


def as_integer(value: Any, name: str, least: int = 1) -> int:
    """Return a whole number of at least ``least``, 1 or 0, as ``int``, so that JSON takes it."""
    try:
        number = operator.index(value) if _is_one_number(value) else least - 1
    except (TypeError, ValueError):
        number = least - 1
    if number < least:
        expected = "positive whole number" if least == 1 else f"whole number, {least} or more"
        raise ValueError(f"{name} must be a {expected}, got {shown(value)}")
    return number


def as_number(value: Any, name: str) -> float:
    """Return a number, also NaN or infinity, as ``float``; refuse text, bools and arrays."""
    try:
        if _is_one_number(value):
            return float(value)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name} must be a number, got {shown(value)}")


def as_array(value: Any, name: str) -> np.ndarray:
    """Return numbers as an array of float; refuse text, and lists of unequal length."""
    try:
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            return array.astype(float, copy=False)
        reason = f"got {shown(value)}"
    except (TypeError, ValueError, RuntimeError) as error:  # a tensor with a graph is the last
        reason = str(error).split("\n")[0]
    raise ValueError(f"{name} must be an array of numbers; {reason}")


def check_kind(*kinds: type, **arguments: Any) -> None:
    """Refuse an argument of another kind: ``check_kind(Tensor, scores=scores, mask=mask)``."""
    for name, value in arguments.items():
        if not isinstance(value, kinds):
            expected = " or ".join(kind.__name__ for kind in kinds)
            raise ValueError(f"{name} must be of the kind {expected}, got {shown(value)}")


def _is_one_number(value: Any) -> bool:
    kind = str(getattr(value, "dtype", type(value).__name__))  # bool, torch.bool
    return not isinstance(value, str) and not kind.endswith("bool") and np.ndim(value) == 0


def shown(value: Any, most: int = 60) -> str:
    """Return the repr on one line, for messages, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
