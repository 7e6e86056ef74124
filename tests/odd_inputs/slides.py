"""Coordinates, pictures, slides and tissue."""

from odd_inputs.case import Case

CASES: list[Case] = []
