"""Tools of the checks: run a learner's code safely, compare with the truth, name the mistake."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mil_tutorial.checks.exercise import NotAttempted, Wrong

Mistakes = Mapping[str, Any] | Sequence[tuple[str, Any]]


def attempt(function: Any, *arguments: Any, case: str = "") -> Any:
    """Call the learner's function (or module); what it raises becomes a message.

    It gets copies, so code that changes its inputs does not change the truth with them. Copies of
    tensors keep the graph: gradients flow to the originals.

    Raises
    ------
    NotAttempted
        When it returns None or ``...``, as a stub does.
    Wrong
        When it raises.
    """
    if function is None or function is ...:
        raise NotAttempted
    if not callable(function):
        raise Wrong(f"got {type(function).__name__}, expected something to call; pass its name")
    try:
        answer = function(*map(_copy, arguments))
    except Exception as error:
        where = f" for {case}" if case else ""
        raise Wrong(f"your code raised {type(error).__name__}{where}: {error}") from error
    if answer is None or answer is ...:
        raise NotAttempted
    return answer


def _copy(argument: Any) -> Any:
    return argument.clone() if isinstance(argument, Tensor) else copy.deepcopy(argument)


def expect_module(got: Any, what: str) -> Any:
    """Refuse what is no ``nn.Module``."""
    if not isinstance(got, nn.Module):
        raise Wrong(f"{what} is a {type(got).__name__}, expected an nn.Module")
    return got


def expect_tensor(got: Any, shape: tuple[int, ...], what: str, dtype: str = "") -> Tensor:
    """Refuse what is no tensor of this shape; ``dtype`` is "float", "bool", "int" or "" for any."""
    if not isinstance(got, Tensor):
        raise Wrong(f"{what} came as {type(got).__name__}, expected a tensor")
    if tuple(got.shape) != shape:
        raise Wrong(f"{what} came in shape {tuple(got.shape)}, expected {shape}")
    kind = "bool" if got.dtype == torch.bool else "float" if got.is_floating_point() else "int"
    if dtype and kind != dtype:
        raise Wrong(f"{what} came in dtype {got.dtype}, expected {dtype}")
    return got


def expect_gradients(got: Tensor, sources: Mapping[str, Tensor], what: str) -> None:
    """Refuse an answer from which no gradient flows back to one of the sources, by name."""
    cut = "detach, item, tolist, torch.tensor(…) and no_grad cut the graph, and nothing is learnt"
    if not got.requires_grad:
        raise Wrong(f"{what}: no gradient flows through; {cut}")
    total = (got * torch.linspace(-1, 2, got.numel()).view(got.shape)).sum()
    tensors = list(sources.values())
    gradients = torch.autograd.grad(total, tensors, retain_graph=True, allow_unused=True)
    for name, gradient in zip(sources, gradients):
        if gradient is None:
            raise Wrong(f"{what}: no gradient reaches {name}; {cut}")


def expect_values(
    got: Any,
    truth: Any,
    what: str,
    mistakes: Mistakes = (),
    case: str = "",
) -> None:
    """Compare with the truth; if they differ, say where first, and which mistake gives this answer.

    Parameters
    ----------
    got, truth : tensors, arrays or numbers of one shape
    what : str
        What is compared, such as "the attention".
    mistakes : mapping, or sequence of pairs
        What to tell the learner, and the values that this mistake gives.
    case : str
        The input, such as "bags of 3 and 1 instances".
    """
    got_values, values = _array(got), _array(truth)
    if got_values.shape != values.shape:
        raise Wrong(f"{what} came in shape {got_values.shape}, expected {values.shape}{_for(case)}")
    if np.allclose(got_values, values, rtol=1e-4, atol=1e-6):
        return
    place = np.argwhere(~np.isclose(got_values, values, rtol=1e-4, atol=1e-6))[0]
    at = f" at {place.tolist()}" if len(place) else ""
    text = f"{what}{at} is {_number(got_values, place)}, expected {_number(values, place)}"
    raise Wrong(f"{text}{_for(case)}.{_likely(got_values, mistakes)}")


def expect_number(
    got: Any, truth: float, what: str, tolerance: float, mistakes: Mapping[str, float] | None = None
) -> None:
    """Compare one number with the truth, to within a tolerance; ``...`` is not attempted."""
    if got is None or got is ...:
        raise NotAttempted
    try:
        number = float(got)
    except (TypeError, ValueError, OverflowError) as error:
        raise Wrong(f"{what} is {got!r}, expected a number") from error
    if math.isnan(number):
        raise Wrong(f"{what} is NaN, expected a number")
    if abs(number - truth) <= tolerance:
        return
    for advice, value in (mistakes or {}).items():
        if abs(number - value) <= tolerance:
            raise Wrong(f"{what} is not {number:g}. {advice}")
    if 0 < truth < 1 < number:
        raise Wrong(f"{what} is not {number:g}. Give it between 0 and 1, not in per cent.")
    direction = "too small" if number < truth else "too large"
    raise Wrong(f"{what} is not {number:g}; that is {direction}")


def _likely(got: np.ndarray, mistakes: Mistakes) -> str:
    for advice, values in mistakes.items() if isinstance(mistakes, Mapping) else mistakes:
        wrong = _array(values)
        if wrong.shape == got.shape and np.allclose(
            got, wrong, rtol=1e-4, atol=1e-6, equal_nan=True
        ):
            return f" {advice}"
    return " Some values are NaN: look for 0/0 or inf - inf." if np.isnan(got).any() else ""


def _array(values: Any) -> np.ndarray:
    try:
        if isinstance(values, Tensor):
            return values.detach().cpu().double().numpy()
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(f"got {values!r}, expected numbers") from error
    if array.dtype.kind not in "biuf":  # text would be read as numbers
        raise Wrong(f"got {values!r}, expected numbers")
    return array.astype(float)


def _number(values: np.ndarray, place: np.ndarray) -> str:
    return f"{values[tuple(place)]:.4g}"


def _for(case: str) -> str:
    return f" ({case})" if case else ""
