"""A slide on the page: its picture and numbers as bytes, and the choice between several slides."""

import io
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
import traitlets

from mil_tutorial.pictures.heatmaps import SCALINGS, scale_attention
from mil_tutorial.pictures.overlays import colour_limits
from mil_tutorial.widgets.base import TakingTurns
from mil_tutorial.widgets.slide_view import SlideView, unknown_slide

LONGEST_SIDE = 1024
"""Pixels of the picture that the browser gets; a larger slide is sent smaller."""

STORED = 8
"""Up to so many slides are all stored in the page, about 80 kB each."""


def scene(view: SlideView, pixels: np.ndarray) -> dict[str, Any]:
    """Return what the browser needs to draw a slide: numbers as bytes.

    Every scaling of the attention is computed here, by the code that draws the figures, with the
    ends of its colours and its usual threshold. It keeps all its digits: in float32 a tile at the
    threshold could be called on the page and not in the kernel.
    """
    n = len(view.attention)
    step = reduction(pixels)
    scaled = {name: scale_attention(view.attention, name) for name in SCALINGS}
    return {
        "name": view.name,
        "image": _webp(pixels, step),
        "width": -(-pixels.shape[1] // step),
        "height": -(-pixels.shape[0] // step),
        "tile": view.tile_size / step,
        "reduced": step > 1,
        "limits": {name: colour_limits(values) for name, values in scaled.items()},
        "tiles": _float32(np.asarray(view.coords) / step),
        "values": {name: values.astype(np.float64).tobytes() for name, values in scaled.items()},
        "scores": _float32(view.scores) if view.scores is not None else b"",
        "truth": np.asarray(view.truth, dtype=np.uint8).tobytes()
        if view.truth is not None
        else b"",
        "thresholds": {"share": 10.0, "raw": 10.0 / n, "min-max": 0.5, "rank": 0.5},
        "probability": view.probability,
    }


def reduction(pixels: np.ndarray) -> int:
    """Return how many pixels of a side become one in the browser: 1 or an even number."""
    step = -(-max(pixels.shape[:2]) // LONGEST_SIDE)
    return step if step == 1 else step + step % 2


def palette() -> bytes:
    """Return the colours of the heat map: 256 × (red, green, blue)."""
    import matplotlib as mpl

    from mil_tutorial.pictures.style import HEAT_MAP

    return (mpl.colormaps[HEAT_MAP](np.arange(256))[:, :3] * 255).round().astype(np.uint8).tobytes()


def crop(view: SlideView, pixels: np.ndarray, tile: int) -> bytes:
    """Return a tile and half a tile around it as PNG, at full resolution, white off the slide."""
    from PIL import Image

    left, top = (int(c) for c in np.asarray(view.coords)[tile])
    margin = view.tile_size // 2
    side = view.tile_size + 2 * margin
    square = Image.new("RGB", (side, side), "white")
    square.paste(Image.fromarray(pixels), (margin - left, margin - top))
    png = io.BytesIO()
    square.save(png, format="png")
    return png.getvalue()


def _webp(pixels: np.ndarray, step: int) -> bytes:
    from PIL import Image

    # Of a large slide most pixels are left out before the rest are averaged: that is three times
    # as fast and looks the same.
    skip = max(step // 2, 1)
    image = Image.fromarray(pixels[::skip, ::skip]).reduce(step // skip)
    webp = io.BytesIO()
    image.save(webp, format="webp", quality=75)  # half the size of a JPEG that looks as good
    return webp.getvalue()


def _float32(values: Any) -> bytes:
    return np.ascontiguousarray(values, dtype=np.float32).tobytes()


class OneOfSeveral(TakingTurns):
    """A widget that shows one of several slides.

    The scenes of up to ``STORED`` slides are in the page, which switches between them by itself,
    with or without a kernel. Of more slides the page has one scene, and asks for the next by a
    message. Shares have one range of colours for all slides, so that two slides can be compared.

    A subclass writes ``_begin_slide``, which sets its values back for another slide.
    """

    slides = traitlets.List(traitlets.Unicode()).tag(sync=True)
    slide = traitlets.Unicode().tag(sync=True)
    scenes = traitlets.Dict().tag(sync=True)  # by name of the slide
    palette = traitlets.Bytes().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)  # why the slide that was asked for is not shown

    def __init__(self, views: Iterable[SlideView], start: str | None, **values: Any) -> None:
        views = list(views)
        names = [view.name for view in views]
        self._views = dict(zip(names, views))
        if not names:
            raise ValueError("there are no slides to show; pass at least one SlideView")
        if len(self._views) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two slides are called {twice!r}; names must differ")
        first = self._find(names[0] if start is None else start)
        self._last = first, first.pixels()
        shares = np.concatenate([scale_attention(view.attention, "share") for view in views])
        # Equal weights differ by rounding: they shall not span all colours.
        self._share_limits = min(float(shares.min()), 0.5), max(float(shares.max()), 2.0)
        scenes = {first.name: self._scene_of(first)} | self._scenes_of_others(first)
        self._begun = 0  # the last turn that this side knows the slide of
        super().__init__(slides=names, slide=first.name, scenes=scenes, palette=palette(), **values)
        self.on_msg(self._answer)

    @property
    def view(self) -> SlideView:
        """The slide shown."""
        return self._find(self.slide)

    @property
    def scene(self) -> dict[str, Any]:
        """What the page has of the slide shown."""
        return self.scenes[self.slide]

    @property
    def _pixels(self) -> np.ndarray:
        return self._pixels_of(self.view)

    def _pixels_of(self, view: SlideView) -> np.ndarray:
        """Return the picture of a slide; the last one is kept."""
        if self._last[0] is not view:
            self._last = view, view.pixels()
        return self._last[1]

    def _find(self, name: str) -> SlideView:
        if name not in self._views:
            raise unknown_slide(name, list(self._views))
        return self._views[name]

    def _scene_of(self, view: SlideView) -> dict[str, Any]:
        return self._drawn(view, self._pixels_of(view))

    def _drawn(self, view: SlideView, pixels: np.ndarray) -> dict[str, Any]:
        """Return the scene of a slide, its shares coloured on the range of all slides."""
        drawn = scene(view, pixels)
        drawn["limits"]["share"] = self._share_limits
        return drawn

    def _scenes_of_others(self, first: SlideView) -> dict[str, Any]:
        """Return the scenes of the slides not shown yet, if they are few."""
        scenes = {}
        for name, view in self._views.items() if len(self._views) <= STORED else ():
            if view is not first:
                with suppress(Exception):  # reported when the slide is asked for
                    scenes[name] = self._drawn(view, view.pixels())
        return scenes

    @traitlets.validate("slide")
    def _check_slide(self, proposal: dict) -> str:
        """Refuse a slide that cannot be shown, before anything has changed."""
        view = self._find(proposal["value"])
        self._pixels_of(view)
        return view.name

    @traitlets.observe("slide")
    def _show_slide(self, change: dict) -> None:
        if not change["old"]:  # the widget is being made
            return
        with self.hold_sync():  # one message for all
            self.problem = ""
            if self.slide not in self.scenes:
                kept = self.scenes if len(self.slides) <= STORED else {}
                self.scenes = kept | {self.slide: self._scene_of(self.view)}
            if self.turn == self._begun:  # else the page has begun it, and set its values back
                self.turn += 1
                self._begin_slide()
        self._begun = self.turn

    def _begin_slide(self) -> None:
        raise NotImplementedError

    def _answer(self, _widget: Any, content: dict, _buffers: list) -> None:
        """Show the slide that the page asks for, or report on the page why not."""
        try:
            self.slide = content["slide"]
        except Exception as error:  # whatever a reader of slides may raise
            self.problem = ""  # so that the same problem is reported again
            known = isinstance(error, ValueError)
            self.problem = str(error) if known else f"{type(error).__name__}: {error}"
