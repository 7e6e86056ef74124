"""Find the tumour: mark tiles by eye, then compare with the truth and with attention."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import traitlets

from mil_tutorial.metrics.attention import InstanceConfusion, instance_confusion
from mil_tutorial.pictures.style import figure_style
from mil_tutorial.widgets.base import BOUND, script
from mil_tutorial.widgets.scene import OneOfSeveral
from mil_tutorial.widgets.slide_view import SlideView
from mil_tutorial.widgets.tiles import (
    TileNumbers,
    check_numbers,
    count_in_words,
    mark_tiles,
    outline_tumour,
    show_tissue,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOUND, FALSE_ALARM, MISSED = "#009E73", "#D55E00", "#0072B2"
MARK = "#0072B2"


class Score(NamedTuple):
    """Counts of tiles by truth and mark, of the learner and of the same number by attention."""

    learner: InstanceConfusion
    attention: InstanceConfusion


class FindTheTumour(OneOfSeveral):
    """Mark the tiles that hold tumour, and compare with the truth and with a model's attention.

    Attention marks its hottest tiles, as many as the learner. Before "Compare" neither truth nor
    attention is shown. Marking and comparing happen in the browser, which reports them to the
    kernel and asks it for another slide only. The truth is in the page from the start, for those
    who dig.

    Parameters
    ----------
    views : list of SlideView
        From ``slide_views``, each with truth.
    start : str, optional
        Name of the first slide; by default the first of the list.

    Attributes
    ----------
    slide : str
        The slide shown; another one starts without marks.
    marks : list of int
        Numbers of the tiles in the order of marking.
    compared : bool
        Whether the answer is shown.

    Raises
    ------
    ValueError
        For an unknown slide, a view without truth, or views that cannot be drawn; later for
        marking a tile that the slide does not have, or one twice.
    """

    _esm = script("turn.js", "slide_canvas.js", "colour_scale.js", "find_the_tumour.js")
    marks = TileNumbers(traitlets.Int()).tag(**BOUND)
    compared = traitlets.Bool(False).tag(**BOUND)

    def __init__(self, views: list[SlideView], start: str | None = None) -> None:
        views = list(views)
        for view in views:
            if view.truth is None:
                raise ValueError(
                    f"slide {view.name}: the truth is None, expected 0 or 1 for each tile to "
                    "compare marks with; give the data set instance_labels, or leave the slide out"
                )
        super().__init__(views, start)

    def score(self) -> Score:
        """Count the tiles by truth for the marks, and for as many of the hottest tiles."""
        truth = np.asarray(self.view.truth)

        def counts(tiles: Any) -> InstanceConfusion:
            called = np.zeros(len(truth))
            called[np.asarray(tiles, dtype=int)] = 1
            return instance_confusion(called, truth, threshold=1)

        return Score(counts(self.marks), counts(self.hottest))

    @property
    def hottest(self) -> np.ndarray:
        """The tiles that attention marks, as many as the learner."""
        return _order(self.view)[: len(self.marks)]

    @traitlets.validate("marks")
    def _check_marks(self, proposal: dict) -> list[int]:
        check_numbers(proposal["value"], len(self.view.attention), "marks", self.slide)
        return proposal["value"]

    def _load(self, view: SlideView) -> tuple[np.ndarray, dict[str, Any]]:
        pixels, drawn = super()._load(view)
        return pixels, drawn | {"order": _order(view).astype(np.float32).tobytes()}

    def _begin_slide(self) -> None:
        self.marks, self.compared = [], False

    def twin(self) -> "Figure":
        """Draw the tissue with the marks; once compared, hits and errors of them and attention."""
        import matplotlib.pyplot as plt

        view, count = self.view, count_in_words(len(self.marks))
        with figure_style():
            if not self.compared:
                figure, axes = plt.subplots(figsize=(4.2, 4.4))
                show_tissue(axes, self._pixels, f"{view.name}, {count} marked")
                mark_tiles(axes, view, self.marks, "frame", MARK)
                return figure
            figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4.6))
            picture = outline_tumour(self._pixels, view)
            self._draw_verdicts(left, picture, np.array(self.marks, dtype=int), "your marks")
            self._draw_verdicts(right, picture, self.hottest, f"attention, its hottest {count}")
            tumour = "tumour outlined" if np.any(view.truth) else "there is no tumour on this slide"
            figure.suptitle(f"{view.name}, {tumour}")
        return figure

    def _draw_verdicts(
        self, axes: "Axes", picture: np.ndarray, called: np.ndarray, title: str
    ) -> None:
        view = self.view
        truth = np.flatnonzero(np.asarray(view.truth))
        groups: list[tuple[np.ndarray, str, str]] = [
            (np.intersect1d(called, truth), "check", FOUND),
            (np.setdiff1d(called, truth), "cross", FALSE_ALARM),
            (np.setdiff1d(truth, called), "circle", MISSED),
        ]
        hits, alarms, misses = (len(tiles) for tiles, _, _ in groups)
        counts = f"✓ found {hits}   × false alarms {alarms}   ○ missed {misses}"
        show_tissue(axes, picture, f"{title}\n{counts}")
        for tiles, shape, colour in groups:
            if shape != "circle":  # framed as marked tiles are
                mark_tiles(axes, view, tiles, "frame", MARK)
            mark_tiles(axes, view, tiles, shape, colour)

    def description(self) -> str:
        """Return the marks and, once compared, the counts of hits and errors, in words."""
        m, n = len(self.marks), len(self.view.attention)
        numbers = f" (numbers {', '.join(map(str, self.marks))})" if m else ""
        text = (
            f"Find the tumour, slide {self.slide}: the tissue, {m} of {n} tiles marked{numbers}. "
        )
        if not self.compared:
            return text + "They have not been compared with the truth yet."
        learner, attention = self.score()
        tumour = learner.true_positives + learner.false_negatives
        if not tumour:
            return text + (
                f"There is no tumour on this slide: false alarms of the marks {m}, "
                f"of the {m} tiles of the highest attention {m}."
            )
        return text + (
            f"{tumour} tiles hold tumour and are outlined. The marks found "
            f"{learner.true_positives}, missed {learner.false_negatives} and raised "
            f"{learner.false_positives} false alarms. The {m} tiles of the highest attention found "
            f"{attention.true_positives}, missed {attention.false_negatives} and raised "
            f"{attention.false_positives} false alarms."
        )


def _order(view: SlideView) -> np.ndarray:
    """Return the tiles by attention, hottest first; equal ones by number."""
    return np.argsort(-np.asarray(view.attention), kind="stable")
