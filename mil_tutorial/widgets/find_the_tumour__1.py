"""The figures of "find the tumour": before the comparison and after it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.style import figure_style
from mil_tutorial.widgets.slide_view import SlideView
from mil_tutorial.widgets.tissue import counted, mark_tiles, outlined, show_tissue

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOUND, FALSE_ALARM, MISSED = "#009E73", "#D55E00", "#0072B2"
MARK = "#0072B2"


def draw_marks(view: SlideView, pixels: np.ndarray, marks: list[int]) -> "Figure":
    """Draw the tissue with the marked tiles framed; the truth stays hidden."""
    import matplotlib.pyplot as plt

    with figure_style():
        figure, axes = plt.subplots(figsize=(4.2, 4.4))
        show_tissue(axes, pixels, f"{view.name}, {counted(len(marks))} marked")
        mark_tiles(axes, marks, view.coords, view.tile_size, "frame", MARK)
    return figure


def draw_comparison(
    view: SlideView, pixels: np.ndarray, marks: list[int], hottest: np.ndarray
) -> "Figure":
    """Draw what the marks found and, beside it, what as many of the hottest tiles found."""
    import matplotlib.pyplot as plt

    picture = outlined(pixels, view.truth, view.coords, view.tile_size)
    with figure_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4.6))
        _draw_found(left, view, picture, np.asarray(marks, dtype=int), "your marks")
        _draw_found(right, view, picture, hottest, f"attention, its hottest {counted(len(marks))}")
        tumour = "tumour outlined" if np.any(view.truth) else "there is no tumour on this slide"
        figure.suptitle(f"{view.name}, {tumour}")
    return figure


def _draw_found(
    axes: "Axes", view: SlideView, picture: np.ndarray, called: np.ndarray, name: str
) -> None:
    truth = np.flatnonzero(np.asarray(view.truth))
    groups: list[tuple[Any, str, str]] = [
        (np.intersect1d(called, truth), "check", FOUND),
        (np.setdiff1d(called, truth), "cross", FALSE_ALARM),
        (np.setdiff1d(truth, called), "circle", MISSED),
    ]
    found, alarms, missed = (len(tiles) for tiles, _, _ in groups)
    counts = f"✓ found {found}   × false alarms {alarms}   ○ missed {missed}"
    show_tissue(axes, picture, f"{name}\n{counts}")
    for tiles, shape, colour in groups:
        if shape != "circle":  # framed as marked tiles are
            mark_tiles(axes, tiles, view.coords, view.tile_size, "frame", MARK)
        mark_tiles(axes, tiles, view.coords, view.tile_size, shape, colour)
