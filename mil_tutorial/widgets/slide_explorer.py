"""The slide explorer: tissue, attention and truth in one picture that answers in the browser."""

from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from mil_tutorial.attention_metrics import instance_confusion
from mil_tutorial.heatmaps import SCALINGS, plot_attention, scale_attention
from mil_tutorial.widgets.base import Explanation, script
from mil_tutorial.widgets.scene import crop, palette, scene
from mil_tutorial.widgets.slide_view import SlideView, checked_views, find_view

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SlideExplorer(Explanation):
    """Explore slides with their attention.

    Opacity, scaling, threshold, hovering and the gallery are answered by the browser alone. The
    kernel is asked for another slide, and for a tile at full resolution where the picture had to
    be reduced.

    Parameters
    ----------
    views : list of SlideView
        From ``slide_views``, or one's own.
    start : str, optional
        Name of the first slide shown; by default the first of the list.
    scaling : {"share", "raw", "min-max", "rank"}
    opacity : float
        Of the hottest tile's colour, 0 to 1.
    threshold : float, optional
        In units of ``scaling``: tiles of at least this value are called positive. By default ten
        shares, or 0.5 of ``min-max`` and ``rank``.
    hottest : int
        How many tiles the gallery shows.

    Attributes
    ----------
    slide : str
        The slide shown; set it to show another.
    scaling : str
        Changing it sets the usual threshold.
    threshold, opacity : float
        Set them to move the sliders. What a learner does with the sliders stays in the browser.
    selected : int
        The tile that was opened last; -1 for none.

    Raises
    ------
    ValueError
        For an unknown slide or scaling, an opacity outside 0 to 1, or views that cannot be drawn.
    """

    _esm = script("slide_canvas.js", "colour_scale.js", "tile_gallery.js", "slide_explorer.js")
    slides = traitlets.List(traitlets.Unicode()).tag(sync=True)
    slide = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)
    scaling = traitlets.Unicode("share").tag(sync=True)
    opacity = traitlets.Float(0.65).tag(sync=True)
    threshold = traitlets.Float(10.0).tag(sync=True)
    hottest = traitlets.Int(6).tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)
    tile_image = traitlets.Bytes().tag(sync=True)
    palette = traitlets.Bytes().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)  # why the slide that was asked for is not shown

    def __init__(self, views: list[SlideView], start: str | None = None, **options: Any) -> None:
        self._views = checked_views(views)
        first = find_view(self._views, self._views[0].name if start is None else start)
        self._pixels = first.pixels()
        drawn = scene(first, self._pixels)
        options.setdefault("threshold", drawn["thresholds"].get(options.get("scaling", "share"), 0))
        super().__init__(
            slides=[view.name for view in self._views],
            slide=first.name,
            scene=drawn,
            palette=palette(),
            **options,
        )
        self.on_msg(self._answer)

    @property
    def view(self) -> SlideView:
        """The slide shown."""
        return find_view(self._views, self.slide)

    def _check(self, opacity: float = 0, threshold: float = 0, hottest: int = 0, **_: Any) -> None:
        if not 0 <= opacity <= 1:
            raise ValueError(f"opacity is {opacity}, expected a number from 0 to 1")
        if not np.isfinite(threshold):
            raise ValueError(f"threshold is {threshold}, expected a finite number")
        if hottest < 0:
            raise ValueError(f"hottest is {hottest}, expected a number of tiles, 0 or more")

    @traitlets.validate("slide")
    def _drawable_slide(self, proposal: dict) -> str:
        """Refuse a slide that cannot be shown, before anything has changed."""
        view = find_view(self._views, proposal["value"])
        if self.slide:  # the first one came with the constructor
            pixels = view.pixels()
            self._next = pixels, scene(view, pixels)
        return view.name

    @traitlets.validate("scaling")
    def _known_scaling(self, proposal: dict) -> str:
        scale_attention(self._views[0].attention, proposal["value"])  # refuses an unknown one
        return proposal["value"]

    @traitlets.validate("opacity", "threshold", "hottest")
    def _possible_number(self, proposal: dict) -> float:
        self._check(**{proposal["trait"].name: proposal["value"]})
        return proposal["value"]

    @traitlets.observe("slide")
    def _show_slide(self, change: dict) -> None:
        if change["old"]:
            with self.hold_sync():  # one message for all
                self.selected = -1
                self.tile_image = b""
                self.problem = ""
                self._pixels, self.scene = self._next

    def _answer(self, _widget: Any, content: dict, _buffers: list) -> None:
        """Show the slide that the page asks for, or say on the page why not."""
        try:
            self.slide = content["slide"]
        except (ValueError, OSError) as error:
            self.problem = ""  # so that the same problem is told again
            self.problem = str(error)

    @traitlets.observe("scaling")
    def _reset_threshold(self, change: dict) -> None:
        if self.scene:  # not while the widget is made
            self.threshold = self.scene["thresholds"][change["new"]]

    @traitlets.observe("selected")
    def _send_tile(self, change: dict) -> None:
        if change["new"] >= 0 and self.scene["reduced"]:
            self.tile_image = crop(self.view, self._pixels, change["new"])

    def twin(self) -> "Figure":
        """Draw the slide shown with ``plot_attention``."""
        view = self.view
        probability = "" if view.probability is None else f", probability {view.probability:.2f}"
        return plot_attention(
            self._pixels,
            view.attention,
            view.coords,
            view.tile_size,
            truth=view.truth,
            scaling=self.scaling,
            title=f"{view.name}{probability}",
        )

    def description(self) -> str:
        """Say what is drawn, and what the threshold calls."""
        view = self.view
        values = scale_attention(view.attention, self.scaling)
        text = (
            f"Slide explorer, slide {view.name}: the tissue, the attention of {len(values)} tiles "
            f"({SCALINGS[self.scaling]}), and both together. The highest value is "
            f"{values.max():.3g}. At a threshold of {self.threshold:.3g}, "
        )
        if view.truth is None:
            return text + f"{int((values >= self.threshold).sum())} tiles are called positive."
        counts = instance_confusion(values, np.asarray(view.truth), self.threshold)
        tumour = counts.true_positives + counts.false_negatives
        return text + (
            f"{counts.true_positives} of {tumour} tumour tiles are called and "
            f"{counts.false_positives} other tiles are false alarms."
        )
