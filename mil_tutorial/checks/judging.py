"""Tools for the checks: run a learner's code safely, compare with the truth, name the mistake."""

import copy
import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mil_tutorial.checks.exercise import NotAttempted, Wrong

Cases = Mapping[str, Sequence[Any]]  # arguments by the name of their case
Mistakes = Mapping[str, Any] | Iterable[tuple[str, Any]]  # advice, and what this mistake gives

PRINTED = (
    "your code printed something and returned None. Only what it returns can be used: write "
    "return in place of print"
)
TOLERANCE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-6, "equal_nan": True}


def attempt(function: Any, *arguments: Any, case: str = "", copied: bool = True) -> Any:
    """Call the learner's function (or module); what it raises becomes a message.

    It gets copies, so code that changes its inputs does not change the truth with them. Copies of
    tensors keep the graph: gradients flow to the originals. ``copied=False`` hands over the
    originals, where what happens to them is the answer. None or ``...`` is what a stub returns;
    code that prints and returns None is wrong, and what it printed still appears.
    """
    if function is None or function is ...:
        raise NotAttempted
    if not callable(function):
        raise Wrong(f"got {type(function).__name__}, expected a function or class: pass its name")
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            answer = function(*(map(_copy, arguments) if copied else arguments))
    except Exception as error:
        where = f" for {case}" if case else ""
        text = f"your code raised {type(error).__name__}{where}: {error}"
        raise Wrong(text + _transpose(error)) from error
    finally:
        print(printed.getvalue(), end="")
    if answer is None and printed.getvalue():
        raise Wrong(PRINTED)
    if answer is None or answer is ...:
        raise NotAttempted
    return answer


def attempt_each(function: Any, cases: Cases) -> list[Any]:
    """Return the answer to each case; nothing for all of them is not attempted, for some wrong."""
    answers, silent = [], []
    for case, arguments in cases.items():
        try:
            answers.append(attempt(function, *arguments, case=case))
        except NotAttempted:
            silent.append(case)
    if silent and not answers:
        raise NotAttempted
    if silent:
        raise Wrong(f"it returned None for {silent[0]}: is there a branch without return?")
    return answers


def examine_each(
    function: Any,
    cases: Cases,
    truth: Callable[..., Any],
    what: str,
    mistakes: Mistakes,
    read: Callable[[Any, Any, str], Any] = lambda answer, expected, case: answer,
) -> None:
    """Compare the learner's function with the truth, case by case.

    Parameters
    ----------
    truth : function that returns the right answer
    what : str
        What is compared, such as "the attention".
    mistakes : mapping, or pairs
        The advice, and the function that makes this mistake.
    read : function of an answer, the right one and the name of the case
        It returns the values to compare, or refuses the answer.
    """
    answers = attempt_each(function, cases)
    expected = [truth(*arguments) for arguments in cases.values()]
    for answer, right, case in zip(answers, expected, cases):
        if isinstance(right, Tensor):
            expect_tensor(answer, tuple(right.shape), f"{what} ({case})", "float")
    values = [read(*row) for row in zip(answers, expected, cases)]
    expect_each(values, expected, what, answers_of(mistakes, cases), cases)


def answers_of(mistakes: Mistakes, cases: Cases) -> list[tuple[str, list[Any]]]:
    """Run wrong functions, each under its advice, on all cases."""
    with np.errstate(all="ignore"):
        return [
            (advice, [wrong(*arguments) for arguments in cases.values()])
            for advice, wrong in _pairs(mistakes)
        ]


def expect_each(
    got: Sequence[Any],
    truth: Sequence[Any],
    what: str,
    mistakes: Iterable[tuple[str, Sequence[Any]]],
    cases: Iterable[str],
) -> None:
    """Compare case by case; a mistake is named when it gives all of the learner's answers."""
    likely = [(advice, values) for advice, values in mistakes if all(map(_equal, got, values))]
    for i, case in enumerate(cases):
        expect_values(got[i], truth[i], what, [(text, values[i]) for text, values in likely], case)


