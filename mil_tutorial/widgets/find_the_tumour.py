"""Find the tumour: mark tiles by eye, then compare with the truth and with attention."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import traitlets

from mil_tutorial.metrics.attention import InstanceConfusion, instance_confusion
from mil_tutorial.pictures.style import figure_style
from mil_tutorial.widgets.base import BOUND, TakingTurns, script
from mil_tutorial.widgets.scene import (
    TileNumbers,
    check_numbers,
    counted,
    mark_tiles,
    outlined,
    palette,
    scene,
    show_tissue,
)
from mil_tutorial.widgets.slide_view import SlideView, checked_views, find_view, in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Score(NamedTuple):
    """Counts of tiles by truth and mark: the learner's, and those of as many tiles of attention."""

    learner: InstanceConfusion
    attention: InstanceConfusion


class FindTheTumour(TakingTurns):
    """Mark the tiles that hold tumour, and compare with the truth and with a model's attention.

    Attention marks as many tiles as the learner did: its hottest. Before "Compare" neither truth
    nor attention is shown. Marking and comparing happen in the browser; the kernel is told, and is
    asked for another slide only. The truth is in the page from the start, for those who dig.

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
        Numbers of the tiles marked, in the order in which they were.
    compared : bool
        Whether the answer is shown.

    Raises
    ------
    ValueError
        For an unknown slide, a view without truth, or views that cannot be drawn; later for
        marking a tile that the slide does not have, or one twice.
    """

    _esm = script("turn.js", "slide_canvas.js", "colour_scale.js", "find_the_tumour.js")
    slides = traitlets.List(traitlets.Unicode()).tag(sync=True)
    slide = traitlets.Unicode().tag(sync=True)
    marks = TileNumbers(traitlets.Int()).tag(**BOUND)
    compared = traitlets.Bool(False).tag(**BOUND)
    scene = traitlets.Dict().tag(sync=True)
    palette = traitlets.Bytes().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)  # why the slide that was asked for is not shown

    def __init__(self, views: list[SlideView], start: str | None = None) -> None:
        self._views = checked_views(views)
        for view in self._views:
            if view.truth is None:
                raise ValueError(
                    f"slide {view.name}: the truth is None, expected 0 or 1 for each tile to "
                    "compare marks with; give the data set instance_labels, or leave the slide out"
                )
        first = find_view(self._views, self._views[0].name if start is None else start)
        self._pixels, drawn = _drawn(first)
        super().__init__(
            slides=[view.name for view in self._views],
            slide=first.name,
            scene=drawn,
            palette=palette(),
        )
        self.on_msg(self._listen)

    @property
    def view(self) -> SlideView:
        """The slide shown."""
        return find_view(self._views, self.slide)

    def score(self) -> Score:
        """Count what the marks found, and what as many of the hottest tiles find."""
        truth = np.asarray(self.view.truth)

        def counts(tiles: Any) -> InstanceConfusion:
            called = np.zeros(len(truth))
            called[np.asarray(tiles, dtype=int)] = 1
            return instance_confusion(called, truth, threshold=1)

        return Score(counts(self.marks), counts(self.hottest))

    @property
    def hottest(self) -> np.ndarray:
        """The tiles that attention marks: as many as the learner."""
        return _order(self.view)[: len(self.marks)]

    @traitlets.validate("slide")
    def _drawable_slide(self, proposal: dict) -> str:
        """Refuse a slide that cannot be shown, before anything has changed."""
        view = find_view(self._views, proposal["value"])
        if self.slide:  # the first one came with the constructor
            self._next = _drawn(view)
        return view.name

    @traitlets.validate("marks")
    def _known_tiles(self, proposal: dict) -> list[int]:
        view = self.view
        check_numbers(proposal["value"], len(view.attention), "marks", view.name)
        return proposal["value"]

    @traitlets.observe("slide")
    def _show_slide(self, change: dict) -> None:
        if change["old"]:
            with self.hold_sync():  # one message for all
                self.turn += 1
                self.marks, self.compared, self.problem = [], False, ""
                self._pixels, self.scene = self._next

    def _listen(self, _widget: Any, content: dict, _buffers: list) -> None:
        """Show the slide that the page asks for, or say on the page why not."""
        try:
            self.slide = content["slide"]
        except Exception as error:  # whatever a reader of slides may raise
            self.problem = ""  # so that the same problem is told again
            self.problem = in_words(error)

    def twin(self) -> "Figure":
        """Draw the tissue with the marks and, once compared, what they and attention found."""
        if not self.compared:
            return draw_marks(self.view, self._pixels, self.marks)
        return draw_comparison(self.view, self._pixels, self.marks, self.hottest)

    def description(self) -> str:
        """Say what is marked and, once compared, what was found."""
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


def _drawn(view: SlideView) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the picture of a slide, and what of it goes to the browser."""
    pixels = view.pixels()
    order = _order(view).astype(np.float32).tobytes()
    return pixels, scene(view, pixels) | {"order": order}


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
