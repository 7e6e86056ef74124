"""Arguments of functions and settings."""

from odd_inputs.case import Case

CASES: list[Case] = []
