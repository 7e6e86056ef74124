"""The slide explorer: tissue, attention and truth in one picture that answers in the browser."""

from typing import TYPE_CHECKING

import numpy as np
import traitlets

from mil_tutorial.metrics.attention import instance_confusion
from mil_tutorial.pictures.heatmaps import SCALINGS, plot_attention, scale_attention
from mil_tutorial.pictures.overlays import OPACITY
from mil_tutorial.widgets.base import BOUND, script
from mil_tutorial.widgets.scene import OneOfSeveral, crop, reduction
from mil_tutorial.widgets.slide_view import SlideView

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SlideExplorer(OneOfSeveral):
    """Explore slides with their attention.

    The browser answers by itself, with or without a kernel. Only two things need a running kernel:
    another slide when there are more than eight, and a tile at full resolution where the picture
    had to be reduced. Shares have one range of colours for all slides.

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
        Set them to move the sliders. What a learner chooses stays in the browser until it sends
        something else to the kernel, such as an opened tile.
    selected : int
        The tile opened last; -1 for none.

    Raises
    ------
    ValueError
        For an unknown slide or scaling, an opacity outside 0 to 1, or views that cannot be drawn.
    """

    _esm = script(
        "turn.js",
        "slide_choice.js",
        "slide_canvas.js",
        "colour_scale.js",
        "tile_gallery.js",
        "slide_explorer.js",
    )
    selected = traitlets.Int(-1).tag(**BOUND)
    scaling = traitlets.Unicode().tag(sync=True)
    opacity = traitlets.Float().tag(sync=True)
    threshold = traitlets.Float().tag(**BOUND)
    hottest = traitlets.Int().tag(sync=True)
    sharp = traitlets.Dict().tag(sync=True)  # a tile at full resolution: slide, number and PNG

    def __init__(
        self,
        views: list[SlideView],
        start: str | None = None,
        *,
        scaling: str = "share",
        opacity: float = OPACITY,
        threshold: float | None = None,
        hottest: int = 6,
    ) -> None:
        chosen = {} if threshold is None else {"threshold": threshold}
        super().__init__(views, start, scaling=scaling, opacity=opacity, hottest=hottest, **chosen)

    @traitlets.default("threshold")
    def _usual_threshold(self) -> float:
        return self.scene["thresholds"][self.scaling]

    @traitlets.validate("scaling")
    def _check_scaling(self, proposal: dict) -> str:
        scale_attention(self.view.attention, proposal["value"])  # refuses an unknown one
        return proposal["value"]

    @traitlets.validate("opacity")
    def _check_opacity(self, proposal: dict) -> float:
        if not 0 <= proposal["value"] <= 1:
            raise ValueError(f"opacity is {proposal['value']}, expected a number from 0 to 1")
        return proposal["value"]

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: dict) -> float:
        if not np.isfinite(proposal["value"]):
            raise ValueError(f"threshold is {proposal['value']}, expected a finite number")
        return proposal["value"]

    @traitlets.validate("hottest")
    def _check_hottest(self, proposal: dict) -> int:
        if proposal["value"] < 0:
            raise ValueError(f"hottest is {proposal['value']}, expected 0 or more tiles")
        return proposal["value"]

    def _begin_slide(self) -> None:
        self.selected, self.sharp = -1, {}
        if self.scaling == "raw":  # with another n, a weight is another number of shares
            self.threshold = self._usual_threshold()

    @traitlets.observe("scaling")
    def _reset_threshold(self, change: dict) -> None:
        if change["old"]:  # not while the widget is made
            self.threshold = self._usual_threshold()

    @traitlets.observe("selected")
    def _send_tile(self, change: dict) -> None:
        if change["new"] >= 0 and self.scene["reduced"]:
            tile = change["new"]
            png = crop(self.view, self._pixels, tile)
            self.sharp = {"slide": self.slide, "tile": tile, "png": png}

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
            opacity=self.opacity,
            limits=self.scene["limits"][self.scaling],
            downsample=reduction(self._pixels),
            title=f"{view.name}{probability}",
        )

    def description(self) -> str:
        """Return the values drawn and the tiles called at the threshold, in words."""
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
