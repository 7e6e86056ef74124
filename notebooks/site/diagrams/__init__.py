"""The course's diagrams, drawn by code: ``python notebooks/site/draw.py`` writes the files."""

from collections.abc import Callable

from diagrams import architecture, bootstrap, course, leakage, packing, starts
from diagrams.svg import Picture

DIAGRAMS: dict[str, Callable[[], Picture]] = {
    "architecture": architecture.draw,
    "packing": packing.draw,
    "leakage": leakage.draw,
    "bootstrap": bootstrap.draw,
    "course": course.draw,
    "hard_slides": starts.draw_hard,
    "default_slides": starts.draw_default,
}
"""Name of the file in ``images/``, and what draws it."""
