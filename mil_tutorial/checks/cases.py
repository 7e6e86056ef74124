"""Run an answer on several cases, and name a mistake only if it explains all of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mil_tutorial.checks.exercise import NotAttempted, Wrong
from mil_tutorial.checks.judging import attempt, expect_values


def attempt_each(function: Callable[..., Any], cases: Mapping[str, Sequence[Any]]) -> list[Any]:
    """Return the answer to each case, whose arguments stand under its name.

    Raises
    ------
    NotAttempted
        When the function returns nothing for all cases.
    Wrong
        When it raises, or returns nothing for some of them.
    """
    got, silent = [], []
    for case, arguments in cases.items():
        try:
            got.append(attempt(function, *arguments, case=case))
        except NotAttempted:
            silent.append(case)
    if silent and not got:
        raise NotAttempted
    if silent:
        raise Wrong(f"it returned None for {silent[0]}: is there a branch without return?")
    return got


def values_of(
    mistakes: Iterable[tuple[str, Callable[..., Any]]], cases: Mapping[str, Sequence[Any]]
) -> list[tuple[str, list[Any]]]:
    """Run wrong functions, each under what to say of it, on all cases."""
    return [(advice, [wrong(*given) for given in cases.values()]) for advice, wrong in mistakes]


def expect_each(
    got: Sequence[Any],
    truth: Sequence[Any],
    what: str,
    mistakes: Iterable[tuple[str, Sequence[Any]]],
    cases: Iterable[str],
) -> None:
    """Compare case by case; a mistake is named when it gives all of the learner's answers."""
    likely = [(advice, values) for advice, values in mistakes if _same(got, values)]
    for i, case in enumerate(cases):
        advice = [(text, values[i]) for text, values in likely]
        expect_values(got[i], truth[i], what, advice, case)


def _same(got: Sequence[Any], values: Sequence[Any]) -> bool:
    try:
        return all(
            np.shape(one) == np.shape(other)
            and np.allclose(np.asarray(one, dtype=float), other, rtol=1e-4, atol=1e-6)
            for one, other in zip(got, values)
        )
    except (TypeError, ValueError, RuntimeError):  # no numbers: expect_values says so
        return False