def expect_values(got: Any, truth: Any, what: str, mistakes: Mistakes = (), case: str = "") -> None:
    """Compare with the truth; if they differ, say where first, and which mistake gives this answer.

    Parameters
    ----------
    got, truth : tensors, arrays or numbers of one shape
    what : str
        What is compared, such as "the attention".
    mistakes : mapping, or pairs
        The advice, and the values that this mistake gives.
    case : str
        The input, such as "bags of 3 and 1 instances".
    """
    values, expected = as_numbers(got), as_numbers(truth)
    where = f" ({case})" if case else ""
    advice = next((f" {text}" for text, other in _pairs(mistakes) if _equal(values, other)), "")
    if values.shape != expected.shape:
        text = f"{what} came in shape {values.shape}, expected {expected.shape}{where}"
        raise Wrong(f"{text}.{advice}" if advice else text)
    wrong = ~np.isclose(values, expected, **TOLERANCE)
    if not wrong.any():
        return
    if not advice and np.isnan(values).any() and not np.isnan(expected).any():
        advice = " Some values are NaN: look for 0/0 or inf - inf."
    place = tuple(np.argwhere(wrong)[0].tolist())
    at = f" at {list(place)}" if place else ""
    text = f"{what}{at} is {values[place]:.4g}, expected {expected[place]:.4g}"
    raise Wrong(f"{text}{where}.{advice}")


def expect_keys(answer: Any, keys: Collection[str]) -> dict[str, Any]:
    """Return a dictionary with these keys; one without any value was not attempted."""
    if answer is None or answer is ...:
        raise NotAttempted
    if not isinstance(answer, dict) or set(answer) != set(keys):
        raise Wrong(f"expected a dictionary with the keys {', '.join(keys)}")
    if all(value is None or value is ... for value in answer.values()):
        raise NotAttempted
    return answer


def chosen_words(answer: Any, keys: Collection[str], words: Collection[str]) -> dict[str, str]:
    """Return the word that a dictionary has for each key, whatever its case; refuse others."""
    chosen = {key: str(word).strip().lower() for key, word in expect_keys(answer, keys).items()}
    for key, word in chosen.items():
        if word not in words:
            raise Wrong(f"{key}: got {answer[key]!r}, expected one of {', '.join(words)}")
    return chosen


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
        raise Wrong(f"{what} is not {number:g}. Give a number between 0 and 1, not in per cent.")
    direction = "too small" if number < truth else "too large"
    raise Wrong(f"{what} is not {number:g}; that is {direction}")


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
    cut = "detach, item, tolist, torch.tensor(…) and no_grad cut the graph, and nothing is learned"
    if not got.requires_grad:
        raise Wrong(f"{what}: no gradient flows through; {cut}")
    total = (got * torch.linspace(-1, 2, got.numel()).view(got.shape)).sum()
    tensors = list(sources.values())
    gradients = torch.autograd.grad(total, tensors, retain_graph=True, allow_unused=True)
    for name, gradient in zip(sources, gradients):
        if gradient is None:
            raise Wrong(f"{what}: no gradient reaches {name}; {cut}")


def as_numbers(values: Any, expected: str = "", ndim: int | None = None) -> np.ndarray:
    """Return an array of floats; refuse what holds anything else or has other dimensions."""
    try:
        array = values.detach().cpu().double() if isinstance(values, Tensor) else values
        array = np.asarray(array)
        if array.dtype.kind not in "biuf":  # text would be read as numbers
            raise TypeError
        if ndim not in (None, array.ndim):
            raise ValueError
    except (TypeError, ValueError, RuntimeError) as error:
        name = type(values).__name__ if expected else repr(values)
        raise Wrong(f"got {name}, expected {expected or 'numbers'}") from error
    return array.astype(float)


def _transpose(error: Exception) -> str:
    """Advise a transpose where a matrix product failed for want of one."""
    shapes = re.search(r"multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", str(error))
    if shapes is None or shapes[2] != shapes[4]:
        return ""
    return (
        ". In a product x @ y the last axis of x must be as long as the first of y, so the second "
        "matrix has to be transposed: x @ y.T"
    )


def _copy(argument: Any) -> Any:
    return argument.clone() if isinstance(argument, Tensor) else copy.deepcopy(argument)


def _pairs(mistakes: Mistakes) -> Iterable[tuple[str, Any]]:
    return mistakes.items() if isinstance(mistakes, Mapping) else mistakes


def _equal(got: Any, other: Any) -> bool:
    try:
        values, others = as_numbers(got), as_numbers(other)
    except Wrong:  # no numbers: expect_values says so
        return False
    return values.shape == others.shape and np.allclose(values, others, **TOLERANCE)
