"""Docstrings as the site shows them.

Attributes described together, ``a, b : float``, are listed one by one; fields of a named tuple are
left to the docstring of the tuple.
"""

import re
from typing import Any

from sphinx.application import Sphinx

TOGETHER = re.compile(r"(?P<names>\w+(, \w+)+) : (?P<kind>.+)")
BEFORE_NAPOLEON = 400


def separate(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Repeat the type and description for each name."""
    separated = []
    for i, line in enumerate(lines):
        match = TOGETHER.fullmatch(line)
        if match is None:
            separated.append(line)
            continue
        for each in match["names"].split(", ")[:-1]:
            separated += [f"{each} : {match['kind']}", *_indented(lines[i + 1 :])]
        separated.append(f"{match['names'].split(', ')[-1]} : {match['kind']}")
    lines[:] = separated


def is_field(
    app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what says no more than "Alias for field number 0"."""
    return True if str(getattr(thing, "__doc__", "")).startswith("Alias for field") else None


def _indented(lines: list[str]) -> list[str]:
    """Return the lines at the start that belong to a description."""
    description = []
    for line in lines:
        if line and not line.startswith(" "):
            break
        description.append(line)
    return description


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("autodoc-process-docstring", separate, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-skip-member", is_field)
