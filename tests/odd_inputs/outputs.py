"""Outputs, memory and disks."""

from odd_inputs.case import Case

CASES: list[Case] = []
