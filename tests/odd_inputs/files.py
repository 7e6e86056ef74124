"""Feature files and weights."""

from odd_inputs.case import Case

CASES: list[Case] = []
