"""Find the tumour: mark tiles by eye, then see where the model looked, then the truth."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import traitlets

from mil_tutorial.metrics.attention import InstanceConfusion, instance_confusion
from mil_tutorial.pictures.heatmaps import scale_attention
from mil_tutorial.pictures.overlays import overlay
from mil_tutorial.pictures.stitching import stitch_tiles
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
    """Mark the tiles that you think hold tumour; see where the model looked; see the truth.

    These are three steps. Before the second nothing of the attention is shown, before the third
    nothing of the truth. In the third step the marks are compared with the truth, and so are as
    many of the tiles with the highest attention. All steps happen in the browser, with or without a
    kernel; only another slide needs one, when there are more than eight. The truth is in the page
    from the start, for those who dig.

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
    looked : bool
        Whether the second step is shown, where the model looked.
    compared : bool
        Whether the third step is shown, the truth.

    Raises
    ------
    ValueError
        For an unknown slide, a view without truth, or views that cannot be drawn; later for
        marking a tile that the slide does not have, or one twice.
    """

    _esm = script(
        "turn.js",
        "slide_choice.js",
        "slide_canvas.js",
        "colour_scale.js",
        "find_steps.js",
        "find_the_tumour.js",
    )
    marks = TileNumbers(traitlets.Int()).tag(**BOUND)
    looked = traitlets.Bool(False).tag(**BOUND)
    compared = traitlets.Bool(False).tag(**BOUND)

    def __init__(self, views: list[SlideView], start: str | None = None) -> None:
        views = list(views)
        for view in views:
            if view.truth is None:
                raise ValueError(
                    f"slide {view.name}: the truth is None, expected 0 or 1 for each tile, to "
                    "judge the marks by; give the data set instance_labels, or leave the slide out"
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
        """The tiles with the highest attention, equal ones by number.

        As many as are marked; without marks, as many as hold tumour.
        """
        count = len(self.marks) or int(np.asarray(self.view.truth).sum())
        return np.argsort(-np.asarray(self.view.attention), kind="stable")[:count]

    @traitlets.validate("marks")
    def _check_marks(self, proposal: dict) -> list[int]:
        check_numbers(proposal["value"], len(self.view.attention), "marks", self.slide)
        return proposal["value"]

    def _begin_slide(self) -> None:
        self.marks, self.looked, self.compared = [], False, False

    def twin(self) -> "Figure":
        """Draw the step shown: tissue and marks, then attention too, then hits and errors."""
        import matplotlib.pyplot as plt

        view, count = self.view, count_in_words(len(self.marks))
        with figure_style():
            if not self.compared:
                figure, axes = plt.subplots(figsize=(4.2, 4.4))
                picture = self._attention_on_tissue() if self.looked else self._pixels
                show_tissue(axes, picture, f"{view.name}, {count} marked")
                mark_tiles(axes, view, self.marks, "frame", MARK)
                return figure
            figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4.6))
            picture = outline_tumour(self._pixels, view)
            self._draw_verdicts(left, picture, np.array(self.marks, dtype=int), "your marks")
            hottest = f"{count_in_words(len(self.hottest))} with most attention"
            self._draw_verdicts(right, picture, self.hottest, hottest)
            tumour = "tumour outlined" if np.any(view.truth) else "there is no tumour on this slide"
            figure.suptitle(f"{view.name}, {tumour}")
        return figure

    def _attention_on_tissue(self) -> np.ndarray:
        view, pixels = self.view, self._pixels
        shares = scale_attention(view.attention, "share")
        logs = np.log(np.maximum(shares, 1))  # few tiles would show on a linear scale
        heat = stitch_tiles(logs, view.coords, view.tile_size, pixels.shape[:2])
        return overlay(pixels, heat, limits=(0, np.log(self.scene["limits"]["share"][1])))

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
        view = self.view
        m, n = len(self.marks), len(view.attention)
        numbers = f" (numbers {', '.join(map(str, self.marks))})" if m else ""
        text = (
            f"Find the tumour, slide {self.slide}: the tissue, {m} of {n} tiles marked{numbers}. "
        )
        if not self.compared and self.looked:
            held = np.asarray(view.attention)[self.marks].sum()
            return text + (
                f"The colours show where the model looked: the marked tiles hold {held:.0%} of its "
                "attention. The truth is not shown yet."
            )
        if not self.compared:
            return text + "The model's attention and the truth are not shown yet."
        learner, attention = self.score()
        tumour = learner.true_positives + learner.false_negatives
        if not tumour:
            return text + (
                f"There is no tumour on this slide: the marks raise {m} false alarms, and so do "
                "the tiles with the highest attention."
            )
        return text + (
            f"{tumour} tiles hold tumour and are outlined. The marks found "
            f"{learner.true_positives}, missed {learner.false_negatives} and raised "
            f"{learner.false_positives} false alarms. The {count_in_words(m)} with the highest "
            f"attention found {attention.true_positives}, missed {attention.false_negatives} "
            f"and raised {attention.false_positives} false alarms."
        )
