"""The tools of the checks."""

import numpy as np
import pytest
import torch

from mil_tutorial.checks.exercise import Exercise, NotAttempted, Wrong
from mil_tutorial.checks.judging import attempt, expect_number, expect_tensor, expect_values


def test_what_a_learner_raises_becomes_a_message():
    with pytest.raises(Wrong, match=r"raised ZeroDivisionError for two bags: division by zero"):
        attempt(lambda x: x / 0, 1, case="two bags")
    with pytest.raises(NotAttempted):
        attempt(lambda: None)
    assert attempt(lambda x: x + 1, 1) == 2


def test_printing_an_answer_is_not_returning_it(capsys):
    with pytest.raises(Wrong, match="write return in place of print"):
        attempt(lambda: print(0.5))
    assert attempt(lambda: print("half") or 0.5) == 0.5
    assert capsys.readouterr().out == "0.5\nhalf\n"  # a learner's own prints still appear


def test_a_missing_transpose_is_named():
    with pytest.raises(Wrong, match="x @ y.T"):
        attempt(lambda: torch.ones(6, 3) @ torch.ones(4, 3))
    with pytest.raises(Wrong) as error:
        attempt(lambda: torch.ones(6, 3) @ torch.ones(4, 2))
    assert "x @ y.T" not in str(error.value)


def test_the_first_failure_points_to_the_hints_and_lines_are_short(capsys):
    def examine(answer):
        if answer is None:
            raise NotAttempted
        raise Wrong("the sum at [0, 0] is 2, expected 1 (bags of several sizes, and padding)")

    check = Exercise("sum", examine)
    for answer in (None, 1, 2):
        check(answer)
    _, first, second = capsys.readouterr().out.replace("✗", "\0✗").split("\0")
    assert " ".join(first.split()).endswith("and padding). check_sum.hint(1) helps.")
    assert "hint" not in second
    assert max(len(line) for line in first.splitlines()) <= 79


def test_tensors_are_described_when_they_are_wrong():
    with pytest.raises(Wrong, match="the mask came as ndarray, expected a tensor"):
        expect_tensor(np.zeros(2), (2,), "the mask")
    with pytest.raises(Wrong, match=r"the mask came in shape \(2,\), expected \(2, 3\)"):
        expect_tensor(torch.zeros(2), (2, 3), "the mask")
    with pytest.raises(Wrong, match=r"the mask came in dtype torch.int64, expected bool"):
        expect_tensor(torch.zeros(2).long(), (2,), "the mask", "bool")


def test_the_first_wrong_value_and_the_likely_mistake_are_named():
    truth = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(Wrong) as error:
        expect_values(2 * truth, truth, "the sum", {"Halve it.": 2 * truth}, "two bags")
    assert str(error.value) == "the sum at [0, 0] is 2, expected 1 (two bags). Halve it."
    with pytest.raises(Wrong, match="at .1, 1. is nan, expected 4.*look for 0/0"):
        expect_values([[1, 2], [3, np.nan]], truth, "the sum")
    with pytest.raises(Wrong, match=r"came in shape \(2,\), expected \(2, 2\)"):
        expect_values([1, 2], truth, "the sum")
    with pytest.raises(Wrong, match="expected numbers"):
        expect_values("many", 1, "the sum")
    expect_values(truth + 1e-7, truth, "the sum")


def test_numbers_are_compared_with_a_tolerance():
    expect_number("0.231", 0.23, "the share", 0.01)
    with pytest.raises(Wrong, match="too small"):
        expect_number(0.1, 0.23, "the share", 0.01)
    with pytest.raises(Wrong, match="expected a number"):
        expect_number([], 0.23, "the share", 0.01)
